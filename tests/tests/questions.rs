//! The third answer: what is missing, who is asked for it, and who never is.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use serde_json::{Value as Json, json};
use tidings_domain::record::{Answer, Kind};
use tidings_pipeline::engine::Engine;
use tidings_rules::Pack;
use tidings_tests::{MOTHER, Setup, at, citizen, event, inbox, ingest, settle, state, viet_nam_with};

const PARAMETERS: &str = include_str!("../packs/parameters.yaml");
const RULES: &str = include_str!("../packs/law.yaml");
const ASK: &str = "    ask: {vi: \"Chúng tôi chưa biết số tháng đã đóng.\", en: \"We do not know how many months were paid.\"}\n    say:";

/// The rules of the test, each of which asks for what is missing.
fn pack(rules: &str) -> Pack {
    let rules = rules.replace("    say:", ASK);
    viet_nam_with(&[("parameters.yaml", PARAMETERS), ("life_events/93-birth-law.yaml", &rules)])
}

fn engine(rules: &str) -> Engine {
    Setup { pack: pack(rules), ..Setup::memory(1) }.open()
}

fn birth() -> Json {
    let data = json!({ "birth_certificate": "BC-1", "birth_date": "2026-03-01" });
    event("health", "h-1", "health.birth.notified", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

fn days(engine: &Engine, days: &[&str]) {
    for day in days {
        settle(engine, at(&format!("{day}T10:00:00+07:00")));
    }
}

/// Messages about the rules of the test, by kind.
fn told(engine: &Engine) -> Vec<(Kind, String)> {
    let about = |one: &tidings_domain::message::Notification| {
        one.rules.iter().any(|(root, _)| root.starts_with("law-"))
    };
    inbox(engine, MOTHER).into_iter().filter(about).map(|one| (one.kind, one.body)).collect()
}

#[test]
fn a_missing_fact_is_asked_for_once_and_the_answer_decides() {
    let engine = engine(RULES);
    ingest(&engine, &[birth()], 1);
    days(&engine, &["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-12", "2026-03-20"]);
    let asked = told(&engine);
    assert_eq!(
        asked.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        [Kind::Question],
        "one message, once"
    );
    assert!(asked[0].1.contains("chưa biết số tháng"), "{}", asked[0].1);
    assert!(!asked[0].1.contains("Việc cần làm"), "a question tells nobody what to do");
    state(&engine, MOTHER, "2026-02-01", &[("insured_months", "250")]);
    days(&engine, &["2026-03-21", "2026-03-22"]);
    let kinds: Vec<Kind> = told(&engine).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::Question, Kind::First], "the answer was yes");
}

#[test]
fn an_answer_that_says_no_ends_it_without_a_word() {
    let engine = engine(RULES);
    ingest(&engine, &[birth()], 1);
    days(&engine, &["2026-03-02", "2026-03-12"]);
    assert_eq!(told(&engine).len(), 1);
    state(&engine, MOTHER, "2026-02-01", &[("insured_months", "3")]);
    days(&engine, &["2026-03-21", "2026-03-22"]);
    assert_eq!(told(&engine).len(), 1, "neither a message nor a correction of a question");
}

#[test]
fn a_rule_that_says_nothing_of_asking_stays_silent_and_is_counted() {
    let quiet = viet_nam_with(&[("parameters.yaml", PARAMETERS), ("life_events/93-birth-law.yaml", RULES)]);
    let engine = Setup { pack: quiet, ..Setup::memory(1) }.open();
    let lines = [birth().to_string().into_bytes()];
    let report = tidings_tests::ingest_lines(&engine, "test", &lines, 1).remove(0).expect("ingests");
    assert_eq!(report.tally.answers.get(&("law-of-occurrence".to_owned(), "unknown")), Some(&1));
    let missing =
        report.tally.missing.get(&("law-of-occurrence".to_owned(), "subject.insured_months".to_owned()));
    assert_eq!(missing, Some(&1), "designers see which fact costs whom");
    days(&engine, &["2026-03-02", "2026-03-12"]);
    assert_eq!(told(&engine), []);
}

#[test]
fn nobody_is_asked_about_another_person() {
    let rules = RULES
        .replace("subject.insured_months", "subject.spouse.insured_months")
        .replace("subject: {insured_months", "subject: {spouse.insured_months")
        .replace(
            "    basis:",
            "    discloses: {what: [subject.spouse.insured_months], ground: \"Luật thử, Điều 4\"}\n    basis:",
        );
    let engine = engine(&rules);
    ingest(&engine, &[birth()], 1);
    days(&engine, &["2026-03-02", "2026-03-12"]);
    let record = engine.record(citizen(MOTHER)).expect("reads").record;
    let unknown = record.opportunities.values().filter(|one| one.rule.starts_with("law-"));
    assert!(unknown.clone().all(|one| matches!(&one.answer, Answer::Unknown { .. })));
    assert_eq!(unknown.count(), 3);
    assert_eq!(told(&engine), []);
}

#[test]
fn the_dead_and_those_who_refuse_are_not_asked() {
    for silence in ["death", "refusal"] {
        let engine = engine(RULES);
        ingest(&engine, &[birth()], 1);
        let event = if silence == "death" {
            let data =
                json!({ "death_date": "2026-03-02", "certificate": "D-1", "registered_on": "2026-03-02" });
            event(
                "civil-registry",
                "d-1",
                "civil.death.registered",
                MOTHER,
                "2026-03-02T09:00:00+07:00",
                data,
            )
        } else {
            let data = json!({ "what": "all" });
            event("portal", "p-1", "preference.refused", MOTHER, "2026-03-02T09:00:00+07:00", data)
        };
        ingest(&engine, &[event], 1);
        days(&engine, &["2026-03-02", "2026-03-03", "2026-03-12"]);
        assert_eq!(told(&engine), [], "{silence}");
    }
}
