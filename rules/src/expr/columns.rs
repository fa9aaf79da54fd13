//! Rows as columns: what an expression reads.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Datum, FixedSizeBinaryArray, Int64Array, StringArray,
};
use arrow_buffer::{BooleanBufferBuilder, NullBufferBuilder, OffsetBuffer};
use arrow_schema::DataType;
use tidings_domain::ids::{CitizenId, ID_BYTES};
use tidings_domain::value::{Value, ValueType};

const CITIZEN_BYTES: i32 = ID_BYTES as i32;
/// Room made for each text when a builder is told how many rows come, in bytes.
const EXPECTED_TEXT_BYTES: usize = 16;

/// One value, borrowed from a column or a constant.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    Bool(bool),
    Int(i64),
    Date(i32),
    Text(&'a str),
    Citizen(&'a [u8]),
}

impl<'a> Item<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Date(value) => Self::Date(*value),
            Value::Text(value) => Self::Text(value),
            Value::Citizen(value) => Self::Citizen(&value.0),
        }
    }

    pub(super) fn to_value(self) -> Option<Value> {
        Some(match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Date(value) => Value::Date(value),
            Self::Text(value) => Value::Text((*value).into()),
            Self::Citizen(value) => Value::Citizen(CitizenId(value.try_into().ok()?)),
        })
    }

    /// Text and people compare by bytes. `None` between two types, which the checker lets through nowhere.
    #[inline]
    pub(super) fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(&b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(&b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Citizen(a), Self::Citizen(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// One column, its Arrow type settled once so that no row asks again.
#[derive(Clone)]
pub(super) enum Column {
    Bool(BooleanArray),
    Int(Int64Array),
    Date(Date32Array),
    Text(StringArray),
    Citizen(FixedSizeBinaryArray),
}

impl Column {
    fn of(array: &ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int64 => Self::Int(array.as_primitive::<Int64Type>().clone()),
            DataType::Date32 => Self::Date(array.as_primitive::<Date32Type>().clone()),
            DataType::Utf8 => Self::Text(array.as_string::<i32>().clone()),
            DataType::FixedSizeBinary(CITIZEN_BYTES) => Self::Citizen(array.as_fixed_size_binary().clone()),
            _ => return None,
        })
    }

    pub(super) const fn value_type(&self) -> ValueType {
        match self {
            Self::Bool(_) => ValueType::Bool,
            Self::Int(_) => ValueType::Int,
            Self::Date(_) => ValueType::Date,
            Self::Text(_) => ValueType::Text,
            Self::Citizen(_) => ValueType::Citizen,
        }
    }

    pub(super) fn datum(&self) -> &dyn Datum {
        match self {
            Self::Bool(array) => array,
            Self::Int(array) => array,
            Self::Date(array) => array,
            Self::Text(array) => array,
            Self::Citizen(array) => array,
        }
    }

    pub(super) fn into_array(self) -> ArrayRef {
        match self {
            Self::Bool(array) => Arc::new(array),
            Self::Int(array) => Arc::new(array),
            Self::Date(array) => Arc::new(array),
            Self::Text(array) => Arc::new(array),
            Self::Citizen(array) => Arc::new(array),
        }
    }

    pub(super) fn array(&self) -> &dyn Array {
        self.datum().get().0
    }

    /// The value in `row`, which is within the column; `None` is NULL.
    #[inline]
    pub(super) fn item(&self, row: usize) -> Option<Item<'_>> {
        match self {
            Self::Bool(array) => array.is_valid(row).then(|| Item::Bool(array.value(row))),
            Self::Int(array) => array.is_valid(row).then(|| Item::Int(array.value(row))),
            Self::Date(array) => array.is_valid(row).then(|| Item::Date(array.value(row))),
            Self::Text(array) => array.is_valid(row).then(|| Item::Text(array.value(row))),
            Self::Citizen(array) => array.is_valid(row).then(|| Item::Citizen(array.value(row))),
        }
    }
}

/// Columns of equal length, one Arrow array each: Boolean, Int64, Date32, Utf8, and FixedSizeBinary(16) for people.
/// Its `Debug` never prints what it holds: values are personal.
#[derive(Clone)]
pub struct Columns {
    columns: Vec<Column>,
    rows: usize,
    /// Cells that were given a value of another type and so hold NULL: (row, column), sorted.
    faults: Vec<(usize, usize)>,
}

/// Why arrays cannot be [`Columns`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// An array of a type that no [`ValueType`] is kept as.
    #[error("column {column} is {found}; columns are Boolean, Int64, Date32, Utf8 or FixedSizeBinary(16)")]
    Type {
        /// Its position.
        column: usize,
        /// Its Arrow type.
        found: DataType,
    },
    /// An array longer or shorter than the first.
    #[error("column {column} has {found} rows, the first has {expected}")]
    Length {
        /// Its position.
        column: usize,
        /// Its length.
        found: usize,
        /// The length of the first.
        expected: usize,
    },
}

impl Columns {
    /// Takes arrays read elsewhere (Parquet), checking their types and lengths. No arrays are no rows.
    pub fn from_arrays(arrays: Vec<ArrayRef>) -> Result<Self, ColumnsError> {
        let rows = arrays.first().map_or(0, |array| array.len());
        let taken = arrays.iter().enumerate().map(|(column, array)| {
            if array.len() != rows {
                return Err(ColumnsError::Length { column, found: array.len(), expected: rows });
            }
            Column::of(array).ok_or_else(|| ColumnsError::Type { column, found: array.data_type().clone() })
        });
        Ok(Self { columns: taken.collect::<Result<_, _>>()?, rows, faults: Vec::new() })
    }

    /// How many rows.
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many cells were given a value of another type, and hold NULL instead.
    pub const fn faults(&self) -> usize {
        self.faults.len()
    }

    pub(super) fn column(&self, position: usize) -> Option<&Column> {
        self.columns.get(position)
    }

    pub(super) fn is_fault(&self, row: usize, column: usize) -> bool {
        !self.faults.is_empty() && self.faults.binary_search(&(row, column)).is_ok()
    }
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Columns({} rows, {} columns, [personal])", self.rows, self.columns.len())
    }
}

/// Builds [`Columns`] row by row. Its `Debug` never prints what it holds.
pub struct ColumnsBuilder {
    lanes: Vec<Lane>,
    rows: usize,
    faults: Vec<(usize, usize)>,
}

impl ColumnsBuilder {
    /// Columns of these types, with room for `capacity` rows.
    pub fn new(types: &[ValueType], capacity: usize) -> Self {
        let lanes = types.iter().map(|&value_type| Lane::new(value_type, capacity)).collect();
        Self { lanes, rows: 0, faults: Vec::new() }
    }

    /// Sets one cell of the current row. A value of the wrong type, a column that does not exist and a cell that
    /// is already set are faults: counted, the first kept as NULL and the others ignored.
    pub fn push(&mut self, column: usize, value: Option<&Value>) {
        let fits = match self.lanes.get_mut(column) {
            Some(lane) if lane.len() == self.rows => lane.push(value.map(Item::of)),
            _ => false,
        };
        if !fits {
            self.faults.push((self.rows, column));
        }
    }

    /// Ends the current row; cells that were not set are NULL.
    pub fn finish_row(&mut self) {
        for lane in &mut self.lanes {
            if lane.len() == self.rows {
                lane.push(None);
            }
        }
        self.rows += 1;
    }

    /// The columns. A row that was begun and not ended is ended.
    pub fn finish(mut self) -> Columns {
        if self.lanes.iter().any(|lane| lane.len() > self.rows) {
            self.finish_row();
        }
        self.faults.sort_unstable();
        let columns = self.lanes.into_iter().map(Lane::finish).collect();
        Columns { columns, rows: self.rows, faults: self.faults }
    }
}

impl fmt::Debug for ColumnsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ColumnsBuilder({} rows, {} columns, [personal])", self.rows, self.lanes.len())
    }
}

/// A column being built.
pub(super) struct Lane {
    values: Raw,
    nulls: NullBufferBuilder,
}

enum Raw {
    Bool(BooleanBufferBuilder),
    Int(Vec<i64>),
    Date(Vec<i32>),
    /// Where each text ends, after a first 0, and all of them one after another.
    Text(Vec<i32>, Vec<u8>),
    Citizen(Vec<u8>),
}

impl Lane {
    pub(super) fn new(value_type: ValueType, capacity: usize) -> Self {
        let values = match value_type {
            ValueType::Bool => Raw::Bool(BooleanBufferBuilder::new(capacity)),
            ValueType::Int => Raw::Int(Vec::with_capacity(capacity)),
            ValueType::Date => Raw::Date(Vec::with_capacity(capacity)),
            ValueType::Text => {
                let mut ends = Vec::with_capacity(capacity + 1);
                ends.push(0);
                Raw::Text(ends, Vec::with_capacity(capacity * EXPECTED_TEXT_BYTES))
            }
            ValueType::Citizen => Raw::Citizen(Vec::with_capacity(capacity * ID_BYTES)),
        };
        Self { values, nulls: NullBufferBuilder::new(capacity) }
    }

    fn len(&self) -> usize {
        self.nulls.len()
    }

    /// Appends one value; one that does not fit the column is appended as NULL and answered with `false`.
    pub(super) fn push(&mut self, item: Option<Item<'_>>) -> bool {
        let taken = item.is_some_and(|item| self.values.take(item));
        if !taken {
            self.values.skip();
        }
        self.nulls.append(taken);
        taken || item.is_none()
    }

    pub(super) fn finish(mut self) -> Column {
        let nulls = self.nulls.finish();
        match self.values {
            Raw::Bool(mut values) => Column::Bool(BooleanArray::new(values.finish(), nulls)),
            Raw::Int(values) => Column::Int(Int64Array::new(values.into(), nulls)),
            Raw::Date(values) => Column::Date(Date32Array::new(values.into(), nulls)),
            Raw::Text(ends, bytes) => {
                let rows = ends.len() - 1;
                let texts = StringArray::try_new(OffsetBuffer::new(ends.into()), bytes.into(), nulls);
                // It was made of whole texts, so there is no error to meet.
                Column::Text(texts.unwrap_or_else(|_| StringArray::new_null(rows)))
            }
            Raw::Citizen(bytes) => {
                Column::Citizen(FixedSizeBinaryArray::new(CITIZEN_BYTES, bytes.into(), nulls))
            }
        }
    }
}

impl Raw {
    /// Appends `item`, unless it is of another type or more than the column can hold.
    fn take(&mut self, item: Item<'_>) -> bool {
        match (self, item) {
            (Self::Bool(values), Item::Bool(value)) => values.append(value),
            (Self::Int(values), Item::Int(value)) => values.push(value),
            (Self::Date(values), Item::Date(value)) => values.push(value),
            (Self::Text(ends, bytes), Item::Text(value)) => {
                let Ok(end) = i32::try_from(bytes.len() + value.len()) else { return false };
                bytes.extend_from_slice(value.as_bytes());
                ends.push(end);
            }
            (Self::Citizen(bytes), Item::Citizen(value)) if value.len() == ID_BYTES => {
                bytes.extend_from_slice(value);
            }
            _ => return false,
        }
        true
    }

    /// Appends what stands under a NULL.
    fn skip(&mut self) {
        match self {
            Self::Bool(values) => values.append(false),
            Self::Int(values) => values.push(0),
            Self::Date(values) => values.push(0),
            Self::Text(ends, _) => ends.push(ends.last().copied().unwrap_or_default()),
            Self::Citizen(bytes) => bytes.extend_from_slice(&[0; ID_BYTES]),
        }
    }
}
