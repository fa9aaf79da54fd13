//! What provinces and communes add to the national pack and change in it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tidings_pipeline::engine::Engine;
use tidings_rules::Pack;
use tidings_rules::pack::run_cases;
use tidings_tests::{
    CHILD, FATHER, MOTHER, Setup, at, event, inbox, ingest, settle, state, viet_nam_files_with,
};

const PARAMETERS: &str = include_str!("../packs/parameters.yaml");
const LAW: &str = include_str!("../packs/law.yaml");
const PROVINCE: &str = include_str!("../packs/overlay-province.yaml");
const COMMUNE: &str = include_str!("../packs/overlay-commune.yaml");

fn files() -> BTreeMap<String, String> {
    viet_nam_files_with(&[
        ("parameters.yaml", PARAMETERS),
        ("life_events/93-birth-law.yaml", LAW),
        ("overlays/01.yaml", PROVINCE),
        ("overlays/01-00001.yaml", COMMUNE),
    ])
}

fn births(engine: &Engine) {
    let birth = |number: &str| -> Json {
        let data = json!({ "birth_certificate": format!("BC-{number}"), "birth_date": "2026-03-01" });
        event(
            "health",
            &format!("h-{number}"),
            "health.birth.notified",
            number,
            "2026-03-02T08:00:00+07:00",
            data,
        )
    };
    ingest(engine, &[birth(MOTHER), birth(FATHER), birth(CHILD)], 3);
    for day in ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-10", "2026-03-11"] {
        settle(engine, at(&format!("{day}T10:00:00+07:00")));
    }
}

fn told(engine: &Engine, number: &str, rule: &str) -> Option<String> {
    let about = |one: &tidings_domain::message::Notification| one.rules.iter().any(|(root, _)| root == rule);
    inbox(engine, number).into_iter().find(about).map(|one| one.body)
}

#[test]
fn an_overlay_holds_where_it_says_and_nowhere_else() {
    let engine = Setup { pack: tidings_tests::load(files()), ..Setup::memory(1) }.open();
    state(
        &engine,
        MOTHER,
        "2026-01-01",
        &[("province", "01"), ("commune", "00009"), ("insured_months", "150")],
    );
    state(
        &engine,
        FATHER,
        "2026-01-01",
        &[("province", "01"), ("commune", "00001"), ("insured_months", "99")],
    );
    state(
        &engine,
        CHILD,
        "2026-01-01",
        &[("province", "79"), ("commune", "27001"), ("insured_months", "150")],
    );
    births(&engine);
    let gift = |number| told(&engine, number, "gift");
    assert!(gift(MOTHER).expect("she lives there").contains("30/05/2026"), "the province gives ninety days");
    assert!(
        gift(FATHER).expect("he lives there").contains("29/06/2026"),
        "the commune gives one hundred and twenty"
    );
    assert_eq!(gift(CHILD), None, "another province has no such gift");
    let enough = |number| told(&engine, number, "law-of-occurrence").is_some();
    assert!(enough(MOTHER), "the province asks for 100 months");
    assert!(!enough(FATHER), "and 99 are too few there as well");
    assert!(!enough(CHILD), "elsewhere 240 are needed");
    let text = told(&engine, MOTHER, "law-of-occurrence").expect("told");
    assert!(text.contains("Tại quầy riêng của tỉnh."), "{text}");
}

#[test]
fn who_lives_nobody_knows_where_meets_no_rule_of_a_place() {
    let engine = Setup { pack: tidings_tests::load(files()), ..Setup::memory(1) }.open();
    state(&engine, MOTHER, "2026-01-01", &[("insured_months", "150")]);
    births(&engine);
    assert_eq!(told(&engine, MOTHER, "gift"), None);
    let record = engine.record(tidings_tests::citizen(MOTHER)).expect("reads").record;
    assert!(record.opportunities.values().all(|one| one.rule != "gift"), "not even as a question");
}

#[test]
fn what_comes_of_an_overlay_keeps_its_name() {
    let pack = tidings_tests::load(files());
    let wrong: Vec<_> = run_cases(&pack).into_iter().filter(|case| !case.passed).collect();
    assert_eq!(wrong, []);
    let (_, gift) = pack.rule("gift").expect("the rule");
    assert_eq!(gift.scope.as_ref().map(|scope| scope.overlay.as_str()), Some("province-01"));
    let levels: Vec<&str> = pack.parameters["gift_days"].local.iter().map(|it| it.overlay.as_str()).collect();
    assert_eq!(levels, ["commune-00001", "province-01"], "the narrower first");
    assert_eq!(pack.services["khai-sinh"].local[0].overlay, "province-01");
}

#[test]
fn two_overlays_that_change_one_thing_for_one_place_do_not_load() {
    let mut files = files();
    let again = PROVINCE
        .replace("overlay: province-01", "overlay: province-01-again")
        .replace("key: gift", "key: gift-2");
    files.insert("overlays/02.yaml".to_owned(), again);
    let found = Pack::from_files(files).expect_err("a conflict");
    let codes: Vec<_> = found.iter().map(|one| (one.file.as_str(), one.code.as_str())).collect();
    let conflicts = codes.iter().filter(|code| **code == ("overlays/02.yaml", "P066")).count();
    assert_eq!(conflicts, 3, "both figures and the service: {found:?}");
}

#[test]
fn a_national_rule_cannot_use_the_figure_of_one_place() {
    let mut files = files();
    let law = LAW.replace("law.insured_months_needed", "law.gift_days");
    files.insert("life_events/93-birth-law.yaml".to_owned(), law);
    let found = Pack::from_files(files).expect_err("no national figure");
    assert!(found.iter().all(|one| one.code.as_str() == "P065"), "{found:?}");
}
