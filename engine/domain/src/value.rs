//! Typed values of event data and facts.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::ids::CitizenId;

/// The type a pack declares for a fact or an event field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// `true` or `false`.
    Bool,
    /// A signed 64-bit whole number; money is in the smallest unit of its currency.
    Int,
    /// A calendar date, no time of day, no zone.
    Date,
    /// Text in Unicode NFC, at most [`Value::MAX_TEXT_BYTES`] long.
    Text,
    /// A person, given as a national number and kept as a [`CitizenId`].
    Citizen,
}

/// One typed value. Its `Debug` never prints what it holds: values are personal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// See [`ValueType::Bool`].
    Bool(bool),
    /// See [`ValueType::Int`].
    Int(i64),
    /// Days since 1970-01-01, as Arrow's `Date32` counts them.
    Date(i32),
    /// See [`ValueType::Text`].
    Text(CompactString),
    /// See [`ValueType::Citizen`].
    Citizen(CitizenId),
}

impl Value {
    /// The longest text value that is accepted, in bytes.
    pub const MAX_TEXT_BYTES: usize = 1024;

    /// The type of this value.
    pub const fn value_type(&self) -> ValueType {
        match self {
            Self::Bool(_) => ValueType::Bool,
            Self::Int(_) => ValueType::Int,
            Self::Date(_) => ValueType::Date,
            Self::Text(_) => ValueType::Text,
            Self::Citizen(_) => ValueType::Citizen,
        }
    }

    /// A date value.
    pub fn date(date: NaiveDate) -> Self {
        Self::Date(days(date))
    }

    /// The calendar date, if this is one.
    pub fn as_date(&self) -> Option<NaiveDate> {
        match self {
            Self::Date(days) => date_of(*days),
            _ => None,
        }
    }

    /// The citizen, if this is one.
    pub const fn as_citizen(&self) -> Option<CitizenId> {
        match self {
            Self::Citizen(id) => Some(*id),
            _ => None,
        }
    }

    /// Canonical text, used in occurrence keys and set elements: dates in ISO 8601, people by their id.
    pub fn canonical(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Date(value) => date_of(*value).map_or_else(|| value.to_string(), |date| date.to_string()),
            Self::Text(value) => value.to_string(),
            Self::Citizen(value) => value.to_string(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}([personal])", self.value_type())
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Date => "date",
            Self::Text => "text",
            Self::Citizen => "citizen",
        })
    }
}

/// Days from 1970-01-01 to `date`.
pub fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - UNIX_EPOCH_FROM_CE
}

/// The date `days` after 1970-01-01; `None` outside the calendar that chrono knows (about 262,000 years).
pub fn date_of(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(UNIX_EPOCH_FROM_CE)?)
}

const UNIX_EPOCH_FROM_CE: i32 = 719_163;

/// Something personal that must never be printed: `Debug` and `Display` say `[personal]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Marks `value` as personal.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Takes the value out, for the one place that must show it to the person it belongs to.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_personal_is_printed() {
        let value = Value::Text("Nguyễn Thị Ánh".into());
        assert_eq!(format!("{value:?}"), "Text([personal])");
        assert_eq!(format!("{} {:?}", Pii::new("x"), Pii::new(3)), "[personal] [personal]");
    }

    #[test]
    fn dates_survive_the_round_trip() {
        for text in ["1970-01-01", "2024-02-29", "1899-12-31", "2099-12-31"] {
            let date: NaiveDate = text.parse().expect("a date");
            assert_eq!(Value::date(date).as_date(), Some(date));
            assert_eq!(Value::date(date).canonical(), text);
        }
    }
}
