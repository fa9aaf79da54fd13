//! What the suite over the whole shares: an engine over any store, events as their sources would send them, and
//! the state that two runs must agree on.

pub mod client;
pub mod outcome;
pub mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tidings_domain::channel::Channel;
use tidings_domain::event::{Arrival, End, Position};
use tidings_domain::facts::{Cell, Write};
use tidings_domain::ids::{CitizenId, EventKey, OpportunityId, Pseudonymiser};
use tidings_domain::keys::KeyRing;
use tidings_domain::message::Notification;
use tidings_domain::model::LanguageModel;
use tidings_domain::record::{Answer, Record};
use tidings_domain::store::{AnyStore, RowKey, Shard, Table};
use tidings_domain::time::{LeaseTime, Timestamp};
use tidings_domain::value::Pii;
use tidings_models::PackOrder;
use tidings_pipeline::engine::{Engine, Limits};
use tidings_pipeline::ingest::{Incoming, Ingested};
use tidings_pipeline::load::{LoadAsk, NUMBER};
use tidings_pipeline::open::Parts;
use tidings_pipeline::replay::open_answers;
use tidings_rules::Pack;
use tidings_stores::{MemoryKeyRing, MemoryStore};
use zeroize::Zeroizing;

/// National numbers that stand out in whatever they should not be in.
pub const MOTHER: &str = "001190000001";
/// See [`MOTHER`].
pub const FATHER: &str = "001090000002";
/// See [`MOTHER`].
pub const CHILD: &str = "001226000003";

/// The Viet Nam pack, but that it asks nobody for missing facts: questions have tests of their own, and elsewhere they
/// would be one message more.
///
/// # Panics
/// When it does not load.
#[must_use]
pub fn viet_nam() -> Pack {
    load(unasked(tidings_rules::packs::viet_nam()))
}

/// The files of a pack without the questions of its rules.
#[must_use]
pub fn unasked(files: BTreeMap<String, String>) -> BTreeMap<String, String> {
    files.into_iter().map(|(name, text)| (name, without(&text, "    ask:"))).collect()
}

/// A YAML text without one key of every rule and what stands below it.
fn without(text: &str, key: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut skipping = false;
    let mut kept = String::new();
    for line in text.lines() {
        let begins = line.starts_with(key);
        skipping = begins || (skipping && indent(line) > indent(key));
        if !skipping {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// A pack from files.
///
/// # Panics
/// When it does not load; the message holds every mistake.
#[must_use]
#[expect(clippy::panic, reason = "a test cannot go on without its pack")]
pub fn load(files: BTreeMap<String, String>) -> Pack {
    match Pack::from_files(files) {
        Ok(pack) => pack,
        Err(found) => panic!("{}", found.iter().map(|one| format!("{one}\n")).collect::<String>()),
    }
}

/// The deployment's pseudonymiser in tests.
///
/// # Panics
/// Never: the key is long enough.
#[must_use]
#[expect(clippy::expect_used, reason = "the key is long enough")]
pub fn people() -> Pseudonymiser {
    Pseudonymiser::new(&Zeroizing::new(vec![7; 32])).expect("32 bytes")
}

/// The citizen behind a national number.
#[must_use]
pub fn citizen(number: &str) -> CitizenId {
    people().citizen(number)
}

/// How to make an engine in a test.
pub struct Setup {
    /// The store.
    pub store: Arc<dyn AnyStore>,
    /// The keys.
    pub ring: Arc<dyn KeyRing>,
    /// The pack.
    pub pack: Pack,
    /// Channels after the inbox.
    pub channels: Vec<Arc<dyn Channel>>,
    /// The model.
    pub model: Arc<dyn LanguageModel>,
}

impl Setup {
    /// A memory store with so many shards, and the Viet Nam pack.
    #[must_use]
    pub fn memory(shards: u16) -> Self {
        Self {
            store: Arc::new(MemoryStore::new(shards)),
            ring: Arc::new(MemoryKeyRing::new()),
            pack: viet_nam(),
            channels: Vec::new(),
            model: Arc::new(PackOrder),
        }
    }

    /// The engine.
    ///
    /// # Panics
    /// When the store does not open.
    #[must_use]
    pub fn open(self) -> Engine {
        self.open_and_tell().0
    }

    /// The engine, and what putting its pack in force changed.
    ///
    /// # Panics
    /// When the store does not open.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without its engine")]
    pub fn open_and_tell(self) -> (Engine, tidings_pipeline::Activation) {
        let parts = Parts {
            store: self.store,
            ring: self.ring,
            people: people(),
            model: self.model,
            channels: self.channels,
            limits: Limits::default(),
        };
        Engine::open(parts, self.pack, at("2026-01-01T00:00:00+07:00")).expect("the engine opens")
    }
}

/// A moment.
///
/// # Panics
/// When the text is not RFC 3339.
#[must_use]
#[expect(clippy::expect_used, reason = "times in tests are written by hand")]
pub fn at(text: &str) -> Timestamp {
    Timestamp(chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339").timestamp_millis())
}

/// One event as its source would send it: `source` by short name.
#[must_use]
pub fn event(source: &str, id: &str, kind: &str, subject: &str, time: &str, data: Json) -> Json {
    let uri = match source {
        "licensing" => "urn:gov:vn:traffic-police".to_owned(),
        name => format!("urn:gov:vn:{name}"),
    };
    json!({
        "specversion": "1.0", "id": id, "source": uri, "type": kind, "subject": subject,
        "time": time, "recordedtime": time, "datacontenttype": "application/json", "data": data,
    })
}

/// Events as arrivals of one partition, numbered from `first`.
#[must_use]
pub fn arrivals(partition: &str, first: u64, lines: &[Vec<u8>]) -> Vec<Arrival> {
    (first..)
        .zip(lines)
        .map(|(offset, line)| Arrival {
            bytes: Pii::new(line.clone()),
            position: Position { partition: partition.to_owned(), epoch: 0, offset },
            proved: None,
            received: at("2026-12-31T00:00:00+07:00"),
        })
        .collect()
}

/// Loads one person's facts, as the first load states them on a day.
///
/// # Panics
/// When a fact is refused, or the store fails.
#[expect(clippy::expect_used, reason = "these stores do not fail unless a test asks them to")]
pub fn state(engine: &Engine, number: &str, as_of: &str, facts: &[(&str, &str)]) {
    let ask = LoadAsk {
        source: "first-load".to_owned(),
        as_of: at(&format!("{as_of}T00:00:00+07:00")),
        partition: format!("state:{number}:{as_of}:{facts:?}"),
    };
    let number = (NUMBER, number);
    let cells = facts.iter().chain([&number]);
    let row = cells.map(|(name, text)| ((*name).to_owned(), Pii::new((*text).to_owned()))).collect();
    let loaded = engine.load(&ask, 0, &[row]).expect("loads");
    assert_eq!(loaded.refused, []);
}

/// The pack's files with others added, or put in the place of those of the same name.
#[must_use]
pub fn viet_nam_with(files: &[(&str, &str)]) -> Pack {
    load(viet_nam_files_with(files))
}

/// The files that [`viet_nam_with`] loads. Figures of law are added to those of the pack.
#[must_use]
pub fn viet_nam_files_with(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut all = unasked(tidings_rules::packs::viet_nam());
    for (name, text) in files {
        let text = match (all.get(*name), text.split_once(FIGURES)) {
            (Some(own), Some((_, more))) => own.replacen(FIGURES, &format!("{FIGURES}{more}"), 1),
            _ => (*text).to_owned(),
        };
        all.insert((*name).to_owned(), text);
    }
    all
}

/// Where the figures of `parameters.yaml` begin.
const FIGURES: &str = "\nparameters:\n";

/// Decodes and ingests events in batches of `size`.
///
/// # Panics
/// When the store fails.
#[expect(clippy::expect_used, reason = "these stores do not fail unless a test asks them to")]
pub fn ingest(engine: &Engine, events: &[Json], size: usize) -> Vec<End> {
    let lines: Vec<Vec<u8>> = events.iter().map(|event| event.to_string().into_bytes()).collect();
    ingest_lines(engine, "test", &lines, size)
        .into_iter()
        .flat_map(|report| report.expect("ingests").ends)
        .collect()
}

/// Decodes and ingests raw lines in batches of `size`.
pub fn ingest_lines(
    engine: &Engine,
    partition: &str,
    lines: &[Vec<u8>],
    size: usize,
) -> Vec<Result<Ingested, tidings_pipeline::engine::PipelineError>> {
    let active = engine.active();
    let mut first = 0;
    lines
        .chunks(size)
        .map(|chunk| {
            let batch: Vec<Incoming> = arrivals(partition, first, chunk)
                .into_iter()
                .map(|arrival| engine.decode(&active, arrival))
                .collect();
            first += chunk.len() as u64;
            engine.ingest(&batch)
        })
        .collect()
}

/// Lets time bring what is due at `now`, then reminds, plans and delivers, until nothing more is due.
///
/// # Panics
/// When the store fails.
#[expect(clippy::expect_used, reason = "these stores do not fail unless a test asks them to")]
pub fn settle(engine: &Engine, now: Timestamp) {
    let leases = LeaseTime(u64::try_from(now.0).unwrap_or(0));
    engine.keep_time(now, leases).expect("keeps time");
    engine.remind(now, leases).expect("reminds");
    engine.plan(now, leases).expect("plans");
    engine.dispatch(now, leases).expect("dispatches");
}

/// The messages of a citizen, by when they were planned.
///
/// # Panics
/// When the store fails.
#[must_use]
#[expect(clippy::expect_used, reason = "these stores do not fail unless a test asks them to")]
pub fn messages(engine: &Engine, number: &str) -> Vec<Notification> {
    let rows = engine.rows_of(citizen(number), Table::Notification).expect("reads");
    let mut found: Vec<Notification> = rows.into_iter().map(|(_, notification)| notification).collect();
    found.sort_by_key(|notification: &Notification| (notification.planned, notification.id));
    found
}

/// Messages that stand in the citizen's inbox.
#[must_use]
pub fn inbox(engine: &Engine, number: &str) -> Vec<Notification> {
    messages(engine, number).into_iter().filter(|message| message.inbox.is_some()).collect()
}

/// What two runs over the same events must agree on, for every citizen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Facts, with every write that counts.
    pub facts: BTreeMap<CitizenId, Vec<(Cell, Vec<Write>)>>,
    /// Events taken back.
    pub retracted: BTreeMap<CitizenId, BTreeSet<EventKey>>,
    /// Opportunities with their answers.
    pub opportunities: BTreeMap<CitizenId, BTreeMap<OpportunityId, (String, Answer)>>,
}

/// Every record of an engine's store.
///
/// # Panics
/// When the store fails.
#[must_use]
#[expect(clippy::expect_used, reason = "these stores do not fail unless a test asks them to")]
pub fn records(engine: &Engine) -> BTreeMap<CitizenId, Record> {
    let mut found = BTreeMap::new();
    for shard in engine.shards() {
        engine
            .each_row(shard, Table::Citizen, &[], |key, bytes| {
                let row = RowKey { table: Table::Citizen, key: key.to_vec() };
                let record: Record = engine.vault.open(&row, bytes)?.1;
                found.insert(CitizenId(key.try_into().expect("16 bytes")), record);
                Ok(())
            })
            .expect("scans");
    }
    found
}

/// The records as bytes, each in its one encoding.
#[must_use]
#[expect(clippy::expect_used, reason = "records are plain data")]
pub fn record_bytes(engine: &Engine) -> BTreeMap<CitizenId, Vec<u8>> {
    let encode = |record: &Record| postcard::to_stdvec(record).expect("encodes");
    records(engine).iter().map(|(citizen, record)| (*citizen, encode(record))).collect()
}

/// What is known, without the history of what was done.
#[must_use]
pub fn known(engine: &Engine) -> Known {
    let mut known = Known::default();
    for (citizen, record) in records(engine) {
        let cells = record.facts.cells().map(|(cell, writes)| (cell.clone(), writes.to_vec())).collect();
        known.facts.insert(citizen, cells);
        known.retracted.insert(citizen, record.retracted.clone());
        known.opportunities.insert(citizen, open_answers(&record));
    }
    known
}

/// Rows of a table, over all shards.
///
/// # Panics
/// When the store fails.
#[must_use]
#[expect(clippy::expect_used, reason = "these stores do not fail unless a test asks them to")]
pub fn count(engine: &Engine, table: Table) -> usize {
    let mut rows = 0;
    for shard in engine.shards() {
        let visit = |_: &[u8], _: &[u8]| {
            rows += 1;
            Ok(())
        };
        engine.each_row(shard, table, &[], visit).expect("scans");
    }
    rows
}

/// The first shard.
pub const FIRST: Shard = Shard(0);
