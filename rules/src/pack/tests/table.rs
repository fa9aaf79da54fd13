//! Cases written as a table.

use super::*;

/// The cases of the second rule of the good pack.
pub(crate) const LISTED: &str = "    cases:
      - name: in Ha Noi
        on: \"2026-01-31\"
        event: {born_on: \"2026-01-30\"}
        citizen: {province: \"01\"}
        expect: yes
        deadline: \"2026-02-06\"
      - name: elsewhere
        on: \"2026-01-31\"
        event: {born_on: \"2026-01-30\"}
        citizen: {province: \"79\"}
        expect: no
";

/// The same as a table.
pub(crate) const TABLE: &str = "    table:
      columns: [name, event.born_on, citizen.province, expect, deadline]
      shared: {on: \"2026-01-31\"}
      rows:
        - [in Ha Noi, \"2026-01-30\", \"01\", yes, \"2026-02-06\"]
        - [elsewhere, \"2026-01-30\", \"79\", no, ~]
";

fn rule(pack: &Pack) -> &super::super::model::Rule {
    pack.rule("birth-residence").expect("a rule").1
}

#[test]
fn a_table_is_read_into_the_same_cases() {
    let (list, table) = (load(good_files()), load(with(BIRTH, LISTED, TABLE)));
    let (list, table) = (rule(&list), rule(&table));
    assert_eq!(format!("{:?}", list.cases), format!("{:?}", table.cases));
}

#[test]
fn a_table_without_the_citizen_is_about_the_subject_and_one_with_is_not() {
    let unknown = "    table:
      columns: [name, on, event.born_on, subject.province, expect, missing]
      rows:
        - [own, \"2026-01-31\", \"2026-01-30\", \"01\", yes, ~]
        - [none, \"2026-01-31\", \"2026-01-30\", ~, unknown, \"citizen.province\"]
";
    assert!(run_cases(&load(with(BIRTH, LISTED, unknown))).iter().all(|case| case.passed));
    let other = unknown.replace("subject.province,", "citizen.province,");
    assert!(run_cases(&load(with(BIRTH, LISTED, &other))).iter().all(|case| case.passed));
}

#[test]
fn mistakes_in_a_table_are_told_at_the_cell() {
    let cases = [
        ("event.born_on,", "event.borne_on,", (71, 23), Code::UnknownName, "no field `event.borne_on`"),
        ("expect,", "expected,", (71, 56), Code::UnknownName, "did you mean `expect`?"),
        ("deadline]", "name]", (71, 64), Code::DuplicateName, "the column `name` stands twice"),
        ("{on:", "{at:", (71, 16), Code::BadCase, "the column `on` is missing"),
        ("on: \"2026-01-31\"", "on: \"2026-02-31\"", (72, 20), Code::BadDate, "`2026-02-31` is not a date"),
        ("\"01\", yes", "01, yes", (74, 37), Code::WrongType, "put it in quotes"),
        ("\"01\", yes", "\"01\", maybe", (74, 43), Code::NotAllowed, "`yes`, `no` or `unknown`"),
        ("\"79\", no, ~", "\"79\", no", (75, 11), Code::BadCase, "4 values, and there are 5 columns"),
        ("[elsewhere,", "[in Ha Noi,", (75, 12), Code::DuplicateName, "stands above already"),
        ("[elsewhere,", "[~,", (75, 12), Code::BadCase, "a case needs its `name`"),
        ("2026-01-30\", \"79", "2026-13-30\", \"79", (75, 23), Code::WrongType, "is not a date"),
        ("{on:", "{event.place: moon, on:", (72, 29), Code::NotAllowed, "`moon` is not one of the values"),
        ("{on:", "{event.time: \"2026-01-01\", on:", (72, 16), Code::BadCase, "is `on` of the case"),
    ];
    for (from, to, place, code, text) in cases {
        let wrong = TABLE.replacen(from, to, 1);
        let faults = Pack::from_files(with(BIRTH, LISTED, &wrong)).err().unwrap_or_default();
        let is_it = |fault: &Diagnostic| {
            (fault.line, fault.column) == place && fault.code == code && fault.to_string().contains(text)
        };
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(is_it), "{from} -> {to}: {lines:#?}");
    }
}
