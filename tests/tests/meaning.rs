//! What a birth, a death, a shield, a correction and a new pack mean to the people concerned.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use serde_json::{Value as Json, json};
use tidings_domain::event::End;
use tidings_domain::record::Kind;
use tidings_pipeline::engine::Engine;
use tidings_tests::{CHILD, FATHER, MOTHER, Setup, at, event, inbox, ingest, settle};

fn hospital(id: &str, date: &str) -> Json {
    let data = json!({ "birth_certificate": "BC-1", "birth_date": date, "father": FATHER });
    event("health", id, "health.birth.notified", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

fn registry(id: &str, date: &str, time: &str) -> Json {
    let data = json!({
        "birth_certificate": "BC-1", "birth_date": date, "child": CHILD, "father": FATHER,
        "registered_on": "2026-03-20",
    });
    event("civil-registry", id, "civil.birth.registered", MOTHER, time, data)
}

fn death(number: &str, id: &str, time: &str) -> Json {
    let data = json!({ "death_date": &time[..10], "certificate": "DC-1", "registered_on": &time[..10] });
    event("civil-registry", id, "civil.death.registered", number, time, data)
}

fn firsts(engine: &Engine, number: &str) -> usize {
    inbox(engine, number).iter().filter(|message| message.kind == Kind::First).count()
}

#[test]
fn one_birth_told_by_two_agencies_with_a_corrected_date_is_one_message() {
    let engine = Setup::memory(1).open();
    ingest(&engine, &[hospital("h-1", "2026-03-01")], 1);
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    assert_eq!(firsts(&engine, MOTHER), 1, "the hospital's report is told");
    ingest(&engine, &[hospital("h-2", "2026-03-02")], 1);
    ingest(&engine, &[registry("r-1", "2026-03-02", "2026-03-20T09:00:00+07:00")], 1);
    settle(&engine, at("2026-03-20T15:00:00+07:00"));
    settle(&engine, at("2026-03-21T15:00:00+07:00"));
    let told = inbox(&engine, MOTHER);
    let about_birth =
        told.iter().filter(|message| message.rules.iter().any(|(_, service)| service.contains("khai-sinh")));
    assert_eq!(
        about_birth.count(),
        1,
        "one message about registering the birth, whoever reports it and however often"
    );
}

#[test]
fn a_repeated_event_is_a_duplicate_and_another_saying_under_its_id_is_refused() {
    let engine = Setup::memory(1).open();
    let ends = ingest(&engine, &[hospital("h-1", "2026-03-01"), hospital("h-1", "2026-03-01")], 7);
    assert_eq!(ends, [End::Committed, End::Duplicate]);
    let ends = ingest(&engine, &[hospital("h-1", "2026-03-01"), hospital("h-1", "2026-03-09")], 1);
    assert_eq!(ends[0], End::Duplicate);
    assert!(matches!(&ends[1], End::DeadLetter(reason) if reason.code.code() == "conflicting-id"));
}

#[test]
fn a_death_silences_before_between_and_after() {
    let birth = || hospital("h-1", "2026-03-01");
    let dead = || death(MOTHER, "d-1", "2026-03-01T20:00:00+07:00");
    for (name, order) in [("before", vec![dead(), birth()]), ("after", vec![birth(), dead()])] {
        let engine = Setup::memory(1).open();
        ingest(&engine, &order, 1);
        settle(&engine, at("2026-03-02T10:00:00+07:00"));
        settle(&engine, at("2026-04-20T10:00:00+07:00"));
        assert_eq!(inbox(&engine, MOTHER).len(), 0, "death {name} the birth's report");
    }
    let engine = Setup::memory(1).open();
    ingest(&engine, &[birth()], 1);
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    assert_eq!(inbox(&engine, MOTHER).len(), 1);
    ingest(&engine, &[death(MOTHER, "d-1", "2026-03-03T20:00:00+07:00")], 1);
    for day in ["2026-03-10", "2026-04-10", "2026-04-20", "2026-04-29"] {
        settle(&engine, at(&format!("{day}T10:00:00+07:00")));
    }
    assert_eq!(inbox(&engine, MOTHER).len(), 1, "no reminder goes to the dead");
}

#[test]
fn a_death_taken_back_plans_anew_what_fell_due() {
    let engine = Setup::memory(1).open();
    ingest(&engine, &[hospital("h-1", "2026-03-01"), death(MOTHER, "d-1", "2026-03-01T20:00:00+07:00")], 7);
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    assert_eq!(inbox(&engine, MOTHER).len(), 0);
    let back = json!({ "event_id": "d-1" });
    let time = "2026-03-04T09:00:00+07:00";
    ingest(&engine, &[event("civil-registry", "x-1", "civil.statement.retracted", MOTHER, time, back)], 1);
    settle(&engine, at("2026-03-04T10:00:00+07:00"));
    assert_eq!(firsts(&engine, MOTHER), 1, "what was silenced is told");
}

#[test]
fn an_unconfirmed_death_pauses_and_tells_no_family() {
    let engine = Setup::memory(1).open();
    let wed = json!({ "marriage_certificate": "M-1", "spouse": FATHER, "registered_on": "2026-01-10" });
    let time = "2026-01-10T09:00:00+07:00";
    ingest(&engine, &[event("civil-registry", "m-1", "civil.marriage.registered", MOTHER, time, wed)], 1);
    settle(&engine, at("2026-01-11T10:00:00+07:00"));
    let work =
        json!({ "contract": "C-1", "ended_on": "2026-02-01", "insured_months": 200, "cause": "expired" });
    let time = "2026-02-01T09:00:00+07:00";
    ingest(&engine, &[event("social-insurance", "w-1", "employment.ended", MOTHER, time, work)], 1);
    settle(&engine, at("2026-02-02T10:00:00+07:00"));
    let before = inbox(&engine, FATHER).len();
    let report = json!({ "death_date": "2026-03-01" });
    let time = "2026-03-01T20:00:00+07:00";
    ingest(&engine, &[event("health", "hd-1", "health.death.notified", MOTHER, time, report)], 1);
    ingest(&engine, &[hospital("h-1", "2026-03-01")], 1);
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    let mothers = inbox(&engine, MOTHER);
    assert_eq!(mothers.iter().filter(|one| one.planned > at("2026-03-01T00:00:00Z")).count(), 0);
    assert_eq!(
        inbox(&engine, FATHER).len(),
        before,
        "the family is not told of a death that nobody has confirmed"
    );
    ingest(&engine, &[death(MOTHER, "d-1", "2026-03-01T20:00:00+07:00")], 1);
    settle(&engine, at("2026-03-05T10:00:00+07:00"));
    assert!(inbox(&engine, FATHER).len() > before, "a confirmed death reaches the spouse");
}

/// Everything that a father can see, for two worlds that differ in a hidden mother's move alone.
#[test]
fn a_hidden_parents_move_changes_nothing_that_the_other_parent_can_see() {
    let world = |moves: bool| {
        let engine = Setup::memory(1).open();
        let order = json!({ "order": "CO-1", "against": FATHER });
        let shield = |id: &str, who: &str| {
            event("courts", id, "court.shield.ordered", who, "2026-04-01T09:00:00+07:00", order.clone())
        };
        let mut events = vec![
            registry("r-1", "2026-03-02", "2026-03-20T09:00:00+07:00"),
            shield("s-1", MOTHER),
            shield("s-2", CHILD),
        ];
        let moved = |id: &str, who: &str| {
            let data = json!({
                "registration": format!("RG-{id}"), "province": "48", "commune": "20194",
                "moved_on": "2026-05-01", "kind": "permanent",
            });
            event("population", id, "population.residence.changed", who, "2026-05-01T09:00:00+07:00", data)
        };
        if moves {
            events.extend([moved("p-1", MOTHER), moved("p-2", CHILD)]);
        }
        let school = json!({ "school_year": "2032-2033", "grade": 1, "closes_on": "2026-07-31" });
        events.push(event(
            "education",
            "e-1",
            "school.enrolment.opened",
            CHILD,
            "2026-06-01T09:00:00+07:00",
            school,
        ));
        for one in events {
            ingest(&engine, &[one], 1);
        }
        for day in ["2026-04-02", "2026-05-02", "2026-06-02", "2026-06-20"] {
            settle(&engine, at(&format!("{day}T10:00:00+07:00")));
        }
        let now = at("2026-06-21T10:00:00+07:00");
        let seen = engine.explain(tidings_tests::citizen(FATHER), None, now).expect("explains");
        (serde_json::to_string(&seen).expect("serialises"), inbox(&engine, MOTHER).len())
    };
    let (still, _) = world(false);
    let (moved, mothers) = world(true);
    assert_eq!(still, moved, "messages, explanation and timeline are the same to the byte");
    assert!(mothers > 0, "the mother herself is served");
    assert!(!moved.contains("school"), "a closed link looks like nothing");
}

#[test]
fn a_refusal_of_everything_stops_all_but_what_the_law_commands() {
    let engine = Setup::memory(1).open();
    let refused = json!({ "what": "all" });
    ingest(
        &engine,
        &[
            event(
                "portal",
                "p-1",
                "preference.refused",
                MOTHER,
                "2026-01-05T09:00:00+07:00",
                refused.clone(),
            ),
            hospital("h-1", "2026-03-01"),
        ],
        7,
    );
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    let active = engine.active();
    let only_commanded = inbox(&engine, MOTHER)
        .iter()
        .flat_map(|message| message.rules.clone())
        .all(|(root, _)| active.pack.rule(&root).is_some_and(|(_, rule)| rule.must_tell.is_some()));
    assert!(only_commanded, "after a refusal only what the law commands is told");
    ingest(
        &engine,
        &[event("portal", "p-2", "preference.restored", MOTHER, "2026-03-03T09:00:00+07:00", refused)],
        1,
    );
    settle(&engine, at("2026-03-04T10:00:00+07:00"));
    assert_eq!(firsts(&engine, MOTHER), 1, "a refusal withdrawn counts from then on");
}

#[test]
fn reminders_come_until_the_step_is_taken() {
    let told = |registers: bool| {
        let engine = Setup::memory(1).open();
        ingest(&engine, &[hospital("h-1", "2026-03-01")], 1);
        settle(&engine, at("2026-03-02T10:00:00+07:00"));
        if registers {
            ingest(&engine, &[registry("r-1", "2026-03-01", "2026-03-05T09:00:00+07:00")], 1);
        }
        // Every source that could have reported the registration has caught up.
        let beat = |source: &str| {
            event(
                source,
                &format!("{source}-w"),
                "tidings.watermark",
                "-",
                "2026-06-01T00:00:00+07:00",
                json!({}),
            )
        };
        ingest(&engine, &["civil-registry", "portal", "health", "population"].map(beat), 7);
        for day in 3..60 {
            settle(&engine, at("2026-03-01T10:00:00+07:00") + std::time::Duration::from_secs(day * 86_400));
        }
        let inbox = inbox(&engine, MOTHER);
        let about = inbox.iter().filter(|one| {
            one.rules.iter().any(|(root, _)| root.contains("birth") || root.contains("khai-sinh"))
        });
        about.filter(|one| matches!(one.kind, Kind::Reminder(_))).count()
    };
    assert!(told(false) > 0, "the step is still to be taken: reminded");
    assert_eq!(told(true), 0, "the step was taken: not reminded");
}

#[test]
fn a_file_ends_the_need_that_it_is_for_and_no_other() {
    let states = |service: &str| {
        let engine = Setup::memory(1).open();
        tidings_tests::state(
            &engine,
            MOTHER,
            "2026-01-01",
            &[("employed", "true"), ("insured_months", "60")],
        );
        let filed = json!({
            "service": service, "reference": "F-1", "filed_on": "2026-03-02", "birth_certificate": "BC-1",
        });
        let time = "2026-03-02T09:00:00+07:00";
        let filed = event("portal", "p-1", "service.filed", MOTHER, time, filed);
        ingest(&engine, &[hospital("h-1", "2026-03-01"), filed], 2);
        settle(&engine, at("2026-03-02T10:00:00+07:00"));
        let now = at("2026-03-02T11:00:00+07:00");
        let found = engine.explain(tidings_tests::citizen(MOTHER), None, now).expect("explains");
        let rules = found.decisions.into_iter().flat_map(|one| one.rules);
        let state = |key: &str, rules: &[tidings_pipeline::explain::Considered]| {
            let rule = rules.iter().find(|rule| rule.rule == key).expect("considered");
            rule.state.starts_with("told")
        };
        let rules: Vec<_> = rules.collect();
        ["birth-registration", "birth-maternity"].map(|key| state(key, &rules))
    };
    assert_eq!(
        states("thai-san-me"),
        [true, false],
        "who filed for maternity pay still has a birth to register"
    );
    assert_eq!(states("khai-sinh"), [false, true]);
    assert_eq!(states("tiem-chung"), [true, true]);
}

#[test]
fn a_reminder_waits_for_a_source_that_has_not_caught_up() {
    let engine = Setup::memory(1).open();
    ingest(&engine, &[hospital("h-1", "2026-03-01")], 1);
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    for day in 3..50 {
        settle(&engine, at("2026-03-01T10:00:00+07:00") + std::time::Duration::from_secs(day * 86_400));
    }
    let sent = inbox(&engine, MOTHER).iter().filter(|one| matches!(one.kind, Kind::Reminder(_))).count();
    assert_eq!(sent, 0, "the registry has said nothing since: it may have registered the birth already");
}

#[test]
fn a_forgotten_person_stays_forgotten_whoever_speaks_of_them() {
    for shards in [1, 8] {
        let engine = Setup::memory(shards).open();
        ingest(&engine, &[hospital("h-1", "2026-03-01")], 1);
        let father = tidings_tests::citizen(FATHER);
        assert!(engine.record(father).expect("reads").sealer.is_some(), "the birth names the father");
        assert!(engine.forget(father).expect("forgets").known);
        let own = json!({ "what": "all" });
        let own = event("portal", "p-1", "preference.refused", FATHER, "2026-03-03T09:00:00+07:00", own);
        let ends = ingest(&engine, &[registry("r-1", "2026-03-01", "2026-03-20T09:00:00+07:00"), own], 1);
        assert_eq!(ends[0], End::Committed, "the mother's event counts");
        assert_eq!(ends[1], End::Ignored(tidings_domain::event::Ignored::Forgotten));
        assert!(engine.record(father).expect("reads").sealer.is_none(), "and brings nobody back");
    }
}

#[test]
fn an_explanation_names_law_version_facts_and_what_else_was_considered() {
    let engine = Setup::memory(1).open();
    ingest(&engine, &[hospital("h-1", "2026-03-01")], 1);
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    let now = at("2026-03-02T11:00:00+07:00");
    let mut found = engine.explain(tidings_tests::citizen(MOTHER), None, now).expect("explains");
    assert_eq!(found.messages.len(), 1);
    let birth = found.decisions.remove(0);
    assert!(
        birth
            .facts
            .iter()
            .any(|fact| fact.name == "event.birth_date" && fact.value.as_deref() == Some("2026-03-01"))
    );
    let told = birth.rules.iter().find(|rule| rule.rule == "birth-registration").expect("considered");
    assert_eq!((told.answer.as_str(), told.deadline.as_deref()), ("yes", Some("2026-04-30")));
    assert!(told.law.iter().any(|law| law.contains("Luật Hộ tịch")) && told.state.starts_with("told"));
    let not = birth.rules.iter().find(|rule| rule.rule == "birth-linked").expect("considered too");
    assert_eq!(
        (not.answer.as_str(), not.because.as_slice()),
        ("no", &["subject.commune IS NOT NULL".to_owned()][..])
    );
    let unknown = birth.rules.iter().find(|rule| rule.answer == "unknown").expect("a rule that lacks a fact");
    assert!(unknown.because.iter().all(|why| why.contains("is not known")), "{unknown:?}");
    assert!(engine.explain(tidings_tests::citizen(CHILD), None, now).is_err(), "nothing is known of others");
}

#[test]
fn when_places_are_short_the_most_important_is_told_and_the_rest_waits_with_the_reason() {
    let engine = Setup::memory(1).open();
    let work =
        json!({ "contract": "C-1", "ended_on": "2026-03-01", "insured_months": 100, "cause": "expired" });
    let work =
        event("social-insurance", "w-1", "employment.ended", MOTHER, "2026-03-02T08:00:00+07:00", work);
    ingest(&engine, &[work, hospital("h-1", "2026-03-01")], 7);
    settle(&engine, at("2026-03-02T10:00:00+07:00"));
    let active = engine.active();
    let class = |root: &str| active.pack.rule(root).map(|(_, rule)| rule.class);
    let told = inbox(&engine, MOTHER).remove(0);
    assert_eq!(class(&told.rules[0].0), Some(tidings_rules::pack::format::Class::Duty), "{:?}", told.rules);
    let record = engine.record(tidings_tests::citizen(MOTHER)).expect("reads").record;
    let waiting = record.opportunities.values().filter(|one| {
        one.state == tidings_domain::record::State::Suppressed(tidings_domain::record::Suppressed::Outranked)
    });
    let least = told.rules.iter().filter_map(|(root, _)| class(root)).max();
    assert!(waiting.clone().count() > 0);
    assert!(waiting.filter_map(|one| class(&one.rule)).min() >= least, "nobody waits behind a lesser one");
    assert!(record.plan.is_some(), "and it will be their turn");
}

#[test]
fn a_linked_service_stands_for_its_parts_and_covers_nothing_when_it_is_silenced() {
    let told = |held: bool| {
        let engine = Setup::memory(1).open();
        let home = json!({
            "registration": "RG-1", "province": "48", "commune": "20194",
            "moved_on": "2025-12-01", "kind": "permanent",
        });
        let time = "2025-12-01T09:00:00+07:00";
        ingest(&engine, &[event("population", "p-1", "population.residence.changed", MOTHER, time, home)], 1);
        settle(&engine, at("2026-02-01T10:00:00+07:00"));
        if held {
            engine.hold_rule("birth-linked", at("2026-03-01T10:00:00+07:00")).expect("holds");
        }
        ingest(&engine, &[hospital("h-1", "2026-03-01")], 1);
        for day in ["2026-03-02", "2026-03-03", "2026-03-10"] {
            settle(&engine, at(&format!("{day}T10:00:00+07:00")));
        }
        let messages = inbox(&engine, MOTHER).into_iter().filter(|one| one.kind == Kind::First);
        messages.flat_map(|one| one.rules).map(|(rule, _)| rule).collect::<Vec<_>>()
    };
    let parts = ["birth-registration", "birth-residence", "birth-health-card"];
    let linked = told(false);
    assert!(linked.iter().any(|rule| rule == "birth-linked"), "{linked:?}");
    assert!(
        !linked.iter().any(|rule| parts.contains(&rule.as_str())),
        "its parts are not told again: {linked:?}"
    );
    let apart = told(true);
    assert!(!apart.iter().any(|rule| rule == "birth-linked"), "{apart:?}");
    assert!(
        apart.iter().any(|rule| rule == "birth-registration"),
        "the duty is told all the same: {apart:?}"
    );
}
