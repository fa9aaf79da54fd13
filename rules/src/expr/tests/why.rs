//! Why an answer is unknown, and what decided a no.

use super::*;

#[test]
fn missing_are_exactly_the_facts_whose_absence_made_it_unknown() {
    let cases = [
        ("subject.n = 1", "", "subject.n"),
        ("subject.n = subject.m", "", "subject.m subject.n"),
        ("subject.n = subject.m", "subject.n=1", "subject.m"),
        ("subject.n = 1 AND event.flag", "event.flag=false", ""),
        ("subject.n = 1 AND event.flag", "event.flag=true", "subject.n"),
        ("subject.n = 1 AND event.flag", "", "event.flag subject.n"),
        ("subject.n = 1 OR event.flag", "event.flag=true", ""),
        ("subject.n = 1 OR event.flag", "event.flag=false", "subject.n"),
        ("subject.n = 1 AND (event.flag OR subject.m = 1)", "subject.n=1; event.flag=false", "subject.m"),
        ("subject.n = 1 AND (event.flag OR subject.m = 1)", "event.flag=true", "subject.n"),
        ("NOT (subject.n = 1 AND event.flag)", "event.flag=true", "subject.n"),
        ("subject.n IS NULL AND event.flag", "", "event.flag"),
        ("subject.n + subject.m > 3", "subject.m=1", "subject.n"),
        ("age_years(subject.birth, event.on) >= 14", "event.on=2026-01-01", "subject.birth"),
        ("event.on + INTERVAL '1' DAY > subject.birth", "subject.birth=2020-01-01", "event.on"),
        ("subject.n BETWEEN subject.m AND 3", "subject.n=2", "subject.m"),
        ("subject.n BETWEEN subject.m AND 3", "subject.n=9", ""),
        ("subject.n BETWEEN subject.m AND 3", "subject.m=0", "subject.n"),
        ("subject.n IN (1, 2)", "", "subject.n"),
        ("subject.n IN (1, subject.m)", "subject.n=2", "subject.m"),
        ("subject.n IN (1, subject.m)", "subject.n=1", ""),
        ("subject.n IN (1, NULL)", "subject.n=2", ""),
        ("COALESCE(subject.n, subject.m) = 1", "", "subject.m subject.n"),
        ("COALESCE(subject.n, 1) = 1", "", ""),
        ("CASE WHEN event.flag THEN subject.n ELSE subject.m END = 1", "event.flag=true", "subject.n"),
        ("CASE WHEN event.flag THEN subject.n ELSE subject.m END = 1", "subject.m=1", ""),
        ("CASE WHEN event.flag THEN subject.n ELSE subject.m END = 1", "", "event.flag subject.m"),
        ("CASE WHEN event.flag THEN 1 WHEN subject.married THEN 2 END = 1", "", "event.flag subject.married"),
        ("CASE WHEN event.flag THEN 1 END = 1", "event.flag=false", ""),
        ("CASE subject.n WHEN 1 THEN event.flag END", "", "subject.n"),
        ("CASE subject.n WHEN subject.m THEN TRUE END", "subject.n=1", "subject.m"),
        ("event.flag AND NULL", "event.flag=true", ""),
        ("subject.n = 1 AND subject.n = 2", "", "subject.n"),
    ];
    for (text, given, expected) in cases {
        let (bound, columns) = (condition(text), table(&[facts(given)]));
        let missing = bound.missing(&columns, 0);
        let mut names = missing.inputs.iter().map(ColumnRef::to_string).collect::<Vec<_>>();
        names.sort();
        assert_eq!(names.join(" "), expected, "{text} given {given}");
        assert!(!missing.fault, "{text} given {given}");
        assert!(
            expected.is_empty() || bound.answers(&columns).get(0) == Answer::Unknown,
            "{text} given {given}"
        );
    }
}

#[test]
fn a_fault_and_a_missing_fact_are_told_apart() {
    let bound = condition("subject.n / subject.m = 1 AND event.flag");
    let ask = |given: &str| {
        let missing = bound.missing(&table(&[facts(given)]), 0);
        (missing.inputs.iter().map(ColumnRef::to_string).collect::<Vec<_>>().join(" "), missing.fault)
    };
    assert_eq!(ask("subject.n=1; subject.m=0; event.flag=true"), (String::new(), true));
    assert_eq!(ask("subject.n=1; subject.m=0"), ("event.flag".into(), true));
    assert_eq!(ask("subject.n=1; event.flag=true"), ("subject.m".into(), false));
    assert_eq!(ask("subject.n=1; subject.m=0; event.flag=false"), (String::new(), false));
}

#[test]
fn a_no_names_the_conjuncts_that_were_false() {
    let cases = [
        ("subject.n = 1 AND event.flag", "subject.n=2; event.flag=true", vec!["subject.n = 1"]),
        (
            "(subject.n = 1 AND (event.flag)) AND subject.m > 2",
            "subject.n=2; subject.m=1",
            vec!["subject.n = 1", "subject.m > 2"],
        ),
        (
            "subject.n = 1 AND (event.flag OR subject.m = 2)",
            "subject.n=1; event.flag=false; subject.m=3",
            vec!["event.flag OR subject.m = 2"],
        ),
        (
            "(subject.n = 1 OR event.flag)",
            "subject.n=2; event.flag=false",
            vec!["subject.n = 1 OR event.flag"],
        ),
        ("subject.n = 1", "subject.n=1", vec![]),
        ("subject.n = 1", "", vec![]),
        ("subject.n in (1,2)", "subject.n=3", vec!["subject.n IN (1, 2)"]),
    ];
    for (text, given, expected) in cases {
        let failing = condition(text).failing(&table(&[facts(given)]), 0);
        assert_eq!(failing, expected, "{text} given {given}");
    }
}
