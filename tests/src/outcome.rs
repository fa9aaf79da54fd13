//! Everything that a run leaves which another over the same events must leave too.
#![expect(clippy::expect_used, reason = "these stores do not fail unless a test asks them to")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;
use tidings_domain::ids::{CitizenId, NotificationId, OpportunityId, TaskId};
use tidings_domain::message::{Notification, Queue, Task};
use tidings_domain::record::Kind;
use tidings_domain::store::{RowKey, Table};
use tidings_domain::time::Timestamp;
use tidings_pipeline::engine::{Engine, unpack};

use crate::process::{engine, outbox};
use crate::{Known, count, known, records};

/// The end state of a run, decrypted.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Facts, retractions and opportunities.
    pub known: Known,
    /// Who was told what, and how often: each once.
    pub told: BTreeMap<(CitizenId, OpportunityId, Kind), usize>,
    /// Every message, as it was written and as it went, without how often that was tried.
    pub messages: BTreeMap<NotificationId, Notification>,
    /// What the queues still owe.
    pub tasks: BTreeSet<(Queue, Timestamp, TaskId)>,
    /// Events kept, and dead letters.
    pub kept: [usize; 2],
    /// The files of the outbox.
    pub outbox: BTreeMap<String, Json>,
}

impl Outcome {
    /// What stands in a folder that `tidings init` made and a run has left.
    ///
    /// # Panics
    /// When the store does not open.
    #[must_use]
    #[track_caller]
    pub fn of(root: &Path) -> Self {
        let engine = engine(root);
        let messages = messages(&engine);
        let mut told = BTreeMap::new();
        for message in messages.values() {
            for opportunity in &message.tells {
                *told.entry((message.citizen, *opportunity, message.kind)).or_default() += 1;
            }
        }
        Self {
            known: known(&engine),
            told,
            messages,
            tasks: tasks(&engine),
            kept: [count(&engine, Table::Event), count(&engine, Table::DeadLetter)],
            outbox: outbox(&root.join("outbox")),
        }
    }

    /// What is different in another run that should have left the same, part by part.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("facts", self.known.facts == other.known.facts),
            ("retractions", self.known.retracted == other.known.retracted),
            ("opportunities", self.known.opportunities == other.known.opportunities),
            ("what was told", self.told == other.told),
            ("messages", self.messages == other.messages),
            ("tasks", self.tasks == other.tasks),
            ("events kept", self.kept == other.kept),
            ("the outbox", self.outbox == other.outbox),
        ];
        parts.into_iter().filter(|(_, same)| !same).map(|(part, _)| part).collect()
    }

    /// What was told more than once.
    #[must_use]
    pub fn told_again(&self) -> Vec<(CitizenId, OpportunityId, Kind)> {
        self.told.iter().filter(|(_, times)| **times > 1).map(|(what, _)| *what).collect()
    }
}

fn messages(engine: &Engine) -> BTreeMap<NotificationId, Notification> {
    let citizens = records(engine).into_keys();
    let rows = citizens.flat_map(|citizen| engine.rows_of(citizen, Table::Notification).expect("reads"));
    rows.map(|(_, mut message): (_, Notification)| {
        message.deliveries.iter_mut().for_each(|delivery| delivery.attempts = 0);
        (message.id, message)
    })
    .collect()
}

fn tasks(engine: &Engine) -> BTreeSet<(Queue, Timestamp, TaskId)> {
    let mut tasks = BTreeSet::new();
    for shard in engine.shards() {
        let visit = |key: &[u8], bytes: &[u8]| {
            let task: Task = unpack(bytes, Table::Task)?;
            assert_eq!(RowKey::task(task.queue, task.due, task.id).key, key, "a task stands where it says");
            tasks.insert((task.queue, task.due, task.id));
            Ok(())
        };
        engine.each_row(shard, Table::Task, &[], visit).expect("scans");
    }
    tasks
}
