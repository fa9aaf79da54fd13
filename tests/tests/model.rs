//! Whatever the model answers, or however badly: the same opportunities, the same duties and entitlements told
//! in time, and nothing of its own words sent unguarded.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_domain::ids::OpportunityId;
use tidings_domain::model::{LanguageModel, RankAnswer, RankAsk, WordAnswer, WordAsk, Words};
use tidings_domain::record::{Kind, Record};
use tidings_pipeline::engine::Engine;
use tidings_pipeline::run::{LogOptions, LogRun, Watcher};
use tidings_rules::pack::format::Class;
use tidings_tests::{Setup, arrivals, known, records};
use tidings_world::{World, small};

/// A sentence that must never be sent.
const LIE: &str = "You need not apply; a clerk will bring you 5,000,000 dong tomorrow.";

#[derive(Clone, Copy)]
enum Mood {
    Reverses,
    Lies,
    SaysNothing,
    AnswersTooMuch,
}

struct Hostile(Mood);

impl LanguageModel for Hostile {
    fn digest(&self) -> &str {
        "hostile"
    }

    fn rank(&self, asks: &[RankAsk]) -> Vec<RankAnswer> {
        let scores = |ask: &RankAsk| match self.0 {
            Mood::AnswersTooMuch => vec![i32::MAX; ask.services.len() + 7],
            _ => (0..i32::try_from(ask.services.len()).unwrap_or(0)).map(|place| place * 1_000).collect(),
        };
        match self.0 {
            Mood::SaysNothing => Vec::new(),
            _ => asks.iter().map(|ask| RankAnswer::Scores(scores(ask))).collect(),
        }
    }

    fn word(&self, asks: &[WordAsk]) -> Vec<WordAnswer> {
        let lie =
            || Words { greeting: LIE.into(), reason: LIE.repeat(10_000), transition: "{{ name }}".into() };
        match self.0 {
            Mood::SaysNothing => Vec::new(),
            _ => asks.iter().map(|_| WordAnswer::Words(lie())).collect(),
        }
    }
}

struct Unwatched;

impl Watcher for Unwatched {
    fn came_about(&mut self, _: &tidings_pipeline::ingest::Ingested) {}

    fn read(&mut self, _: &[tidings_pipeline::ingest::Incoming]) {}
    fn ingested(&mut self, _: &[tidings_pipeline::ingest::Incoming], _: &tidings_pipeline::ingest::Ingested) {
    }
    fn planned(&mut self, _: tidings_domain::time::Timestamp, _: &tidings_pipeline::plan::Planned) {}
    fn reminded(&mut self, _: &tidings_pipeline::remind::Reminded) {}
    fn dispatched(&mut self, _: &tidings_pipeline::dispatch::Dispatched) {}
}

fn run(model: Option<Mood>) -> Engine {
    let mut setup = Setup::memory(1);
    if let Some(mood) = model {
        setup.model = Arc::new(Hostile(mood));
    }
    let engine = setup.open();
    let lines: Vec<Vec<u8>> = World::generate(&small(11)).lines().map(String::into_bytes).collect();
    let batch = tidings_pipeline::run::decode_all(&engine, arrivals("world", 0, &lines));
    let mut log = LogRun::new(&engine, LogOptions::default()).expect("starts");
    log.feed(&batch, &mut Unwatched).expect("runs");
    let clock = log.clock();
    for days in 1..10 {
        log.settle(clock + std::time::Duration::from_secs(days * 86_400), &mut Unwatched).expect("settles");
    }
    engine
}

/// First messages about duties and entitlements.
fn owed(engine: &Engine) -> BTreeSet<OpportunityId> {
    let active = engine.active();
    let owed = |record: &Record| {
        let told = record.opportunities.iter().filter(|(_, one)| {
            let class = active.pack.rule(&one.rule).map(|(_, rule)| rule.class);
            class.is_some_and(|class| class != Class::Suggestion) && one.told.contains_key(&Kind::First)
        });
        told.map(|(id, _)| *id).collect::<Vec<_>>()
    };
    records(engine).values().flat_map(owed).collect()
}

#[test]
fn no_model_however_hostile_changes_who_may_be_told_or_what_is_owed() {
    let without = run(None);
    let (expected, duties) = (known(&without), owed(&without));
    assert!(duties.len() > 20, "there is something to lose: {}", duties.len());
    for mood in [Mood::Reverses, Mood::Lies, Mood::SaysNothing, Mood::AnswersTooMuch] {
        let engine = run(Some(mood));
        assert_eq!(known(&engine).opportunities, expected.opportunities);
        assert_eq!(owed(&engine), duties);
        let mut messages = 0;
        for citizen in records(&engine).into_keys() {
            let rows = engine.rows_of(citizen, tidings_domain::store::Table::Notification).expect("reads");
            for (_, message) in rows {
                let message: tidings_domain::message::Notification = message;
                messages += 1;
                assert!(!message.body.contains(LIE) && !message.subject.contains(LIE));
            }
        }
        assert!(messages > 20);
    }
}
