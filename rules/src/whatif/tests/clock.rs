//! Milestones and absences, counted by hand.

use super::*;

const AGES: &str = "life_events/ages.yaml";

/// A rule that tells everybody to whom its life event comes about, by the day that `anchor` says.
fn rule(key: &str, anchor: &str) -> String {
    format!(
        "rules:
  - key: {key}
    service: residence
    class: suggestion
    level: 1
    to: [subject]
    when: subject.employed IS NULL OR subject.employed
    deadline: {{anchor: {anchor}, amount: 10, unit: days, direction: after}}
    basis: [{{law: \"Luật thử\", article: \"Điều 9\"}}]
    in_force: {{from: \"2000-01-01\"}}
    backfill: none
    say: {{vi: {{what: \"Thử.\", by_when: \"{{{{ deadline }}}}.\"}}, en: {{what: \"Test.\", by_when: \"{{{{ deadline }}}}.\"}}}}
    cases:
      - {{name: employed, on: \"2026-01-31\", subject: {{employed: true}}, expect: \"yes\"}}
      - {{name: not employed, on: \"2026-01-31\", subject: {{employed: false}}, expect: \"no\"}}
"
    )
}

fn head(name: &str, on: &str, key: &str) -> String {
    format!(
        "life_event: {name}\ntitle: {{vi: Thử, en: Test}}\non: {on}\n{on}:\nBODYkey: [{key}]\n\
         reason: {{vi: \"Thử.\", en: \"Test.\"}}\n"
    )
}

/// The test pack with ages as milestones.
fn ages(date: &str, lead: &str, over: &str) -> BTreeMap<String, String> {
    let over = if over.is_empty() { String::new() } else { format!("  over: {{age: [{over}]}}\n") };
    let key = if over.is_empty() { "date" } else { "age" };
    let body = format!("  date: {date}\n  lead: {lead}\n{over}");
    let mut files = good_files();
    let text = head("ages", "milestone", key).replace("BODY", &body) + &rule("of-age", "event.date");
    files.insert(AGES.to_owned(), text);
    files
}

const BIRTHDAYS: &str = "add_years(subject.birth_date, event.age)";
const MONTH: &str = "{amount: 30, unit: days}";

fn counts(tally: &Tally, study: &Study<'_>, key: &str) -> Counts {
    tally.by_question().get(&question(study, key)).copied().unwrap_or_default()
}

fn days_of(changes: &[Change]) -> Vec<(u64, Option<String>, Option<String>)> {
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string());
    changes.iter().map(|one| (one.row, day(one.old_day), day(one.new_day))).collect()
}

#[test]
fn a_milestone_comes_about_on_the_first_day_of_its_lead_time_and_once_for_each_age() {
    let pack = load(ages(BIRTHDAYS, MONTH, "14, 15, 60"));
    let study = Study::new(None, &pack).expect("one type each");
    assert!(study.columns.iter().all(|column| !column.name.starts_with("ages:")), "{:?}", study.columns);
    let rows = [
        // 14 on 2026-01-30, told on the 31st of December before; 15 on 2027-01-30, told on 2026-12-31.
        "birth_date=2012-01-30",
        // 14 on 2026-01-31, told on 1 January; 15 on 2027-01-31, told on 1 January.
        "birth_date=2012-01-31",
        // 60 on 2026-03-01, since there is no 29th, told on 30 January; not employed.
        "birth_date=1966-03-01 employed=false",
        // 14 on 2026-06-15 and no other.
        "birth_date=2012-06-15",
        // Nothing is known.
        "province=01",
    ];
    let (tally, _) = judged(&study, &rows, rows.len());
    let found = counts(&tally, &study, "of-age");
    assert_eq!((found.after(Yes), found.after(No), found.asked()), (3, 1, 4));
}

#[test]
fn a_person_may_reach_two_ages_in_one_period() {
    let pack = load(ages(BIRTHDAYS, MONTH, "14, 15"));
    let study = Study::new(None, &pack).expect("one type each");
    let two_years = Period { first: date("2026-01-01"), last: date("2027-12-31") };
    let rows = ["birth_date=2012-06-15", "birth_date=2010-06-15"];
    let columns: Vec<_> = (0..study.columns.len()).map(|column| array(&study, column, &rows)).collect();
    let batch = Batch { first_row: 0, rows: 2, every_answer: true, period: two_years, columns: &columns };
    let (mut tally, mut answers) = (Tally::new(&study, date("2026-02-28")), Vec::new());
    judge(&study, batch, &mut tally, &mut answers).expect("columns of their types");
    let expected = [(0, None, Some("2026-05-16".to_owned())), (0, None, Some("2027-05-16".to_owned()))];
    assert_eq!(days_of(&answers), expected);
    let deadlines: Vec<_> = answers.iter().map(|one| one.new_deadline).collect();
    assert_eq!(deadlines, [Some(date("2026-06-25")), Some(date("2027-06-25"))]);
}

#[test]
fn another_lead_time_tells_sooner_and_moves_people_into_the_period_and_out_of_it() {
    let (old, new) =
        (load(ages(BIRTHDAYS, MONTH, "14")), load(ages(BIRTHDAYS, "{amount: 2, unit: months}", "14")));
    let study = Study::new(Some(&old), &new).expect("one type each");
    let rows = [
        // Told on 2026-05-16, then on 2026-04-15.
        "birth_date=2012-06-15",
        // Told on 2026-01-02, then on 2025-12-01: out of the period.
        "birth_date=2012-02-01",
        // Told on 2027-01-14, then on 2026-12-13: into it.
        "birth_date=2013-02-13",
        // Told on 2027-03-15, then on 2027-02-14: in neither.
        "birth_date=2013-04-14",
        // Moves, and is told by neither.
        "birth_date=2012-06-15 employed=false",
    ];
    let (tally, changes) = judged(&study, &rows, rows.len());
    let found = counts(&tally, &study, "of-age");
    assert_eq!((found.gains(), found.losses(), found.kept()), (1, 1, 1));
    assert_eq!((found.moved, found.days, found.dates), ([1, 1], [1, 0], [0, 0, 0]));
    assert_eq!(tally.people, [1, 1, 0, 1]);
    let day = |text: &str| Some(text.to_owned());
    let expected = [
        (0, day("2026-05-16"), day("2026-04-15")),
        (1, day("2026-01-02"), None),
        (2, None, day("2026-12-13")),
        (4, day("2026-05-16"), day("2026-04-15")),
    ];
    assert_eq!(days_of(&changes), expected);
}

#[test]
fn another_list_of_ages_gains_and_loses_those_who_reach_them() {
    let (old, new) = (load(ages(BIRTHDAYS, MONTH, "14, 60")), load(ages(BIRTHDAYS, MONTH, "16, 60")));
    let study = Study::new(Some(&old), &new).expect("one type each");
    let rows = ["birth_date=2012-06-15", "birth_date=2010-06-15", "birth_date=1966-06-15"];
    let (tally, _) = judged(&study, &rows, 2);
    let found = counts(&tally, &study, "of-age");
    assert_eq!((found.gains(), found.losses(), found.kept(), found.moved), (1, 1, 1, [0, 0]));
}

#[test]
fn another_expression_moves_the_day_and_the_deadline_with_it() {
    let of = |date: &str| load(ages(date, MONTH, ""));
    let (old, new) = (of("subject.youngest"), of("subject.youngest + INTERVAL '7' DAY"));
    let study = Study::new(Some(&old), &new).expect("one type each");
    let (tally, changes) = judged(&study, &["youngest=2026-06-15", "youngest=2026-01-25"], 2);
    let found = counts(&tally, &study, "of-age");
    // The second was told on 26 December and comes into the period.
    assert_eq!((found.dates, found.days, found.gains(), found.moved), ([0, 1, 0], [0, 1], 1, [1, 0]));
    assert_eq!(changes[0].old_deadline, Some(date("2026-06-25")));
    assert_eq!(changes[0].new_deadline, Some(date("2026-07-02")));
}

/// Figures of law: the age falls from 60 to 55 on 2026-07-01.
fn lowered() -> BTreeMap<String, String> {
    let mut files = ages(BIRTHDAYS, MONTH, "law.age");
    let value = |from: &str, value: u32| {
        format!(
            "      - {{from: \"{from}\", known: \"{from}\", value: {value}, basis: {{law: a, article: \"1\"}}}}\n"
        )
    };
    files.insert(
        "parameters.yaml".to_owned(),
        format!(
            "parameters:\n  age:\n    title: {{vi: a, en: a}}\n    type: int\n    values:\n{}{}",
            value("2000-01-01", 60),
            value("2026-07-01", 55)
        ),
    );
    files
}

#[test]
fn a_day_falls_under_the_law_of_the_day_itself() {
    let pack = load(lowered());
    let study = Study::new(None, &pack).expect("one type each");
    let rows = [
        // 60 on 2026-06-15, before the change, which does not reach back.
        "birth_date=1966-06-15",
        // 60 on 2026-07-10 is too late: 55 was in 2021, so it is the day of the change, told on 1 June.
        "birth_date=1966-07-10",
        // 55 on 2026-08-20, told on 21 July.
        "birth_date=1971-08-20",
        // 55 on 2026-06-30 counted for nothing: the day of the change.
        "birth_date=1971-06-30",
        // 60 in 2020: not again.
        "birth_date=1960-05-05",
    ];
    let columns: Vec<_> = (0..study.columns.len()).map(|column| array(&study, column, &rows)).collect();
    let batch = Batch { first_row: 0, rows: 5, every_answer: true, period: period(), columns: &columns };
    let (mut tally, mut answers) = (Tally::new(&study, date("2026-02-28")), Vec::new());
    judge(&study, batch, &mut tally, &mut answers).expect("columns of their types");
    let day = |text: &str| Some(text.to_owned());
    let expected = [
        (0, None, day("2026-05-16")),
        (1, None, day("2026-06-01")),
        (2, None, day("2026-07-21")),
        (3, None, day("2026-06-01")),
    ];
    assert_eq!(days_of(&answers), expected);
}

/// The test pack, with births of which no file follows.
fn unfiled(within: u32, same: &str) -> Pack {
    let body = format!(
        "  of: birth\n  without: filed\n{same}  anchor: event.born_on\n  within: {{amount: {within}, unit: days}}\n"
    );
    let mut files = good_files();
    let text = head("unfiled", "absence", "").replace("BODY", &body) + &rule("still-unfiled", "event.date");
    files.insert("life_events/unfiled.yaml".to_owned(), text);
    load(files)
}

const BIRTHS: [&str; 6] = [
    // Never filed: the last day is 31 March, so it comes about on 1 April.
    "birth:time=2026-03-02 birth:born_on=2026-03-01 birth:certificate=1",
    // Filed on the last day.
    "birth:time=2026-03-02 birth:born_on=2026-03-01 filed:time=2026-03-31 birth:certificate=1 filed:certificate=1",
    // Filed a day late.
    "birth:time=2026-03-02 birth:born_on=2026-03-01 filed:time=2026-04-01 birth:certificate=1 filed:certificate=1",
    // Filed before the birth was known: that is another matter, unless the certificate says that it is this one.
    "birth:time=2026-03-02 birth:born_on=2026-03-01 filed:time=2026-03-01 birth:certificate=1 filed:certificate=1",
    // The term ends with the year, so it comes about after the period.
    "birth:time=2026-12-02 birth:born_on=2026-12-01 birth:certificate=1",
    // Filed in time, for another child.
    "birth:time=2026-03-02 birth:born_on=2026-03-01 filed:time=2026-03-05 birth:certificate=1 filed:certificate=2",
];

#[test]
fn an_absence_comes_about_on_the_day_after_the_last_if_nothing_followed() {
    let pack = unfiled(30, "");
    let study = Study::new(None, &pack).expect("one type each");
    assert!(study.columns.iter().all(|column| !column.name.starts_with("unfiled:")), "{:?}", study.columns);
    let found = counts(&judged(&study, &BIRTHS, 6).0, &study, "still-unfiled");
    assert_eq!(found.after(Yes), 3, "never, a day late, and before the birth");
    let pack = unfiled(30, "  same: [certificate]\n");
    let study = Study::new(None, &pack).expect("one type each");
    let found = counts(&judged(&study, &BIRTHS, 6).0, &study, "still-unfiled");
    assert_eq!(found.after(Yes), 3, "never, a day late, and for another child");
}

#[test]
fn another_period_of_an_absence_moves_it() {
    let (old, new) = (unfiled(30, ""), unfiled(31, ""));
    let study = Study::new(Some(&old), &new).expect("one type each");
    let (tally, changes) = judged(&study, &BIRTHS, 4);
    let found = counts(&tally, &study, "still-unfiled");
    // Who filed a day late is in time now; the others are told a day later, and have a day longer.
    assert_eq!((found.gains(), found.losses(), found.days, found.dates), (0, 1, [0, 2], [0, 2, 0]));
    assert_eq!(found.moved, [0, 0]);
    let of = changes.iter().map(|one| one.row).collect::<Vec<_>>();
    assert_eq!(of, [0, 2, 3]);
}

#[test]
fn of_what_the_table_does_not_say_nobody_knows_that_it_is_lacking() {
    let pack = unfiled(30, "");
    let study = Study::new(None, &pack).expect("one type each");
    let mut columns: Vec<_> = (0..study.columns.len()).map(|column| array(&study, column, &BIRTHS)).collect();
    let filed = study.columns.iter().position(|column| column.name == "filed:time").expect("a column");
    columns[filed] = None;
    let batch = Batch { first_row: 0, rows: 6, every_answer: true, period: period(), columns: &columns };
    let (mut tally, mut answers) = (Tally::new(&study, date("2026-02-28")), Vec::new());
    judge(&study, batch, &mut tally, &mut answers).expect("columns of their types");
    assert_eq!(counts(&tally, &study, "still-unfiled").asked(), 0);
}

#[test]
fn how_many_rows_at_once_leaves_no_trace_on_what_the_clock_brings() {
    let mut files = ages(BIRTHDAYS, "{amount: 45, unit: days}", "14, 15, 60");
    let absent = |within: u32| unfiled(within, "").files["life_events/unfiled.yaml"].clone();
    files.insert("life_events/unfiled.yaml".to_owned(), absent(31));
    let new = load(files);
    let mut files = lowered();
    files.insert("life_events/unfiled.yaml".to_owned(), absent(30));
    let old = load(files);
    let study = Study::new(Some(&old), &new).expect("one type each");
    let born = |at: u32| format!("birth_date={}-{:02}-{:02}", 1_950 + at % 65, 1 + at % 12, 1 + at % 28);
    let rows: Vec<String> = (0..400).map(|at| format!("{} {}", born(at), BIRTHS[at as usize % 6])).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let whole = judged(&study, &rows, rows.len());
    let all = whole.0.by_question();
    let of = |key: &str| all[&question(&study, key)];
    assert!(
        of("of-age").gains() > 5 && of("of-age").losses() > 5 && of("still-unfiled").losses() > 5,
        "{all:?}"
    );
    for at_once in [1, 7, 64, 129] {
        let part = judged(&study, &rows, at_once);
        assert_eq!(part.1, whole.1, "{at_once}");
        assert_eq!(part.0.by_question(), all, "{at_once}");
        assert_eq!(part.0.people, whole.0.people, "{at_once}");
    }
}
