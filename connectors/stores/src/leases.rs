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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidings_domain::ids::TaskId;
    use tidings_domain::message::Queue;
    use tidings_domain::time::Timestamp;

    use super::*;

    fn ask(now: u64) -> LeaseAsk {
        LeaseAsk {
            queue: Queue::Plan,
            due: Timestamp::MAX,
            now: LeaseTime(now),
            holds: Duration::from_millis(10),
            limit: 1,
        }
    }

    fn key(id: u8) -> Vec<u8> {
        RowKey::task(Queue::Plan, Timestamp(0), TaskId([id; 16])).key
    }

    fn after(key: &[u8]) -> Vec<u8> {
        [key, &[0]].concat()
    }

    #[test]
    fn a_look_goes_on_where_the_last_one_ended() {
        let mut leases = Leases::default();
        for id in 0..100 {
            let from = leases.look(&ask(0));
            assert_eq!(
                from,
                if id == 0 { Vec::new() } else { after(&key(id - 1)) },
                "held tasks are passed again"
            );
            leases.take(&key(id), &ask(0)).unwrap();
            leases.looked(&ask(0), after(&key(id)));
        }
    }

    #[test]
    fn finishing_a_task_does_not_send_the_next_look_back() {
        let mut leases = Leases::default();
        let token = leases.take(&key(1), &ask(0)).unwrap();
        leases.looked(&ask(0), after(&key(5)));
        leases.present(std::slice::from_ref(&token)).unwrap();
        let task = token.task.clone();
        leases.settle(&[token], &BTreeMap::from([(&task, None)]));
        assert_eq!(leases.look(&ask(0)), after(&key(5)));
    }

    #[test]
    fn an_expired_lease_sends_the_next_look_back_to_its_task() {
        let mut leases = Leases::default();
        leases.take(&key(3), &ask(0)).unwrap();
        leases.looked(&ask(0), after(&key(5)));
        assert_eq!(leases.look(&ask(9)), after(&key(5)));
        assert_eq!(leases.look(&ask(10)), key(3));
        assert!(leases.held.is_empty() && leases.ends.is_empty());
    }

    #[test]
    fn a_lease_on_its_way_to_the_disk_is_given_to_nobody_even_if_it_expires() {
        let mut leases = Leases::default();
        let token = leases.take(&key(1), &ask(0)).unwrap();
        leases.present(std::slice::from_ref(&token)).unwrap();
        leases.look(&ask(50));
        assert_eq!(leases.take(&key(1), &ask(50)), None);
        leases.give_up(&[token]);
        leases.look(&ask(50));
        assert!(leases.take(&key(1), &ask(50)).is_some());
    }
}
