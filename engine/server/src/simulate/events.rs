//! What-if over an event log: empty stores in memory take it in, one under each pack, and what each citizen would be told
//! is laid side by side. Nothing is planned or sent.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tidings_domain::ids::{CitizenId, Pseudonymiser};
use tidings_domain::record::Answer as Open;
use tidings_domain::source::{Batch, EventSource};
use tidings_models::PackOrder;
use tidings_pipeline::engine::{Engine, Limits};
use tidings_pipeline::open::Parts;
use tidings_pipeline::run::decode_all;
use tidings_pipeline::whatif::Beside;
use tidings_rules::Pack;
use tidings_rules::expr::Answer;
use tidings_rules::whatif::{Study, Tally};
use tidings_sources::Partition;
use tidings_sources::ndjson::NdjsonSource;
use tidings_stores::{MemoryKeyRing, MemoryStore};
use zeroize::Zeroizing;

use crate::clock;
use crate::commands::load::{LoadRequest, load};
use crate::out::{Out, Usage};

/// Events taken in at once.
const BATCH: usize = 4_096;

/// A log, and what was known before it.
pub(super) struct Log<'a> {
    pub(super) events: &'a Path,
    /// A table of facts for `tidings load`, and who states it.
    pub(super) people: Option<(&'a Path, &'a str)>,
    pub(super) as_of: NaiveDate,
}

/// Counts what the log's opportunities are under both packs; with no old one, under the new alone. A rule that says no
/// leaves no opportunity, so only those that say yes or unknown under one of them are counted.
pub(super) fn compare(
    study: &Study<'_>,
    old: Option<Pack>,
    new: Pack,
    log: &Log<'_>,
    out: Out,
) -> anyhow::Result<(Tally, Duration)> {
    let began = Instant::now();
    let (new, events) = take_in(new, log, out)?;
    let old = match old {
        Some(old) => take_in(old, log, out)?.0,
        None => fresh(study.new.files.clone())?,
    };
    let mut seen = Seen { study, tally: Tally::new(study, log.as_of), roots: roots(study), person: None };
    seen.tally.rows = events;
    old.beside(&new, |beside| seen.note(&beside))?;
    seen.next_person(None);
    Ok((seen.tally, began.elapsed()))
}

/// The place of the first question of each rule; which recipient an opportunity was for is not kept.
fn roots<'s>(study: &'s Study<'_>) -> HashMap<&'s str, usize> {
    let each = study.questions.iter().enumerate().rev();
    each.map(|(place, question)| (question.root.as_str(), place)).collect()
}

struct Seen<'s> {
    study: &'s Study<'s>,
    tally: Tally,
    roots: HashMap<&'s str, usize>,
    /// Whose opportunities these are, and whether there was a gain, and a loss.
    person: Option<(CitizenId, [bool; 2])>,
}

impl Seen<'_> {
    fn note(&mut self, beside: &Beside) {
        let Some(&question) = self.roots.get(beside.rule.as_str()) else { return };
        if self.person.is_none_or(|(citizen, _)| citizen != beside.citizen) {
            self.next_person(Some(beside.citizen));
        }
        let before = if self.study.old.is_some() { answer(beside.here.as_ref()) } else { Answer::No };
        let after = answer(beside.there.as_ref());
        self.tally.note(question, before, after);
        if let Some((_, changed)) = &mut self.person {
            changed[0] |= before != Answer::Yes && after == Answer::Yes;
            changed[1] |= before == Answer::Yes && after != Answer::Yes;
        }
    }

    fn next_person(&mut self, next: Option<CitizenId>) {
        if let Some((_, [gain, loss])) = self.person.take() {
            self.tally.people[0] += u64::from(gain);
            self.tally.people[1] += u64::from(loss);
        }
        self.person = next.map(|citizen| (citizen, [false; 2]));
    }
}

const fn answer(open: Option<&Open>) -> Answer {
    match open {
        Some(Open::Yes) => Answer::Yes,
        Some(Open::Unknown { .. }) => Answer::Unknown,
        Some(Open::Withdrawn) | None => Answer::No,
    }
}

/// An engine over an empty store in memory.
fn fresh(files: std::collections::BTreeMap<String, String>) -> anyhow::Result<Engine> {
    let pack = Pack::from_files(files).map_err(|found| Usage(crate::app::mistakes(&found)))?;
    engine(pack)
}

fn engine(pack: Pack) -> anyhow::Result<Engine> {
    // Nobody outside sees these ids, and both stores must give the same.
    let people = Pseudonymiser::new(&Zeroizing::new(vec![0; Pseudonymiser::MIN_KEY_BYTES]));
    let parts = Parts {
        store: Arc::new(MemoryStore::new(1)),
        ring: Arc::new(MemoryKeyRing::new()),
        people: people.ok_or_else(|| Usage("no pseudonymiser".to_owned()))?,
        model: Arc::new(PackOrder),
        channels: Vec::new(),
        limits: Limits::default(),
    };
    Ok(Engine::open(parts, pack, clock::wall())?.0)
}

/// An engine that has taken in the log, and how many events that was.
fn take_in(pack: Pack, log: &Log<'_>, out: Out) -> anyhow::Result<(Engine, u64)> {
    let engine = engine(pack)?;
    if let Some((file, source)) = log.people {
        let (file, source) = (file.to_owned(), source.to_owned());
        load(&engine, &LoadRequest { file, source, as_of: log.as_of, report: None }, &mut |_, _| ())?;
    }
    let partition = Partition { name: "what-if".to_owned(), epoch: 0 };
    let mut source = NdjsonSource::open(log.events, partition, Arc::new(clock::wall))?;
    let bar = out.progress(None, "events");
    let mut count = 0;
    loop {
        match source.next_batch(BATCH, Duration::from_millis(200))? {
            Batch::Quiet => {}
            Batch::End => break,
            Batch::Events(arrivals) => {
                count += arrivals.len() as u64;
                engine.ingest(&decode_all(&engine, arrivals))?;
                bar.set_position(count);
            }
        }
    }
    bar.finish_and_clear();
    Ok((engine, count))
}
