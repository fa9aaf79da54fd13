//! Rules and terms of places, and terms under the law of filing, counted by hand.

use super::*;

/// The test pack with a term of 60 days, 90 in 79, and a rule that 79 alone has.
fn with_places(local: u32) -> Pack {
    let mut files = with(BIRTH, "amount: 60, unit: days", "amount: law.term, unit: days");
    let pack = files.get_mut("pack.yaml").expect("the file");
    pack.push_str("places: [province]\n");
    let value = |value: u32| {
        format!(
            "    values:\n      - {{from: \"2000-01-01\", known: \"2000-01-01\", value: {value}, basis: {{law: a, article: \"1\"}}}}\n"
        )
    };
    let term = "  term:\n    title: {vi: a, en: a}\n    type: int\n";
    files.insert("parameters.yaml".to_owned(), format!("parameters:\n{term}{}", value(60)));
    files.insert(
        "overlays/79.yaml".to_owned(),
        format!(
            "overlay: south\ntitle: {{vi: a, en: a}}\nowner: {{vi: a, en: a}}\nwhere: {{fact: province, is: [\"79\"]}}\n\
             parameters:\n{term}{}{RULES}",
            value(local)
        ),
    );
    load(files)
}

const RULES: &str = "rules:
  birth:
    - key: gift
      service: insurance
      class: suggestion
      level: 1
      to: [subject]
      when: event.place IS NOT NULL
      basis: [{law: a, article: \"2\"}]
      in_force: {from: \"2025-01-01\"}
      backfill: none
      say: {vi: {what: \"Thử.\"}, en: {what: \"Test.\"}}
      cases:
        - {name: at home, on: \"2026-01-31\", event: {place: home}, expect: \"yes\"}
        - {name: not known where, on: \"2026-01-31\", expect: \"no\"}
";

#[test]
fn a_rule_of_a_place_is_asked_of_those_who_live_there_alone() {
    let pack = with_places(90);
    let study = Study::new(None, &pack).expect("one type each");
    let (tally, _) = judged(&study, &POPULATION, POPULATION.len());
    let gift = tally.by_question()[&question(&study, "gift")];
    // Rows 1, 3, 4 and 5 of the population live in 79; row 4 was before the rule, and row 5 does not say where.
    assert_eq!((gift.asked(), gift.after(Yes), gift.after(No)), (4, 2, 2));
    let old = load(good_files());
    let study = Study::new(Some(&old), &pack).expect("one type each");
    for at_once in [1, 4, 9] {
        let (tally, _) = judged(&study, &POPULATION, at_once);
        assert_eq!(tally.by_question()[&question(&study, "gift")].gains(), 2);
    }
}

#[test]
fn the_time_to_act_is_that_of_the_place() {
    let (old, new) = (with_places(90), with_places(120));
    let study = Study::new(Some(&old), &new).expect("one type each");
    let there = |province: &str| {
        format!(
            "birth:time=2026-01-31 birth:born_on=2026-01-30 birth:place=home employed=true province={province}"
        )
    };
    let rows = [there("79"), there("01"), there("").replace("province=", "")];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let (tally, changes) = judged(&study, &rows, 3);
    let found = tally.by_question()[&question(&study, "birth-insurance")];
    assert_eq!((found.kept(), found.dates), (3, [0, 1, 0]));
    let dates = (changes[0].row, changes[0].old_deadline, changes[0].new_deadline);
    assert_eq!(dates, (0, Some(date("2026-04-30")), Some(date("2026-05-30"))));
    // Elsewhere and nowhere: the nation's sixty days.
    let study = Study::new(None, &new).expect("one type each");
    let columns: Vec<_> = (0..study.columns.len()).map(|column| array(&study, column, &rows)).collect();
    let batch = Batch { first_row: 0, rows: 3, every_answer: true, period: period(), columns: &columns };
    let (mut tally, mut answers) = (Tally::new(&study, date("2026-02-28")), Vec::new());
    judge(&study, batch, &mut tally, &mut answers).expect("columns of their types");
    let insurance = question(&study, "birth-insurance");
    let national = answers.iter().filter(|one| one.question == insurance && one.row > 0);
    assert!(
        national.clone().count() == 2
            && national.clone().all(|one| one.new_deadline == Some(date("2026-03-31")))
    );
}

/// The insurance under law that asks for work until 2026-03-31, and gives 30 days instead of 60 from 2026-04-01 on.
fn by(law_of: &str) -> Pack {
    let mut files = with(BIRTH, "amount: 60, unit: days", "amount: law.term, unit: days");
    let text = files.get_mut(BIRTH).expect("the file");
    *text = text.replacen("AND subject.employed", "AND (subject.employed OR law.term < 60)", 1);
    *text = text.replacen("    level: 1\n", &format!("    level: 1\n    law_of: {law_of}\n"), 1);
    let value = |from: &str, value: u32| {
        format!(
            "      - {{from: \"{from}\", known: \"{from}\", value: {value}, basis: {{law: a, article: \"1\"}}}}\n"
        )
    };
    files.insert(
        "parameters.yaml".to_owned(),
        format!(
            "parameters:\n  term:\n    title: {{vi: a, en: a}}\n    type: int\n    values:\n{}{}",
            value("2000-01-01", 60),
            value("2026-04-01", 30)
        ),
    );
    load(files)
}

#[test]
fn the_time_to_act_is_that_of_the_day_of_filing_where_its_law_counts() {
    let rows = [
        // Told at once, under the law of that day.
        "birth:time=2026-01-31 birth:born_on=2026-01-30 birth:place=home employed=true",
        // Told only from the day on which later law asks for no work.
        "birth:time=2026-01-31 birth:born_on=2026-01-30 birth:place=home employed=false",
    ];
    let last = |law_of: &str| -> Vec<Option<String>> {
        let pack = by(law_of);
        let study = Study::new(None, &pack).expect("one type each");
        let columns: Vec<_> = (0..study.columns.len()).map(|column| array(&study, column, &rows)).collect();
        let batch = Batch { first_row: 0, rows: 2, every_answer: true, period: period(), columns: &columns };
        let (mut tally, mut answers) = (Tally::new(&study, date("2026-02-28")), Vec::new());
        judge(&study, batch, &mut tally, &mut answers).expect("columns of their types");
        let insurance = question(&study, "birth-insurance");
        let of = answers.iter().filter(|one| one.question == insurance);
        of.map(|one| one.new_deadline.map(|date| date.to_string())).collect()
    };
    let dates = |texts: [Option<&str>; 2]| texts.map(|text| text.map(str::to_owned)).to_vec();
    assert_eq!(last("occurrence"), dates([Some("2026-03-31"), None]));
    assert_eq!(last("filing"), dates([Some("2026-03-31"), Some("2026-03-01")]));
    assert_eq!(last("most_favourable"), dates([Some("2026-03-31"), Some("2026-03-31")]));
}
