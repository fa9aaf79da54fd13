//! Random conditions over random rows: kernels, interpreter and oracle agree, on why as well.

use proptest::prelude::*;
use proptest::sample::select;

use super::oracle::{Tree, columns_of};
use super::*;

const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];
const TRUTHS: [&str; 6] = ["TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN"];
const COMPARED: [ValueType; 5] =
    [ValueType::Bool, ValueType::Int, ValueType::Date, ValueType::Text, ValueType::Citizen];

fn a_value(value_type: ValueType) -> BoxedStrategy<Value> {
    match value_type {
        ValueType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ValueType::Int => prop_oneof![
            8 => (-4_i64..5).prop_map(Value::Int),
            1 => select(vec![i64::MIN, i64::MAX, i64::MIN + 1, 1 << 32]).prop_map(Value::Int),
        ]
        .boxed(),
        ValueType::Date => prop_oneof![
            (-20_000_i32..40_000).prop_map(Value::Date),
            select(vec!["2024-02-29", "2024-02-28", "2024-03-01", "2026-01-31", "2025-02-28", "1970-01-01"])
                .prop_map(|text| value(ValueType::Date, text)),
        ]
        .boxed(),
        ValueType::Text => select(vec!["", "a", "b", "it's", "Huế", "Hà Nội"])
            .prop_map(|text| Value::Text(text.into()))
            .boxed(),
        ValueType::Citizen => {
            select(vec!["1", "2", "3"]).prop_map(|id| value(ValueType::Citizen, id)).boxed()
        }
    }
}

fn a_leaf(value_type: ValueType) -> BoxedStrategy<Tree> {
    let column = select(columns_of(value_type)).prop_map(Tree::Column);
    match value_type {
        ValueType::Citizen => column.boxed(),
        _ => {
            prop_oneof![5 => column, 3 => a_value(value_type).prop_map(Tree::Literal), 1 => Just(Tree::Null)]
                .boxed()
        }
    }
}

pub(super) fn a_tree(value_type: ValueType, depth: u32) -> BoxedStrategy<Tree> {
    if depth == 0 {
        return a_leaf(value_type);
    }
    let same = move || a_tree(value_type, depth - 1);
    let several = move || prop::collection::vec(same(), 1..3);
    let whens = prop::collection::vec((a_tree(ValueType::Bool, depth - 1), same()), 1..3);
    let searched = (whens, prop::option::of(same()))
        .prop_map(|(whens, otherwise)| Tree::Case(None, whens, otherwise.map(Box::new)));
    let simple =
        (select(COMPARED.to_vec()), prop::option::of(same())).prop_flat_map(move |(tested, otherwise)| {
            let whens = prop::collection::vec((a_tree(tested, depth - 1), same()), 1..3);
            (a_tree(tested, depth - 1), whens, Just(otherwise)).prop_map(|(operand, whens, otherwise)| {
                Tree::Case(Some(Box::new(operand)), whens, otherwise.map(Box::new))
            })
        });
    let general = prop_oneof![
        2 => a_leaf(value_type),
        1 => several().prop_map(Tree::Coalesce),
        1 => searched,
        1 => simple,
    ];
    match value_type {
        ValueType::Bool => prop_oneof![1 => general, 6 => a_condition(depth)].boxed(),
        ValueType::Int => prop_oneof![1 => general, 2 => a_number(depth)].boxed(),
        ValueType::Date => {
            let counts = prop_oneof![8 => -40_i64..40, 1 => select(vec![150_000_000, -150_000_000])];
            let shift = (select(vec!["+", "-"]), counts, select(vec!["DAY", "MONTH", "YEAR"]), same());
            let shift =
                shift.prop_map(|(sign, count, unit, date)| Tree::Shift(sign, count, unit, Box::new(date)));
            prop_oneof![1 => general, 1 => shift].boxed()
        }
        ValueType::Text | ValueType::Citizen => general.boxed(),
    }
}

fn a_number(depth: u32) -> BoxedStrategy<Tree> {
    let pair = move |value_type| [a_tree(value_type, depth - 1), a_tree(value_type, depth - 1)];
    let calc = (select(vec!["+", "-", "*", "/", "%"]), pair(ValueType::Int));
    let call = (select(vec!["age_years", "months_between", "days_between"]), pair(ValueType::Date));
    prop_oneof![
        4 => calc.prop_map(|(sign, pair)| Tree::Calc(sign, Box::new(pair))),
        1 => pair(ValueType::Date).prop_map(|pair| Tree::Calc("-", Box::new(pair))),
        2 => call.prop_map(|(name, pair)| Tree::Call(name, Box::new(pair))),
        1 => a_tree(ValueType::Int, depth - 1).prop_map(|tree| Tree::Minus(Box::new(tree))),
    ]
    .boxed()
}

fn a_condition(depth: u32) -> BoxedStrategy<Tree> {
    let condition = move || a_tree(ValueType::Bool, depth - 1);
    let typed = select(COMPARED.to_vec()).prop_flat_map(move |value_type| {
        let one = move || a_tree(value_type, depth - 1);
        let ordered = !matches!(value_type, ValueType::Bool | ValueType::Citizen);
        let signs = if ordered { &COMPARISONS[..] } else { &COMPARISONS[..2] };
        let compare = (select(signs.to_vec()), [one(), one()]);
        let items = prop::collection::vec(prop_oneof![3 => a_leaf(value_type), 1 => one()], 1..5);
        let within = (any::<bool>(), one(), items);
        let between = (any::<bool>(), [one(), one(), one()]);
        let between = between.prop_map(|(negated, three)| Tree::Between(negated, Box::new(three)));
        let compare = compare.prop_map(|(sign, pair)| Tree::Compare(sign, Box::new(pair)));
        let within = within.prop_map(|(negated, needle, items)| Tree::In(negated, Box::new(needle), items));
        let is_null =
            (any::<bool>(), one()).prop_map(|(negated, tree)| Tree::IsNull(negated, Box::new(tree)));
        prop_oneof![4 => compare, 2 => within, u32::from(ordered) * 2 => between, 1 => is_null]
    });
    prop_oneof![
        3 => prop::collection::vec(condition(), 2..4).prop_map(Tree::And),
        3 => prop::collection::vec(condition(), 2..4).prop_map(Tree::Or),
        1 => condition().prop_map(|tree| Tree::Not(Box::new(tree))),
        1 => (select(TRUTHS.to_vec()), condition()).prop_map(|(what, tree)| Tree::Is(what, Box::new(tree))),
        8 => typed,
    ]
    .boxed()
}

pub(super) fn a_row() -> impl Strategy<Value = Vec<Option<Value>>> {
    types().into_iter().map(|value_type| prop::option::weighted(0.7, a_value(value_type))).collect::<Vec<_>>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn kernels_interpreter_and_oracle_agree(
        tree in a_tree(ValueType::Bool, 3),
        rows in prop::collection::vec(a_row(), 1..70),
    ) {
        let text = tree.sql();
        let bound = condition(&text);
        let columns = table(&rows);
        let kernels = bound.by_kernels(&columns).expect("the kernels fit");
        let interpreted = bound.by_rows(&columns);
        prop_assert_eq!((kernels.len(), kernels.yes()), (rows.len(), interpreted.yes()));
        for (at, row) in rows.iter().enumerate() {
            let (answer, missing) = match tree.eval(row) {
                Ok(value) => (Answer::from(Some(value == Value::Bool(true))), Missing::default()),
                Err(want) => {
                    let mut inputs = want.facts.iter().map(|&at| column(FACTS[at].0)).collect::<Vec<_>>();
                    inputs.sort();
                    (Answer::Unknown, Missing { inputs, fault: want.fault })
                }
            };
            prop_assert_eq!(kernels.get(at), answer, "kernels: {} given {:?}", text, row);
            prop_assert_eq!(interpreted.get(at), answer, "rows: {} given {:?}", text, row);
            prop_assert_eq!(kernels.fault(at), missing.fault, "kernels: {}", text);
            prop_assert_eq!(interpreted.fault(at), missing.fault, "rows: {}", text);
            prop_assert_eq!(bound.missing(&columns, at), missing, "{}", text);
            prop_assert_eq!(bound.failing(&columns, at).is_empty(), answer != Answer::No, "{}", text);
        }
    }

    #[test]
    fn the_calendar_is_that_of_chrono(date in calendar::SQL_DATES, months in -130_000_i32..130_000) {
        let step = chrono::Months::new(months.unsigned_abs());
        let from = tidings_domain::value::date_of(date).expect("within the calendar");
        let to = if months < 0 { from.checked_sub_months(step) } else { from.checked_add_months(step) };
        let to = to.map(tidings_domain::value::days).filter(|to| calendar::SQL_DATES.contains(to));
        prop_assert_eq!(calendar::Shift { months, days: 0 }.apply(date), to);
    }

    #[test]
    fn twelve_completed_months_are_a_year_and_a_day_less_is_not(from in -200_000_i32..200_000, to in -200_000_i32..200_000) {
        let months = calendar::months_between(from, to).expect("within the calendar");
        prop_assert_eq!(calendar::age_years(from, to), Some(months.div_euclid(12)));
        prop_assert!(calendar::months_between(from, to + 1).expect("within the calendar") - months <= 1);
    }
}
