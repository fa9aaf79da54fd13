//! Input that is wrong in every way: it ends in one of four ends, with a reason, and spoils nothing.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as Json, json};
use tidings_domain::event::{End, Ignored, limits};
use tidings_domain::store::Table;
use tidings_tests::{FATHER, MOTHER, Setup, count, event, ingest_lines, records};

fn good(id: &str) -> Json {
    let data =
        json!({ "birth_certificate": format!("BC-{id}"), "birth_date": "2026-03-01", "father": FATHER });
    event("health", id, "health.birth.notified", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

fn with(change: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut event = good("x");
    change(&mut event);
    event.to_string().into_bytes()
}

fn end_of(line: Vec<u8>) -> End {
    let engine = Setup::memory(1).open();
    let report = ingest_lines(&engine, "hostile", &[line], 10).remove(0).expect("the batch is taken");
    report.ends.into_iter().next().expect("one event, one end")
}

fn refused(line: Vec<u8>) -> (String, String) {
    match end_of(line) {
        End::DeadLetter(reason) => (reason.code.code().to_owned(), reason.place.unwrap_or_default()),
        other => panic!("not a dead letter: {other:?}"),
    }
}

#[test]
fn each_kind_of_bad_event_is_a_dead_letter_that_names_the_place() {
    let deep = format!("{}1{}", "[".repeat(50_000 / 2), "]".repeat(50_000 / 2));
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (b"{\"specversion\":\"1.0\",\"id\":\"a\xff\"}".to_vec(), "not-utf8", ""),
        (b"{\"specversion\":".to_vec(), "not-json", ""),
        (b"not json at all".to_vec(), "not-json", ""),
        (b"[1,2,3]".to_vec(), "bad-attribute", ""),
        (vec![b' '; limits::EVENT_BYTES + 1], "too-large", ""),
        (deep.into_bytes(), "too-deep", ""),
        (with(|event| event["specversion"] = json!("0.3")), "wrong-specversion", "specversion"),
        (with(|event| event["id"] = json!("")), "missing-attribute", "id"),
        (with(|event| event["id"] = json!(17)), "bad-attribute", ""),
        (with(|event| event["id"] = json!("i".repeat(300))), "bad-attribute", "id"),
        (
            with(|event| drop(event.as_object_mut().map(|all| all.remove("subject")))),
            "missing-attribute",
            "subject",
        ),
        (with(|event| event["time"] = json!("yesterday")), "bad-attribute", "time"),
        (with(|event| event["time"] = json!("2026-03-04T08:00:01+07:00")), "future-dated", "time"),
        (with(|event| event["source"] = json!("urn:gov:vn:nobody")), "unregistered-source", "source"),
        (with(|event| event["type"] = json!("civil.death.registered")), "outside-register", "type"),
        (with(|event| event["data"]["birth_date"] = json!("01/03/2026")), "bad-field", "data.birth_date"),
        (with(|event| event["data"]["birth_date"] = json!("2026-02-30")), "bad-field", "data.birth_date"),
        (with(|event| event["data"]["birth_date"] = json!({ "year": 2026 })), "bad-field", "data.birth_date"),
        (with(|event| event["data"]["birth_date"] = json!(null)), "missing-field", "data.birth_date"),
        (with(|event| event["data"] = json!([])), "bad-field", "data"),
        (with(|event| event["data_base64"] = json!("AAAA")), "bad-attribute", "data_base64"),
    ];
    for (line, code, place) in cases {
        let shown = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
        assert_eq!(refused(line), (code.to_owned(), place.to_owned()), "{shown}");
    }
}

#[test]
fn an_unknown_type_is_ignored_and_an_undeclared_field_is_not_kept() {
    assert_eq!(
        end_of(with(|event| event["type"] = json!("health.checkup"))),
        End::Ignored(Ignored::UnknownType)
    );
    let engine = Setup::memory(1).open();
    let line = with(|event| event["data"]["diagnosis"] = json!({ "text": "PRIVATE" }));
    let ends = ingest_lines(&engine, "t", &[line], 1).remove(0).expect("ingests").ends;
    assert_eq!(ends, [End::Committed]);
    let kept = records(&engine).values().any(|record| {
        record
            .occurrences
            .values()
            .flat_map(|one| one.reports.values())
            .any(|one| one.data.contains_key("diagnosis"))
    });
    assert!(!kept);
}

#[test]
fn bad_events_between_good_ones_stop_nothing_and_are_kept_sealed() {
    let engine = Setup::memory(1).open();
    let lines = vec![
        good("a").to_string().into_bytes(),
        b"\xff\xfe garbage".to_vec(),
        with(|event| event["type"] = json!("health.checkup")),
        good("b").to_string().into_bytes(),
    ];
    let ends = ingest_lines(&engine, "t", &lines, 10).remove(0).expect("ingests").ends;
    assert_eq!(ends[0], End::Committed);
    assert!(matches!(ends[1], End::DeadLetter(_)));
    assert!(matches!(ends[2], End::Ignored(_)));
    assert_eq!(ends[3], End::Committed);
    assert_eq!(count(&engine, Table::DeadLetter), 1);
    // The same place again is the same letter: a redelivered topic does not multiply them.
    ingest_lines(&engine, "t", &lines, 10).remove(0).expect("ingests");
    assert_eq!(count(&engine, Table::DeadLetter), 1);
}

#[test]
fn no_bytes_whatever_make_the_decoder_panic_or_stop_the_batch() {
    let engine = Setup::memory(1).open();
    let base = good("fuzz").to_string().into_bytes();
    let mutated = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let line = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        mutated.prop_map(move |changes| {
            let mut line = base.clone();
            for (place, byte) in changes {
                let place = place.index(line.len());
                line[place] = byte;
            }
            line
        }),
    ];
    let mut runner = TestRunner::new(Config { cases: 2_000, failure_persistence: None, ..Config::default() });
    runner
        .run(&line, |line| {
            let report = ingest_lines(&engine, "fuzz", &[line], 1).remove(0);
            prop_assert_eq!(report.expect("the batch is taken").ends.len(), 1);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn one_row_that_divides_by_zero_spoils_no_other() {
    let mut files = tidings_rules::packs::viet_nam();
    let text = files.get_mut("life_events/08-job-loss.yaml").expect("the job loss");
    let rule = text.find("  - key: job-loss-counselling").expect("the rule");
    let first = text[rule..].find("when:").expect("a condition") + rule;
    let end = text[first..].find('\n').expect("a line") + first;
    text.replace_range(first..end, "when: 100 / event.insured_months > 0");
    let engine = Setup { pack: tidings_tests::load(files), ..Setup::memory(1) }.open();
    let months = |id: &str, who: &str, months: i64| {
        let data =
            json!({ "contract": id, "ended_on": "2026-01-01", "insured_months": months, "cause": "expired" });
        event("social-insurance", id, "employment.ended", who, "2026-01-02T08:00:00+07:00", data)
    };
    let lines: Vec<Vec<u8>> = [months("c-1", MOTHER, 0), months("c-2", FATHER, 50)]
        .map(|event| event.to_string().into_bytes())
        .into();
    let report = ingest_lines(&engine, "t", &lines, 10).remove(0).expect("ingests");
    assert!(report.ends.iter().all(|end| *end == End::Committed));
    let answers = |word: &str| -> u64 {
        let all = report.tally.answers.iter();
        all.filter(|((_, answer), _)| *answer == word).map(|(_, count)| count).sum()
    };
    assert!(answers("fault") >= 1, "the row with the zero: {:?}", report.tally);
    assert!(answers("yes") >= 1, "the row beside it");
}
