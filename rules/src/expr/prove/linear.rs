//! Whole numbers and dates as sums of terms, so that `a - b < 3`, `days_between(b, a) <= 2` and `a < b + INTERVAL '3'
//! DAY` say the same thing. A node that is not NULL equals its sum exactly: arithmetic that would overflow is NULL.

use std::collections::BTreeMap;
use std::fmt::Write;

use tidings_domain::value::Value;

use super::super::columns::Item;
use super::super::node::{DateCalc, IntCalc, MoveCalc, Node};
use super::set::IntSet;
use super::{Ref, World};

/// Position in [`Terms`].
pub(super) type TermId = usize;

/// What a sum is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Term {
    /// A column of the world.
    Column(usize),
    /// Completed months from one date to another.
    Months(Linear, Linear),
    /// Completed years: a twelfth of these months, rounded down.
    Years(TermId),
    /// A date so many months later; whether a day that a month lacks becomes the first of the next.
    Later(i128, bool, Linear),
    /// Something else, by its text.
    Other(String),
}

/// A sum of terms, each with a factor, and a constant.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Linear {
    /// Factors, none of them 0.
    pub(super) terms: BTreeMap<TermId, i128>,
    pub(super) constant: i128,
}

/// Factors larger than this are not worth reasoning about.
const MAX_FACTOR: i128 = 1 << 62;

impl Linear {
    fn constant(constant: i128) -> Self {
        Self { terms: BTreeMap::new(), constant }
    }

    pub(super) fn term(term: TermId) -> Self {
        Self { terms: BTreeMap::from([(term, 1)]), constant: 0 }
    }

    /// `self + factor * other`; `None` when the numbers grow beyond reason.
    pub(super) fn plus(&self, factor: i128, other: &Self) -> Option<Self> {
        let mut sum = self.clone();
        sum.constant = sum.constant.checked_add(factor.checked_mul(other.constant)?)?;
        for (term, other) in &other.terms {
            *sum.terms.entry(*term).or_default() += factor.checked_mul(*other)?;
        }
        sum.terms.retain(|_, factor| *factor != 0);
        let grown = sum.terms.values().any(|factor| factor.abs() > MAX_FACTOR);
        (!grown && sum.constant.abs() <= MAX_FACTOR).then_some(sum)
    }

    /// The terms as every multiple of them is written (no common factor, the first positive), and the set that they lie
    /// in when the whole sum lies in `set`. Without terms there is nothing to say but whether the constant is in it.
    pub(super) fn lies_in(&self, set: &IntSet) -> (Self, IntSet) {
        let common = self.terms.values().fold(0, |a, b| gcd(a, b.abs()));
        let sign = self.terms.values().next().map_or(1, |factor| factor.signum());
        if common == 0 {
            return (self.clone(), set.clone());
        }
        let terms = self.terms.iter().map(|(term, factor)| (*term, factor / (common * sign)));
        (Self { terms: terms.collect(), constant: 0 }, set.preimage(common * sign, self.constant))
    }

    /// The two terms of a difference: first less second.
    pub(super) fn difference(&self) -> Option<(TermId, TermId)> {
        let mut terms = self.terms.iter();
        match (terms.next(), terms.next(), terms.next()) {
            (Some((a, 1)), Some((b, -1)), None) => Some((*a, *b)),
            _ => None,
        }
    }

    /// The term that it is, and nothing else.
    pub(super) fn single(&self) -> Option<TermId> {
        match self.terms.first_key_value() {
            Some((term, 1)) if self.terms.len() == 1 => Some(*term),
            _ => None,
        }
    }
}

const fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The terms that one question is about.
#[derive(Debug, Default)]
pub(super) struct Terms {
    terms: Vec<Term>,
    ids: BTreeMap<Term, TermId>,
}

impl Terms {
    pub(super) fn id(&mut self, term: Term) -> TermId {
        *self.ids.entry(term).or_insert_with_key(|term| {
            self.terms.push(term.clone());
            self.terms.len() - 1
        })
    }

    pub(super) fn get(&self, id: TermId) -> Option<&Term> {
        self.terms.get(id)
    }

    /// A whole number or date as a sum; `None` for NULL.
    pub(super) fn linear(&mut self, at: Ref<'_>, world: &World) -> Option<Linear> {
        let other = |terms: &mut Self| Some(Linear::term(terms.id(Term::Other(key(at, world)))));
        match at.node {
            Node::Const(constant) => match constant.item()? {
                Item::Int(value) => Some(Linear::constant(value.into())),
                Item::Date(value) => Some(Linear::constant(value.into())),
                _ => None,
            },
            Node::Column(input, _) => match at.place(*input, world) {
                Some(place) => Some(Linear::term(self.id(Term::Column(place)))),
                None => other(self),
            },
            Node::Ints(calc, pair) => {
                let (a, b) = (self.linear(at.to(&pair[0]), world)?, self.linear(at.to(&pair[1]), world)?);
                arithmetic(*calc, &a, &b).map_or_else(|| other(self), Some)
            }
            Node::Dates(calc, pair) => {
                let (a, b) = (self.linear(at.to(&pair[0]), world)?, self.linear(at.to(&pair[1]), world)?);
                self.dates(*calc, a, &b).map_or_else(|| other(self), Some)
            }
            Node::Shift(shift, date) => {
                let date = self.linear(at.to(date), world)?;
                if shift.months == 0 {
                    return date.plus(1, &Linear::constant(shift.days.into()));
                }
                Some(self.later(shift.months.into(), false, date))
            }
            Node::Moved(calc, pair) => {
                let (date, by) = (self.linear(at.to(&pair[0]), world)?, self.linear(at.to(&pair[1]), world)?);
                self.moved(*calc, date, &by).map_or_else(|| other(self), Some)
            }
            _ => other(self),
        }
    }

    fn moved(&mut self, calc: MoveCalc, date: Linear, by: &Linear) -> Option<Linear> {
        if calc == MoveCalc::Days {
            return date.plus(1, by);
        }
        let years = calc == MoveCalc::Years;
        let months = if years { by.constant.checked_mul(12)? } else { by.constant };
        by.terms.is_empty().then(|| self.later(months, years, date))
    }

    fn later(&mut self, months: i128, rolls: bool, date: Linear) -> Linear {
        Linear::term(self.id(Term::Later(months, rolls, date)))
    }

    fn dates(&mut self, calc: DateCalc, from: Linear, to: &Linear) -> Option<Linear> {
        if calc == DateCalc::DaysBetween {
            return to.plus(-1, &from);
        }
        let months = self.id(Term::Months(from, to.clone()));
        Some(Linear::term(if calc == DateCalc::MonthsBetween {
            months
        } else {
            self.id(Term::Years(months))
        }))
    }
}

fn arithmetic(calc: IntCalc, a: &Linear, b: &Linear) -> Option<Linear> {
    match calc {
        IntCalc::Add => a.plus(1, b),
        IntCalc::Sub => a.plus(-1, b),
        IntCalc::Mul if a.terms.is_empty() => Linear::default().plus(a.constant, b),
        IntCalc::Mul if b.terms.is_empty() => Linear::default().plus(b.constant, a),
        IntCalc::Mul | IntCalc::Div | IntCalc::Rem => None,
    }
}

/// What a node computes, as a text: equal texts have equal values in every row.
pub(super) fn key(at: Ref<'_>, world: &World) -> String {
    let mut text = String::new();
    write_key(at, world, &mut text);
    text
}

fn write_key(at: Ref<'_>, world: &World, text: &mut String) {
    // Writing to a String cannot fail.
    let _ = match at.node {
        Node::Column(input, _) => match at.place(*input, world) {
            Some(place) => write!(text, "c{place}"),
            None => write!(text, "unbound"),
        },
        Node::Const(constant) => match constant.value() {
            // Quoted, so that no text can look like another key.
            Some(Value::Text(value)) => write!(text, "{value:?}"),
            Some(value) => write!(text, "{}:{}", value.value_type(), value.canonical()),
            None => write!(text, "null"),
        },
        Node::Ints(calc, _) => write!(text, "{calc:?}"),
        Node::Dates(calc, _) => write!(text, "{calc:?}"),
        Node::Moved(calc, _) => write!(text, "{calc:?}"),
        Node::Shift(shift, _) => write!(text, "later{},{}", shift.months, shift.days),
        Node::Compare(comparison, _) => write!(text, "{comparison:?}"),
        Node::Is(wanted, _) => write!(text, "is{wanted}"),
        Node::All(_) => write!(text, "all"),
        Node::Any(_) => write!(text, "any"),
        Node::Not(_) => write!(text, "not"),
        Node::Between(_) => write!(text, "between"),
        Node::IsNull(_) => write!(text, "isnull"),
        Node::Coalesce(..) => write!(text, "coalesce"),
        // Their shape is not seen from their children alone.
        Node::In(test) => write!(text, "in{}{:?}", test.null, test.members),
        Node::Case(case) => {
            let (operand, otherwise) = (case.operand.is_some(), case.otherwise.is_some());
            write!(text, "case{operand}{otherwise}")
        }
    };
    let children = at.node.children();
    if !children.is_empty() {
        text.push('(');
        for child in children {
            write_key(at.to(child), world, text);
            text.push(',');
        }
        text.push(')');
    }
}
