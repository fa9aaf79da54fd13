use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Date32Builder, Int64Builder, StringBuilder};
use chrono::NaiveDate;
use tidings_domain::value::{ValueType, days};

use super::*;
use crate::Pack;
use crate::expr::Answer::{self, No, Unknown, Yes};
use crate::expr::sql::Dialect;
use crate::pack::tests::{good_files, load, with};

mod clock;
mod places;

const BIRTH: &str = "life_events/birth.yaml";

/// One row a line, what is not written is NULL. The first eight are asked about the insurance, and their answers are
/// worked out beside them: as the pack is, and with [`wider`].
const POPULATION: [&str; 9] = [
    // yes, yes: employed
    "birth:time=2026-01-31 birth:born_on=2026-01-30 birth:place=home employed=true province=01 birth_date=1995-05-02",
    // no, yes: not employed, but in 79
    "birth:time=2026-02-28 birth:born_on=2026-02-27 birth:place=home employed=false province=79 birth_date=2008-02-29",
    // unknown, unknown: nobody has stated it, and 01 is not 79
    "birth:time=2026-02-28 birth:born_on=2026-02-27 birth:place=home province=01 birth_date=2008-03-01",
    // unknown, yes: not stated, but in 79
    "birth:time=2026-02-28 birth:born_on=2026-02-27 birth:place=hospital province=79",
    // no, no: before the rule was in force
    "birth:time=2024-12-31 birth:born_on=2024-12-30 birth:place=home employed=true province=79 birth_date=1990-01-01",
    // no, no: the place is not stated
    "birth:time=2026-02-28 birth:born_on=2026-02-27 employed=true province=79 birth_date=1990-01-01",
    // yes, yes, and no date to count from
    "birth:time=2026-02-28 birth:place=home employed=true province=01 birth_date=1990-01-01",
    // no, unknown: not employed, and no province
    "birth:time=2026-02-28 birth:born_on=2026-02-27 birth:place=home employed=false birth_date=1960-01-01",
    // not asked: it did not happen
    "birth:born_on=2026-02-27 birth:place=home employed=true province=79 birth_date=1990-01-01",
];

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// What is studied in all of these tests.
fn period() -> Period {
    Period { first: date("2026-01-01"), last: date("2026-12-31") }
}

/// The test pack, with those in 79 entitled too, half the time to act, and a sentence changed.
fn wider() -> Pack {
    let mut files = with(BIRTH, "AND subject.employed", "AND (subject.employed OR subject.province = '79')");
    let text = files.get_mut(BIRTH).expect("the file");
    *text = text.replacen("amount: 60, unit: days", "amount: 30, unit: days", 1);
    *text = text.replacen("Apply for the card.", "Apply for the new card.", 1);
    // Its cases still say what the other pack says; loading does not run them.
    load(files)
}

fn array(study: &Study<'_>, column: usize, rows: &[&str]) -> Option<ArrayRef> {
    let column = &study.columns[column];
    let short = column.name.strip_prefix("subject.").unwrap_or(&column.name);
    let cells = rows.iter().map(|row| {
        row.split_whitespace().find_map(|cell| cell.strip_prefix(short)?.strip_prefix('=').map(str::to_owned))
    });
    let cells: Vec<_> = cells.collect();
    Some(match column.value_type {
        Some(ValueType::Bool) | None => {
            let mut builder = BooleanBuilder::new();
            cells.iter().for_each(|cell| builder.append_option(cell.as_ref().map(|text| text == "true")));
            Arc::new(builder.finish())
        }
        Some(ValueType::Int) => {
            let mut builder = Int64Builder::new();
            cells.iter().for_each(|cell| {
                builder.append_option(cell.as_ref().map(|text| text.parse().expect("a number")))
            });
            Arc::new(builder.finish())
        }
        Some(ValueType::Date) => {
            let mut builder = Date32Builder::new();
            cells.iter().for_each(|cell| builder.append_option(cell.as_ref().map(|text| days(date(text)))));
            Arc::new(builder.finish())
        }
        Some(ValueType::Text) => {
            let mut builder = StringBuilder::new();
            cells.iter().for_each(|cell| builder.append_option(cell.as_ref()));
            Arc::new(builder.finish())
        }
        Some(ValueType::Citizen) => panic!("no condition reads people"),
    })
}

/// Judges the rows, so many at a time.
fn judged(study: &Study<'_>, rows: &[&str], at_once: usize) -> (Tally, Vec<Change>) {
    let mut whole = Tally::new(study, date("2026-02-28"));
    let mut changes = Vec::new();
    for (place, rows) in rows.chunks(at_once).enumerate() {
        let columns: Vec<_> = (0..study.columns.len()).map(|column| array(study, column, rows)).collect();
        let first_row = (place * at_once) as u64;
        let batch =
            Batch { first_row, rows: rows.len(), every_answer: false, period: period(), columns: &columns };
        let mut part = Tally::new(study, date("2026-02-28"));
        judge(study, batch, &mut part, &mut changes).expect("columns of their types");
        whole.merge(&part);
    }
    (whole, changes)
}

fn question(study: &Study<'_>, key: &str) -> usize {
    study.questions.iter().position(|question| question.named().0 == key).expect("a rule")
}

#[test]
fn gains_losses_and_dates_are_those_counted_by_hand() {
    let (old, new) = (load(good_files()), wider());
    let study = Study::new(Some(&old), &new).expect("one type each");
    let (tally, changes) = judged(&study, &POPULATION, POPULATION.len());
    let insurance = question(&study, "birth-insurance");
    let counts = tally.by_question()[&insurance];
    let mut expected = [[0; 3]; 3];
    expected[0][0] = 2;
    expected[1][0] = 1;
    expected[1][1] = 2;
    expected[1][2] = 1;
    expected[2][0] = 1;
    expected[2][2] = 1;
    assert_eq!(counts, Counts { answers: expected, dates: [1, 0, 0], ..Counts::default() });
    assert_eq!((counts.asked(), counts.gains(), counts.losses(), counts.kept()), (8, 2, 0, 2));
    assert_eq!(tally.people, [2, 0, 1, 0]);
    assert_eq!(tally.rows, 9);
    let seen: Vec<(u64, Answer, Answer)> = changes.iter().map(|one| (one.row, one.old, one.new)).collect();
    assert_eq!(seen, [(0, Yes, Yes), (1, No, Yes), (3, Unknown, Yes), (7, No, Unknown)]);
    let dates = (changes[0].old_deadline, changes[0].new_deadline);
    assert_eq!(dates, (Some(date("2026-03-31")), Some(date("2026-03-01"))));
}

#[test]
fn the_other_way_round_gains_are_losses() {
    let (old, new) = (wider(), load(good_files()));
    let study = Study::new(Some(&old), &new).expect("one type each");
    let (tally, _) = judged(&study, &POPULATION, 4);
    let counts = tally.by_question()[&question(&study, "birth-insurance")];
    assert_eq!((counts.gains(), counts.losses(), counts.dates), (0, 2, [0, 1, 0]));
    assert_eq!(tally.people, [0, 2, 1, 0]);
}

#[test]
fn groups_hold_the_same_people() {
    let (old, new) = (load(good_files()), wider());
    let study = Study::new(Some(&old), &new).expect("one type each");
    let (tally, _) = judged(&study, &POPULATION, 2);
    let gains = |counts: &Counts| (counts.gains(), counts.asked());
    let provinces: BTreeMap<_, _> =
        tally.by_province().iter().map(|(key, counts)| (key.clone(), gains(counts))).collect();
    // Each is asked twice: of the insurance, and of the residence for the spouse.
    let expected = [("01", (0, 6)), ("79", (2, 8)), ("unknown", (0, 2))];
    assert_eq!(provinces, expected.map(|(key, gains)| (key.to_owned(), gains)).into());
    let bands: Vec<_> = tally.by_band().iter().map(|(name, counts)| (*name, gains(counts))).collect();
    // On 28 February nobody born on the 29th has completed the year, nor anybody born on 1 March.
    let expected = [
        ("0-5", (0, 0)),
        ("6-13", (0, 0)),
        ("14-17", (1, 4)),
        ("18-24", (0, 0)),
        ("25-39", (0, 8)),
        ("40-54", (0, 0)),
        ("55-59", (0, 0)),
        ("60+", (0, 2)),
        ("unknown", (1, 2)),
    ];
    assert_eq!(bands, expected);
    let services = tally.by_service(&study);
    assert_eq!(gains(&services["insurance"]), (2, 8));
}

#[test]
fn how_many_rows_at_once_leaves_no_trace() {
    let (old, new) = (load(good_files()), wider());
    let study = Study::new(Some(&old), &new).expect("one type each");
    // More than the kernels' smallest batch.
    let rows: Vec<&str> = POPULATION.iter().cycle().take(200).copied().collect();
    let whole = judged(&study, &rows, rows.len());
    assert!(whole.1.len() > 80, "{}", whole.1.len());
    for at_once in [1, 7, 64, 65] {
        let part = judged(&study, &rows, at_once);
        assert_eq!(part.1, whole.1, "{at_once}");
        assert_eq!(part.0.by_question(), whole.0.by_question(), "{at_once}");
        assert_eq!(part.0.by_province(), whole.0.by_province(), "{at_once}");
        assert_eq!(part.0.by_band(), whole.0.by_band(), "{at_once}");
        assert_eq!(part.0.people, whole.0.people, "{at_once}");
        assert_eq!(part.0.missing, whole.0.missing, "{at_once}");
    }
}

#[test]
fn unknown_answers_name_what_is_missing() {
    let new = wider();
    let study = Study::new(None, &new).expect("one type each");
    let (tally, changes) = judged(&study, &POPULATION, POPULATION.len());
    let missing = tally.missing(&study, question(&study, "birth-insurance"));
    // Row 2 lacks the work, row 7 the province.
    assert_eq!(missing, [("subject.employed", 1), ("subject.province", 1)]);
    assert!(changes.is_empty());
}

#[test]
fn a_linked_person_is_read_from_the_columns_of_the_link_and_may_be_nobody() {
    let pack = load(good_files());
    let study = Study::new(None, &pack).expect("one type each");
    let residence = question(&study, "birth-residence");
    let there = "birth:time=2026-02-28 birth:born_on=2026-02-27 spouse=true spouse.province=01 province=79";
    let elsewhere =
        "birth:time=2026-02-28 birth:born_on=2026-02-27 spouse=true spouse.province=79 province=01";
    let nobody = "birth:time=2026-02-28 birth:born_on=2026-02-27 spouse.province=01 province=01";
    let counts = judged(&study, &[there, elsewhere, nobody], 3).0.by_question()[&residence];
    assert_eq!((counts.after(Yes), counts.after(No), counts.after(Unknown)), (1, 2, 0));
}

#[test]
fn a_column_that_the_table_lacks_is_unknown_and_a_link_without_one_is_there() {
    let pack = load(good_files());
    let study = Study::new(None, &pack).expect("one type each");
    let rows = ["birth:time=2026-02-28 birth:born_on=2026-02-27 birth:place=home spouse.province=01"];
    let column = |name: &str| study.columns.iter().position(|column| column.name == name).expect("a column");
    let mut columns: Vec<_> = (0..study.columns.len()).map(|column| array(&study, column, &rows)).collect();
    columns[column("subject.employed")] = None;
    columns[column("subject.spouse")] = None;
    let batch = Batch { first_row: 0, rows: 1, every_answer: true, period: period(), columns: &columns };
    let (mut tally, mut answers) = (Tally::new(&study, date("2026-02-28")), Vec::new());
    judge(&study, batch, &mut tally, &mut answers).expect("columns of their types");
    let answers: Vec<_> =
        answers.iter().map(|one| (study.questions[one.question].named().0, one.new)).collect();
    assert_eq!(answers, [("birth-insurance", Unknown), ("birth-residence", Yes)]);
}

#[test]
fn rules_are_matched_by_their_oldest_key_and_one_that_goes_takes_everything() {
    let old = load(good_files());
    let renamed = with(
        BIRTH,
        "  - key: birth-insurance\n    formerly: [insurance-old, insurance-older]",
        "  - key: birth-card\n    formerly: [insurance-old, insurance-older, birth-insurance]",
    );
    let new = load(renamed);
    let study = Study::new(Some(&old), &new).expect("one type each");
    assert_eq!(study.questions.len(), 2);
    let (tally, changes) = judged(&study, &POPULATION, 9);
    assert_eq!(tally.by_question()[&question(&study, "birth-card")].kept(), 2);
    assert!(changes.is_empty());
    let mut fresh = good_files();
    let text = fresh.get_mut(BIRTH).expect("the file");
    *text = text.replacen("    formerly: [insurance-old, insurance-older]\n", "", 1);
    let new = load(fresh);
    let study = Study::new(Some(&old), &new).expect("one type each");
    let (tally, _) = judged(&study, &POPULATION, 9);
    let by_question = tally.by_question();
    let all: Vec<_> = by_question.values().map(|counts| (counts.gains(), counts.losses())).collect();
    assert_eq!(all, [(2, 0), (0, 0), (0, 2)]);
}

#[test]
fn what_reads_differently_is_listed_with_both_texts() {
    let (old, new) = (load(good_files()), wider());
    let study = Study::new(Some(&old), &new).expect("one type each");
    let expected = Reworded {
        root: "insurance-old".to_owned(),
        language: "en".to_owned(),
        part: "what".to_owned(),
        old: "Apply for the card.".to_owned(),
        new: "Apply for the new card.".to_owned(),
    };
    assert_eq!(reworded(&study, date("2026-11-24")), [expected]);
    let dearer = load(with("services.yaml", "Free of charge.", "10,000 dong."));
    let study = Study::new(Some(&old), &dearer).expect("one type each");
    let parts: Vec<_> =
        reworded(&study, date("2026-11-24")).into_iter().map(|one| (one.language, one.part)).collect();
    assert_eq!(parts, [("en".to_owned(), "cost".to_owned())]);
}

#[test]
fn one_column_has_one_type() {
    let old = load(good_files());
    let study = Study::new(Some(&old), &old).expect("one type each");
    assert!(study.columns.iter().any(|column| column.name == "birth:born_on"));
    let mut other = good_files();
    for (file, from, to) in [
        ("facts.yaml", "  employed:\n    type: bool", "  employed:\n    type: int"),
        (BIRTH, "AND subject.employed", "AND subject.employed > 0"),
        (BIRTH, "subject: {employed: true}", "subject: {employed: 1}"),
    ] {
        let text = other.get_mut(file).expect("the file");
        assert!(text.contains(from), "{from}");
        *text = text.replacen(from, to, 1);
    }
    let new = load(other);
    let error = Study::new(Some(&old), &new).expect_err("two types");
    assert_eq!(
        error.to_string(),
        "`subject.employed` is bool in the old pack and int in the new one, and a population has one type for it"
    );
}

#[test]
fn views_ask_the_same_in_every_dialect() {
    let pack = load(good_files());
    let study = Study::new(None, &pack).expect("one type each");
    for dialect in [Dialect::DuckDb, Dialect::Postgres, Dialect::DataFusion] {
        let sql = views(&study, dialect, "dân số", &["row".to_owned()]);
        for expected in [
            "CREATE OR REPLACE VIEW \"tidings_birth\" AS",
            "FROM (SELECT * FROM \"dân số\"",
            "WHERE \"birth:time\" IS NOT NULL) AS happened",
            "CASE WHEN \"birth:time\" >= DATE '2025-01-01' THEN ((NOT (\"birth:place\" IS NULL)) AND \"subject.employed\") \
             ELSE FALSE END AS \"birth-insurance\"",
            "CASE WHEN \"subject.spouse\" IS NULL THEN FALSE WHEN \"birth:time\" BETWEEN DATE '2025-01-01' AND \
             DATE '2030-12-31' THEN ((\"subject.spouse.province\" = '01') AND (\"birth:born_on\" >= DATE '2025-01-01')) \
             ELSE FALSE END AS \"birth-residence@spouse\"",
            "END AS \"birth-residence@spouse:deadline\"",
        ] {
            assert!(sql.contains(expected), "{dialect:?}: {expected}\n{sql}");
        }
    }
}
