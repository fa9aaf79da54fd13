//! Conditions that differ from a given one in one small way.

use proptest::prelude::*;

use super::property::{a_row, a_tree};
use super::*;

fn mutants(text: &str) -> Mutants {
    condition(text).mutants(&open()).expect("it can be taken apart")
}

/// Part and what it became, for every mutant.
fn changes(text: &str) -> Vec<String> {
    let mutants = mutants(text).mutants;
    mutants.iter().map(|mutant| format!("{} -> {}", mutant.part, mutant.became)).collect()
}

/// A condition, and every mutant of it.
const MISTAKES: &[(&str, &[&str])] = &[
    (
        "subject.n = 1",
        &[
            "subject.n = 1 -> subject.n <> 1",
            "subject.n = 1 -> subject.n = 0",
            "subject.n = 1 -> subject.n = 2",
        ],
    ),
    ("subject.n < subject.m", &["subject.n < subject.m -> subject.n <= subject.m"]),
    ("event.kind = 'x'", &["event.kind = 'x' -> event.kind <> 'x'"]),
    (
        "event.on <= DATE '2024-02-29'",
        &[
            "event.on <= DATE '2024-02-29' -> event.on < DATE '2024-02-29'",
            "event.on <= DATE '2024-02-29' -> event.on <= DATE '2024-03-01'",
        ],
    ),
    ("NOT event.flag", &["NOT event.flag -> event.flag"]),
    (
        "event.flag AND (subject.married OR subject.n IS NULL)",
        &[
            "event.flag AND (subject.married OR subject.n IS NULL) -> event.flag OR (subject.married OR subject.n IS NULL)",
            "event.flag -> ",
            "subject.married OR subject.n IS NULL -> ",
            "event.flag -> NOT event.flag",
            "subject.married OR subject.n IS NULL -> subject.married AND subject.n IS NULL",
            "subject.married -> ",
            "subject.n IS NULL -> ",
            "subject.married -> NOT subject.married",
            "subject.n IS NULL -> subject.n IS NOT NULL",
        ],
    ),
    (
        "event.flag AND subject.married AND event.kind = 'x'",
        &[
            "event.flag AND subject.married -> event.flag OR subject.married",
            "subject.married AND event.kind = 'x' -> subject.married OR event.kind = 'x'",
            "event.flag -> ",
            "subject.married -> ",
            "event.kind = 'x' -> ",
            "event.flag -> NOT event.flag",
            "subject.married -> NOT subject.married",
            "event.kind = 'x' -> event.kind <> 'x'",
        ],
    ),
    (
        "event.kind IN ('a', 'b')",
        &[
            "event.kind IN ('a', 'b') -> event.kind IN ('b')",
            "event.kind IN ('a', 'b') -> event.kind IN ('a')",
            "event.kind IN ('a', 'b') -> event.kind NOT IN ('a', 'b')",
        ],
    ),
    (
        "subject.n BETWEEN 1 AND 3",
        &[
            "subject.n BETWEEN 1 AND 3 -> subject.n > 1 AND subject.n <= 3",
            "subject.n BETWEEN 1 AND 3 -> subject.n >= 1 AND subject.n < 3",
            "subject.n BETWEEN 1 AND 3 -> subject.n NOT BETWEEN 1 AND 3",
            "subject.n BETWEEN 1 AND 3 -> subject.n BETWEEN 0 AND 3",
            "subject.n BETWEEN 1 AND 3 -> subject.n BETWEEN 1 AND 4",
        ],
    ),
    (
        "event.on + INTERVAL '1' YEAR > subject.birth",
        &[
            "event.on + INTERVAL '1' YEAR > subject.birth -> event.on + INTERVAL '1' YEAR >= subject.birth",
            "event.on + INTERVAL '1' YEAR > subject.birth -> event.on + INTERVAL '0' YEAR > subject.birth",
            "event.on + INTERVAL '1' YEAR > subject.birth -> event.on + INTERVAL '2' YEAR > subject.birth",
        ],
    ),
    (
        "COALESCE(subject.married, FALSE)",
        &[
            "COALESCE(subject.married, false) -> subject.married",
            "COALESCE(subject.married, false) -> COALESCE(subject.married, true)",
        ],
    ),
    (
        "COALESCE(subject.n, 0) < 12",
        &[
            "COALESCE(subject.n, 0) < 12 -> COALESCE(subject.n, 0) <= 12",
            "COALESCE(subject.n, 0) < 12 -> subject.n < 12",
            "COALESCE(subject.n, 0) < 12 -> COALESCE(subject.n, 0) < 11",
        ],
    ),
    (
        "event.flag IS NOT TRUE",
        &["event.flag IS NOT TRUE -> event.flag IS TRUE", "event.flag -> NOT event.flag"],
    ),
    (
        "CASE WHEN event.flag THEN subject.n ELSE subject.m END > subject.m",
        &[
            "CASE WHEN event.flag THEN subject.n ELSE subject.m END > subject.m -> CASE WHEN event.flag THEN subject.n ELSE subject.m END >= subject.m",
            "CASE WHEN event.flag THEN subject.n ELSE subject.m END > subject.m -> CASE WHEN event.flag THEN subject.n END > subject.m",
            "event.flag -> NOT event.flag",
        ],
    ),
    (
        "age_years(subject.birth, event.on) >= (14)",
        &[
            "age_years(subject.birth, event.on) >= 14 -> age_years(subject.birth, event.on) > 14",
            "age_years(subject.birth, event.on) >= 14 -> age_years(subject.birth, event.on) >= 13",
        ],
    ),
];

#[test]
fn every_kind_of_mistake_is_made_once() {
    for (text, expected) in MISTAKES {
        assert_eq!(changes(text), *expected, "{text}");
    }
}

#[test]
fn what_is_certainly_the_same_is_counted_and_not_tried() {
    // `< 14` and `<= 13`, `<= 14` and `< 15`.
    assert_eq!((mutants("subject.n < 14").same, changes("subject.n < 14").len()), (1, 2));
    assert_eq!((mutants("NOT subject.n IS NULL").same, changes("NOT subject.n IS NULL").len()), (1, 1));
    assert_eq!(mutants("subject.n < subject.m").same, 0);
    assert_eq!(mutants("event.kind = 'x'").same, 0);
}

#[test]
fn what_is_known_of_columns_makes_mutants_the_same() {
    let mut world = open();
    world.columns[place("event.kind")].texts = Some(["a", "b"].map(str::to_owned).into());
    world.columns[place("event.kind")].nullable = false;
    let left = condition("event.kind = 'a' OR event.kind = 'b' AND subject.married").mutants(&world);
    let became = |all: &Mutants| all.mutants.iter().map(|it| it.became.clone()).collect::<Vec<_>>();
    let left = left.expect("it can be taken apart");
    assert_eq!(left.same, 3, "{:?}", became(&left));
    let all = condition("event.kind = 'a' OR event.kind = 'b' AND subject.married").mutants(&open());
    let all = all.expect("it can be taken apart");
    assert_eq!(all.same, 0, "{:?}", became(&all));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// So that nothing is called the same which is not.
    #[test]
    fn what_is_left_out_answers_as_the_condition_or_a_mutant_does(
        tree in a_tree(ValueType::Bool, 2),
        rows in prop::collection::vec(a_row(), 1..20),
    ) {
        let (bound, columns) = (condition(&tree.sql()), table(&rows));
        let kept = bound.mutants(&open()).expect("it can be taken apart");
        let all = bound.mistakes().expect("it can be taken apart");
        let answers = |bound: &Bound| bound.answers(&columns).iter().collect::<Vec<_>>();
        let known: Vec<_> =
            kept.mutants.iter().map(|it| &it.condition).chain([&bound]).map(answers).collect();
        prop_assert_eq!(all.len(), kept.mutants.len() + kept.same);
        for mutant in all {
            let text = mutant.condition.text();
            prop_assert!(known.contains(&answers(&mutant.condition)), "{} of {}", text, tree.sql());
        }
    }

    /// Each mutant is what its texts say: the part replaced, in a condition that is otherwise the same.
    #[test]
    fn mutants_of_anything_compile(tree in a_tree(ValueType::Bool, 3)) {
        for mutant in condition(&tree.sql()).mistakes().expect("it can be taken apart") {
            prop_assert_ne!(&mutant.part, &mutant.became);
            let again = compile(mutant.condition.text(), &Facts, ValueType::Bool);
            prop_assert!(again.is_ok(), "{} -> {}: {:?}", mutant.part, mutant.condition.text(), again.err());
        }
    }
}
