//! What each construct means.

use super::*;
use Answer::{No, Unknown, Yes};

#[test]
fn every_construct_answers_yes_no_and_unknown() {
    let cases = [
        ("subject.n = 3", "subject.n=3", Yes),
        ("subject.n = 3", "subject.n=4", No),
        ("subject.n = 3", "", Unknown),
        ("subject.n <> 3 AND subject.n != 4", "subject.n=5", Yes),
        ("subject.n < 3", "subject.n=3", No),
        ("subject.n <= 3 and subject.n >= 3", "subject.n=3", Yes),
        ("subject.n > -4", "subject.n=-3", Yes),
        ("subject.n > -9223372036854775808", "subject.n=0", Yes),
        ("3 = subject.n", "subject.n=3", Yes),
        ("subject.n = subject.m", "subject.n=3; subject.m=3", Yes),
        ("event.flag", "event.flag=true", Yes),
        ("NOT event.flag", "event.flag=true", No),
        ("NOT event.flag", "", Unknown),
        ("event.flag = FALSE", "event.flag=false", Yes),
        ("event.flag AND subject.n = 1", "event.flag=false", No),
        ("event.flag OR subject.n = 1", "event.flag=true", Yes),
        ("event.flag AND subject.n = 1", "event.flag=true", Unknown),
        ("event.flag OR subject.n = 1 AND subject.m = 2", "event.flag=true", Yes),
        ("subject.n IS NULL", "", Yes),
        ("subject.n IS NOT NULL", "", No),
        ("event.flag IS TRUE", "", No),
        ("event.flag IS NOT TRUE", "", Yes),
        ("event.flag IS FALSE", "event.flag=false", Yes),
        ("event.flag IS NOT FALSE", "", Yes),
        ("(subject.n = 1) IS UNKNOWN", "", Yes),
        ("(subject.n = 1) IS NOT UNKNOWN", "subject.n=2", Yes),
        ("subject.n BETWEEN 1 AND 3", "subject.n=3", Yes),
        ("subject.n NOT BETWEEN 1 AND 3", "subject.n=1", No),
        ("subject.n BETWEEN subject.m AND 3", "subject.n=4", No),
        ("subject.n BETWEEN subject.m AND 3", "subject.n=2", Unknown),
        ("subject.province IN ('HN', 'Huế')", "subject.province=Huế", Yes),
        ("subject.province IN ('HN', 'Huế')", "subject.province=Hue", No),
        ("subject.province NOT IN ('HN')", "", Unknown),
        ("subject.n IN (1, NULL)", "subject.n=1", Yes),
        ("subject.n IN (1, NULL)", "subject.n=2", Unknown),
        ("subject.n IN (1, subject.m)", "subject.n=2; subject.m=2", Yes),
        ("subject.n IN (1, subject.m)", "subject.n=2", Unknown),
        ("event.on IN (DATE '2026-01-01')", "event.on=2026-01-01", Yes),
        ("event.reporter IN (citizen.self)", "event.reporter=1; citizen.self=1", Yes),
        ("event.reporter = citizen.self", "event.reporter=1; citizen.self=2", No),
        ("event.reporter <> citizen.self", "event.reporter=1; citizen.self=2", Yes),
        ("CASE WHEN subject.n = 1 THEN event.flag ELSE TRUE END", "", Yes),
        ("CASE WHEN subject.n = 1 THEN event.flag ELSE TRUE END", "subject.n=1; event.flag=false", No),
        ("CASE subject.n WHEN 1 THEN 'a' WHEN 2 THEN 'b' END = 'b'", "subject.n=2", Yes),
        ("CASE subject.n WHEN 1 THEN 'a' END = 'b'", "subject.n=2", Unknown),
        ("CASE WHEN subject.n = 0 THEN 0 ELSE 6 / subject.n END = 0", "subject.n=0", Yes),
        ("COALESCE(subject.n, subject.m, 7) = 7", "", Yes),
        ("COALESCE(subject.n, subject.m) = 2", "subject.m=2", Yes),
        ("COALESCE(subject.n, subject.m) = 2", "", Unknown),
        ("subject.mother.province = 'HN'", "subject.mother.province=HN", Yes),
        ("subject.province < 'b'", "subject.province=a", Yes),
        ("subject.province = 'it''s'", "subject.province=it's", Yes),
        ("NULL", "", Unknown),
        ("subject.n = NULL", "subject.n=1", Unknown),
        ("TRUE OR NULL", "", Yes),
        ("1 = 1", "", Yes),
        ("NULL IS NULL", "", Yes),
        ("Subject.n = 1 -- a comment", "subject.n=1", Yes),
    ];
    for (text, given, answer) in cases {
        assert_eq!(ask(text, given), answer, "{text} given {given}");
    }
}

#[test]
fn numbers_and_dates_compute() {
    let cases = [
        ("7 / 2", "", Some("3")),
        ("-7 / 2", "", Some("-3")),
        ("-7 % 4", "", Some("-3")),
        ("2 + 3 * 4 - 1", "", Some("13")),
        ("-(subject.n)", "subject.n=5", Some("-5")),
        ("+subject.n", "subject.n=5", Some("5")),
        ("subject.n % -1", "subject.n=-9223372036854775808", Some("0")),
        ("DATE '2026-03-01' - DATE '2026-02-01'", "", Some("28")),
        ("event.on - subject.birth", "event.on=2024-03-01; subject.birth=2024-02-28", Some("2")),
        ("days_between(subject.birth, event.on)", "event.on=2024-03-01; subject.birth=2024-02-28", Some("2")),
        ("subject.n / subject.m", "subject.n=1; subject.m=0", None),
        ("subject.n + 1", "subject.n=9223372036854775807", None),
        ("-subject.n", "subject.n=-9223372036854775808", None),
        ("subject.n * subject.n", "subject.n=4294967296", None),
    ];
    for (text, given, expected) in cases {
        assert_eq!(evaluate(text, ValueType::Int, given).as_deref(), expected, "{text} given {given}");
    }
}

#[test]
fn intervals_keep_the_day_or_take_the_last_of_a_shorter_month() {
    let cases = [
        ("DATE '2026-01-31' + INTERVAL '1' MONTH", "2026-02-28"),
        ("DATE '2024-01-31' + INTERVAL '1' MONTH", "2024-02-29"),
        ("DATE '2024-02-29' + INTERVAL '1' YEAR", "2025-02-28"),
        ("DATE '2024-02-29' + INTERVAL '4' YEAR", "2028-02-29"),
        ("DATE '2024-03-31' - INTERVAL '1' MONTH", "2024-02-29"),
        ("INTERVAL '1' DAY + DATE '2023-12-31'", "2024-01-01"),
        ("DATE '2024-02-28' + INTERVAL '2' DAY", "2024-03-01"),
        ("DATE '2024-03-01' - INTERVAL '1' DAY", "2024-02-29"),
        ("DATE '2024-03-01' + INTERVAL '-1' DAY", "2024-02-29"),
        ("DATE '2026-01-31' + INTERVAL '1' MONTH + INTERVAL '1' MONTH", "2026-03-28"),
        ("DATE '1900-02-28' + INTERVAL '1' DAY", "1900-03-01"),
    ];
    for (text, expected) in cases {
        assert_eq!(evaluate(text, ValueType::Date, "").as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn a_year_is_completed_on_the_birthday_and_on_1_march_for_a_leapling() {
    let cases = [
        ("2010-06-15", "2024-06-14", 13, 167),
        ("2010-06-15", "2024-06-15", 14, 168),
        ("2008-02-29", "2022-02-28", 13, 167),
        ("2008-02-29", "2022-03-01", 14, 168),
        ("2008-02-29", "2024-02-28", 15, 191),
        ("2008-02-29", "2024-02-29", 16, 192),
        ("2026-01-31", "2026-02-28", 0, 0),
        ("2026-01-31", "2026-03-01", 0, 1),
        ("2026-01-31", "2026-01-31", 0, 0),
        ("2026-01-31", "2026-01-30", -1, -1),
        ("2026-01-31", "2025-01-31", -1, -12),
    ];
    for (birth, on, years, months) in cases {
        let call = |name: &str| evaluate(&format!("{name}(DATE '{birth}', DATE '{on}')"), ValueType::Int, "");
        assert_eq!(call("age_years"), Some(years.to_string()), "age from {birth} on {on}");
        assert_eq!(call("MONTHS_BETWEEN"), Some(months.to_string()), "months from {birth} to {on}");
    }
}

#[test]
fn a_date_outside_the_calendar_is_a_fault() {
    for text in [
        "DATE '9999-12-31' + INTERVAL '1' DAY > event.on",
        "DATE '0001-01-01' - INTERVAL '1' MONTH > event.on",
        "event.on + INTERVAL '2147483647' DAY > event.on",
        "event.on - INTERVAL '100000000' YEAR > event.on",
    ] {
        let (bound, columns) = (condition(text), table(&[facts("event.on=2026-01-01")]));
        assert_eq!(ask(text, "event.on=2026-01-01"), Unknown, "{text}");
        assert!(bound.answers(&columns).fault(0) && bound.missing(&columns, 0).fault, "{text}");
    }
}

#[test]
fn a_decomposed_literal_equals_the_composed_value() {
    assert_eq!(ask("subject.province = 'Hue\u{302}\u{301}'", "subject.province=Hu\u{1ebf}"), Yes);
}

#[test]
fn a_program_tells_its_inputs_and_binds_only_where_they_all_are() {
    let text = "subject.n = 1 AND event.flag AND subject.n < citizen.income";
    let program = compile(text, &Facts, ValueType::Bool).expect("it compiles");
    let names = program.inputs().iter().map(ColumnRef::to_string).collect::<Vec<_>>();
    assert_eq!(names, ["event.flag", "subject.n", "citizen.income"]);
    assert_eq!((program.text(), program.value_type()), (text, ValueType::Bool));
    assert!(program.bind(&[column("subject.n"), column("event.flag")]).is_none());
    assert!(program.bind(&[column("subject.n"), column("event.flag"), column("citizen.income")]).is_some());
}

#[test]
fn a_long_chain_is_one_level() {
    let text = vec!["event.flag"; 900].join(" AND ");
    assert_eq!(ask(&text, "event.flag=true"), Yes);
    assert_eq!(ask(&text, "event.flag=false"), No);
}
