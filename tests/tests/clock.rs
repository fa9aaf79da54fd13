//! What time brings, and what silence brings: milestones and absences.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tidings_domain::message::Queue;
use tidings_domain::record::Kind;
use tidings_domain::store::Table;
use tidings_domain::time::LeaseTime;
use tidings_pipeline::engine::Engine;
use tidings_pipeline::queue::Filter;
use tidings_rules::Pack;
use tidings_stores::{MemoryKeyRing, MemoryStore};
use tidings_tests::{
    CHILD, FATHER, MOTHER, Setup, at, event, inbox, ingest, known, settle, state, viet_nam_with,
};

const PARAMETERS: &str = include_str!("../packs/parameters.yaml");
const COMES_OF_AGE: &str = include_str!("../packs/comes-of-age.yaml");
const UNREGISTERED: &str = include_str!("../packs/unregistered.yaml");

fn pack() -> Pack {
    edited("", "")
}

/// The test's life events, with one text replaced.
fn edited(from: &str, to: &str) -> Pack {
    let edit = |text: &str| if from.is_empty() { text.to_owned() } else { text.replace(from, to) };
    viet_nam_with(&[
        ("parameters.yaml", &edit(PARAMETERS)),
        ("life_events/91-comes-of-age.yaml", &edit(COMES_OF_AGE)),
        ("life_events/92-unregistered.yaml", &edit(UNREGISTERED)),
    ])
}

fn engine(shards: u16) -> Engine {
    Setup { pack: pack(), ..Setup::memory(shards) }.open()
}

fn noon(engine: &Engine, day: &str) {
    settle(engine, at(&format!("{day}T12:00:00+07:00")));
}

/// How often a rule was told to somebody, by kind.
fn told(engine: &Engine, number: &str, rule: &str) -> Vec<Kind> {
    let about =
        inbox(engine, number).into_iter().filter(|one| one.rules.iter().any(|(root, _)| root == rule));
    about.map(|one| one.kind).collect()
}

fn timers(engine: &Engine) -> usize {
    let filter = Filter { queue: Some(Queue::Clock), ..Filter::default() };
    engine.tasks(&filter, 10).expect("reads").len()
}

fn birth() -> Json {
    let data = json!({ "birth_certificate": "BC-1", "birth_date": "2026-03-01", "father": FATHER });
    event("health", "h-1", "health.birth.notified", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

fn registered(time: &str) -> Json {
    let data = json!({
        "birth_certificate": "BC-1", "birth_date": "2026-03-01", "child": CHILD, "father": FATHER,
        "registered_on": &time[..10],
    });
    event("civil-registry", "r-1", "civil.birth.registered", MOTHER, time, data)
}

/// A source says that it is complete up to a moment.
fn watermark(source: &str, time: &str) -> Json {
    event(source, &format!("w-{time}"), "tidings.watermark", MOTHER, time, json!({}))
}

#[test]
fn a_milestone_comes_about_once_when_its_lead_time_begins() {
    let engine = engine(1);
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2008-05-10"), ("sex", "F")]);
    noon(&engine, "2026-04-09");
    assert_eq!(told(&engine, CHILD, "of-age"), [], "its lead time begins thirty days before");
    noon(&engine, "2026-04-10");
    assert_eq!(told(&engine, CHILD, "of-age"), [Kind::First]);
    let text = &inbox(&engine, CHILD)[0].body;
    assert!(text.contains("10/05/2026"), "the day itself is what people are told: {text}");
    for day in ["2026-04-11", "2026-05-10", "2026-12-31"] {
        noon(&engine, day);
    }
    assert_eq!(told(&engine, CHILD, "of-age"), [Kind::First], "once");
}

#[test]
fn the_law_of_the_milestone_itself_counts() {
    let engine = engine(1);
    // The age is lowered from 18 to 17 on 1 July 2026. Who is 17 by then comes of age on that very day.
    state(&engine, MOTHER, "2026-01-01", &[("birth_date", "2009-06-30")]);
    state(&engine, FATHER, "2026-01-01", &[("birth_date", "2009-08-10")]);
    noon(&engine, "2026-05-31");
    assert_eq!(told(&engine, MOTHER, "of-age"), [], "17 in June, when 18 counts");
    noon(&engine, "2026-06-01");
    assert_eq!(told(&engine, MOTHER, "of-age"), [Kind::First]);
    assert!(inbox(&engine, MOTHER)[0].body.contains("01/07/2026"), "the day on which the law changes");
    noon(&engine, "2026-07-10");
    assert_eq!(told(&engine, FATHER, "of-age"), []);
    noon(&engine, "2026-07-11");
    assert_eq!(told(&engine, FATHER, "of-age"), [Kind::First], "17 on 10 August");
}

#[test]
fn changed_facts_move_a_milestone() {
    let engine = engine(1);
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2008-05-10")]);
    state(&engine, CHILD, "2026-02-01", &[("birth_date", "2010-01-15")]);
    noon(&engine, "2026-06-01");
    assert_eq!(told(&engine, CHILD, "of-age"), [], "not on the day that was wrong");
    noon(&engine, "2026-12-15");
    assert_eq!(told(&engine, CHILD, "of-age"), [], "17 on 15 January, with thirty days of lead");
    noon(&engine, "2026-12-16");
    assert_eq!(told(&engine, CHILD, "of-age"), [Kind::First]);
}

#[test]
fn what_was_told_on_facts_that_prove_wrong_is_corrected() {
    let engine = engine(1);
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2008-05-10")]);
    noon(&engine, "2026-04-10");
    assert_eq!(told(&engine, CHILD, "of-age"), [Kind::First]);
    // It turns out that the register had said otherwise since February.
    state(&engine, CHILD, "2026-02-01", &[("birth_date", "2012-05-10")]);
    noon(&engine, "2026-04-20");
    assert_eq!(told(&engine, CHILD, "of-age"), [Kind::First, Kind::Correction]);
}

#[test]
fn loading_people_whose_day_has_passed_tells_them_nothing() {
    let engine = engine(1);
    state(&engine, MOTHER, "2026-01-01", &[("birth_date", "1990-05-10")]);
    // In the middle of the lead time, and the rule does not look back.
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2008-01-10")]);
    for day in ["2026-01-02", "2026-01-10", "2026-06-01"] {
        noon(&engine, day);
    }
    assert_eq!(told(&engine, MOTHER, "of-age"), []);
    assert_eq!(told(&engine, CHILD, "of-age"), []);
}

#[test]
fn a_rule_that_looks_back_reaches_those_whose_lead_time_has_begun() {
    let looks_back = COMES_OF_AGE
        .replace(
            "backfill: none",
            "backfill: open\n    deadline: {anchor: event.date, amount: 0, unit: days, direction: after}",
        )
        .replace("{what: \"Việc cần làm.\"}", "{what: \"Việc cần làm.\", by_when: \"Trước {{ deadline }}.\"}")
        .replace("{what: \"What to do.\"}", "{what: \"What to do.\", by_when: \"By {{ deadline }}.\"}");
    let files = [("parameters.yaml", PARAMETERS), ("life_events/91-comes-of-age.yaml", &looks_back)];
    let engine = Setup { pack: viet_nam_with(&files), ..Setup::memory(1) }.open();
    state(&engine, MOTHER, "2026-01-01", &[("birth_date", "1990-05-10")]);
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2008-01-10")]);
    noon(&engine, "2026-01-02");
    assert_eq!(told(&engine, MOTHER, "of-age"), [], "her day is long past");
    assert_eq!(told(&engine, CHILD, "of-age"), [Kind::First]);
}

#[test]
fn a_restart_loses_no_milestone_and_a_changed_pack_moves_them() {
    let store = Arc::new(MemoryStore::new(8));
    let ring = Arc::new(MemoryKeyRing::new());
    let open =
        |pack: Pack| Setup { store: store.clone(), ring: ring.clone(), pack, ..Setup::memory(8) }.open();
    let engine = open(pack());
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2008-05-10")]);
    state(&engine, MOTHER, "2026-01-01", &[("birth_date", "2008-05-20")]);
    drop(engine);
    let engine = open(pack());
    noon(&engine, "2026-04-10");
    assert_eq!(told(&engine, CHILD, "of-age"), [Kind::First]);
    drop(engine);
    let longer = edited("lead: {amount: 30, unit: days}", "lead: {amount: 2, unit: months}");
    let engine = open(longer);
    noon(&engine, "2026-04-11");
    assert_eq!(told(&engine, MOTHER, "of-age"), [], "until every record has been looked at");
    let mut seen = 0;
    engine.sweep(|done| seen = done).expect("sweeps");
    assert_eq!(seen, 2);
    noon(&engine, "2026-04-12");
    assert_eq!(told(&engine, MOTHER, "of-age"), [Kind::First], "two months before 20 May have begun");
    assert_eq!(told(&engine, CHILD, "of-age"), [Kind::First], "and who was told is not told again");
}

#[test]
fn an_absence_waits_for_every_source_that_could_have_spoken() {
    let engine = engine(1);
    ingest(&engine, &[birth()], 1);
    // Sixty days from 1 March: 30 April is the last day.
    noon(&engine, "2026-05-01");
    assert_eq!(told(&engine, MOTHER, "unregistered"), [], "the registry has not caught up");
    assert_eq!(timers(&engine), 1, "it waits where an operator sees it");
    ingest(&engine, &[watermark("civil-registry", "2026-04-30T23:00:00+07:00")], 1);
    noon(&engine, "2026-05-02");
    assert_eq!(told(&engine, MOTHER, "unregistered"), [], "the last day is not over there");
    ingest(&engine, &[watermark("civil-registry", "2026-05-02T00:00:00+07:00")], 1);
    noon(&engine, "2026-05-03");
    assert_eq!(told(&engine, MOTHER, "unregistered"), [Kind::First], "without any new event");
}

#[test]
fn a_step_taken_in_time_is_no_absence_however_late_it_is_reported() {
    let early = engine(1);
    ingest(&early, &[birth(), registered("2026-04-30T16:00:00+07:00")], 1);
    ingest(&early, &[watermark("civil-registry", "2026-06-01T00:00:00+07:00")], 1);
    noon(&early, "2026-06-02");
    assert_eq!(told(&early, MOTHER, "unregistered"), []);
    let late = engine(1);
    ingest(&late, &[birth(), watermark("civil-registry", "2026-06-01T00:00:00+07:00")], 1);
    noon(&late, "2026-06-02");
    assert_eq!(told(&late, MOTHER, "unregistered"), [Kind::First]);
    ingest(&late, &[registered("2026-04-30T16:00:00+07:00")], 1);
    noon(&late, "2026-06-03");
    noon(&late, "2026-06-04");
    assert_eq!(known(&late).opportunities, known(&early).opportunities, "the same in the end");
    let told = told(&late, MOTHER, "unregistered");
    assert_eq!(told, [Kind::First, Kind::Correction], "she was told that it was not done");
}

#[test]
fn a_birth_that_is_taken_back_leaves_no_absence() {
    let engine = engine(1);
    ingest(&engine, &[birth(), watermark("civil-registry", "2026-06-01T00:00:00+07:00")], 1);
    noon(&engine, "2026-06-02");
    assert_eq!(told(&engine, MOTHER, "unregistered"), [Kind::First]);
    let retraction = event(
        "health",
        "h-2",
        "health.statement.retracted",
        MOTHER,
        "2026-06-02T13:00:00+07:00",
        json!({ "event_id": "h-1" }),
    );
    ingest(&engine, &[retraction], 1);
    noon(&engine, "2026-06-03");
    assert_eq!(told(&engine, MOTHER, "unregistered"), [Kind::First, Kind::Correction]);
}

#[test]
fn the_dead_reach_no_milestone() {
    let engine = engine(1);
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2008-05-10")]);
    let data = json!({ "death_date": "2026-02-01", "certificate": "DC-1", "registered_on": "2026-02-01" });
    let death =
        event("civil-registry", "d-1", "civil.death.registered", CHILD, "2026-02-01T09:00:00+07:00", data);
    ingest(&engine, &[death], 1);
    noon(&engine, "2026-04-10");
    assert_eq!(inbox(&engine, CHILD).len(), 0);
}

#[test]
fn a_replay_gives_the_same() {
    let engine = engine(8);
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2008-05-10")]);
    ingest(&engine, &[birth(), watermark("civil-registry", "2026-06-01T00:00:00+07:00")], 1);
    noon(&engine, "2026-04-10");
    noon(&engine, "2026-06-02");
    assert_eq!(told(&engine, MOTHER, "unregistered"), [Kind::First]);
    let target = Setup { pack: pack(), ..Setup::memory(1) }.open();
    let found = engine.replay(&target, |_| ()).expect("replays");
    assert_eq!((found.different, found.differences), (0, vec![]));
    let unregistered = known(&target).opportunities.into_values().flatten();
    assert_eq!(unregistered.filter(|(_, (rule, _))| rule == "unregistered" || rule == "of-age").count(), 2);
}

#[test]
fn a_replay_knows_what_a_log_was_taken_for() {
    let store = Arc::new(MemoryStore::new(1));
    let ring = Arc::new(MemoryKeyRing::new());
    let open = || Setup { store: store.clone(), ring: ring.clone(), pack: pack(), ..Setup::memory(1) }.open();
    let engine = open();
    ingest(&engine, &[birth()], 1);
    // A log holds what every source sent, and no event says so.
    engine.all_complete(at("2026-06-01T00:00:00+07:00"));
    noon(&engine, "2026-06-02");
    assert_eq!(told(&engine, MOTHER, "unregistered"), [Kind::First]);
    drop(engine);
    let target = Setup { pack: pack(), ..Setup::memory(1) }.open();
    let found = open().replay(&target, |_| ()).expect("replays");
    assert_eq!((found.different, found.differences), (0, vec![]));
}

#[test]
fn who_is_forgotten_leaves_no_timer() {
    let engine = engine(1);
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2008-05-10")]);
    assert_eq!(timers(&engine), 1);
    engine.forget(tidings_tests::citizen(CHILD)).expect("forgets");
    assert_eq!(tidings_tests::count(&engine, Table::Task), 0);
    engine.keep_time(at("2027-01-01T00:00:00+07:00"), LeaseTime(1)).expect("nothing to do");
    assert_eq!(tidings_tests::count(&engine, Table::Citizen), 0);
}

#[test]
fn a_loud_source_alarms_and_absences_wait_for_it() {
    let sources = tidings_rules::packs::viet_nam().remove("sources.yaml").expect("the sources");
    let uri = "    uri: urn:gov:vn:civil-registry\n";
    assert!(sources.contains(uri));
    let sources = sources.replace(uri, &format!("{uri}    silent_after: 10 days\n    loud_above: 2\n"));
    let files = [
        ("parameters.yaml", PARAMETERS),
        ("sources.yaml", &sources),
        ("life_events/92-unregistered.yaml", UNREGISTERED),
    ];
    let store = Arc::new(MemoryStore::new(1));
    let ring = Arc::new(MemoryKeyRing::new());
    let open = || {
        let pack = viet_nam_with(&files);
        Setup { store: store.clone(), ring: ring.clone(), pack, ..Setup::memory(1) }.open()
    };
    let engine = open();
    ingest(&engine, &[birth(), watermark("civil-registry", "2026-04-29T00:00:00+07:00")], 1);
    assert!(engine.alarms(at("2026-05-01T00:00:00+07:00")).is_empty());
    let silent = engine.alarms(at("2026-05-10T00:00:00+07:00"));
    assert_eq!(silent["civil-registry"].kind(), "silent");
    // Three deaths in one hour, where more than two are too many, after the absence is due.
    let deaths = ["00:10", "00:20", "00:30"].map(|minute| {
        let data =
            json!({ "death_date": "2026-05-01", "certificate": minute, "registered_on": "2026-05-01" });
        let time = format!("2026-05-01T{minute}:00+07:00");
        event("civil-registry", minute, "civil.death.registered", CHILD, &time, data)
    });
    ingest(&engine, &deaths, 1);
    let loud = engine.alarms(at("2026-05-01T12:00:00+07:00"));
    assert_eq!(loud["civil-registry"].kind(), "loud");
    drop(engine);
    let engine = open();
    noon(&engine, "2026-05-01");
    assert_eq!(told(&engine, MOTHER, "unregistered"), [], "what it says may be a mistake, restart or not");
    noon(&engine, "2026-05-02");
    assert_eq!(told(&engine, MOTHER, "unregistered"), [Kind::First], "a calm day later");
}
