//! The compiled tree. The checker builds it; the kernels and the row interpreter run it.

use std::cmp::Ordering;

use arrow_array::{ArrayRef, Scalar};
use tidings_domain::value::{Value, ValueType};

use super::calendar::{self, Shift};
use super::columns::{Item, Lane};
use super::row::Frame;

/// Whole-number arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntCalc {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

impl IntCalc {
    /// How it is done; `None` is a fault.
    #[inline]
    pub(super) fn function(self) -> fn(i64, i64) -> Option<i64> {
        match self {
            Self::Add => i64::checked_add,
            Self::Sub => i64::checked_sub,
            Self::Mul => i64::checked_mul,
            Self::Div => i64::checked_div,
            Self::Rem => remainder,
        }
    }
}

/// The remainder has the sign of the dividend. The smallest number by -1 leaves 0, though its quotient overflows.
fn remainder(a: i64, b: i64) -> Option<i64> {
    (b != 0).then(|| a.wrapping_rem(b))
}

/// A whole number computed from two dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateCalc {
    AgeYears,
    MonthsBetween,
    DaysBetween,
}

impl DateCalc {
    /// How it is done; `None` is a fault.
    #[inline]
    pub(super) fn function(self) -> fn(i32, i32) -> Option<i64> {
        match self {
            Self::AgeYears => calendar::age_years,
            Self::MonthsBetween => calendar::months_between,
            Self::DaysBetween => calendar::days_between,
        }
    }
}

/// A date moved by a whole number of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MoveCalc {
    Days,
    Months,
    Years,
}

impl MoveCalc {
    /// How it is done; `None` is a fault.
    #[inline]
    pub(super) fn function(self) -> fn(i32, i64) -> Option<i32> {
        match self {
            Self::Days => calendar::add_days,
            Self::Months => calendar::add_months,
            Self::Years => calendar::add_years,
        }
    }
}

#[derive(Debug)]
pub(super) enum Node {
    /// Position in the tree's list of columns.
    Column(usize, ValueType),
    Const(Constant),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare(Comparison, Box<[Node; 2]>),
    /// Value, low, high: both ends included.
    Between(Box<[Node; 3]>),
    In(Box<In>),
    IsNull(Box<Node>),
    /// IS TRUE and IS FALSE: never NULL.
    Is(bool, Box<Node>),
    Case(Box<Case>),
    /// The first of them that is not NULL.
    Coalesce(ValueType, Vec<Node>),
    Ints(IntCalc, Box<[Node; 2]>),
    Dates(DateCalc, Box<[Node; 2]>),
    Moved(MoveCalc, Box<[Node; 2]>),
    Shift(Shift, Box<Node>),
}

#[derive(Debug)]
pub(super) struct In {
    pub(super) needle: Node,
    pub(super) members: Members,
    /// The list holds NULL itself, so that no value is certainly outside it.
    pub(super) null: bool,
    /// What in the list is not constant.
    pub(super) others: Vec<Node>,
}

#[derive(Debug)]
pub(super) struct Case {
    pub(super) value_type: ValueType,
    /// With an operand, the left side of each WHEN is compared to it.
    pub(super) operand: Option<Node>,
    pub(super) whens: Vec<(Node, Node)>,
    pub(super) otherwise: Option<Node>,
}

impl Node {
    /// What its value is computed from.
    pub(super) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Column(..) | Self::Const(_) => Vec::new(),
            Self::All(list) | Self::Any(list) | Self::Coalesce(_, list) => list.iter().collect(),
            Self::Not(node) | Self::IsNull(node) | Self::Is(_, node) | Self::Shift(_, node) => vec![node],
            Self::Compare(_, pair) | Self::Ints(_, pair) | Self::Dates(_, pair) | Self::Moved(_, pair) => {
                pair.iter().collect()
            }
            Self::Between(three) => three.iter().collect(),
            Self::In(test) => std::iter::once(&test.needle).chain(&test.others).collect(),
            Self::Case(case) => {
                let whens = case.whens.iter().flat_map(|(when, then)| [when, then]);
                case.operand.iter().chain(whens).chain(&case.otherwise).collect()
            }
        }
    }

    /// Replaces a node over constants by its value. One that faults stays, and faults in every row.
    pub(super) fn fold(self) -> Self {
        if !self.children().iter().all(|child| matches!(child, Self::Const(_))) {
            return self;
        }
        let value = Frame::empty().row(0).item(&self).and_then(Item::to_value);
        value.map_or(self, |value| Self::Const(Constant::new(value)))
    }
}

/// A literal, kept also as the Arrow scalar that the kernels take.
#[derive(Debug)]
pub(super) struct Constant {
    value: Option<(Value, Scalar<ArrayRef>)>,
}

impl Constant {
    pub(super) const NULL: Self = Self { value: None };

    pub(super) fn new(value: Value) -> Self {
        let mut lane = Lane::new(value.value_type(), 1);
        lane.push(Some(Item::of(&value)));
        let scalar = Scalar::new(lane.finish().into_array());
        Self { value: Some((value, scalar)) }
    }

    #[inline]
    pub(super) fn item(&self) -> Option<Item<'_>> {
        self.value.as_ref().map(|(value, _)| Item::of(value))
    }

    pub(super) fn scalar(&self) -> Option<&Scalar<ArrayRef>> {
        self.value.as_ref().map(|(_, scalar)| scalar)
    }

    pub(super) fn value(&self) -> Option<&Value> {
        self.value.as_ref().map(|(value, _)| value)
    }

    pub(super) fn into_value(self) -> Option<Value> {
        self.value.map(|(value, _)| value)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Comparison {
    #[inline]
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }
}

/// The constants of an IN list, sorted, each once.
#[derive(Debug)]
pub(super) enum Members {
    Ints(Box<[i64]>),
    Dates(Box<[i32]>),
    Texts(Box<[Box<str>]>),
}

impl Members {
    /// Whether constants of this type are kept here; others are compared one by one.
    pub(super) const fn keeps(value_type: ValueType) -> bool {
        matches!(value_type, ValueType::Int | ValueType::Date | ValueType::Text)
    }

    pub(super) fn new(value_type: ValueType, values: Vec<Value>) -> Self {
        match value_type {
            ValueType::Int | ValueType::Bool | ValueType::Citizen => {
                Self::Ints(sorted(values, |value| match value {
                    Value::Int(value) => Some(value),
                    _ => None,
                }))
            }
            ValueType::Date => Self::Dates(sorted(values, |value| match value {
                Value::Date(value) => Some(value),
                _ => None,
            })),
            ValueType::Text => {
                let mut texts = sorted(values, |value| match value {
                    Value::Text(value) => Some(Box::<str>::from(value.as_str())),
                    _ => None,
                });
                texts.sort_unstable_by(|a, b| by_length(a, b));
                Self::Texts(texts)
            }
        }
    }

    #[inline]
    pub(super) fn contains(&self, item: Item<'_>) -> bool {
        match (self, item) {
            (Self::Ints(values), Item::Int(value)) => has_int(values, value),
            (Self::Dates(values), Item::Date(value)) => has_date(values, value),
            (Self::Texts(values), Item::Text(value)) => has_text(values, value),
            _ => false,
        }
    }
}

pub(super) fn has_int(values: &[i64], value: i64) -> bool {
    values.binary_search(&value).is_ok()
}

pub(super) fn has_date(values: &[i32], value: i32) -> bool {
    values.binary_search(&value).is_ok()
}

pub(super) fn has_text(values: &[Box<str>], value: &str) -> bool {
    values.binary_search_by(|probe| by_length(probe, value)).is_ok()
}

/// Shorter first: most probes of a list of names end at the length.
fn by_length(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn sorted<T: Ord>(values: Vec<Value>, pick: impl Fn(Value) -> Option<T>) -> Box<[T]> {
    let mut values = values.into_iter().filter_map(pick).collect::<Vec<_>>();
    values.sort_unstable();
    values.dedup();
    values.into_boxed_slice()
}
