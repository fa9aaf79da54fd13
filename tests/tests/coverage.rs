//! What share is proactive: files counted in the store, and the command that prints it all.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops at its first failure")]

use serde_json::{Value as Json, json};
use tidings_pipeline::engine::Engine;
use tidings_tests::process::Deployment;
use tidings_tests::{CHILD, FATHER, MOTHER, Setup, at, event, ingest, load, settle, state};

const TEEN: &str = "001212000009";

const TOLD: &str = "2026-03-02T10:00:00+07:00";

fn birth() -> Json {
    let data = json!({ "birth_certificate": "BC-1", "birth_date": "2026-03-01", "father": FATHER });
    event("health", "h-1", "health.birth.notified", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

fn registered(time: &str) -> Json {
    let data = json!({
        "birth_certificate": "BC-1", "birth_date": "2026-03-01", "child": CHILD, "father": FATHER,
        "registered_on": "2026-03-02",
    });
    event("civil-registry", "r-1", "civil.birth.registered", MOTHER, time, data)
}

/// The pack with the mother's rules at a level of our choice.
fn engine_at(level: &str) -> Engine {
    let mut files = tidings_tests::unasked(tidings_rules::packs::viet_nam());
    let birth = files.get_mut("life_events/01-birth.yaml").expect("the birth");
    let registration = birth.find("key: birth-registration").expect("the rule");
    let place = registration + birth[registration..].find("level: 1").expect("its level");
    birth.replace_range(place..place + "level: 1".len(), &format!("level: {level}"));
    Setup { pack: load(files), ..Setup::memory(1) }.open()
}

#[test]
fn a_file_counts_as_proactive_when_its_need_was_told_before_it_ended() {
    let engine = engine_at("2");
    ingest(&engine, &[birth()], 1);
    settle(&engine, at(TOLD));
    let before = engine.files().expect("counts");
    assert_eq!((before.done, before.told_by_level), (0, [0, 0, 0]), "told, and not done yet");
    assert!(before.untraced > 0, "nothing reports what came of the health card");
    ingest(&engine, &[registered("2026-03-05T09:00:00+07:00")], 1);
    settle(&engine, at("2026-03-05T15:00:00+07:00"));
    let after = engine.files().expect("counts");
    assert_eq!((after.done, after.told_by_level), (1, [0, 1, 0]), "one need, at its rule's level");
}

#[test]
fn a_file_that_was_done_before_anybody_was_told_is_done_and_no_more() {
    let engine = engine_at("1");
    ingest(&engine, &[birth(), registered("2026-03-02T08:30:00+07:00")], 2);
    settle(&engine, at(TOLD));
    let found = engine.files().expect("counts");
    assert_eq!((found.done, found.told_by_level), (1, [0, 0, 0]));
}

#[test]
fn a_need_of_which_both_parents_were_told_is_one_file() {
    let engine = engine_at("1");
    // Fourteen on 1 May 2026.
    let facts = [("birth_date", "2012-05-01"), ("mother", MOTHER), ("father", FATHER)];
    state(&engine, TEEN, "2026-01-01", &facts);
    let card = event(
        "population",
        "c-1",
        "population.card.issued",
        TEEN,
        "2026-05-20T08:00:00+07:00",
        json!({ "card_number": "CC-9", "expires_on": "2037-03-10" }),
    );
    ingest(&engine, &[birth(), registered("2026-03-02T08:30:00+07:00")], 2);
    settle(&engine, at(TOLD));
    for day in ["04-20", "05-01", "05-08"] {
        settle(&engine, at(&format!("2026-{day}T15:00:00+07:00")));
    }
    let told = |number| {
        let rules = tidings_tests::inbox(&engine, number).into_iter().flat_map(|message| message.rules);
        rules.filter(|(root, _)| root == "age-14-first-card").count()
    };
    assert_eq!((told(MOTHER), told(FATHER)), (1, 1));
    ingest(&engine, &[card], 1);
    let found = engine.files().expect("counts");
    assert_eq!((found.done, found.told_by_level), (2, [1, 0, 0]), "the birth untold, and one card");
}

#[test]
fn the_command_prints_the_share_its_target_and_the_reasons() {
    let deployment = Deployment::new("");
    let found = deployment.json(&["coverage", "--as-of", "2026-11-24"]);
    let list = &found["lists"][0];
    assert_eq!(list["share"]["of"], json!(25));
    assert_eq!(list["target"]["share"], json!(50));
    assert_eq!(found["services"]["of"], json!(118), "two of the 120 open in 2027");
    assert_eq!(found["files"], Json::Null, "no store was asked");
    for member in list["members"].as_array().unwrap() {
        let silent = member["silent"].as_array().unwrap();
        assert_eq!(silent.is_empty(), member["level"].is_number(), "{member}");
    }
    let page = deployment.tidings(&["coverage", "--as-of", "2026-11-24"]).exits(0);
    assert!(page.out.contains("target: 50 % by 2030-12-31") && page.out.contains("n/a"), "{}", page.out);
    let fines = "False messages about camera fines are common";
    assert!(page.out.contains(fines), "the reason stands under its member: {}", page.out);
    let counted = deployment.json(&["coverage", "--store"]);
    assert_eq!(counted["files"]["done"], json!(0), "a store in which nothing happened");
}
