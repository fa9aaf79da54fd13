//! Law that changes on a day: which day's figures a person is judged by.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::{Value as Json, json};
use tidings_pipeline::engine::Engine;
use tidings_pipeline::past::LookBack;
use tidings_rules::Pack;
use tidings_rules::pack::{law_of_day, run_cases};
use tidings_tests::{
    FATHER, MOTHER, Setup, at, event, inbox, ingest, settle, state, viet_nam_files_with, viet_nam_with,
};

const PARAMETERS: &str = include_str!("../packs/parameters.yaml");
const RULES: &str = include_str!("../packs/law.yaml");

fn pack() -> Pack {
    viet_nam_with(&[("parameters.yaml", PARAMETERS), ("life_events/93-birth-law.yaml", RULES)])
}

fn engine() -> Engine {
    Setup { pack: pack(), ..Setup::memory(1) }.open()
}

/// A birth on the day before the law changes, or on the day itself.
fn birth(number: &str, day: &str) -> Json {
    let data = json!({ "birth_certificate": format!("BC-{number}-{day}"), "birth_date": day });
    event(
        "health",
        &format!("h-{number}-{day}"),
        "health.birth.notified",
        number,
        &format!("{day}T08:00:00+07:00"),
        data,
    )
}

/// The rules of the changed law that a person was told under.
fn told(engine: &Engine, number: &str) -> BTreeSet<String> {
    let rules = inbox(engine, number).into_iter().flat_map(|one| one.rules).map(|(root, _)| root);
    rules.filter(|root| root.starts_with("law-")).collect()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn two_births_a_day_apart_are_judged_by_two_laws() {
    let engine = engine();
    for number in [MOTHER, FATHER] {
        state(&engine, number, "2026-01-01", &[("insured_months", "200")]);
    }
    ingest(&engine, &[birth(MOTHER, "2026-06-30"), birth(FATHER, "2026-07-01")], 2);
    settle(&engine, at("2026-06-30T10:00:00+07:00"));
    assert_eq!(told(&engine, MOTHER), names([]), "240 months are needed on that day, whoever files on it");
    for day in ["2026-07-01", "2026-07-02", "2026-07-03"] {
        settle(&engine, at(&format!("{day}T10:00:00+07:00")));
    }
    assert_eq!(
        told(&engine, MOTHER),
        names(["law-of-filing", "law-more-favourable"]),
        "who files today needs 180"
    );
    assert_eq!(told(&engine, FATHER), names(["law-of-occurrence", "law-of-filing", "law-more-favourable"]));
}

#[test]
fn what_the_law_of_the_occurrence_gave_stays_given_where_the_better_counts() {
    let harder = PARAMETERS.replace("value: 180", "value: 300");
    let rules = RULES.replace(
        "      - {name: enough by the new law, on: \"2026-07-01\", subject: {insured_months: 180}, expect: \"yes\"}\n",
        "",
    );
    let pack = viet_nam_with(&[("parameters.yaml", &harder), ("life_events/93-birth-law.yaml", &rules)]);
    let engine = Setup { pack, ..Setup::memory(1) }.open();
    state(&engine, MOTHER, "2026-01-01", &[("insured_months", "250")]);
    ingest(&engine, &[birth(MOTHER, "2026-06-30")], 1);
    // The message is planned after the change: who files now needs 300.
    settle(&engine, at("2026-07-01T10:00:00+07:00"));
    settle(&engine, at("2026-07-02T10:00:00+07:00"));
    assert_eq!(told(&engine, MOTHER), names(["law-of-occurrence", "law-more-favourable"]));
}

#[test]
fn the_order_and_the_batches_in_which_events_come_change_no_answer() {
    let run = |events: &[Json], size| {
        let engine = engine();
        for number in [MOTHER, FATHER] {
            state(&engine, number, "2026-01-01", &[("insured_months", "200")]);
        }
        ingest(&engine, events, size);
        tidings_tests::known(&engine).opportunities
    };
    let (one, two) = (birth(MOTHER, "2026-06-30"), birth(FATHER, "2026-07-01"));
    let first = run(&[one.clone(), two.clone()], 1);
    assert!(first.values().map(std::collections::BTreeMap::len).sum::<usize>() > 4);
    for (events, size) in [(vec![two.clone(), one.clone()], 1), (vec![one, two], 2)] {
        assert_eq!(run(&events, size), first);
    }
}

#[test]
fn cases_are_judged_by_the_law_of_their_day() {
    let pack = pack();
    let wrong: Vec<_> = run_cases(&pack).into_iter().filter(|case| !case.passed).collect();
    assert_eq!(wrong, []);
    let (_, rule) = pack.rule("law-of-occurrence").expect("the rule");
    let from: Vec<NaiveDate> = rule.versions.iter().map(|version| version.from).collect();
    assert_eq!(from, [day("2000-01-01"), day("2026-07-01")], "one version for each period of law");
}

/// The pack whose change of July became known only in September.
fn reaching_back() -> BTreeMap<String, String> {
    let late = PARAMETERS.replace(
        "{ from: \"2026-07-01\", value: 180",
        "{ from: \"2026-07-01\", known: \"2026-09-01\", value: 180",
    );
    let late = late.replace(
        "{from: \"2026-07-01\", value: 180",
        "{from: \"2026-07-01\", known: \"2026-09-01\", value: 180",
    );
    assert_ne!(late, PARAMETERS);
    let cases = "      - {name: enough by the new law, on: \"2026-07-01\", subject: {insured_months: 180}, expect: \"yes\"}\n";
    let rules = RULES.replace(cases, "");
    viet_nam_files_with(&[("parameters.yaml", &late), ("life_events/93-birth-law.yaml", &rules)])
}

#[test]
fn what_was_not_known_yet_is_left_out() {
    let versions = |known: Option<&str>| {
        let pack = Pack::as_known(reaching_back(), known.map(day)).expect("loads");
        pack.rule("law-of-occurrence").expect("the rule").1.versions.len()
    };
    assert_eq!(versions(None), 2);
    assert_eq!(versions(Some("2026-08-31")), 1, "in force since July, and known to nobody until September");
    assert_eq!(versions(Some("2026-09-01")), 2);
}

#[test]
fn a_law_that_reaches_back_lists_the_decisions_to_reopen() {
    let engine = Setup { pack: tidings_tests::load(reaching_back()), ..Setup::memory(8) }.open();
    for number in [MOTHER, FATHER] {
        state(&engine, number, "2026-01-01", &[("insured_months", "200")]);
    }
    ingest(&engine, &[birth(MOTHER, "2026-06-30"), birth(FATHER, "2026-07-15")], 2);
    let before = Pack::as_known(reaching_back(), Some(day("2026-08-31"))).expect("loads");
    let mut found = Vec::new();
    let looked = engine.reopen(before, |one| found.push(one)).expect("looks");
    assert_eq!(looked, 2);
    let father = tidings_tests::citizen(FATHER).to_string();
    let of =
        |one: &tidings_pipeline::reopen::Reopened| (one.citizen == father, one.rule.clone(), one.was, one.is);
    let mut changed: Vec<_> = found.iter().map(of).collect();
    changed.sort();
    let rule = |mine, name: &str| (mine, name.to_owned(), "no", "yes");
    let expected = [
        rule(false, "law-more-favourable"),
        rule(false, "law-of-filing"),
        rule(true, "law-more-favourable"),
        rule(true, "law-of-filing"),
        rule(true, "law-of-occurrence"),
    ];
    assert_eq!(changed, expected, "her birth was before the change: only who files later gains by it");
}

#[test]
fn an_explanation_tells_what_was_known_of_the_law_on_a_day() {
    let engine = Setup { pack: tidings_tests::load(reaching_back()), ..Setup::memory(1) }.open();
    state(&engine, FATHER, "2026-01-01", &[("insured_months", "200")]);
    ingest(&engine, &[birth(FATHER, "2026-07-15")], 1);
    let answer = |known: Option<&str>| {
        let back = LookBack { known: known.map(day), as_of: None };
        let now = at("2026-10-01T10:00:00+07:00");
        let found = engine.explain_past(tidings_tests::citizen(FATHER), None, back, now).expect("explains");
        let rules = found.decisions.into_iter().flat_map(|one| one.rules);
        let rule = rules.into_iter().find(|rule| rule.rule == "law-of-occurrence").expect("considered");
        rule.answer
    };
    assert_eq!(answer(None), "yes");
    assert_eq!(answer(Some("2026-08-31")), "no", "in force since July, and known to nobody until September");
    assert_eq!(answer(Some("2026-09-01")), "yes");
}

#[test]
fn the_cases_of_one_day_are_those_of_its_law() {
    let names = |day_: &str| {
        let of_day = law_of_day(pack(), day(day_));
        let results = run_cases(&of_day).into_iter().filter(|case| case.rule == "law-of-occurrence");
        let results: Vec<_> = results.map(|case| (case.case, case.passed)).collect();
        assert!(results.iter().all(|(_, passed)| *passed), "{results:?}");
        results.into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>()
    };
    let (before, after) = (names("2026-06-30"), names("2026-07-01"));
    assert!(after.contains("enough by the new law") && !before.contains("enough by the new law"));
    assert!(!before.is_empty() && before.is_disjoint(&after));
    let none = law_of_day(pack(), day("1900-01-01"));
    assert_eq!(run_cases(&none), [], "no rule was in force");
}

#[test]
fn a_rule_without_its_figure_does_not_load() {
    let late = PARAMETERS.replace("2000-01-01\", value: 240", "2001-01-01\", value: 240");
    let files = [("parameters.yaml", late.as_str()), ("life_events/93-birth-law.yaml", RULES)];
    let files = viet_nam_files_with(&files);
    let found = Pack::from_files(files).expect_err("no figure in 2000");
    assert_eq!(found.len(), 3, "{found:?}");
    let first = &found[0];
    assert_eq!((first.file.as_str(), first.line, first.column), ("life_events/93-birth-law.yaml", 15, 37));
    assert!(first.message.contains("law.insured_months_needed` on 2000-01-01"), "{first}");
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}
