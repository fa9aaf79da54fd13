//! `add_days`, `add_months` and `add_years` for DataFusion, which cannot move a date by a column of numbers. Written on
//! chrono, and so on another calendar than the one that is tested.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Date32Array};
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use datafusion_common::DataFusionError;
use datafusion_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use tidings_domain::value::{date_of, days};

type Move = fn(NaiveDate, i64) -> Option<NaiveDate>;

/// The function of this name.
pub fn function(name: &str) -> Option<Arc<ScalarUDF>> {
    let moved: Move = match name {
        "add_days" => |date, count| date.checked_add_signed(TimeDelta::try_days(count)?),
        "add_months" => add_months,
        "add_years" => add_years,
        _ => return None,
    };
    let types = vec![DataType::Date32, DataType::Int64];
    let run = move |given: &[ColumnarValue]| over_columns(given, moved);
    Some(Arc::new(create_udf(name, types, DataType::Date32, Volatility::Immutable, Arc::new(run))))
}

fn add_months(date: NaiveDate, count: i64) -> Option<NaiveDate> {
    let months = Months::new(u32::try_from(count.unsigned_abs()).ok()?);
    if count < 0 { date.checked_sub_months(months) } else { date.checked_add_months(months) }
}

/// The same day of another year; 1 March where that year has no 29 February.
fn add_years(date: NaiveDate, count: i64) -> Option<NaiveDate> {
    let year = i32::try_from(i64::from(date.year()).checked_add(count)?).ok()?;
    date.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))
}

fn over_columns(given: &[ColumnarValue], moved: Move) -> Result<ColumnarValue, DataFusionError> {
    let arrays = ColumnarValue::values_to_arrays(given)?;
    let (dates, counts) = (arrays[0].as_primitive::<Date32Type>(), arrays[1].as_primitive::<Int64Type>());
    let of_row = |row: usize| {
        let known = dates.is_valid(row) && counts.is_valid(row);
        let date = known.then(|| date_of(dates.value(row))).flatten()?;
        moved(date, counts.value(row)).filter(|date| (1..=9999).contains(&date.year())).map(days)
    };
    let dates: Date32Array = (0..dates.len()).map(of_row).collect();
    Ok(ColumnarValue::Array(Arc::new(dates)))
}
