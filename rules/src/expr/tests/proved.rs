//! What is proved of conditions: contradictions are found, and nothing that is called impossible ever happens.

use proptest::prelude::*;

use super::oracle::Tree;
use super::property::{a_row, a_tree};
use super::*;
use crate::expr::figures;
use crate::expr::prove::{Found, Gap, Truths, ask, differ, example, impossible, impossible_with, near};

fn never(text: &str, truths: Truths, world: &World) -> bool {
    impossible(&[condition(text).claim(truths)], world)
}

/// Conditions that are true in no row.
const NEVER_TRUE: &[&str] = &[
    "FALSE",
    "subject.n = NULL",
    "subject.n > 5 AND subject.n < 3",
    "subject.n > 5 AND subject.n < 6",
    "subject.n >= 5 AND subject.n <= 5 AND subject.n <> 5",
    "subject.n BETWEEN 3 AND 1",
    "subject.n IN (1, 2) AND subject.n IN (3, 4)",
    "subject.n IN (1, 2) AND subject.n NOT IN (1, 2, 3)",
    "subject.n + 1 < subject.n",
    "2 * subject.n = 7",
    "subject.n - subject.m > 3 AND subject.m >= subject.n",
    "subject.n < subject.m AND subject.m < citizen.income AND citizen.income < subject.n",
    "subject.n < subject.m AND subject.m < subject.n + 1",
    "subject.n % 7 > 3 AND subject.n % 7 < 3",
    "event.amount / 3 = 1 AND event.amount / 3 = 2",
    "NOT (subject.n > 3 OR subject.n <= 3)",
    "subject.n IS NULL AND subject.n > 0",
    "subject.n IS NULL AND subject.n + 1 > 0",
    "subject.married AND NOT subject.married",
    "subject.married IS TRUE AND subject.married IS NOT TRUE",
    "subject.married = event.flag AND subject.married AND NOT event.flag",
    "(subject.n > 1) = (subject.n <= 1)",
    "event.kind = 'a' AND event.kind = 'b'",
    "event.kind = 'a' AND event.kind <> 'a'",
    "event.kind IN ('a', 'b') AND event.kind > 'c'",
    "event.kind = 'a' AND event.kind = subject.province AND subject.province = 'b'",
    "event.kind = subject.province AND subject.province = subject.mother.province AND event.kind <> subject.mother.province",
    "event.reporter = citizen.self AND event.reporter <> citizen.self",
    "event.on < DATE '2026-01-01' AND event.on > DATE '2026-01-01'",
    "event.on < DATE '2026-01-01' AND event.on + INTERVAL '1' DAY > DATE '2026-01-02'",
    "event.on > subject.birth AND subject.birth > event.on",
    "days_between(subject.birth, event.on) > 5 AND days_between(subject.birth, event.on) < 3",
    "days_between(subject.birth, event.on) > 5 AND event.on - subject.birth < 3",
    "days_between(subject.birth, event.on) > 5 AND event.on < subject.birth",
    "age_years(subject.birth, event.on) >= 18 AND age_years(subject.birth, event.on) < 18",
    "age_years(subject.birth, event.on) >= 60 AND age_years(subject.birth, event.on) < 35",
    "age_years(subject.birth, event.on) < 6 AND months_between(subject.birth, event.on) >= 72",
    "age_years(subject.birth, event.on) >= 14 AND event.on < subject.birth",
    "age_years(subject.birth, event.on) >= 14 AND days_between(subject.birth, event.on) < 5000",
    "months_between(subject.birth, event.on) < 0 AND event.on >= subject.birth",
    "event.on + INTERVAL '6' MONTH < event.on",
    "event.on + INTERVAL '6' MONTH > subject.birth + INTERVAL '1' YEAR AND event.on < subject.birth",
    "add_days(event.on, 3) < event.on",
    "add_days(event.on, subject.n) < event.on AND subject.n >= 0",
    "add_years(subject.birth, 18) > event.on AND age_years(subject.birth, event.on) >= 20",
    "add_months(event.on, -1) > event.on",
    "add_years(subject.birth, 18) IS NOT NULL AND subject.birth IS NULL",
    "COALESCE(subject.n, 0) > 5 AND subject.n IS NULL",
    "COALESCE(subject.n, 0) > 5 AND subject.n < 3",
    "CASE WHEN subject.married THEN 1 ELSE 2 END = 3",
    "CASE WHEN subject.n > 3 THEN subject.n < 2 ELSE FALSE END",
    "CASE event.kind WHEN 'a' THEN 1 WHEN 'b' THEN 2 END = 2 AND event.kind = 'a'",
    "subject.n IN (1, NULL) AND subject.n = 2",
    "(subject.n > 5 OR subject.m > 5) AND subject.n < 3 AND subject.m < 3",
    "(event.kind = 'a' OR event.kind = 'b') AND (event.kind = 'c' OR event.kind = 'd')",
];

/// Conditions that are false in no row.
const NEVER_FALSE: &[&str] = &[
    "TRUE",
    "subject.n = subject.n",
    "subject.n > 3 OR subject.n <= 3",
    "subject.n > 3 OR subject.n < 5",
    "subject.n IS NULL OR subject.n IS NOT NULL",
    "event.kind <> 'a' OR event.kind <> 'b'",
    "subject.n NOT IN (1, 2) OR subject.n < 3",
    "age_years(subject.birth, event.on) < 18 OR age_years(subject.birth, event.on) >= 16",
    "event.on <= subject.birth OR days_between(subject.birth, event.on) > 0",
    "subject.married OR NOT subject.married",
    "COALESCE(subject.married, TRUE) OR NOT subject.married",
];

/// Conditions that are true in one row and false in another, which look like the above.
const OPEN: &[&str] = &[
    "subject.n > 5 AND subject.n < 7",
    "subject.n >= 5 AND subject.n <= 5",
    "2 * subject.n = 2",
    "subject.n - subject.m > 3 AND subject.m <= subject.n",
    "subject.n <> 3 OR subject.n <> 3",
    "event.kind IN ('a', 'b') AND event.kind > 'a'",
    "event.kind = subject.province AND subject.province <> subject.mother.province",
    "days_between(subject.birth, event.on) > 5 AND days_between(event.on, subject.birth) < 3",
    "age_years(subject.birth, event.on) >= 6 AND months_between(subject.birth, event.on) <= 72",
    "age_years(subject.birth, event.on) >= 14 AND days_between(subject.birth, event.on) < 5114",
    "add_years(subject.birth, 18) <> subject.birth + INTERVAL '18' YEAR OR subject.n > 0",
    "COALESCE(subject.n, 9) > 5 AND subject.m IS NULL",
    "subject.n IS NOT NULL AND subject.n > 0",
    "CASE WHEN subject.married THEN 1 ELSE 2 END = 2",
    "(subject.n > 5 OR subject.m > 5) AND subject.n < 3",
];

#[test]
fn contradictions_and_tautologies_are_found_and_nothing_else() {
    let world = open();
    for text in NEVER_TRUE {
        assert!(never(text, Truths::YES, &world), "not seen to be never true: {text}");
        let turned = format!("NOT ({text})");
        assert!(never(&turned, Truths::NO, &world), "not seen to be never false: {turned}");
    }
    for text in NEVER_FALSE {
        assert!(never(text, Truths::NO, &world), "not seen to be never false: {text}");
        assert!(!never(text, Truths::YES, &world), "{text}");
    }
    for text in OPEN {
        for truths in [Truths::YES, Truths::NO] {
            let found = ask(&[condition(text).asked(truths)], &world);
            assert!(matches!(found, Found::Row(_)), "{truths:?} of {text}: {found:?}");
        }
    }
}

#[test]
fn what_is_known_of_columns_counts() {
    let mut world = open();
    world.columns[place("event.kind")].texts = Some(["a", "b"].map(str::to_owned).into());
    world.columns[place("subject.n")].at_least = Some(0);
    world.columns[place("event.on")].nullable = false;
    world.columns[place("citizen.income")].same_as = Some(place("subject.m"));
    let never_true = [
        "event.kind = 'c'",
        "event.kind <> 'a' AND event.kind <> 'b'",
        "event.kind > 'b'",
        "event.kind = subject.province AND subject.province = 'c'",
        "subject.n < 0",
        "event.on IS NULL",
        "subject.m > 3 AND citizen.income <= 3",
    ];
    for text in never_true {
        assert!(never(text, Truths::YES, &world), "{text}");
        assert!(!never(text, Truths::YES, &open()), "{text}");
    }
    assert!(never("event.kind IN ('a', 'b')", Truths::NO, &world));
    assert!(never("event.on IS NOT NULL", Truths::NOT_YES, &world));
    assert!(!never("event.kind IN ('a', 'b')", Truths::NOT_YES, &world), "it may be unknown");
}

#[test]
fn gaps_between_dates_count() {
    let days = |from, to, days| Gap { from: place(from), to: place(to), days };
    let soon = condition("days_between(subject.birth, event.on) <= 10");
    let proved = |gap| impossible_with(&[soon.claim(Truths::YES)], &[gap], &open());
    assert!(proved(days("subject.birth", "event.on", 11)));
    assert!(!proved(days("subject.birth", "event.on", 10)));
    assert!(!proved(days("event.on", "subject.birth", 11)));
}

/// Whether a pair of conditions is proved to answer every row alike.
fn same(one: &str, other: &str) -> bool {
    let (one, other) = (condition(one), condition(other));
    differ(&one, &other).iter().all(|way| prove::never(way, &open()))
}

#[test]
fn conditions_that_answer_alike_are_proved_the_same() {
    let pairs = [
        ("subject.n < 14", "subject.n <= 13"),
        ("subject.n > 3 AND subject.n > 5", "subject.n > 5"),
        ("NOT (subject.n = 1 OR event.flag)", "subject.n <> 1 AND NOT event.flag"),
        ("COALESCE(subject.n, 0) < 12", "subject.n < 12 OR subject.n IS NULL"),
        ("subject.n BETWEEN 2 AND 3", "subject.n IN (2, 3)"),
        ("(subject.n IN (1, 2)) = event.flag", "event.flag = (subject.n IN (2, 1))"),
        ("event.on < DATE '2024-03-01'", "NOT event.on > DATE '2024-02-29'"),
        ("CASE WHEN event.flag THEN subject.n > 1 ELSE subject.n > 1 END", "subject.n >= 2"),
    ];
    for (one, other) in pairs {
        assert!(same(one, other), "not seen to be the same: {one}, {other}");
    }
    let apart = [
        ("subject.n < 14", "subject.n <= 14"),
        ("COALESCE(subject.n, 0) < 12", "subject.n < 12"),
        ("event.flag IS TRUE", "event.flag"),
        ("(subject.n IN (1, 2)) = event.flag", "event.flag = (subject.n IN (1, 3))"),
        ("(subject.n IN (1, NULL)) = event.flag", "event.flag = (subject.n IN (1))"),
        ("subject.n + 1 > 5", "subject.n > 4"),
    ];
    for (one, other) in apart {
        assert!(!same(one, other), "{one}, {other}");
    }
}

#[test]
fn faults_count_unless_they_are_left_aside() {
    let mut world = open();
    for name in ["event.on", "subject.birth"] {
        world.columns[place(name)].nullable = false;
    }
    for text in ["days_between(subject.birth, event.on) > 3", "event.on + INTERVAL '1' YEAR > subject.birth"]
    {
        assert!(!never(text, Truths::UNKNOWN, &world), "{text}");
        assert!(never(text, Truths::UNKNOWN, &World { faults: false, ..world.clone() }), "{text}");
    }
    let open = World { faults: false, ..open() };
    assert!(!never("days_between(subject.birth, event.on) > 3", Truths::UNKNOWN, &open));
}

#[test]
fn a_row_near_one_that_there_is_changes_one_value() {
    let mut world = open();
    world.columns[place("event.kind")].texts = Some(["a", "b"].map(str::to_owned).into());
    world.columns[place("citizen.income")].same_as = Some(place("subject.n"));
    let found = |one: &str, other: &str, row: &str| {
        let row = facts(row);
        near(&differ(&condition(one), &condition(other)), &world, &row, &[&row])
    };
    let row = "event.kind=a; subject.n=5; citizen.income=5; event.on=2026-05-01; subject.birth=2000-01-01";
    let value = |name: &str, value: Value| Some((place(name), Some(value)));
    assert_eq!(found("subject.n > 7", "subject.n >= 7", row), value("subject.n", Value::Int(7)));
    assert_eq!(found("citizen.income > 7", "citizen.income >= 7", row), value("subject.n", Value::Int(7)));
    let both = ("subject.n > 7 AND citizen.income > 7", "subject.n >= 7 AND citizen.income >= 7");
    assert_eq!(found(both.0, both.1, row), value("subject.n", Value::Int(7)), "both change");
    assert_eq!(
        found("event.kind = 'a'", "event.kind IN ('a', 'c')", row),
        None,
        "no row can hold what is not listed"
    );
    let age = |sign: &str| format!("age_years(subject.birth, event.on) {sign} 18");
    let (column, day) = found(&age(">="), &age(">"), row).expect("a birth date");
    let day = day.as_ref().and_then(Value::as_date).expect("a day");
    let expected = if column == place("event.on") { "2018-01-01" } else { "2008-05-01" };
    assert_eq!(day.to_string(), expected);
}

#[test]
fn a_question_too_large_is_left_open() {
    // Pigeons: every one of 8 in one of 7 holes, no two in one. True of nothing, and not to be seen by looking at a few.
    let same = |a: i64, b: i64| {
        format!("(subject.n / {} % 8 <> subject.n / {} % 8)", 8_i64.pow(a as u32), 8_i64.pow(b as u32))
    };
    let pairs = (0..8).flat_map(|a| (0..a).map(move |b| same(a, b)));
    let holes = (0..8).map(|a| format!("subject.n / {} % 8 IN (0, 1, 2, 3, 4, 5, 6)", 8_i64.pow(a)));
    let text = pairs.chain(holes).collect::<Vec<_>>().join(" AND ");
    assert!(!never(&text, Truths::YES, &open()));
    let text = (0..300).map(|at| format!("subject.n = {at}")).collect::<Vec<_>>().join(" OR ");
    let both = format!("({text}) AND ({}) AND subject.n > 5000", text.replace("subject.n", "subject.m"));
    assert!(never(&format!("({text}) AND subject.n > 5000"), Truths::YES, &open()));
    assert!(
        never(&both, Truths::YES, &open()),
        "the first alternatives fail before the second are looked at"
    );
}

#[test]
fn pieces_and_figures_stand_where_they_are_written() {
    let text = "subject.n >= 18\n  AND (event.kind = 'a' OR subject.m < 7)\n  AND CASE WHEN event.flag THEN subject.m > 1 ELSE 12 < subject.n END";
    let bound = condition(text);
    let pieces = bound.pieces();
    let places =
        pieces.iter().map(|piece| (piece.line, piece.column, piece.alternatives.len(), piece.whens.len()));
    assert_eq!(places.collect::<Vec<_>>(), [(1, 1, 0, 0), (2, 8, 2, 0), (3, 7, 0, 1)]);
    assert_eq!(pieces[1].alternatives[1].text, "subject.m < 7");
    assert_eq!((pieces[1].alternatives[1].line, pieces[1].alternatives[1].column), (2, 28));
    let found = figures(text);
    let found =
        found.iter().map(|figure| (figure.text.as_str(), figure.of.as_str(), figure.line, figure.column));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [("18", "subject.n", 1, 14), ("7", "subject.m", 2, 40), ("12", "subject.n", 3, 52)]
    );
    let interval = figures("event.on < subject.birth + INTERVAL '6' MONTH AND subject.n BETWEEN 0 AND -5");
    assert_eq!(
        interval.iter().map(|figure| figure.text.as_str()).collect::<Vec<_>>(),
        ["INTERVAL '6' MONTH", "-5"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The other way round is the table above.
    #[test]
    fn what_is_proved_impossible_never_happens(
        trees in prop::collection::vec(a_tree(ValueType::Bool, 2), 1..4),
        rows in prop::collection::vec(a_row(), 64),
    ) {
        let text = Tree::And(trees).sql();
        let (bound, world) = (condition(&text), open());
        let answers = [(Truths::YES, Answer::Yes), (Truths::NO, Answer::No), (Truths::UNKNOWN, Answer::Unknown)];
        let columns = table(&rows);
        let found = bound.answers(&columns);
        for (truths, answer) in answers {
            let proved = never(&text, truths, &world);
            prop_assert!(!proved || found.iter().all(|found| found != answer), "{:?} given {:?}", text, rows);
            prop_assert!(!proved || example(&[bound.asked(truths)], &world).is_none(), "{}", text);
        }
    }
}
