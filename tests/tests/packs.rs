//! What changes when a pack changes: as little as it must.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tidings_domain::record::Kind;
use tidings_pipeline::engine::Engine;
use tidings_tests::{FATHER, MOTHER, Setup, at, event, inbox, ingest, load, settle};

fn birth() -> Json {
    let data = json!({ "birth_certificate": "BC-1", "birth_date": "2026-03-01", "father": FATHER });
    event("health", "h-1", "health.birth.notified", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

fn edited(edit: impl FnOnce(&mut String)) -> BTreeMap<String, String> {
    let mut files = tidings_rules::packs::viet_nam();
    edit(files.get_mut("life_events/01-birth.yaml").expect("the birth"));
    files
}

fn firsts(engine: &Engine) -> usize {
    inbox(engine, MOTHER).iter().filter(|message| message.kind == Kind::First).count()
}

#[test]
fn a_renamed_rule_does_not_tell_again() {
    let engine = Setup::memory(1).open();
    ingest(&engine, &[birth()], 1);
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    let before = inbox(&engine, MOTHER);
    assert_eq!(firsts(&engine), 1);
    let renamed = edited(|text| {
        *text = text.replace(
            "  - key: birth-registration\n",
            "  - key: birth-registering\n    formerly: [birth-registration]\n",
        );
        *text = text.replace("covers: [birth-registration,", "covers: [birth-registering,");
    });
    engine.activate(load(renamed), at("2026-03-03T09:00:00+07:00")).expect("activates");
    engine.sweep(|_| ()).expect("sweeps");
    let again = json!({ "birth_certificate": "BC-1", "birth_date": "2026-03-02", "father": FATHER });
    let again = event("health", "h-2", "health.birth.notified", MOTHER, "2026-03-03T12:00:00+07:00", again);
    ingest(&engine, &[again], 1);
    settle(&engine, at("2026-03-04T10:00:00+07:00"));
    assert_eq!(inbox(&engine, MOTHER), before, "one message");
}

/// The birth rules with one more, which looks back or does not.
fn with_new_rule(backfill: &str) -> BTreeMap<String, String> {
    edited(|text| {
        let start = text.find("  - key: birth-registration").expect("a rule with a deadline");
        let end = text[start + 1..].find("\n  - key: ").map_or(text.len(), |end| start + 1 + end + 1);
        let new = text[start..end].replace("key: birth-registration", "key: birth-new-benefit");
        let place = new.find("backfill: ").expect("every rule says it");
        let line = new[place..].find('\n').expect("a line") + place;
        let new = format!("{}backfill: {backfill}{}", &new[..place], &new[line..]);
        text.push_str(if text.ends_with('\n') { "" } else { "\n" });
        text.push_str(&new);
    })
}

#[test]
fn a_new_pack_does_not_write_to_everyone_whose_moment_has_passed() {
    for (backfill, more) in [("none", 0), ("open", 1)] {
        let engine = Setup::memory(1).open();
        ingest(&engine, &[birth()], 1);
        settle(&engine, at("2026-03-02T10:00:00+07:00"));
        let before: usize = inbox(&engine, MOTHER).iter().map(|message| message.tells.len()).sum();
        let activation = engine
            .activate(load(with_new_rule(backfill)), at("2026-03-20T09:00:00+07:00"))
            .expect("activates");
        assert_eq!(activation.new_rules, ["birth-new-benefit"]);
        assert_eq!(activation.sweep, backfill == "open");
        engine.sweep(|_| ()).expect("sweeps");
        for day in ["2026-03-20", "2026-03-21", "2026-03-28", "2026-04-05"] {
            settle(&engine, at(&format!("{day}T15:00:00+07:00")));
        }
        let told = inbox(&engine, MOTHER);
        let new =
            told.iter().flat_map(|one| &one.rules).filter(|(root, _)| root == "birth-new-benefit").count();
        assert_eq!(new, more, "backfill: {backfill}");
        assert!(told.iter().map(|message| message.tells.len()).sum::<usize>() >= before + more);
    }
}

#[test]
fn a_shard_refuses_a_commit_that_was_judged_under_another_pack() {
    let engine = Setup::memory(1).open();
    let old = engine.active();
    engine.activate(load(with_new_rule("none")), at("2026-03-20T09:00:00+07:00")).expect("activates");
    assert!(engine.active().epoch > old.epoch);
    // Judged again under the new pack, without the caller doing anything.
    let ends = ingest(&engine, &[birth()], 1);
    assert_eq!(ends.len(), 1);
}

#[test]
fn a_look_back_that_was_cut_short_is_asked_for_again() {
    let store = std::sync::Arc::new(tidings_stores::MemoryStore::new(1));
    let ring = std::sync::Arc::new(tidings_stores::MemoryKeyRing::new());
    let setup = |pack| Setup { store: store.clone(), ring: ring.clone(), pack, ..Setup::memory(1) };
    let engine = setup(tidings_tests::viet_nam()).open();
    ingest(&engine, &[birth()], 1);
    drop(engine);
    // A command opens the store under the new pack and goes away without looking back.
    drop(setup(load(with_new_rule("open"))).open());
    let (engine, activation) = setup(load(with_new_rule("open"))).open_and_tell();
    assert!(activation.sweep, "what was asked for is still to be done");
    engine.sweep(|_| ()).expect("sweeps");
    drop(engine);
    let (_, activation) = setup(load(with_new_rule("open"))).open_and_tell();
    assert!(!activation.sweep, "and is done once");
}
