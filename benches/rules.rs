//! What a condition costs a row: twenty conditions over one column list, at batches of 1, 256 and 4,096 rows.
#![allow(clippy::expect_used, reason = "a benchmark stops at its first failure")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tidings_domain::value::{Value, ValueType};
use tidings_rules::expr::{Bound, ColumnRef, Columns, ColumnsBuilder, RowKind, Scope, Unresolved, compile};

/// Conditions of the kinds that the packs use: comparisons, dates, lists, three-valued combinations.
const CONDITIONS: [&str; 20] = [
    "citizen.age >= 18",
    "citizen.age BETWEEN 14 AND 25",
    "citizen.employed",
    "NOT citizen.employed AND citizen.months >= 12",
    "citizen.months >= 180 OR citizen.age >= 60",
    "citizen.province = '01'",
    "citizen.province IN ('01', '79', '48', '31')",
    "citizen.status <> 'married'",
    "COALESCE(citizen.household, 'none') <> 'poor'",
    "citizen.household IN ('poor', 'near_poor') AND citizen.age >= 70",
    "citizen.birth < DATE '1966-01-01'",
    "event.day >= DATE '2026-07-01'",
    "event.day <= citizen.expires - INTERVAL '60' DAY",
    "citizen.expires IS NOT NULL AND citizen.expires < event.day + INTERVAL '8' MONTH",
    "days_between(event.day, citizen.expires) <= 30",
    "age_years(citizen.birth, event.day) >= 75",
    "months_between(citizen.birth, event.day) < 72",
    "citizen.months + event.months >= 12",
    "CASE WHEN citizen.employed THEN citizen.months >= 6 ELSE citizen.months >= 12 END",
    "citizen.status IS NULL OR citizen.status = 'single'",
];

const COLUMNS: [(RowKind, &str, ValueType); 9] = [
    (RowKind::Citizen, "age", ValueType::Int),
    (RowKind::Citizen, "birth", ValueType::Date),
    (RowKind::Citizen, "employed", ValueType::Bool),
    (RowKind::Citizen, "expires", ValueType::Date),
    (RowKind::Citizen, "household", ValueType::Text),
    (RowKind::Citizen, "months", ValueType::Int),
    (RowKind::Citizen, "province", ValueType::Text),
    (RowKind::Citizen, "status", ValueType::Text),
    (RowKind::Event, "day", ValueType::Date),
];

struct Known;

impl Scope for Known {
    fn resolve(&self, column: &ColumnRef) -> Result<ValueType, Unresolved> {
        let name = column.path.first().map(String::as_str);
        if name == Some("months") && column.row == RowKind::Event {
            return Ok(ValueType::Int);
        }
        COLUMNS
            .iter()
            .find(|(row, known, _)| *row == column.row && Some(*known) == name)
            .map(|(.., value_type)| *value_type)
            .ok_or(Unresolved { message: "no such column".to_owned(), hint: None })
    }
}

fn columns() -> Vec<ColumnRef> {
    let of = |row, name: &str| ColumnRef { row, path: vec![name.to_owned()] };
    let mut all: Vec<ColumnRef> = COLUMNS.iter().map(|(row, name, _)| of(*row, name)).collect();
    all.push(of(RowKind::Event, "months"));
    all
}

/// Rows from a fixed sequence, a tenth of the values absent.
fn rows(count: usize) -> Columns {
    let types: Vec<ValueType> =
        COLUMNS.iter().map(|(.., value_type)| *value_type).chain([ValueType::Int]).collect();
    let mut builder = ColumnsBuilder::new(&types, count);
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..count {
        for (place, value_type) in types.iter().enumerate() {
            let number = next(1_000);
            let value = match value_type {
                ValueType::Bool => Value::Bool(number % 2 == 0),
                ValueType::Int => Value::Int(i64::try_from(number % 240).expect("small")),
                ValueType::Date => Value::Date(i32::try_from(number * 20).expect("small")),
                _ => Value::Text(
                    ["01", "79", "poor", "none", "married", "single"]
                        [usize::try_from(number % 6).expect("small")]
                    .into(),
                ),
            };
            builder.push(place, (next(10) > 0).then_some(&value));
        }
        builder.finish_row();
    }
    builder.finish()
}

fn conditions(c: &mut Criterion) {
    let columns = columns();
    let compiled = |text: &&str| -> Bound {
        let program = compile(text, &Known, ValueType::Bool).expect("compiles");
        program.bind(&columns).expect("binds")
    };
    let bound: Vec<Bound> = CONDITIONS.iter().map(compiled).collect();
    let mut group = c.benchmark_group("20 conditions");
    for count in [1, 256, 4_096] {
        let rows = rows(count);
        // Elements are (condition, row) pairs, so that the printed time per element is ns a condition a row.
        group.throughput(Throughput::Elements((count * CONDITIONS.len()) as u64));
        group.bench_with_input(BenchmarkId::from_parameter(count), &rows, |b, rows| {
            b.iter(|| {
                for condition in &bound {
                    black_box(condition.answers(rows).yes());
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, conditions);
criterion_main!(benches);
