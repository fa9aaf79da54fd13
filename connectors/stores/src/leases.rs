//! Who holds which task, in memory: the process owns the store alone, so a restart ends every lease, and what
//! must survive one is the `begin` that a worker commits before it acts.
//!
//! Looking for free tasks resumes where the last look ended. The rule that makes it right: every row of a queue
//! before `resume` is held. A lease that ends, or a task written before that point, moves it back. So held tasks at
//! the head of a queue are passed once, not with each call.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::store::{LeaseAsk, LeaseToken, RowKey, StoreError, Table};
use tidings_domain::time::LeaseTime;

/// The leases of one shard.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    /// The latest lease time that anybody has shown.
    now: LeaseTime,
    /// The last token given.
    token: u64,
    held: BTreeMap<Vec<u8>, Held>,
    ends: BTreeSet<(LeaseTime, Vec<u8>)>,
    resume: BTreeMap<u8, Vec<u8>>,
}

#[derive(Debug)]
struct Held {
    token: u64,
    until: LeaseTime,
    /// A commit that presents it is on its way to the disk: not to be given to anybody else meanwhile.
    committing: bool,
}

impl Leases {
    /// Begins a look for free tasks: leases past `ask.now` end. Returns the first key to look at.
    pub(crate) fn look(&mut self, ask: &LeaseAsk) -> Vec<u8> {
        self.now = self.now.max(ask.now);
        self.end_expired();
        self.resume.get(&(ask.queue as u8)).cloned().unwrap_or_default()
    }

    fn end_expired(&mut self) {
        let mut kept = Vec::new();
        while let Some((until, key)) = self.ends.pop_first() {
            if until > self.now {
                self.ends.insert((until, key));
                break;
            }
            if self.held.get(&key).is_some_and(|held| held.committing) {
                kept.push((until, key));
                continue;
            }
            self.held.remove(&key);
            self.move_back(&key);
        }
        self.ends.extend(kept);
    }

    /// Takes a task, unless it is held.
    pub(crate) fn take(&mut self, key: &[u8], ask: &LeaseAsk) -> Option<LeaseToken> {
        if self.held.contains_key(key) {
            return None;
        }
        self.token += 1;
        let until = ask.now + ask.holds;
        self.held.insert(key.to_vec(), Held { token: self.token, until, committing: false });
        self.ends.insert((until, key.to_vec()));
        Some(LeaseToken { task: RowKey { table: Table::Task, key: key.to_vec() }, token: self.token })
    }

    /// Ends a look: every row of the queue before `next` is held now.
    pub(crate) fn looked(&mut self, ask: &LeaseAsk, next: Vec<u8>) {
        self.resume.insert(ask.queue as u8, next);
    }

    /// Whether all of these are held; if so they stay held until [`Self::settle`] or [`Self::give_up`].
    pub(crate) fn present(&mut self, tokens: &[LeaseToken]) -> Result<(), StoreError> {
        let now = self.now;
        let holds = |token: &LeaseToken| {
            let held = self.held.get(&token.task.key).filter(|_| token.task.table == Table::Task);
            held.is_some_and(|held| held.token == token.token && held.until > now)
        };
        if !tokens.iter().all(holds) {
            return Err(StoreError::LeaseLost);
        }
        self.mark(tokens, true);
        Ok(())
    }

    /// The commit that presented these failed: they are held as before.
    pub(crate) fn give_up(&mut self, tokens: &[LeaseToken]) {
        self.mark(tokens, false);
    }

    fn mark(&mut self, tokens: &[LeaseToken], committing: bool) {
        for token in tokens {
            if let Some(held) = self.held.get_mut(&token.task.key) {
                held.committing = committing;
            }
        }
    }

    /// The commit that presented these is applied: releases them, and takes notice of the tasks it wrote.
    pub(crate) fn settle(&mut self, tokens: &[LeaseToken], writes: &BTreeMap<&RowKey, Option<&[u8]>>) {
        for token in tokens {
            self.end(&token.task.key);
        }
        let deleted = |key: &RowKey| writes.get(key) == Some(&None);
        let kept = tokens.iter().map(|token| &token.task).filter(|key| !deleted(key));
        let tasks = writes.iter().filter(|(key, bytes)| key.table == Table::Task && bytes.is_some());
        for key in kept.chain(tasks.map(|(key, _)| *key)) {
            self.move_back(&key.key);
        }
    }

    /// Gives tasks back as if they had never been taken.
    pub(crate) fn release<'a>(&mut self, tokens: impl Iterator<Item = &'a LeaseToken>) {
        for token in tokens {
            self.end(&token.task.key);
            self.move_back(&token.task.key);
        }
    }

    /// Ends every lease. Tokens go on growing, so that one of before is never taken for one of after.
    pub(crate) fn end_all(&mut self) {
        *self = Self { token: self.token, ..Self::default() };
    }

    fn end(&mut self, key: &[u8]) {
        if let Some(held) = self.held.remove(key) {
            self.ends.remove(&(held.until, key.to_vec()));
        }
    }

    fn move_back(&mut self, key: &[u8]) {
        let Some(resume) = key.first().and_then(|queue| self.resume.get_mut(queue)) else { return };
        if key < resume.as_slice() {
            *resume = key.to_vec();
        }
    }
}
