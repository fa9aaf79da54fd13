//! Populations written and read: the same answers from every kind of table, whatever is read at once.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at its first failure"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tidings_rules::Pack;
use tidings_world::population::{Cell, Population};

use super::*;

const SEED: u64 = 5;
const ROWS: u64 = 6_000;

/// The built-in pack, and one in which less insurance is enough and less time is given.
fn packs() -> (Pack, Pack) {
    let old = tidings_rules::packs::viet_nam();
    let mut new = old.clone();
    let mut change = |file: &str, from: &str, to: &str| {
        let text = new.get_mut(file).expect("a file of the pack");
        assert!(text.contains(from), "{file}: {from}");
        *text = text.replace(from, to);
    };
    change(
        "life_events/08-job-loss.yaml",
        "subject.insured_months >= law.unemployment_min_months",
        "subject.insured_months >= 60",
    );
    change("life_events/13-school-enrolment.yaml", "when: event.grade = 6", "when: event.grade IN (6, 10)");
    change("life_events/11-card-expiry.yaml", "amount: 0, unit: days", "amount: 10, unit: days");
    change(
        "life_events/12-licence-expiry.yaml",
        "lead: {amount: law.licence_notice_days, unit: days}",
        "lead: {amount: 4, unit: months}",
    );
    (Pack::from_files(old).expect("a pack"), Pack::from_files(new).expect("a pack"))
}

fn args(population: &Path, out: Option<PathBuf>) -> SimulateArgs {
    SimulateArgs {
        known: None,
        pack: None,
        old: None,
        new: None,
        population: Some(population.to_owned()),
        events: None,
        people: None,
        source: None,
        // Only a file of ours says which days it is of.
        as_of: Some("2027-01-01".parse().expect("a date")),
        from: Some("2026-01-01".parse().expect("a date")),
        out,
        html: None,
    }
}

fn report(study: &Study<'_>, population: &Path, out: Option<PathBuf>, threads: usize) -> serde_json::Value {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let silent = Out::new(true).silent();
    let args = args(population, out);
    let report = pool.install(|| of_population(study, population, &args, silent)).expect("a report");
    let mut value = serde_json::to_value(&report).expect("JSON");
    for changing in ["seconds", "rows_per_second", "peak_memory_bytes"] {
        value.as_object_mut().expect("an object").remove(changing);
    }
    value
}

fn made(study: &Study<'_>) -> Population {
    parquet::population(study, SEED, "2026-01-01".parse().expect("a date"), 12)
}

fn csv(population: &Population) -> String {
    let names: Vec<&str> = population.wanted().iter().map(|one| one.name.as_str()).collect();
    let mut text = names.join(",") + "\n";
    for number in 0..ROWS {
        let row = population.row(number);
        for column in 0..names.len() {
            let comma = if column > 0 { "," } else { "" };
            _ = match row.cell(column) {
                Cell::Null => write!(text, "{comma}"),
                Cell::Bool(value) => write!(text, "{comma}{value}"),
                Cell::Int(value) => write!(text, "{comma}{value}"),
                Cell::Date(days) => {
                    let date = tidings_domain::value::date_of(days).expect("a date of the calendar");
                    write!(text, "{comma}{date}")
                }
                Cell::Text(value) => write!(text, "{comma}{value}"),
            };
        }
        text.push('\n');
    }
    text
}

#[test]
fn every_table_of_one_population_gives_the_same_report_on_any_number_of_threads() {
    let (old, new) = packs();
    let study = Study::new(Some(&old), &new).expect("one type each");
    let folder = tempfile::tempdir().expect("a folder");
    let population = made(&study);
    let small = folder.path().join("small.parquet");
    let large = folder.path().join("large.parquet");
    parquet::write_population(&population, (ROWS, 64), &small, &mut |_| ()).expect("written");
    parquet::write_population(&population, (ROWS, ROWS), &large, &mut |_| ()).expect("written");
    let plain = folder.path().join("plain.csv");
    std::fs::write(&plain, csv(&population)).expect("written");
    let changed = |name: &str| folder.path().join(name);
    let first = report(&study, &large, Some(changed("first.parquet")), 1);
    let total = &first["total"];
    for found in ["gains", "losses", "dates_changed", "told_sooner", "moved_in", "moved_out", "unknown_after"]
    {
        assert!(total[found].as_u64() > Some(0), "{found}: {total}, seed {SEED}");
    }
    assert_eq!(first["rows"], ROWS);
    // Ninety-four row groups, read by eight threads through one handle.
    let again = report(&study, &small, Some(changed("again.parquet")), 8);
    assert_eq!(again, first, "seed {SEED}");
    let from_csv = report(&study, &plain, None, 3);
    assert_eq!(from_csv, first, "seed {SEED}");
    let bytes = |name: &str| std::fs::read(changed(name)).expect("the changed rows");
    assert_eq!(bytes("first.parquet"), bytes("again.parquet"), "seed {SEED}");
}

#[test]
fn a_population_is_the_same_bytes_on_any_number_of_threads_and_the_start_of_a_larger_one() {
    let (pack, _) = packs();
    let study = Study::new(None, &pack).expect("one type each");
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, rows: u64, threads: usize| {
        let path = folder.path().join(name);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| parquet::write_population(&made(&study), (rows, 500), &path, &mut |_| ()))
            .expect("written");
        std::fs::read(path).expect("the file")
    };
    let one = write("one.parquet", 2_000, 1);
    assert_eq!(one, write("four.parquet", 2_000, 4), "seed {SEED}");
    let more = write("more.parquet", 2_500, 2);
    // Row groups come one after another, and the first four are those of the smaller population.
    let shared = one.iter().zip(&more).take_while(|(a, b)| a == b).count();
    assert!(shared > one.len() / 2, "{shared} of {} bytes, seed {SEED}", one.len());
}

#[test]
fn a_population_of_other_types_is_refused_with_every_column_named() {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    let (pack, _) = packs();
    let study = Study::new(None, &pack).expect("one type each");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.parquet");
    let column = || std::sync::Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let batch =
        RecordBatch::try_from_iter([("birth_date", column()), ("subject.sex", column())]).expect("a batch");
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("written");
    let Err(error) = table::open(&path, &study) else { panic!("it is taken") };
    let text = error.to_string();
    for expected in ["column subject.birth_date is Int64", "takes it for date", "column subject.sex is Int64"]
    {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_file_of_ours_says_which_days_are_studied_and_others_may_be_asked_for() {
    let (pack, _) = packs();
    let study = Study::new(None, &pack).expect("one type each");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made.parquet");
    parquet::write_population(&made(&study), (500, 500), &path, &mut |_| ()).expect("written");
    let table = table::open(&path, &study).expect("a table");
    let studied = |from: Option<&str>, as_of: Option<&str>| {
        let day = |text: Option<&str>| text.map(|text| text.parse().expect("a date"));
        let args = SimulateArgs { from: day(from), as_of: day(as_of), ..args(&path, None) };
        days(&study, &*table, &args).map(|days| (days.period.first.to_string(), days.period.last.to_string()))
    };
    let expected = |first: &str, last: &str| (first.to_owned(), last.to_owned());
    assert_eq!(studied(None, None).expect("a period"), expected("2026-01-01", "2026-12-31"));
    assert_eq!(studied(None, Some("2026-07-01")).expect("a period"), expected("2026-01-01", "2026-06-30"));
    // Before the file's own days there is none that it says.
    assert_eq!(studied(None, Some("2025-07-01")).expect("a period"), expected("2024-07-01", "2025-06-30"));
    assert_eq!(
        studied(Some("2026-06-30"), Some("2026-07-01")).expect("a day"),
        expected("2026-06-30", "2026-06-30")
    );
    let error = studied(Some("2026-07-01"), Some("2026-07-01")).expect_err("no day");
    assert_eq!(error.to_string(), "--from is a day before --as-of");
}

#[test]
fn a_wrong_cell_is_named_by_its_place_and_never_shown() {
    let (pack, _) = packs();
    let study = Study::new(None, &pack).expect("one type each");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.csv");
    std::fs::write(&path, "birth_date,job-loss:time\n1990-01-01,2026-02-03\nSECRET,2026-02-03\n")
        .expect("written");
    let mut table = table::open(&path, &study).expect("a table");
    let chunk = table.next_chunks(1).expect("rows").pop().expect("a chunk");
    let day = |text: &str| text.parse().expect("a date");
    let period = Period { first: day("2026-01-01"), last: day("2026-12-31") };
    let error = chunk.each(period, false, &mut |_| Ok(())).expect_err("a wrong cell");
    assert_eq!(error.to_string(), "row 2, column subject.birth_date: not date");
}

#[test]
fn the_page_escapes_what_packs_and_tables_say_and_needs_nothing_from_elsewhere() {
    let (old, new) = packs();
    let study = Study::new(Some(&old), &new).expect("one type each");
    let mut report = Report::new(
        &study,
        &Tally::new(&study, "2026-01-01".parse().expect("a date")),
        &["<script>".to_owned()],
        "2026-01-01".parse().expect("a date"),
        std::time::Duration::from_secs(1),
    );
    report.new.name = "a<b>\"".to_owned();
    let page = page::page(&report);
    assert!(page.contains("a&lt;b&gt;&quot;") && page.contains("&lt;script&gt;"), "{page}");
    for foreign in ["<script", "http://", "https://", "url(", "@import", "src="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}
