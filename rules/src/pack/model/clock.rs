//! What time and silence bring.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use tidings_domain::value::ValueType;

use crate::expr::{Bound, ColumnRef};
use crate::pack::format::Unit;

/// What brings a life event.
#[derive(Debug)]
pub enum Trigger {
    /// Event types report it.
    Events,
    /// Time brings it.
    Milestone(Milestone),
    /// Silence brings it.
    Absence(Absence),
}

/// A day computed from the subject's facts.
#[derive(Debug)]
pub struct Milestone {
    /// The columns that its expressions read: the subject's facts, and `event.NAME` of [`Self::over`].
    pub columns: Vec<(ColumnRef, ValueType)>,
    /// The expressions as law changed them, by their first day; never empty.
    pub versions: Vec<MilestoneVersion>,
    /// The name that takes each of the values in turn.
    pub over: Option<String>,
    /// The facts and folds whose change moves it.
    pub reads: BTreeSet<String>,
}

/// A milestone under the law of some days: of those on which the milestone itself falls.
#[derive(Debug)]
pub struct MilestoneVersion {
    /// First day.
    pub from: NaiveDate,
    /// The day of the milestone.
    pub date: Bound,
    /// Further fields.
    pub data: Vec<(String, Bound)>,
    /// How long before its day people are told.
    pub lead: Period,
    /// The values that the name under `over` takes; empty without one.
    pub over: Vec<i64>,
}

/// One life event that another has not followed in time.
#[derive(Debug)]
pub struct Absence {
    /// The life event that happened.
    pub of: String,
    /// The one that should have followed.
    pub without: String,
    /// Fields equal in both.
    pub same: Vec<String>,
    /// The field of the first that the time is counted from; `time` is the day it happened.
    pub anchor: String,
    /// How long it may take, by the first day of law.
    pub within: Vec<(NaiveDate, Period)>,
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// How many.
    pub amount: u32,
    /// Of what.
    pub unit: Unit,
}
