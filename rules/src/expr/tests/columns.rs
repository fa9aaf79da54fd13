//! Columns hold what they were given, and a wrong type spoils its own cell alone.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array};

use super::*;

#[test]
fn a_fault_stays_in_its_row() {
    let bound = condition("subject.n / subject.m > 1");
    for rows in [3, 100] {
        let mut given = vec![facts("subject.n=6; subject.m=2"); rows];
        given[1] = facts("subject.n=6; subject.m=0");
        given[2] = facts("subject.n=6");
        let answers = bound.answers(&table(&given));
        assert_eq!(
            answers.iter().take(3).collect::<Vec<_>>(),
            [Answer::Yes, Answer::Unknown, Answer::Unknown]
        );
        assert_eq!((answers.yes(), answers.len()), (rows - 2, rows));
        let faults = (0..rows).filter(|&row| answers.fault(row)).collect::<Vec<_>>();
        assert_eq!(faults, [1], "a missing fact is no fault");
    }
}

#[test]
fn a_fault_that_decides_nothing_is_none() {
    for text in
        ["subject.n / 0 = 1 OR TRUE", "CASE WHEN subject.m = 0 THEN 1 ELSE subject.n / subject.m END = 1"]
    {
        for rows in [1, 100] {
            let columns = table(&vec![facts("subject.n=1; subject.m=0"); rows]);
            let answers = condition(text).answers(&columns);
            assert_eq!((answers.yes(), answers.fault(0)), (rows, false), "{text}");
        }
    }
}

#[test]
fn a_value_of_the_wrong_type_is_null_and_a_fault() {
    let bound = condition("subject.n = 1");
    for rows in [1, 100] {
        let mut builder = ColumnsBuilder::new(&types(), rows);
        for _ in 0..rows {
            builder.push(6, Some(&Value::Text("1".into())));
            builder.finish_row();
        }
        let columns = builder.finish();
        assert_eq!(columns.faults(), rows);
        let answers = bound.answers(&columns);
        assert_eq!((answers.get(0), answers.fault(0)), (Answer::Unknown, true));
        assert_eq!(bound.missing(&columns, 0), Missing { inputs: Vec::new(), fault: true });
    }
}

#[test]
fn misuse_of_the_builder_is_counted_and_harmless() {
    let mut builder = ColumnsBuilder::new(&[ValueType::Int, ValueType::Int], 1);
    builder.push(0, Some(&Value::Int(1)));
    builder.push(0, Some(&Value::Int(2)));
    builder.push(9, Some(&Value::Int(3)));
    builder.finish_row();
    builder.push(1, Some(&Value::Int(4)));
    let columns = builder.finish();
    assert_eq!((columns.len(), columns.faults()), (2, 2));
    let program = compile("subject.n = 1 OR subject.m = 4", &Facts, ValueType::Bool).expect("it compiles");
    let bound = program.bind(&[column("subject.n"), column("subject.m")]).expect("both are there");
    assert_eq!(bound.answers(&columns).yes(), 2);
}

#[test]
fn columns_other_than_those_bound_are_faults_not_panics() {
    let bound = condition("subject.n = 1 AND event.flag");
    let other: ArrayRef = Arc::new(BooleanArray::from(vec![true; 100]));
    for columns in [
        Columns::from_arrays(vec![Arc::clone(&other)]).expect("one column"),
        Columns::from_arrays(vec![other; FACTS.len()]).expect("equal columns"),
    ] {
        let answers = bound.answers(&columns);
        assert_eq!((answers.len(), answers.get(99), answers.fault(99)), (100, Answer::Unknown, true));
        assert!(bound.missing(&columns, 0).fault && bound.failing(&columns, 0).is_empty());
    }
}

#[test]
fn nothing_is_asked_outside_the_batch() {
    let (bound, columns) = (condition("subject.n = 1"), table(&[facts("subject.n=1")]));
    let answers = bound.answers(&columns);
    assert_eq!(
        (answers.get(1), answers.get(usize::MAX), answers.fault(1)),
        (Answer::Unknown, Answer::Unknown, false)
    );
    assert_eq!(bound.missing(&columns, 1), Missing::default());
    assert_eq!((bound.failing(&columns, 1), bound.value(&columns, 1)), (Vec::new(), None));
    assert!(bound.answers(&table(&[])).is_empty());
}

#[test]
fn what_is_not_a_condition_is_unknown_everywhere() {
    let program = compile("subject.n + 1", &Facts, ValueType::Int).expect("it compiles");
    let bound = program.bind(&all_columns()).expect("every column is there");
    let answers = bound.answers(&table(&vec![facts("subject.n=1"); 100]));
    assert_eq!((answers.len(), answers.yes(), answers.get(0)), (100, 0, Answer::Unknown));
}

#[test]
fn arrays_are_checked() {
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let short: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let refused = |arrays| Columns::from_arrays(arrays).expect_err("refused");
    assert_eq!(
        refused(vec![Arc::clone(&ints), short]),
        ColumnsError::Length { column: 1, found: 1, expected: 2 }
    );
    let found = floats.data_type().clone();
    assert_eq!(refused(vec![ints, floats]), ColumnsError::Type { column: 1, found });
}

#[test]
fn nothing_personal_is_printed() {
    let columns = table(&[facts("subject.province=secret; subject.n=424242")]);
    let answers = condition("subject.province = 'x'");
    let printed = format!("{columns:?} {answers:?}");
    assert!(!printed.contains("secret") && !printed.contains("424242"), "{printed}");
}
