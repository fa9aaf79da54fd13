//! Tasks and who holds them.

use std::time::Duration;

use tidings_domain::ids::TaskId;
use tidings_domain::message::Queue;
use tidings_domain::store::{AnyStore, Commit, Lease, LeaseAsk, LeaseToken, RowKey, Table};
use tidings_domain::time::{LeaseTime, Timestamp};

use super::{Subject, assert_refused, delete, is_conflict, is_lease_lost, put, read, row, shard};

/// How long leases hold here, milliseconds.
const HOLDS_MS: u64 = 1000;

fn task(queue: Queue, due: i64, id: u8) -> RowKey {
    RowKey::task(queue, Timestamp(due), TaskId([id; 16]))
}

fn add(store: &dyn AnyStore, due: i64, id: u8) -> RowKey {
    let key = task(Queue::Dispatch, due, id);
    put(store, &key, &id.to_string());
    key
}

fn ask(due: i64, now_ms: u64, limit: usize) -> LeaseAsk {
    LeaseAsk {
        queue: Queue::Dispatch,
        due: Timestamp(due),
        now: LeaseTime(now_ms),
        holds: Duration::from_millis(HOLDS_MS),
        limit,
    }
}

fn lease(store: &dyn AnyStore, ask: LeaseAsk) -> Vec<Lease> {
    store.lease(shard(store), ask).unwrap()
}

/// What the leased tasks say: their ids.
fn ids(leases: &[Lease]) -> Vec<u8> {
    leases.iter().map(|lease| String::from_utf8_lossy(&lease.task).parse().unwrap()).collect()
}

fn tokens(leases: &[Lease]) -> Vec<LeaseToken> {
    leases.iter().map(|lease| lease.token.clone()).collect()
}

fn presenting(leases: &[Lease]) -> Commit {
    Commit { leases: tokens(leases), ..Commit::default() }
}

/// Earliest first, ties by id, nothing that is not due, no more than asked.
pub fn tasks_are_leased_in_order_of_due_time_up_to_the_limit(subject: &mut dyn Subject) {
    let store = subject.store();
    for (due, id) in [(30, 3), (-10, 1), (20, 9), (20, 2), (31, 4), (i64::MAX, 5)] {
        add(&*store, due, id);
    }
    assert_eq!(ids(&lease(&*store, ask(30, 0, 0))), []);
    let leases = lease(&*store, ask(30, 0, 3));
    assert_eq!(ids(&leases), [1, 2, 9]);
    assert_eq!(leases[0].token.task, task(Queue::Dispatch, -10, 1));
    assert_eq!(ids(&lease(&*store, ask(30, 0, 3))), [3]);
    assert_eq!(ids(&lease(&*store, ask(i64::MAX, 0, 9))), [4, 5]);
    assert_eq!(ids(&lease(&*store, ask(i64::MAX, 0, 9))), []);
}

/// A queue gives its own tasks alone.
pub fn queues_are_apart(subject: &mut dyn Subject) {
    let store = subject.store();
    for (id, queue) in (0..).zip(Queue::ALL) {
        put(&*store, &task(queue, 5, id), &id.to_string());
    }
    for (id, queue) in (0..).zip(Queue::ALL) {
        let ask = LeaseAsk { queue, ..ask(9, 0, 9) };
        assert_eq!(ids(&lease(&*store, ask)), [id]);
    }
}

/// While a lease holds, nobody else has the task, also when it is rewritten meanwhile.
pub fn a_held_task_is_not_given_again(subject: &mut dyn Subject) {
    let store = subject.store();
    let key = add(&*store, 1, 1);
    add(&*store, 2, 2);
    assert_eq!(ids(&lease(&*store, ask(9, 0, 1))), [1]);
    put(&*store, &key, "1");
    assert_eq!(ids(&lease(&*store, ask(9, HOLDS_MS - 1, 9))), [2]);
}

/// Point 3: expired and taken over.
pub fn an_expired_lease_is_lost_and_its_task_given_again(subject: &mut dyn Subject) {
    let store = subject.store();
    add(&*store, 1, 1);
    let first = lease(&*store, ask(9, 0, 9));
    let second = lease(&*store, ask(9, HOLDS_MS, 9));
    assert_eq!(ids(&second), [1]);
    assert!(second[0].token.token > first[0].token.token, "tokens grow");
    assert_refused(&*store, presenting(&first), is_lease_lost);
    store.commit(shard(&*store), &presenting(&second)).unwrap();
}

/// Point 3: expired, as far as the store has been told the time.
pub fn an_expired_lease_is_lost_even_if_nobody_took_it(subject: &mut dyn Subject) {
    let store = subject.store();
    add(&*store, 1, 1);
    let leases = lease(&*store, ask(9, 0, 9));
    let elsewhere = LeaseAsk { queue: Queue::Plan, ..ask(9, HOLDS_MS, 9) };
    lease(&*store, elsewhere);
    assert_refused(&*store, presenting(&leases), is_lease_lost);
}

/// Point 3: what a commit presents is free afterwards; a task it deletes is gone.
pub fn a_commit_releases_its_leases(subject: &mut dyn Subject) {
    let store = subject.store();
    let keys = [add(&*store, 1, 1), add(&*store, 2, 2), add(&*store, 3, 3)];
    let leases = lease(&*store, ask(9, 0, 9));
    let writes = vec![(keys[0].clone(), None), (keys[1].clone(), Some(b"22".to_vec()))];
    store.commit(shard(&*store), &Commit { writes, ..presenting(&leases) }).unwrap();
    assert_eq!(ids(&lease(&*store, ask(9, 0, 9))), [22, 3], "one rewritten, one untouched");
    assert_refused(&*store, presenting(&leases), is_lease_lost);
}

/// Points 2 and 3: nothing of a refused commit is done, its releases included.
pub fn a_refused_commit_keeps_its_leases(subject: &mut dyn Subject) {
    let store = subject.store();
    let (key, other) = (add(&*store, 1, 1), row(Table::Citizen, "a"));
    let leases = lease(&*store, ask(9, 0, 9));
    let before = read(&*store, &other).version;
    put(&*store, &other, "changed");
    let outdated = Commit { reads: vec![(other, before)], ..presenting(&leases) };
    assert_refused(&*store, outdated, is_conflict);
    assert_eq!(ids(&lease(&*store, ask(9, 0, 9))), []);
    let done = Commit { writes: vec![(key, None)], ..presenting(&leases) };
    store.commit(shard(&*store), &done).unwrap();
}

/// Nor are they held for ever.
pub fn leases_expire_after_a_refused_commit(subject: &mut dyn Subject) {
    let store = subject.store();
    let other = row(Table::Citizen, "a");
    add(&*store, 1, 1);
    let leases = lease(&*store, ask(9, 0, 9));
    let before = read(&*store, &other).version;
    put(&*store, &other, "changed");
    assert_refused(&*store, Commit { reads: vec![(other, before)], ..presenting(&leases) }, is_conflict);
    assert_eq!(ids(&lease(&*store, ask(9, HOLDS_MS, 9))), [1]);
    assert_refused(&*store, presenting(&leases), is_lease_lost);
}

/// Point 3: the second commit that presents a lease finds it released.
pub fn a_lease_counts_once(subject: &mut dyn Subject) {
    let store = subject.store();
    add(&*store, 1, 1);
    let leases = lease(&*store, ask(9, 0, 9));
    store.commit(shard(&*store), &presenting(&leases)).unwrap();
    assert_refused(&*store, presenting(&leases), is_lease_lost);
    let again = lease(&*store, ask(9, 0, 9));
    assert_refused(&*store, presenting(&leases), is_lease_lost);
    store.commit(shard(&*store), &presenting(&again)).unwrap();
}

/// A task written before those that were looked at is not overlooked; nor one that comes back.
pub fn a_task_that_comes_earlier_is_found(subject: &mut dyn Subject) {
    let store = subject.store();
    add(&*store, 10, 10);
    add(&*store, 30, 30);
    assert_eq!(ids(&lease(&*store, ask(99, 0, 9))), [10, 30]);
    let key = add(&*store, 5, 5);
    assert_eq!(ids(&lease(&*store, ask(99, 0, 9))), [5]);
    add(&*store, 20, 20);
    assert_eq!(ids(&lease(&*store, ask(99, 0, 9))), [20]);
    delete(&*store, &key);
    put(&*store, &key, "55");
    assert_eq!(ids(&lease(&*store, ask(99, HOLDS_MS, 9))), [55, 10, 20, 30]);
}

/// A token names its task.
pub fn a_token_is_good_for_its_own_task(subject: &mut dyn Subject) {
    let store = subject.store();
    add(&*store, 1, 1);
    add(&*store, 2, 2);
    let leases = lease(&*store, ask(9, 0, 9));
    let swapped = LeaseToken { task: leases[0].token.task.clone(), token: leases[1].token.token };
    let elsewhere = RowKey { table: Table::Outbox, key: leases[0].token.task.key.clone() };
    for token in [swapped, LeaseToken { task: elsewhere, token: leases[0].token.token }] {
        assert_refused(&*store, Commit { leases: vec![token], ..Commit::default() }, is_lease_lost);
    }
    store.commit(shard(&*store), &presenting(&leases)).unwrap();
}

/// Whoever held a task died with the process, or finds its lease lost.
pub fn a_restart_ends_leases(subject: &mut dyn Subject) {
    add(&*subject.store(), 1, 1);
    assert_eq!(ids(&lease(&*subject.store(), ask(9, 0, 9))), [1]);
    subject.restart();
    assert_eq!(ids(&lease(&*subject.store(), ask(9, 0, 9))), [1]);
}
