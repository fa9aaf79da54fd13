//! Looking back: what was so, and what was known, on an earlier day.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use chrono::NaiveDate;
use serde_json::{Value as Json, json};
use tidings_pipeline::engine::Engine;
use tidings_pipeline::explain::Explanation;
use tidings_pipeline::past::LookBack;
use tidings_tests::{CHILD, FATHER, MOTHER, Setup, at, event, ingest, settle};

/// A birth reported by the hospital, recorded on a day.
fn birth(recorded: &str) -> Json {
    let data = json!({ "birth_certificate": "BC-1", "birth_date": "2026-03-01", "father": FATHER });
    let mut birth =
        event("health", "h-1", "health.birth.notified", MOTHER, "2026-03-01T08:00:00+07:00", data);
    birth["recordedtime"] = json!(format!("{recorded}T08:00:00+07:00"));
    birth
}

fn retraction(recorded: &str) -> Json {
    let time = format!("{recorded}T08:00:00+07:00");
    event("health", "h-2", "health.statement.retracted", MOTHER, &time, json!({ "event_id": "h-1" }))
}

fn seen(engine: &Engine, number: &str, as_of: Option<&str>, known: Option<&str>) -> Explanation {
    let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
    let back = LookBack { as_of: as_of.map(day), known: known.map(day) };
    let now = at("2026-06-01T10:00:00+07:00");
    engine.explain_past(tidings_tests::citizen(number), None, back, now).expect("explains")
}

/// Life events that are seen, and how `birth-registration` stands.
fn births(found: &Explanation) -> Vec<(&str, &str)> {
    let births = found.decisions.iter().filter(|one| one.life_event == "birth");
    let rules = births.flat_map(|one| &one.rules).filter(|rule| rule.rule == "birth-registration");
    rules.map(|rule| (rule.answer.as_str(), rule.state.split(' ').next().unwrap_or_default())).collect()
}

#[test]
fn what_was_recorded_later_was_not_known() {
    let engine = Setup::memory(8).open();
    ingest(&engine, &[birth("2026-03-10")], 1);
    settle(&engine, at("2026-03-11T10:00:00+07:00"));
    let known = |day| seen(&engine, MOTHER, None, Some(day));
    assert_eq!(births(&known("2026-03-09")), []);
    assert!(known("2026-03-09").messages.is_empty());
    assert_eq!(births(&known("2026-03-10")), [("yes", "open")], "known, and not told yet");
    assert_eq!(births(&known("2026-03-11")), [("yes", "told")]);
    assert_eq!(births(&known("2026-03-11")), births(&seen(&engine, MOTHER, None, None)));
    assert_eq!(known("2026-03-11").messages.len(), 1);
}

#[test]
fn what_was_taken_back_later_still_stood() {
    let engine = Setup::memory(8).open();
    ingest(&engine, &[birth("2026-03-02"), retraction("2026-03-20")], 1);
    settle(&engine, at("2026-03-21T10:00:00+07:00"));
    assert_eq!(births(&seen(&engine, MOTHER, None, None)), []);
    assert_eq!(births(&seen(&engine, MOTHER, None, Some("2026-03-19"))), [("yes", "open")]);
    assert_eq!(births(&seen(&engine, MOTHER, None, Some("2026-03-20"))), []);
}

#[test]
fn what_happened_later_was_not_so() {
    let engine = Setup::memory(1).open();
    ingest(&engine, &[birth("2026-03-02")], 1);
    settle(&engine, at("2026-03-04T10:00:00+07:00"));
    assert_eq!(births(&seen(&engine, MOTHER, Some("2026-02-28"), None)), []);
    assert_eq!(births(&seen(&engine, MOTHER, Some("2026-03-03"), None)), [("yes", "open")]);
    assert_eq!(births(&seen(&engine, MOTHER, Some("2026-03-04"), None)), [("yes", "told")]);
}

#[test]
fn a_look_back_opens_nothing_that_is_closed_today() {
    let engine = Setup::memory(8).open();
    let data = json!({
        "birth_certificate": "BC-1", "birth_date": "2026-03-01", "child": CHILD, "father": FATHER,
        "registered_on": "2026-03-20",
    });
    let time = "2026-03-20T09:00:00+07:00";
    let registered = event("civil-registry", "r-1", "civil.birth.registered", MOTHER, time, data);
    let school = json!({ "school_year": "2032-2033", "grade": 1, "closes_on": "2026-07-31" });
    let time = "2026-04-01T09:00:00+07:00";
    let school = event("education", "e-1", "school.enrolment.opened", CHILD, time, school);
    ingest(&engine, &[registered, school], 1);
    settle(&engine, at("2026-04-02T10:00:00+07:00"));
    let then = || seen(&engine, FATHER, Some("2026-04-10"), Some("2026-04-10"));
    assert!(!then().decisions.is_empty() && !then().messages.is_empty(), "the father is told of his child");
    let order = json!({ "order": "CO-1", "against": FATHER });
    let time = "2026-05-01T09:00:00+07:00";
    let shield = |id: &str, who: &str| event("courts", id, "court.shield.ordered", who, time, order.clone());
    ingest(&engine, &[shield("s-1", MOTHER), shield("s-2", CHILD)], 1);
    assert!(then().decisions.is_empty() && then().messages.is_empty());
}
