//! Random operations against a model so simple that it cannot be wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tidings_domain::event::Position;
use tidings_domain::ids::TaskId;
use tidings_domain::message::Queue;
use tidings_domain::store::{
    AnyStore, Commit, LeaseAsk, LeaseToken, Range, RowKey, Shard, StoreError, Table, Version,
};
use tidings_domain::time::{LeaseTime, Timestamp};

use super::{Subject, seed};

const OPERATIONS: usize = 400;
const QUEUES: [Queue; 2] = [Queue::Plan, Queue::Dispatch];
const PARTITIONS: [&str; 2] = ["p", "q"];

/// A read as model and store have it.
type Seen = (RowKey, u64, Version);

/// One shard.
#[derive(Default)]
struct Model {
    rows: BTreeMap<RowKey, Vec<u8>>,
    written: BTreeMap<RowKey, u64>,
    commits: u64,
    held: BTreeMap<RowKey, (u64, LeaseTime)>,
    now: LeaseTime,
    positions: BTreeMap<String, Position>,
    pack_epoch: u64,
    seen: Vec<Seen>,
    tokens: Vec<LeaseToken>,
}

impl Model {
    /// The error that the contract asks for, by its name.
    fn verdict(&self, commit: &Commit, seen: &[Seen]) -> &'static str {
        let fenced =
            |new: &Position| self.positions.get(&new.partition).is_some_and(|old| new.epoch < old.epoch);
        let holds = |token: &LeaseToken| {
            self.held.get(&token.task).is_some_and(|(held, until)| *held == token.token && *until > self.now)
        };
        let stands = |(key, at, _): &Seen| self.written.get(key).is_none_or(|written| written <= at);
        if commit.positions.iter().any(fenced) {
            "fenced"
        } else if commit.pack_epoch.is_some_and(|epoch| epoch != self.pack_epoch) {
            "stale pack"
        } else if !commit.leases.iter().all(holds) {
            "lease lost"
        } else if !seen.iter().all(stands) {
            "conflict"
        } else {
            "ok"
        }
    }

    fn apply(&mut self, commit: &Commit) {
        self.commits += 1;
        for (key, bytes) in &commit.writes {
            self.written.insert(key.clone(), self.commits);
            match bytes {
                Some(bytes) => self.rows.insert(key.clone(), bytes.clone()),
                None => self.rows.remove(key),
            };
        }
        for token in &commit.leases {
            self.held.remove(&token.task);
        }
        for new in &commit.positions {
            let old = self.positions.get(&new.partition).map_or(0, |old| old.offset);
            let moved = Position { offset: new.offset.max(old), ..new.clone() };
            self.positions.insert(new.partition.clone(), moved);
        }
    }

    /// Tasks that a lease must give.
    fn due(&mut self, ask: &LeaseAsk) -> Vec<(RowKey, Vec<u8>)> {
        self.now = self.now.max(ask.now);
        let free = |key: &RowKey| self.held.get(key).is_none_or(|(_, until)| *until <= self.now);
        let due = |key: &RowKey| key.key[0] == ask.queue as u8 && key.key[1..9] <= ask.due.sortable()[..];
        let tasks = self.rows.iter().filter(|(key, _)| key.table == Table::Task && due(key) && free(key));
        tasks.take(ask.limit).map(|(key, bytes)| (key.clone(), bytes.clone())).collect()
    }
}

struct Run {
    random: StdRng,
    shards: Vec<Model>,
}

fn name(result: &Result<(), StoreError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(StoreError::Conflict) => "conflict",
        Err(StoreError::LeaseLost) => "lease lost",
        Err(StoreError::Fenced { .. }) => "fenced",
        Err(StoreError::StalePack { .. }) => "stale pack",
        Err(error) => panic!("{error:?}"),
    }
}

impl Run {
    fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound)
    }

    fn key(&mut self) -> RowKey {
        if self.random.random_bool(0.4) {
            let (queue, due, id) = (QUEUES[self.below(2)], self.below(6), self.below(3));
            return RowKey::task(queue, Timestamp(due as i64), TaskId([id as u8; 16]));
        }
        let table = [Table::Citizen, Table::Event, Table::Meta][self.below(3)];
        let key = ["", "a", "ab", "b", "b\u{0}", "c"][self.below(6)];
        RowKey { table, key: key.as_bytes().to_vec() }
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let bytes = vec![self.below(256) as u8; self.below(200)];
        self.random.random_bool(0.7).then_some(bytes)
    }

    fn commit(&mut self, store: &dyn AnyStore, shard: usize) {
        let mut commit = Commit::default();
        for _ in 0..self.below(6) {
            let write = (self.key(), self.bytes());
            commit.writes.push(write);
        }
        let mut seen = Vec::new();
        for _ in 0..self.below(3) {
            let (all, at) = (self.shards[shard].seen.len(), self.below(9));
            // The newest are the most interesting.
            seen.extend(all.checked_sub(at + 1).map(|at| self.shards[shard].seen[at].clone()));
        }
        commit.reads = seen.iter().map(|(key, _, version)| (key.clone(), *version)).collect();
        if self.random.random_bool(0.4) {
            let (all, at) = (self.shards[shard].tokens.len(), self.below(3));
            commit.leases.extend(all.checked_sub(at + 1).map(|at| self.shards[shard].tokens[at].clone()));
        }
        if self.random.random_bool(0.2) {
            let (partition, epoch, offset) = (PARTITIONS[self.below(2)], self.below(4), self.below(50));
            let position =
                Position { partition: partition.to_owned(), epoch: epoch as u64, offset: offset as u64 };
            commit.positions.push(position);
        }
        if self.random.random_bool(0.2) {
            commit.pack_epoch = Some(self.shards[shard].pack_epoch + u64::from(self.random.random_bool(0.2)));
        }
        let expected = self.shards[shard].verdict(&commit, &seen);
        let result = store.commit(Shard(shard as u16), &commit);
        assert_eq!(name(&result), expected, "{commit:?}");
        if result.is_ok() {
            self.shards[shard].apply(&commit);
        }
    }

    fn read(&mut self, store: &dyn AnyStore, shard: usize) {
        let keys: Vec<_> = (0..self.below(4)).map(|_| self.key()).collect();
        let rows = store.read(Shard(shard as u16), &keys).unwrap();
        let model = &mut self.shards[shard];
        for (key, row) in keys.into_iter().zip(rows) {
            assert_eq!(row.bytes.as_ref(), model.rows.get(&key), "{key:?}");
            model.seen.push((key, model.commits, row.version));
        }
    }

    fn lease(&mut self, store: &dyn AnyStore, shard: usize) {
        let ask = LeaseAsk {
            queue: QUEUES[self.below(2)],
            due: Timestamp(self.below(6) as i64),
            now: self.shards[shard].now + Duration::from_millis(self.below(3) as u64),
            holds: Duration::from_millis(1 + self.below(8) as u64),
            limit: self.below(5),
        };
        let expected = self.shards[shard].due(&ask);
        let leases = store.lease(Shard(shard as u16), ask).unwrap();
        let model = &mut self.shards[shard];
        let got: Vec<_> = leases.iter().map(|lease| (lease.token.task.clone(), lease.task.clone())).collect();
        assert_eq!(got, expected, "{ask:?}");
        for lease in leases {
            assert!(model.tokens.iter().all(|old| old.token < lease.token.token), "tokens grow");
            model.held.insert(lease.token.task.clone(), (lease.token.token, ask.now + ask.holds));
            model.tokens.push(lease.token);
        }
    }

    fn scan(&mut self, store: &dyn AnyStore, shard: usize) {
        let (table, limit) = ([Table::Citizen, Table::Meta, Table::Task][self.below(3)], self.below(8));
        let (prefix, after) = (["", "a", "b"][self.below(3)].as_bytes(), self.key());
        let after = self.random.random_bool(0.5).then_some(after.key.as_slice());
        let rows = store.scan(Shard(shard as u16), table, Range { prefix, after }, limit).unwrap();
        let wanted = |key: &RowKey| {
            key.table == table
                && key.key.starts_with(prefix)
                && after.is_none_or(|after| key.key.as_slice() > after)
        };
        let model = self.shards[shard].rows.iter().filter(|(key, _)| wanted(key));
        let expected: Vec<_> =
            model.map(|(key, bytes)| (key.key.clone(), bytes.clone())).take(limit).collect();
        assert_eq!(rows, expected);
    }

    fn activate(&mut self, store: &dyn AnyStore, shard: usize) {
        let epoch = self.shards[shard].pack_epoch + self.below(3) as u64;
        let epoch = epoch.saturating_sub(1);
        let active = &mut self.shards[shard].pack_epoch;
        *active = (*active).max(epoch);
        assert_eq!(store.activate(Shard(shard as u16), epoch).unwrap(), *active);
    }

    /// Rows, positions and epochs stay; whoever held or had read something is gone.
    fn restart(&mut self, subject: &mut dyn Subject) {
        subject.restart();
        for (number, model) in self.shards.iter_mut().enumerate() {
            let shard = Shard(number as u16);
            (model.held, model.now) = Default::default();
            (model.seen, model.tokens) = Default::default();
            assert_eq!(subject.store().pack_epoch(shard).unwrap(), model.pack_epoch);
            for partition in PARTITIONS {
                let position = subject.store().position(shard, partition).unwrap();
                assert_eq!(position.as_ref(), model.positions.get(partition));
            }
        }
    }
}

/// Equal answers to everything, restarts and compactions included.
pub fn random_operations_agree_with_a_trivial_model(subject: &mut dyn Subject) {
    let random = StdRng::seed_from_u64(seed("random operations"));
    let shards = usize::from(subject.store().shards());
    let mut run = Run { random, shards: (0..shards).map(|_| Model::default()).collect() };
    for _ in 0..OPERATIONS {
        let (store, shard) = (subject.store(), run.below(shards.min(2)));
        match run.below(200) {
            0..80 => run.commit(&*store, shard),
            80..130 => run.read(&*store, shard),
            130..170 => run.lease(&*store, shard),
            170..190 => run.scan(&*store, shard),
            190..196 => run.activate(&*store, shard),
            196 => store.compact().unwrap(),
            _ => {
                drop(store);
                run.restart(subject);
            }
        }
    }
}
