//! Tidings' own answers, by both of its ways: kernels over a whole batch, and the interpreter row by row.

use std::ops::Range;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::{ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray};
use tidings_domain::ids::ID_BYTES;
use tidings_domain::value::{Value, ValueType};
use tidings_rules::expr::{Answer, Bound, ColumnRef, Columns, RowKind, Scope, Unresolved, compile};

use crate::tree::{COLUMNS, Row};

/// A batch of as many rows is answered by the interpreter, one of [`KERNELS`] or more by the kernels; what lies
/// between is the engine's affair (`SMALL_BATCH` in `rules/src/expr/bound.rs`).
pub const INTERPRETED: usize = 15;
pub const KERNELS: usize = 200;

/// A column besides those that expressions read: what the oracle says.
const EXPECTED: &str = "citizen.expected";

/// An expression compiled for batches that also hold what its value should be.
pub struct Ours {
    value_type: ValueType,
    value: Bound,
    /// Whether the value is that of the last column, and whether it is NULL.
    equal: Bound,
    null: Bound,
}

impl Ours {
    pub fn new(text: &str, value_type: ValueType) -> Result<Self> {
        let scope = Known(value_type);
        let columns: Vec<ColumnRef> =
            COLUMNS.iter().map(|(name, _)| *name).chain([EXPECTED]).map(column).collect();
        let bound = |text: &str, value_type: ValueType| {
            let program =
                compile(text, &scope, value_type).map_err(|errors| anyhow!("{text}: {errors:?}"))?;
            program.bind(&columns).ok_or_else(|| anyhow!("{text} does not bind"))
        };
        Ok(Self {
            value_type,
            value: bound(text, value_type)?,
            equal: bound(&format!("{text} = {EXPECTED}"), ValueType::Bool)?,
            null: bound(&format!("{text} IS NULL"), ValueType::Bool)?,
        })
    }

    /// The interpreter's values, in batches of these rows.
    pub fn by_rows(&self, batch: &Batch, cuts: &[Range<usize>]) -> Result<Vec<Option<Value>>> {
        let mut values = Vec::new();
        for cut in cuts {
            let columns = batch.columns(cut.clone())?;
            if self.value_type == ValueType::Bool {
                values.extend(self.value.answers(&columns).iter().map(truth));
            } else {
                values.extend((0..columns.len()).map(|row| self.value.value(&columns, row)));
            }
        }
        Ok(values)
    }

    /// Whether the kernels' value in each row is the one in `expected`, as the batch holds it.
    pub fn by_kernels(&self, batch: &Batch, expected: &[Option<Value>]) -> Result<Vec<bool>> {
        let columns = batch.columns(0..expected.len())?;
        if self.value_type == ValueType::Bool {
            let answers = self.value.answers(&columns);
            return Ok(answers
                .iter()
                .zip(expected)
                .map(|(answer, expected)| truth(answer) == *expected)
                .collect());
        }
        let (equal, null) = (self.equal.answers(&columns), self.null.answers(&columns));
        let same = |(row, expected): (usize, &Option<Value>)| match expected {
            Some(_) => (equal.get(row), null.get(row)) == (Answer::Yes, Answer::No),
            None => (equal.get(row), null.get(row)) == (Answer::Unknown, Answer::Yes),
        };
        Ok(expected.iter().enumerate().map(same).collect())
    }
}

fn truth(answer: Answer) -> Option<Value> {
    match answer {
        Answer::Yes => Some(Value::Bool(true)),
        Answer::No => Some(Value::Bool(false)),
        Answer::Unknown => None,
    }
}

/// Rows as Arrow arrays, with what the expression's value should be in each.
pub struct Batch(Vec<ArrayRef>);

impl Batch {
    pub fn new(rows: &[Row], value_type: ValueType, expected: &[Option<Value>]) -> Result<Self> {
        let column = |at: usize| rows.iter().map(move |row| row[at].as_ref());
        let given = COLUMNS.iter().enumerate().map(|(at, (_, value_type))| array(*value_type, column(at)));
        let expected = array(value_type, expected.iter().map(Option::as_ref));
        Ok(Self(given.chain([expected]).collect::<Result<_>>()?))
    }

    /// Some of the rows; their arrays begin in the middle of a byte of bits.
    fn columns(&self, rows: Range<usize>) -> Result<Columns> {
        Ok(Columns::from_arrays(self.0.iter().map(|array| array.slice(rows.start, rows.len())).collect())?)
    }
}

fn array<'a>(value_type: ValueType, values: impl Iterator<Item = Option<&'a Value>>) -> Result<ArrayRef> {
    macro_rules! collect {
        ($array:ty, $variant:ident) => {{
            let values = values.map(|value| match value {
                Some(Value::$variant(value)) => Some(value.clone()),
                _ => None,
            });
            Arc::new(values.collect::<$array>())
        }};
    }
    Ok(match value_type {
        ValueType::Bool => collect!(BooleanArray, Bool),
        ValueType::Int => collect!(Int64Array, Int),
        ValueType::Date => collect!(Date32Array, Date),
        ValueType::Text => collect!(StringArray, Text),
        ValueType::Citizen => {
            let mut builder = FixedSizeBinaryBuilder::new(ID_BYTES as i32);
            for value in values {
                match value.and_then(Value::as_citizen) {
                    Some(id) => builder.append_value(id.0)?,
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
    })
}

fn column(name: &str) -> ColumnRef {
    let mut parts = name.split('.').map(str::to_owned);
    let row = parts.next().and_then(|row| RowKind::ALL.into_iter().find(|kind| kind.to_string() == row));
    ColumnRef { row: row.unwrap_or(RowKind::Citizen), path: parts.collect() }
}

/// The columns, and what the oracle says, of this type.
struct Known(ValueType);

impl Scope for Known {
    fn resolve(&self, column: &ColumnRef) -> Result<ValueType, Unresolved> {
        let name = column.to_string();
        let known = COLUMNS.iter().copied().chain([(EXPECTED, self.0)]).find(|(known, _)| *known == name);
        known.map(|(_, value_type)| value_type).ok_or_else(|| Unresolved { message: name, hint: None })
    }
}
