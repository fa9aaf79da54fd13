//! Any order, repetition and cut of the same events gives the same facts, and once quiet the same opportunities.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tidings_domain::event::End;
use tidings_domain::store::Table;
use tidings_pipeline::engine::Engine;
use tidings_tests::{
    CHILD, FATHER, MOTHER, Setup, at, count, event, ingest, ingest_lines, known, record_bytes,
};
use tidings_world::{Disorder, World, small};

/// A province with everything that goes wrong in it, as lines.
fn lines(seed: u64) -> Vec<Vec<u8>> {
    World::generate(&small(seed)).lines().map(String::into_bytes).collect()
}

/// An engine that took in these lines, in batches of `batch`, each in commits of `commit`.
fn engine_over(lines: &[Vec<u8>], shards: u16, batch: usize, commit: usize) -> Engine {
    let mut engine = Setup::memory(shards).open();
    engine.limits.commit = commit;
    for report in ingest_lines(&engine, "world", lines, batch) {
        report.expect("memory stores do not fail");
    }
    engine
}

#[test]
fn batches_of_1_7_and_4096_are_byte_identical() {
    for seed in [1, 2] {
        let lines = lines(seed);
        let one = record_bytes(&engine_over(&lines, 1, 1, 1));
        assert!(one.len() > 50, "seed {seed}: the province has people");
        for (batch, commit) in [(7, 7), (4096, 4096), (4096, 7), (4096, 300)] {
            let other = record_bytes(&engine_over(&lines, 1, batch, commit));
            assert_eq!(one.len(), other.len(), "seed {seed}, batches of {batch} in commits of {commit}");
            for (citizen, bytes) in &one {
                assert_eq!(
                    Some(bytes),
                    other.get(citizen),
                    "seed {seed}, batches of {batch} in commits of {commit}, citizen {citizen}"
                );
            }
        }
    }
}

#[test]
fn any_order_repetition_and_number_of_shards_gives_the_same() {
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let case = (
        1..4_u64,
        any::<u64>(),
        prop_oneof![Just(1_usize), Just(7), Just(64), Just(4096)],
        prop_oneof![Just(7_usize), Just(200), Just(4096)],
        prop_oneof![Just(1_u16), Just(8)],
    );
    runner
        .run(&case, |(seed, shuffle, batch, commit, shards)| {
            let straight = lines(seed);
            let expected = known(&engine_over(&straight, 1, 4096, 4096));
            let mut rng = ChaCha8Rng::seed_from_u64(shuffle);
            let mut disordered = straight.clone();
            // A third of the events comes twice.
            disordered.extend(straight.iter().filter(|line| line.len() % 3 == 0).cloned());
            disordered.shuffle(&mut rng);
            let found = known(&engine_over(&disordered, shards, batch, commit));
            prop_assert_eq!(&expected.retracted, &found.retracted, "seed {} shuffle {}", seed, shuffle);
            prop_assert_eq!(&expected.facts, &found.facts, "seed {} shuffle {}", seed, shuffle);
            prop_assert_eq!(
                &expected.opportunities,
                &found.opportunities,
                "seed {} shuffle {}",
                seed,
                shuffle
            );
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_province_without_disorder_is_committed_whole() {
    let config = tidings_world::Config { disorder: Disorder::none(), ..small(5) };
    let world = World::generate(&config);
    let lines: Vec<Vec<u8>> = world.lines().map(String::into_bytes).collect();
    let engine = Setup::memory(1).open();
    let ends: Vec<End> = ingest_lines(&engine, "world", &lines, 500)
        .into_iter()
        .flat_map(|report| report.expect("ingests").ends)
        .collect();
    let other: Vec<_> = ends.iter().filter(|end| **end != End::Committed).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn every_event_ends_once_and_as_the_world_meant_it() {
    let world = World::generate(&small(3));
    let lines: Vec<Vec<u8>> = world.lines().map(String::into_bytes).collect();
    let ingested = |shards: u16, commit: usize| {
        let mut engine = Setup::memory(shards).open();
        engine.limits.commit = commit;
        let reports = ingest_lines(&engine, "world", &lines, 500).into_iter();
        let ends: Vec<End> = reports.flat_map(|report| report.expect("ingests").ends).collect();
        (engine, ends)
    };
    let (engine, ends) = ingested(1, 500);
    assert_eq!(ends.len(), lines.len());
    let of = |wanted: fn(&End) -> bool| ends.iter().filter(|end| wanted(end)).count() as u64;
    let committed = of(|end| *end == End::Committed);
    assert_eq!(committed, world.truth().acceptable, "what an engine should commit");
    let rest = of(|end| *end == End::Duplicate)
        + of(|end| matches!(end, End::Ignored(_)))
        + of(|end| matches!(end, End::DeadLetter(_)));
    assert_eq!(committed + rest, world.truth().lines);
    assert_eq!(count(&engine, Table::Event) as u64, committed, "each is kept, sealed, once");
    let letters = count(&engine, Table::DeadLetter);
    assert!(letters > 10);
    for (shards, commit) in [(1, 60), (8, 60), (8, 500)] {
        let (cut, others) = ingested(shards, commit);
        assert_eq!(ends, others, "{shards} shards, commits of {commit}");
        assert_eq!(count(&cut, Table::DeadLetter), letters, "{shards} shards, commits of {commit}");
    }
}

#[test]
fn a_replay_of_the_stored_events_gives_the_same_opportunities() {
    let engine = engine_over(&lines(4), 1, 100, 100);
    let target = Setup::memory(8).open();
    let found = engine.replay(&target, |_| ()).expect("replays");
    assert!(found.equal > 50, "there is something to compare: {}", found.equal);
    assert_eq!(found.differences, []);
}

#[test]
fn a_retraction_is_valid_before_its_target_arrives() {
    let moved = |id: &str, province: &str, day: &str| {
        let data = json!({
            "registration": id, "province": province, "commune": "00004", "moved_on": day, "kind": "permanent",
        });
        event(
            "population",
            id,
            "population.residence.changed",
            MOTHER,
            &format!("{day}T09:00:00+07:00"),
            data,
        )
    };
    let back = || {
        let data = json!({ "event_id": "m-2" });
        event(
            "population",
            "x-1",
            "population.statement.retracted",
            MOTHER,
            "2026-03-09T09:00:00+07:00",
            data,
        )
    };
    let (first, second) = (|| moved("m-1", "01", "2026-02-01"), || moved("m-2", "79", "2026-03-01"));
    let after = Setup::memory(1).open();
    ingest(&after, &[first(), second(), back()], 1);
    let before = Setup::memory(1).open();
    ingest(&before, &[back(), second(), first()], 1);
    assert_eq!(known(&after), known(&before));
    let never = Setup::memory(1).open();
    ingest(&never, &[first()], 1);
    assert_eq!(known(&after).opportunities, known(&never).opportunities, "as if it had never been said");
}

#[test]
fn a_retraction_reaches_everyone_whom_its_target_reached() {
    let birth = |id: &str| {
        let data = json!({
            "birth_certificate": "BC-9", "birth_date": "2026-03-01", "child": CHILD, "father": FATHER,
            "registered_on": "2026-03-09",
        });
        event("civil-registry", id, "civil.birth.registered", MOTHER, "2026-03-09T09:00:00+07:00", data)
    };
    let back = json!({ "event_id": "b-1" });
    let back = event(
        "civil-registry",
        "x-1",
        "civil.statement.retracted",
        MOTHER,
        "2026-03-19T09:00:00+07:00",
        back,
    );
    for shards in [1, 8] {
        for order in [vec![birth("b-1"), back.clone()], vec![back.clone(), birth("b-1")]] {
            let engine = Setup::memory(shards).open();
            ingest(&engine, &order, 1);
            let record = engine.record(tidings_tests::citizen(FATHER)).expect("reads").record;
            assert!(
                !record.retracted.is_empty(),
                "the father's record knows that the statement was taken back"
            );
            let open = known(&engine).opportunities;
            assert!(open.values().all(|one| one.is_empty()), "nothing is left to tell: {open:?}");
        }
    }
}

#[test]
fn what_a_source_has_shown_complete_never_falls_back_within_a_batch() {
    let recorded = |id: &str, day: &str| {
        let time = format!("2026-03-{day}T09:00:00+07:00");
        event("civil-registry", id, "tidings.watermark", "-", &time, json!({}))
    };
    let setup = Setup::memory(1);
    let (store, ring) = (Arc::clone(&setup.store), Arc::clone(&setup.ring));
    let mut engine = setup.open();
    engine.limits.commit = 1;
    ingest(&engine, &[recorded("w-1", "20"), recorded("w-2", "10")], 2);
    let again = Setup { store, ring, ..Setup::memory(1) }.open();
    for engine in [engine, again] {
        assert_eq!(engine.watermark("civil-registry"), at("2026-03-20T09:00:00+07:00"));
    }
}
