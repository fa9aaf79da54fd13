//! Mistakes: all of them, placed, and with what to write instead.

use proptest::prelude::*;

use super::*;

fn mistakes(text: &str, expected: ValueType) -> Vec<ExprError> {
    compile(text, &Facts, expected).err().unwrap_or_default()
}

/// The only mistake, as `line:column: message (hint)`.
fn mistake(text: &str) -> String {
    let found = mistakes(text, ValueType::Bool);
    let [error] = found.as_slice() else { panic!("{text}: {found:?}") };
    format!("{error} ({})", error.hint.clone().unwrap_or_default())
}

#[test]
fn a_type_error_names_both_types_and_what_to_write() {
    let cases = [
        (
            "subject.birth > '2020-05-01'",
            "1:1: cannot compare date with text: `subject.birth` is date, `'2020-05-01'` is text (write DATE '2020-05-01')",
        ),
        (
            "subject.birth > 'soon'",
            "1:1: cannot compare date with text: `subject.birth` is date, `'soon'` is text (write DATE '2026-01-01')",
        ),
        (
            "subject.n = '5'",
            "1:1: cannot compare int with text: `subject.n` is int, `'5'` is text (write 5 without quotes)",
        ),
        (
            "event.flag AND\n  subject.n",
            "2:3: AND needs bool, but `subject.n` is int (compare the int with something)",
        ),
        ("subject.n", "1:1: this rule needs bool, but `subject.n` is int (compare the int with something)"),
        (
            "citizen.self = '012'",
            "1:1: cannot compare citizen with text: `citizen.self` is citizen, `'012'` is text (a citizen is compared with another citizen column only)",
        ),
        (
            "event.flag < TRUE",
            "1:1: `event.flag` is bool, which has no order (only = and <> compare bool and citizen)",
        ),
        ("event.on + 3 > event.on", "1:1: + needs int, but `event.on` is date ()"),
        (
            "event.flag = 'true'",
            "1:1: cannot compare bool with text: `event.flag` is bool, `'true'` is text (write TRUE without quotes)",
        ),
        ("subject.n IN (1, 'x')", "1:18: cannot compare int with text: `subject.n` is int, `'x'` is text ()"),
        ("COALESCE(subject.n, 'x') = 1", "1:21: `'x'` is text, the ones before it are int ()"),
        (
            "age_years(subject.birth) > 1",
            "1:1: age_years takes 2 dates, not 1 arguments (write age_years(birth, on))",
        ),
        (
            "subject.n > 1.5",
            "1:13: `1.5` is not a whole number (count in the smallest unit: dong or cents for money, days for time)",
        ),
        (
            "event.on > DATE '2026-02-30'",
            "1:17: '2026-02-30' is not a date of the calendar (write DATE '2026-01-31')",
        ),
        (
            "event.kind = \"birth\"",
            "1:14: `birth` is not a column (write event.NAME, subject.NAME or citizen.NAME, with up to three names after the row)",
        ),
        ("subject.bith = 1", "1:1: no fact is named `subject.bith` (did you mean subject.birth?)"),
        (
            "event.on > current_date",
            "1:12: current_date is not supported: rules read no clock (a rule is judged on the event's own dates: compare with a column of event)",
        ),
        (
            "event.on + INTERVAL '1' HOUR > event.on",
            "1:1: `INTERVAL '1' HOUR` is not an interval that is supported (write INTERVAL '14' DAY, INTERVAL '6' MONTH or INTERVAL '1' YEAR)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mistake(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_supported_is_named_with_what_is() {
    for (text, named) in [
        ("event.kind LIKE 'a%'", "1:1: pattern matching (LIKE) is not supported"),
        ("event.flag AND CAST(subject.n AS TEXT) = '1'", "1:21: CAST is not supported"),
        ("subject.n IN (SELECT 1)", "1:1: a subquery is not supported"),
        ("upper(event.kind) = 'A'", "1:1: the function upper is not supported"),
        ("event.kind || 'a' = 'b'", "1:1: the operator || is not supported"),
        ("count(DISTINCT subject.n) = 1", "1:1: this form of count(...) is not supported"),
        ("subject.n IS DISTINCT FROM 1", "1:1: IS DISTINCT FROM is not supported"),
        ("(subject.n, 1) = (1, 1)", "1:2: a list in brackets other than after IN is not supported"),
    ] {
        let found = mistakes(text, ValueType::Bool);
        let first = found.first().map(ToString::to_string).unwrap_or_default();
        assert_eq!(first, named, "{text}");
        assert!(found[0].hint.as_ref().is_some_and(|hint| hint.contains("COALESCE")), "{text}");
    }
}

#[test]
fn every_mistake_is_listed_in_order() {
    let text =
        "subject.nope = 1\n AND subject.birth = 'x'\n AND NOT subject.n\n AND abs(subject.n) IN (1, zip)";
    let places = mistakes(text, ValueType::Bool).iter().map(|e| (e.line, e.column)).collect::<Vec<_>>();
    assert_eq!(places, [(1, 1), (2, 6), (3, 10), (4, 6), (4, 28)]);
}

#[test]
fn text_that_is_not_sql_has_a_place_too() {
    for (text, place) in [
        ("", (1, 1)),
        ("subject.n = ", (1, 13)),
        ("subject.n =\n)", (2, 1)),
        ("subject.n = 'open", (1, 13)),
        ("subject.n = 1 subject.m = 2", (1, 15)),
        ("subject.n = 1; DROP TABLE x", (1, 14)),
        ("(subject.n = 1", (1, 15)),
        ("CASE WHEN TRUE THEN", (1, 20)),
    ] {
        let found = mistakes(text, ValueType::Bool);
        assert_eq!(
            found.iter().map(|e| (e.line, e.column)).collect::<Vec<_>>(),
            [place],
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_word_of_sql_may_name_a_fact() {
    for name in
        ["end", "case", "date", "interval", "order", "year", "when", "null", "select", "from", "in", "and"]
    {
        let text = format!("event.{name} = 1 AND event.flag");
        assert_eq!(
            mistake(&text),
            format!("1:1: no fact is named `event.{name}` (did you mean subject.birth?)")
        );
    }
}

#[test]
fn a_mistake_whose_place_the_parser_does_not_know_is_at_the_start() {
    let nowhere = sqlparser::tokenizer::Location::empty();
    let error = parse::error(nowhere, "lost".into(), None);
    assert_eq!((error.line, error.column), (1, 1));
}

#[test]
fn the_expected_type_is_asked_for() {
    assert!(mistakes("event.on + INTERVAL '1' DAY", ValueType::Date).is_empty());
    assert_eq!(mistakes("event.on", ValueType::Int).len(), 1);
    assert!(mistakes("NULL", ValueType::Int).is_empty(), "NULL is of any type");
}

#[test]
fn limits_refuse_what_is_immoderate_and_take_what_is_just_within() {
    let brackets = |depth: usize| format!("{}TRUE{}", "(".repeat(depth), ")".repeat(depth));
    assert!(mistakes(&brackets(MAX_DEPTH), ValueType::Bool).is_empty());
    assert_eq!(mistakes(&brackets(MAX_DEPTH + 1), ValueType::Bool)[0].column, MAX_DEPTH as u64 + 1);
    let list = |length: usize| format!("subject.n IN ({})", vec!["1"; length].join(","));
    assert!(mistakes(&list(MAX_LIST), ValueType::Bool).is_empty());
    assert_eq!(mistakes(&list(MAX_LIST + 1), ValueType::Bool).len(), 1);
    let long = |bytes: usize| format!("event.kind = '{}'", "a".repeat(bytes));
    assert_eq!(mistakes(&long(MAX_TEXT_BYTES), ValueType::Bool).len(), 1);
    assert_eq!(mistakes(&long(Value::MAX_TEXT_BYTES + 1), ValueType::Bool).len(), 1);
    assert!(mistakes(&long(Value::MAX_TEXT_BYTES), ValueType::Bool).is_empty());
    let sum = |terms: usize| format!("{} = 1", vec!["1"; terms].join("+"));
    assert!(mistakes(&sum(MAX_DEPTH - 1), ValueType::Bool).is_empty());
    assert_eq!(mistakes(&sum(MAX_DEPTH * 2), ValueType::Bool).len(), 1);
    let many = &mistakes(&"1=".repeat(MAX_TOKENS), ValueType::Bool)[0];
    assert_eq!((many.column, many.message.contains("words and signs")), (MAX_TOKENS as u64 + 1, true));
}

#[test]
fn deep_and_hostile_text_is_refused_quickly_without_overflowing_the_stack() {
    for unit in [
        "(",
        "NOT ",
        "- ",
        "CASE ",
        "CASE WHEN ",
        "COALESCE(",
        "f(",
        "[",
        "1+",
        "((",
        "a.b.",
        "INTERVAL ",
        "DATE ",
        "1 IN (",
        "1 BETWEEN ",
        "EXISTS (SELECT ",
        "CAST(",
        "{fn ",
        "ARRAY[",
        "STRUCT(",
        "IF(current_time(",
        "case-",
        "x->",
    ] {
        for count in [MAX_DEPTH - 1, MAX_DEPTH * 4, 3_000] {
            let found = mistakes(&unit.repeat(count), ValueType::Bool);
            assert!(!found.is_empty(), "{unit}");
        }
    }
}

fn has_a_place(text: &str, error: &ExprError) -> bool {
    let lines = text.split('\n').collect::<Vec<_>>();
    let line = usize::try_from(error.line).ok().and_then(|line| lines.get(line.checked_sub(1)?));
    line.is_some_and(|line| (1..=line.chars().count() as u64 + 1).contains(&error.column))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics_and_every_error_has_a_place(text in "\\PC{0,80}") {
        for error in mistakes(&text, ValueType::Bool) {
            prop_assert!(has_a_place(&text, &error), "{error:?}");
        }
    }

    #[test]
    fn shuffled_sql_never_panics_and_every_error_has_a_place(words in prop::collection::vec(prop::sample::select(vec![
        "subject.n", "subject.birth", "event.flag", "AND", "OR", "NOT", "=", "<", "(", ")", ",", "1", "'x'", "DATE", "'2026-01-01'",
        "INTERVAL", "DAY", "IN", "BETWEEN", "IS", "NULL", "CASE", "WHEN", "THEN", "ELSE", "END", "COALESCE", "-", "+", ".", "\n",
        "age_years", "TRUE", "LIKE", "SELECT", "*", "%", "/", "[", "]", "::", "EXISTS", "FROM", "\"q\"", "--", "/*", "*/",
    ]), 0..30)) {
        let text = words.join(" ");
        for error in mistakes(&text, ValueType::Bool) {
            prop_assert!(has_a_place(&text, &error), "{error:?}");
        }
    }
}
