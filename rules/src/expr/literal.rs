//! Literals.

use chrono::NaiveDate;
use sqlparser::ast::{DataType, DateTimeField, Expr, Interval, TypedString, Value as Sql, ValueWithSpan};
use tidings_domain::value::{Value, days};
use unicode_normalization::UnicodeNormalization;

use super::calendar::{SQL_DATES, Shift};

/// What is wrong with a literal, and what to write.
pub(super) type Wrong = (String, Option<String>);

/// The value of a literal; `Ok(None)` is NULL.
pub(super) fn value(literal: &ValueWithSpan) -> Result<Option<Value>, Wrong> {
    match &literal.value {
        Sql::Null => Ok(None),
        Sql::Boolean(value) => Ok(Some(Value::Bool(*value))),
        Sql::Number(digits, false) => whole(digits).map(Some),
        Sql::SingleQuotedString(text) => self::text(text).map(Some),
        Sql::DoubleQuotedString(_) => Err((
            format!("`{literal}` is not a text"),
            Some("write text in single quotes: 'like this'".into()),
        )),
        _ => Err((
            format!("`{literal}` is not a literal that is supported"),
            Some("write 12, 'text', DATE '2026-01-31', TRUE, FALSE or NULL".into()),
        )),
    }
}

pub(super) fn whole(digits: &str) -> Result<Value, Wrong> {
    digits.parse().map(Value::Int).map_err(|_| {
        if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            let hint = format!("the largest is {}", i64::MAX);
            (format!("`{digits}` is too large for a whole number"), Some(hint))
        } else {
            let hint = "count in the smallest unit: dong or cents for money, days for time".into();
            (format!("`{digits}` is not a whole number"), Some(hint))
        }
    })
}

/// Values are in NFC, so a literal is brought to NFC too: an editor's decomposed `ế` would never be equal.
fn text(text: &str) -> Result<Value, Wrong> {
    let text = text.nfc().collect::<String>();
    if text.len() > Value::MAX_TEXT_BYTES {
        let message = format!("this text is longer than any value: {} bytes are kept", Value::MAX_TEXT_BYTES);
        return Err((message, None));
    }
    Ok(Value::Text(text.into()))
}

/// `DATE 'yyyy-mm-dd'`.
pub(super) fn date(literal: &TypedString) -> Result<Value, Wrong> {
    let example = || Some("write DATE '2026-01-31'".into());
    match (&literal.data_type, &literal.value.value) {
        (DataType::Date, Sql::SingleQuotedString(text)) => parse_date(text)
            .map(Value::Date)
            .ok_or_else(|| (format!("'{text}' is not a date of the calendar"), example())),
        _ => Err((format!("`{literal}` is not a literal that is supported"), example())),
    }
}

/// Days from 1970-01-01, for exactly `yyyy-mm-dd`.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let date = shaped.then(|| text.parse::<NaiveDate>().ok()).flatten().map(days)?;
    SQL_DATES.contains(&date).then_some(date)
}

/// `INTERVAL 'n' DAY`, MONTH or YEAR; `sign` is -1 after a minus.
pub(super) fn interval(interval: &Interval, sign: i32) -> Result<Shift, Wrong> {
    let wrong = || {
        let hint = "write INTERVAL '14' DAY, INTERVAL '6' MONTH or INTERVAL '1' YEAR".into();
        (format!("`{interval}` is not an interval that is supported"), Some(hint))
    };
    let Expr::Value(ValueWithSpan { value: Sql::SingleQuotedString(text), .. }) = &*interval.value else {
        return Err(wrong());
    };
    if interval.last_field.is_some() || interval.leading_precision.is_some() {
        return Err(wrong());
    }
    let count =
        text.trim().parse::<i32>().ok().and_then(|count| count.checked_mul(sign)).ok_or_else(wrong)?;
    match interval.leading_field {
        Some(DateTimeField::Day | DateTimeField::Days) => Ok(Shift { months: 0, days: count }),
        Some(DateTimeField::Month | DateTimeField::Months) => Ok(Shift { months: count, days: 0 }),
        Some(DateTimeField::Year | DateTimeField::Years) => {
            count.checked_mul(12).map(|months| Shift { months, days: 0 }).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}
