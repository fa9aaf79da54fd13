use std::collections::BTreeMap;

use super::*;
use crate::expr::Outcome;
use crate::pack::model::Trigger;
use crate::pack::tests::table::{LISTED, TABLE};
use crate::pack::tests::{BIRTH, good_files, load, with};

/// The survivors of the second rule, with these cases.
fn survivors(cases: &str) -> Vec<String> {
    let pack = load(with(BIRTH, LISTED, cases));
    let tried = mutation(&pack, &|rule| rule.key == "birth-residence");
    assert_eq!(tried.len(), 1);
    tried[0].survivors.iter().map(|it| format!("{} -> {}", it.part, it.became)).collect()
}

fn table_with(rows: &[&str]) -> String {
    rows.iter().fold(TABLE.to_owned(), |table, row| format!("{table}        - [{row}]\n"))
}

#[test]
fn a_mutant_survives_until_a_case_stands_on_the_boundary() {
    let above = "event.born_on >= DATE '2025-01-01' -> event.born_on > DATE '2025-01-01'";
    let below = "event.born_on >= DATE '2025-01-01' -> event.born_on >= DATE '2024-12-31'";
    let gone = "event.born_on >= DATE '2025-01-01' -> ";
    assert_eq!(survivors(TABLE), [gone, above, below]);
    let first_day = "first day, \"2025-01-01\", \"01\", yes, ~";
    assert_eq!(survivors(&table_with(&[first_day])), [gone, below]);
    let day_before = "day before, \"2024-12-31\", \"01\", no, ~";
    assert_eq!(survivors(&table_with(&[day_before])), [above]);
    assert_eq!(survivors(&table_with(&[first_day, day_before])), [""; 0]);
}

#[test]
fn the_case_that_would_notice_is_told_and_notices() {
    let pack = load(good_files());
    let tried = mutation(&pack, &|rule| rule.key == "birth-residence");
    let found = tried[0].survivors.iter().find(|it| it.became.contains('>')).expect("the boundary");
    let witness = found.witness.as_ref().expect("a case that would notice it");
    let told =
        (witness.like.as_str(), witness.column.to_string(), witness.value.as_ref().map(Value::canonical));
    assert_eq!(told, ("in Ha Noi", "event.born_on".into(), Some("2025-01-01".into())));
    assert_eq!((witness.expect, witness.instead), (Answer::Yes, Answer::No));
}

#[test]
fn every_case_told_of_the_national_pack_tells_the_mutant_from_the_rule() {
    let pack = Pack::from_files(crate::packs::viet_nam()).expect("it loads");
    let mut told = 0;
    for (place, life_event) in pack.life_events.iter().enumerate() {
        let columns = worlds::Columns::of(&pack, place, life_event);
        for rule in &life_event.rules {
            for trial in Trial::all(&pack, life_event, rule) {
                told += each_tells(&trial, &trial.world(&columns));
            }
        }
    }
    assert!(told > 0);
}

/// How many mutants some case would notice; each of these cases does.
fn each_tells(trial: &Trial<'_>, world: &World) -> usize {
    let mut told = 0;
    for mutant in trial.when().mutants(world).expect("it can be taken apart").mutants {
        let Some(witness) = witness::witness(trial, world, &mutant.condition) else { continue };
        let like = trial.cases.iter().find(|case| case.name == witness.like).expect("a case");
        let mut row = like.row.clone();
        let place = trial.life_event.columns.iter().position(|(column, _)| *column == witness.column);
        world.change(&mut row, place.expect("a column"), &witness.value);
        let columns = rows(trial.life_event, std::iter::once(row.as_slice()));
        assert_eq!(trial.when().answers(&columns).get(0), witness.expect, "{}", trial.rule.key);
        assert_eq!(mutant.condition.answers(&columns).get(0), witness.instead, "{}", trial.rule.key);
        assert_ne!(witness.expect, witness.instead, "{}: {}", trial.rule.key, mutant.part);
        told += 1;
    }
    told
}

#[test]
fn a_deadline_that_no_case_dates_is_told_and_all_its_mutants_survive() {
    let undated = LISTED.replace("        deadline: \"2026-02-06\"\n", "");
    let deadline = "5 working days after event.born_on";
    let expected = ["4 working days", "6 working days", "5 days", "5 months"]
        .map(|period| format!("{deadline} -> {period} after event.born_on"));
    let found: Vec<_> = survivors(&undated).into_iter().filter(|it| it.starts_with('5')).collect();
    assert_eq!(found[..4], expected);
    assert_eq!(found[4], format!("{deadline} -> 5 working days before event.born_on"));
    assert!(!survivors(LISTED).iter().any(|it| it.starts_with('5')), "a case dates it");
    let gaps = |cases| {
        let covered = coverage(&load(with(BIRTH, LISTED, cases)), &|rule| rule.key == "birth-residence");
        covered[0].gaps().into_iter().map(|gap| gap.part).collect::<Vec<_>>()
    };
    assert!(gaps(&undated).contains(&"the deadline".to_owned()));
    assert!(!gaps(LISTED).contains(&"the deadline".to_owned()));
}

/// The good pack with a figure of law that changes on 2026-03-01 in the condition of the second rule.
fn dated(rows: &[&str]) -> BTreeMap<String, String> {
    let table = "    table:
      columns: [name, on, event.born_on, expect]
      shared: {citizen.province: \"01\"}
      rows:
        - [in time, \"2026-01-31\", \"2025-12-02\", yes]
        - [a day late, \"2026-01-31\", \"2025-12-01\", no]
";
    let table = rows.iter().fold(table.to_owned(), |table, row| format!("{table}        - [{row}]\n"));
    let mut files = with(BIRTH, LISTED, &table);
    let birth = files.get_mut(BIRTH).expect("the rules");
    *birth = birth
        .replace(
            "citizen.province = '01' AND event.born_on >= DATE '2025-01-01'",
            "days_between(event.born_on, event.time) <= law.term",
        )
        .replace("what: [event.born_on,", "what: [event.born_on, event.time,")
        .replace(
            "deadline: {anchor: event.born_on, amount: 5, unit: working_days, direction: after}\n    disc",
            "disc",
        )
        .replace("        by_when: \"Trước ngày {{ deadline }}.\"\n", "")
        .replace("        by_when: \"Before {{ deadline }}.\"\n", "");
    let parameters = "parameters:
  term:
    title: {vi: \"Thời hạn\", en: \"Term\"}
    type: int
    unit: days
    values:
      - {from: \"2000-01-01\", value: 60, basis: {law: \"Luật thử\", article: \"Điều 2\"}}
      - {from: \"2026-03-01\", value: 30, basis: {law: \"Luật thử\", article: \"Điều 2\"}}
";
    files.insert("parameters.yaml".to_owned(), parameters.to_owned());
    files
}

#[test]
fn each_figure_that_law_had_wants_its_boundary() {
    let found = |rows: &[&str]| {
        let pack = load(dated(rows));
        let wanted = |rule: &Rule| rule.key == "birth-residence";
        let gaps: Vec<_> = coverage(&pack, &wanted)[0].gaps().into_iter().map(|gap| gap.part).collect();
        let survivors = mutation(&pack, &wanted).remove(0).survivors;
        let survivors: Vec<_> = survivors.iter().map(|it| format!("{} -> {}", it.part, it.became)).collect();
        (gaps.contains(&"the law".to_owned()), survivors)
    };
    let of = |days: u32, became: &str| {
        let between = "days_between(event.born_on, event.time)";
        format!("{between} <= {days} -> {between} {became}")
    };
    assert_eq!(
        found(&[]),
        (true, Vec::new()),
        "no case under the new law, and none is asked to notice there"
    );
    let last_day = "by the new law, \"2026-04-30\", \"2026-03-31\", yes";
    assert_eq!(found(&[last_day]), (false, vec![of(30, "<= 31")]));
    let late = "late by the new law, \"2026-04-30\", \"2026-03-30\", no";
    assert_eq!(found(&[late]), (false, vec![of(30, "< 30")]));
    assert_eq!(found(&[last_day, late]), (false, Vec::new()));
}

#[test]
fn a_case_that_fails_notices_nothing() {
    // It would notice every change after which it fails still.
    let failing = TABLE.replace("\"79\", no, ~", "\"79\", yes, ~");
    let gone = "event.born_on >= DATE '2025-01-01' -> ".to_owned();
    assert!(survivors(&failing).contains(&gone));
}

#[test]
fn a_named_missing_fact_notices_what_hides_it() {
    let when = "citizen.province = '01' AND event.born_on >= DATE '2025-01-01'";
    let swapped = "event.born_on >= DATE '2025-01-01' -> ";
    let nothing_known = |missing: &str| {
        let mut table = TABLE
            .replace("deadline]", "deadline, missing]")
            .replace("06\"]", "06\", ~]")
            .replace("~]\n", "~, ~]\n");
        table = table.replace("06\", ~, ~]", "06\", ~]");
        table += &format!("        - [nothing known, ~, ~, unknown, ~, {missing}]\n");
        assert!(good_files()[BIRTH].contains(when));
        survivors(&table)
    };
    assert!(nothing_known("~").contains(&swapped.to_owned()));
    assert!(!nothing_known("\"event.born_on, citizen.province\"").contains(&swapped.to_owned()));
}

#[test]
fn coverage_counts_what_the_cases_of_a_rule_reach() {
    let covered = coverage(&load(good_files()), &|_| true);
    let found: Vec<_> = covered.iter().map(|rule| (rule.rule.as_str(), rule.cases, rule.counts())).collect();
    assert_eq!(found, [("birth-insurance", 2, (13, 8)), ("birth-residence", 2, (13, 9))]);
    let gaps: Vec<_> =
        covered[1].gaps().into_iter().map(|gap| format!("{}: {}", gap.part, gap.never.join(", "))).collect();
    assert_eq!(
        gaps,
        [
            "the answer: never unknown",
            "citizen.province = '01': never unknown",
            "event.born_on >= DATE '2025-01-01': never false",
        ]
    );
}

#[test]
fn what_time_brings_is_not_asked_to_be_unknown() {
    let pack = Pack::from_files(crate::packs::viet_nam()).expect("it loads");
    let covered = coverage(&pack, &|_| true);
    let of = |rule: &RuleCoverage| pack.life_event(&rule.life_event).expect("a life event").1;
    let timed = covered.iter().filter(|rule| !matches!(of(rule).trigger, Trigger::Events));
    let points: Vec<_> = timed.flat_map(|rule| rule.points.iter().flatten()).collect();
    let own =
        |part: &str| part.contains("event.") && !part.contains("subject.") && !part.contains("citizen.");
    let own: Vec<_> = points.into_iter().filter(|point| own(&point.part)).collect();
    assert!(!own.is_empty());
    assert_eq!(own.iter().find(|point| point.outcome == Outcome::Unknown), None);
}
