//! Many threads at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tidings_domain::ids::TaskId;
use tidings_domain::message::Queue;
use tidings_domain::store::{AnyStore, Commit, LeaseAsk, RowKey, StoreError, Table};
use tidings_domain::time::{LeaseTime, Timestamp};

use super::{Subject, is_conflict, put, row, shard, text};

const THREADS: usize = 4;
const ROUNDS: usize = 25;
const MANY: usize = 1500;
const MOST_NOISE: usize = 1_000_000;
const WRITES: usize = 300;

/// Reads many rows with the one that counts, so that a commit is likely to come in between.
fn add_one(store: &dyn AnyStore, key: &RowKey) {
    let others = (0..MANY).map(|number| row(Table::Event, &number.to_string()));
    let keys: Vec<_> = std::iter::once(key.clone()).chain(others).collect();
    loop {
        let before = store.read(shard(store), &keys).unwrap().swap_remove(0);
        let number: usize =
            before.bytes.map_or(0, |bytes| String::from_utf8(bytes).unwrap().parse().unwrap());
        let commit = Commit {
            reads: vec![(key.clone(), before.version)],
            writes: vec![(key.clone(), Some((number + 1).to_string().into_bytes()))],
            ..Commit::default()
        };
        match store.commit(shard(store), &commit) {
            Ok(()) => return,
            Err(error) => assert!(is_conflict(&error), "{error:?}"),
        }
    }
}

/// Read, change, write, retried on conflict, loses no change. Others commit meanwhile, so that those who change the
/// row do not wait for each other in step.
pub fn concurrent_changes_of_one_row_are_all_counted(subject: &mut dyn Subject) {
    let store = subject.store();
    let (key, noise) = (row(Table::Citizen, "counter"), row(Table::Citizen, "noise"));
    let counted = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    add_one(&*store, &key);
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
            scope.spawn(|| {
                // Bounded, in case those who count have failed.
                let wanted = || counted.load(Ordering::Relaxed) < THREADS * ROUNDS;
                (0..MOST_NOISE).take_while(|_| wanted()).for_each(|_| put(&*store, &noise, "x"));
            });
        }
    });
    assert_eq!(text(&*store, &key), Some((THREADS * ROUNDS).to_string()));
}

/// Rows that are always written together are always read together, and a version never vouches for a newer row.
pub fn a_reading_is_of_one_moment(subject: &mut dyn Subject) {
    let store = subject.store();
    let keys: Vec<_> = (0..20).map(|number| row(Table::Event, &number.to_string())).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 1..THREADS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let rows = store.read(shard(&*store), &keys).unwrap();
                    let first = &rows[0].bytes;
                    assert!(rows.iter().all(|row| row.bytes == *first), "torn reading");
                }
            });
        }
        for round in 0..WRITES {
            let write = |key: &RowKey| (key.clone(), Some(round.to_string().into_bytes()));
            let commit = Commit { writes: keys.iter().map(write).collect(), ..Commit::default() };
            store.commit(shard(&*store), &commit).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Workers that take, finish and lose tasks: each task is finished exactly once.
pub fn no_task_is_held_twice(subject: &mut dyn Subject) {
    let store = subject.store();
    for id in 0..60 {
        put(&*store, &RowKey::task(Queue::Plan, Timestamp(i64::from(id)), TaskId([id; 16])), "task");
    }
    let ask = LeaseAsk {
        queue: Queue::Plan,
        due: Timestamp::MAX,
        now: LeaseTime(0),
        holds: Duration::from_millis(1),
        limit: 3,
    };
    let (finished, now) = (Mutex::new(Vec::new()), Mutex::new(0));
    let work = || {
        while finished.lock().unwrap().len() < 60 {
            let now = {
                let mut now = now.lock().unwrap();
                *now += 1;
                LeaseTime(*now / 4)
            };
            for lease in store.lease(shard(&*store), LeaseAsk { now, ..ask }).unwrap() {
                let task = lease.token.task.clone();
                let commit = Commit {
                    writes: vec![(task.clone(), None)],
                    leases: vec![lease.token],
                    ..Commit::default()
                };
                match store.commit(shard(&*store), &commit) {
                    Ok(()) => finished.lock().unwrap().push(task),
                    Err(error) => assert!(matches!(error, StoreError::LeaseLost), "{error:?}"),
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    let mut finished = finished.into_inner().unwrap();
    finished.sort();
    finished.dedup();
    assert_eq!(finished.len(), 60);
}
