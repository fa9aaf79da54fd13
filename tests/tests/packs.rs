//! What changes when a pack changes: as little as it must.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tidings_domain::event::End;
use tidings_domain::record::Kind;
use tidings_domain::store::Table;
use tidings_domain::time::LeaseTime;
use tidings_pipeline::engine::Engine;
use tidings_tests::{
    CHILD, FATHER, MOTHER, Setup, at, count, event, inbox, ingest, ingest_lines, load, settle,
};

fn birth() -> Json {
    let data = json!({ "birth_certificate": "BC-1", "birth_date": "2026-03-01", "father": FATHER });
    event("health", "h-1", "health.birth.notified", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

fn edited(edit: impl FnOnce(&mut String)) -> BTreeMap<String, String> {
    let mut files = tidings_tests::unasked(tidings_rules::packs::viet_nam());
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
    let setup = Setup::memory(1);
    let (store, ring) = (Arc::clone(&setup.store), Arc::clone(&setup.ring));
    let behind = setup.open();
    let new = Setup { store, ring, pack: load(with_new_rule("none")), ..Setup::memory(1) }.open();
    assert!(new.active().epoch > behind.active().epoch);
    let lines = [birth().to_string().into_bytes()];
    assert!(ingest_lines(&behind, "test", &lines, 1)[0].is_err(), "it knows the old pack alone");
    assert_eq!(count(&new, Table::Event) + count(&new, Table::Citizen), 0, "and has left nothing behind");
    assert_eq!(ingest(&new, &[birth()], 1), [End::Committed]);
    let morning = at("2026-03-02T10:00:00+07:00");
    behind.plan(morning, LeaseTime(1)).expect("leaves it to others");
    assert_eq!(count(&new, Table::Notification), 0, "nothing is planned under the old pack either");
    settle(&new, morning);
    assert_eq!(firsts(&new), 1);
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

/// Reminders to register a birth, once a registration is reported, of this birth or of another (`certificate`), that
/// names no father.
fn reminders_after(files: BTreeMap<String, String>, certificate: &str) -> usize {
    let engine = Setup { pack: load(files), ..Setup::memory(1) }.open();
    ingest(&engine, &[birth()], 1);
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    let data = json!({
        "birth_certificate": certificate, "birth_date": "2026-03-01", "child": CHILD, "registered_on": "2026-03-05",
    });
    let time = "2026-03-05T09:00:00+07:00";
    let registered = event("civil-registry", "r-1", "civil.birth.registered", MOTHER, time, data);
    let beat = |source: &str| {
        let id = format!("{source}-w");
        event(source, &id, "tidings.watermark", "-", "2026-12-01T00:00:00+07:00", json!({}))
    };
    let beats = ["civil-registry", "portal", "health", "population"].map(beat);
    ingest(&engine, &[vec![registered], beats.to_vec()].concat(), 7);
    for day in 6..60 {
        settle(&engine, at("2026-03-01T10:00:00+07:00") + std::time::Duration::from_secs(day * 86_400));
    }
    let about = |message: &tidings_domain::message::Notification| {
        message.rules.iter().any(|(root, _)| root == "birth-registration")
    };
    let reminders = inbox(&engine, MOTHER).into_iter().filter(|one| matches!(one.kind, Kind::Reminder(_)));
    reminders.filter(about).count()
}

#[test]
fn what_ends_a_need_is_the_same_in_every_field_that_the_rule_names() {
    assert_eq!(reminders_after(edited(|_| {}), "BC-1"), 0, "this birth is registered");
    assert!(reminders_after(edited(|_| {}), "BC-2") > 0, "another birth's registration ends nothing");
    let both = edited(|text| {
        *text = text.replace(
            "{life_event: birth-registered, same: [birth_certificate]}",
            "{life_event: birth-registered, same: [birth_certificate, father]}",
        );
    });
    assert!(reminders_after(both, "BC-1") > 0, "nor does one that is the same in one field of two");
}
