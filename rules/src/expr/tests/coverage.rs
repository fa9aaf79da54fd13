//! What rows reach of a condition.

use proptest::prelude::*;

use super::property::{a_row, a_tree};
use super::*;

/// What rows (separated by `|`) do not reach, a line each.
fn unreached(text: &str, rows: &str, certain: &[&str]) -> Vec<String> {
    let rows: Vec<_> = rows.split('|').map(facts).collect();
    let mut world = World { faults: false, ..open() };
    certain.iter().for_each(|name| world.columns[place(name)].nullable = false);
    let points = condition(text).coverage(&table(&rows), &world).expect("it can be taken apart");
    let missed = points.iter().filter(|point| !point.reached);
    missed.map(|point| format!("{}: {}", point.part, point.outcome)).collect()
}

#[test]
fn exactly_what_no_row_reaches_is_told() {
    let cases: [(&str, &str, &[&str]); 16] = [
        ("subject.n = 1", "subject.n=1|subject.n=2|", &[]),
        ("subject.n = 1", "subject.n=1", &["subject.n = 1: never false", "subject.n = 1: never unknown"]),
        ("event.flag", "event.flag=true|event.flag=false", &["event.flag: never unknown"]),
        ("(event.flag)", "event.flag=true|", &["event.flag: never false"]),
        (
            "subject.n = 1 AND event.flag",
            "subject.n=1; event.flag=true|subject.n=2; event.flag=false|",
            &["subject.n = 1: never decides when false", "event.flag: never decides when false"],
        ),
        (
            "subject.n = 1 AND event.flag",
            "subject.n=1; event.flag=true|subject.n=2; event.flag=true|subject.n=1; event.flag=false|",
            &[],
        ),
        (
            "subject.n > 3 OR subject.n > 5",
            "subject.n=9|subject.n=4|subject.n=1|",
            &[], // `subject.n > 5` can decide nothing.
        ),
        (
            "subject.n BETWEEN 1 AND 3",
            "subject.n=2|subject.n=9|",
            &["subject.n BETWEEN 1 AND 3: never below"],
        ),
        (
            "subject.n NOT BETWEEN 1 AND 3",
            "subject.n=0|",
            &["subject.n NOT BETWEEN 1 AND 3: never false", "subject.n NOT BETWEEN 1 AND 3: never above"],
        ),
        (
            "subject.n IN (1, 2, NULL)",
            "subject.n=1|subject.n=3|",
            &["subject.n IN (1, 2, NULL): never 2"], // What is not in it is unknown.
        ),
        ("subject.n IS NULL", "subject.n=1", &["subject.n IS NULL: never true"]),
        (
            "COALESCE(subject.n, subject.m, 0) = 1",
            "subject.n=1|subject.m=2",
            &["COALESCE(subject.n, subject.m, 0): never takes 0"],
        ),
        (
            "CASE WHEN event.flag THEN 1 WHEN subject.n = 1 THEN 2 ELSE 3 END = 2",
            "event.flag=true; subject.n=1|event.flag=false; subject.n=2|",
            &[
                "CASE WHEN event.flag THEN 1 WHEN subject.n = 1 THEN 2 ELSE 3 END = 2: never true",
                "CASE WHEN event.flag THEN 1 WHEN subject.n = 1 THEN 2 ELSE 3 END: never WHEN subject.n = 1",
                "event.flag: never decides when false",
                "subject.n = 1: never decides when true",
            ],
        ),
        (
            "CASE subject.n WHEN 1 THEN event.flag WHEN 2 THEN TRUE END",
            "subject.n=1; event.flag=true|subject.n=1; event.flag=false|",
            &["CASE subject.n WHEN 1 THEN event.flag WHEN 2 THEN true END: never WHEN 2"],
        ),
        (
            "NOT (subject.n = 1) AND event.flag",
            "subject.n=1; event.flag=true|subject.n=2; event.flag=true|subject.n=1; event.flag=false|",
            &["event.flag: never decides when false"],
        ),
        ("(subject.n = 1) IS NOT TRUE", "subject.n=1|subject.n=2", &["subject.n = 1: never unknown"]),
    ];
    for (text, rows, expected) in cases {
        assert_eq!(unreached(text, rows, &[]), expected, "{text} given {rows}");
    }
}

#[test]
fn the_answers_of_several_parts_are_told_apart_from_the_parts() {
    assert_eq!(
        unreached("subject.n = 1 OR event.flag", "subject.n=1; event.flag=true", &[]),
        [
            "subject.n = 1 OR event.flag: never no",
            "subject.n = 1 OR event.flag: never unknown",
            "subject.n = 1: never false",
            "subject.n = 1: never unknown",
            "subject.n = 1: never decides when true",
            "subject.n = 1: never decides when false",
            "event.flag: never false",
            "event.flag: never unknown",
            "event.flag: never decides when true",
            "event.flag: never decides when false",
        ]
    );
}

#[test]
fn nobody_is_asked_to_leave_out_what_is_always_there() {
    let certain = ["event.amount", "event.flag"];
    let rows =
        "event.amount=1; event.flag=true|event.amount=2; event.flag=true|event.amount=1; event.flag=false";
    assert_eq!(unreached("event.amount = 1 AND event.flag", rows, &certain), [""; 0]);
    assert_eq!(unreached("event.amount IS NOT NULL AND event.flag", rows, &certain), [""; 0]);
    assert_eq!(unreached("COALESCE(event.amount, 7) = 1", rows, &certain), [""; 0]);
    assert_eq!(
        unreached(
            "event.amount = subject.n",
            "event.amount=1; subject.n=1|event.amount=1; subject.n=2",
            &certain
        ),
        ["event.amount = subject.n: never unknown"]
    );
}

#[test]
fn nobody_is_asked_to_show_what_cannot_be() {
    let rows = "subject.n=1|subject.n=2|subject.n=9|";
    assert_eq!(
        unreached("subject.n = 1 AND subject.n < 5", rows, &[]),
        [""; 0],
        "the second part says nothing"
    );
    assert_eq!(
        unreached("subject.n < 5 AND subject.n > 7", rows, &[]),
        [""; 0],
        "no row is `yes`, and neither part decides when it is true"
    );
    let when = "CASE WHEN subject.n > 3 THEN 1 WHEN subject.n > 5 THEN 2 ELSE 3 END < 3";
    assert_eq!(
        unreached(when, "subject.n=9|subject.n=4|subject.n=1|", &[]),
        [""; 0],
        "the second WHEN is never taken"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// A part compiled by itself, from its text, is the judge of what was reached.
    #[test]
    fn what_is_reached_is_what_the_part_by_itself_says(
        tree in a_tree(ValueType::Bool, 2),
        rows in prop::collection::vec(a_row(), 1..20),
    ) {
        let (bound, columns) = (condition(&tree.sql()), table(&rows));
        let points = bound.coverage(&columns, &open()).expect("it can be taken apart");
        for point in &points {
            let wanted = match point.outcome {
                Outcome::Answer(answer) => answer,
                Outcome::True => Answer::Yes,
                Outcome::False => Answer::No,
                Outcome::Unknown => Answer::Unknown,
                Outcome::TrueDecides | Outcome::FalseDecides => {
                    let needs = if point.outcome == Outcome::TrueDecides { Answer::Yes } else { Answer::No };
                    let part = condition(&point.part).answers(&columns);
                    prop_assert!(!point.reached || part.iter().any(|answer| answer == needs), "{:?}", point);
                    continue;
                }
                _ => continue,
            };
            let found = condition(&point.part).answers(&columns).iter().any(|answer| answer == wanted);
            prop_assert_eq!(point.reached, found, "{:?} of {}", point, tree.sql());
        }
    }
}
