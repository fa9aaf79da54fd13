//! What time and silence bring under the Viet Nam pack: nobody reports that an age, a last day or a pension comes near.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at its first failure"
)]

use serde_json::json;
use tidings_domain::record::Kind;
use tidings_pipeline::engine::Engine;
use tidings_tests::{CHILD, FATHER, MOTHER, Setup, at, event, inbox, ingest, settle, state};

fn noon(engine: &Engine, day: &str) {
    settle(engine, at(&format!("{day}T12:00:00+07:00")));
}

/// The rules told to somebody for the first time, in order.
fn told(engine: &Engine, number: &str) -> Vec<String> {
    let first = inbox(engine, number).into_iter().filter(|message| message.kind == Kind::First);
    first.flat_map(|message| message.rules.into_iter().map(|(root, _)| root)).collect()
}

#[test]
fn a_pension_is_told_six_months_ahead_by_sex_and_birth_date_alone() {
    let engine = Setup::memory(1).open();
    let insured = [("insured_months", "240"), ("insurance_scheme", "compulsory")];
    // Born on one day. She is of pension age at 57 years, he at 62.
    state(
        &engine,
        MOTHER,
        "2026-01-01",
        &[&[("birth_date", "1969-12-10"), ("sex", "F")], &insured[..]].concat(),
    );
    state(
        &engine,
        FATHER,
        "2026-01-01",
        &[&[("birth_date", "1969-12-10"), ("sex", "M")], &insured[..]].concat(),
    );
    noon(&engine, "2026-06-30");
    assert_eq!(told(&engine, MOTHER), [""; 0], "the pension begins on 1 January 2027");
    noon(&engine, "2026-07-01");
    assert_eq!(told(&engine, MOTHER), ["retirement-pension"]);
    let text = inbox(&engine, MOTHER)[0].body.clone();
    assert!(
        text.contains("01/01/2027") && text.contains("12/12/2026"),
        "the day, and twenty days before it: {text}"
    );
    noon(&engine, "2027-01-02");
    assert_eq!(told(&engine, FATHER), [""; 0]);
}

#[test]
fn a_card_that_ends_on_a_milestone_birthday_is_told_once_and_once_more_when_it_has_lapsed() {
    let engine = Setup::memory(1).open();
    state(&engine, FATHER, "2026-01-01", &[("birth_date", "1986-09-10"), ("card_expires_on", "2026-09-10")]);
    noon(&engine, "2026-07-11");
    assert_eq!(told(&engine, FATHER), [""; 0]);
    noon(&engine, "2026-07-12");
    assert_eq!(told(&engine, FATHER), ["card-exchange"]);
    noon(&engine, "2026-09-25");
    assert_eq!(told(&engine, FATHER), ["card-exchange"], "the register has not said that it is complete");
    let complete =
        event("population", "w-1", "tidings.watermark", FATHER, "2026-09-25T00:00:00+07:00", json!({}));
    ingest(&engine, &[complete], 1);
    noon(&engine, "2026-09-26");
    assert_eq!(told(&engine, FATHER), ["card-exchange", "card-lapsed-exchange"]);
}

#[test]
fn a_card_exchanged_in_time_has_not_lapsed() {
    let engine = Setup::memory(1).open();
    state(&engine, FATHER, "2026-01-01", &[("birth_date", "1986-09-10"), ("card_expires_on", "2026-09-10")]);
    noon(&engine, "2026-07-12");
    let data = json!({ "card_number": "CC-2", "expires_on": "2046-09-10" });
    let issued =
        event("population", "c-2", "population.card.issued", FATHER, "2026-09-01T09:00:00+07:00", data);
    let complete =
        event("population", "w-1", "tidings.watermark", FATHER, "2026-12-01T00:00:00+07:00", json!({}));
    ingest(&engine, &[issued, complete], 1);
    noon(&engine, "2026-12-01");
    assert_eq!(told(&engine, FATHER), ["card-exchange"]);
}

#[test]
fn parents_are_told_before_a_child_is_of_the_age_of_the_first_card() {
    let engine = Setup::memory(1).open();
    state(&engine, CHILD, "2026-01-01", &[("birth_date", "2012-08-20"), ("mother", MOTHER)]);
    noon(&engine, "2026-07-20");
    assert_eq!(told(&engine, MOTHER), [""; 0]);
    noon(&engine, "2026-07-21");
    assert_eq!(told(&engine, MOTHER), ["age-14-first-card", "age-14-electronic-identity"]);
    assert_eq!(told(&engine, CHILD), [""; 0]);
}

#[test]
fn a_licence_is_told_ninety_days_ahead_and_a_renewal_moves_it() {
    let engine = Setup::memory(1).open();
    for number in [FATHER, MOTHER] {
        state(&engine, number, "2026-01-01", &[("licence_expires_on", "2026-10-01")]);
    }
    let data = json!({ "licence": "GPLX-1", "expires_on": "2036-06-01" });
    let renewed = event("licensing", "l-1", "licence.renewed", MOTHER, "2026-06-01T09:00:00+07:00", data);
    ingest(&engine, &[renewed], 1);
    noon(&engine, "2026-07-02");
    assert_eq!(told(&engine, FATHER), [""; 0]);
    noon(&engine, "2026-07-03");
    assert_eq!((told(&engine, FATHER), told(&engine, MOTHER)), (vec!["licence-renewal".to_owned()], vec![]));
}
