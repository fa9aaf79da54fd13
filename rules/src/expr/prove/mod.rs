//! The prover: whether conditions can be true, false or unknown of anybody, and of whom.
//!
//! ```text
//! question: conditions, the answers they are to have, what is known of the columns
//!   -> never: claims -> search: alternatives -> state: what one alternative asks of columns
//!                                            -> linear + set: whether any value can satisfy it
//!   -> row:   example: rows made of the constants that the conditions name, answered by the conditions themselves
//!   -> open:  neither was found
//! ```
//!
//! Both ends are proofs. An alternative is a list of demands on columns and terms; if none of them can be met, the
//! claims are impossible. Everything that the search does not understand (products of columns, quotients, the order of
//! open texts), and whatever lies beyond [`BUDGET`], counts as possible. So it errs on one side only: what it calls
//! impossible is. A row, on the other side, has been answered by the compiled conditions. That two conditions are the
//! same is one such question too: whether they [`differ`] about some row.
//!
//! Analysis asks it about rules, coverage about what a part of a condition can do at all, mutation about which changes
//! make no difference and which case would show the others.

use std::collections::BTreeSet;

use tidings_domain::value::{Value, ValueType};

use super::bound::{Answer, Bound};
use super::node::Node;

mod bounds;
mod example;
mod linear;
mod search;
mod set;
mod state;

pub(crate) use example::{differ, example, met, near, sample};

/// The most alternatives looked at for one question.
pub(crate) const BUDGET: usize = 10_000;

/// The most alternatives within alternatives.
pub(crate) const MAX_SPLITS: usize = 128;

/// Answers, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truths(u8);

impl Truths {
    pub(crate) const YES: Self = Self(1);
    pub(crate) const NO: Self = Self(2);
    pub(crate) const UNKNOWN: Self = Self(4);
    /// True or unknown.
    pub(crate) const NOT_NO: Self = Self(5);
    /// False or unknown.
    pub(crate) const NOT_YES: Self = Self(6);
    /// True or false.
    pub(crate) const KNOWN: Self = Self(3);
    const ALL: Self = Self(7);

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What the operand of NOT has when NOT has these.
    const fn negated(self) -> Self {
        Self(self.0 & 4 | (self.0 & 1) << 1 | (self.0 & 2) >> 1)
    }

    const fn only(truth: bool) -> Self {
        if truth { Self::YES } else { Self::NO }
    }

    /// Whether an answer is among them.
    pub(crate) fn holds(self, answer: Answer) -> bool {
        self.has(answer.into())
    }

    /// Each answer in it by itself.
    fn each(self) -> impl Iterator<Item = Self> {
        [Self::YES, Self::NO, Self::UNKNOWN].into_iter().filter(move |one| self.has(*one))
    }
}

impl From<Answer> for Truths {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::YES,
            Answer::No => Self::NO,
            Answer::Unknown => Self::UNKNOWN,
        }
    }
}

/// What is known of a column before any row is seen.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its type.
    pub(crate) value_type: ValueType,
    /// Whether it may be NULL.
    pub(crate) nullable: bool,
    /// The only texts it can hold, when that is so.
    pub(crate) texts: Option<BTreeSet<String>>,
    /// The smallest number or earliest day (from 1970-01-01) it can hold, when that is so.
    pub(crate) at_least: Option<i64>,
    /// The largest number or latest day, when that is so.
    pub(crate) at_most: Option<i64>,
    /// The column that always holds the same, of two that do the earlier.
    pub(crate) same_as: Option<usize>,
}

/// The columns that claims are about, by the positions that they are bound to.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) columns: Vec<Known>,
    /// Whether arithmetic may fault. Without, what is NULL has a part that is; only for questions of what is worth
    /// showing, for a fault is always possible.
    pub(crate) faults: bool,
    /// The day around which dates are tried, from 1970-01-01.
    pub(crate) base: i32,
}

impl World {
    /// The position that stands for a column.
    pub(crate) fn place(&self, position: usize) -> usize {
        self.columns.get(position).and_then(|known| known.same_as).unwrap_or(position)
    }

    /// Puts a value into a column of a row, and into those that always hold the same.
    pub(crate) fn change(&self, row: &mut [Option<Value>], place: usize, value: &Option<Value>) {
        let same = row.iter_mut().enumerate().filter(|(column, _)| self.place(*column) == place);
        same.for_each(|(_, held)| held.clone_from(value));
    }
}

/// A node, and where the columns of its tree stand in the world.
#[derive(Clone, Copy, Debug)]
pub(in crate::expr) struct Ref<'a> {
    node: &'a Node,
    positions: &'a [usize],
}

impl<'a> Ref<'a> {
    /// The whole of a condition.
    pub(in crate::expr) fn root(bound: &'a Bound) -> Self {
        let (node, positions, _) = bound.reading();
        Self { node, positions }
    }

    pub(in crate::expr) const fn node(self) -> &'a Node {
        self.node
    }

    /// A node of the same tree.
    pub(in crate::expr) const fn to(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    fn place(self, input: usize, world: &World) -> Option<usize> {
        self.positions.get(input).map(|position| world.place(*position))
    }
}

/// That a condition or a part of it has one of some answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    at: Ref<'a>,
    truths: Truths,
}

impl<'a> Claim<'a> {
    pub(in crate::expr) const fn new(at: Ref<'a>, truths: Truths) -> Self {
        Self { at, truths }
    }
}

/// That one date column lies at least so many days after another, and both are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    /// Position of the earlier.
    pub(crate) from: usize,
    /// Position of the later.
    pub(crate) to: usize,
    /// Days between them, negative when the "later" may be earlier.
    pub(crate) days: i64,
}

impl Bound {
    /// That the whole has one of `truths`.
    pub(crate) fn claim(&self, truths: Truths) -> Claim<'_> {
        Claim { at: Ref::root(self), truths }
    }
}

/// A condition and the answers wanted of it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) condition: Bound,
    pub(crate) truths: Truths,
}

/// Demands on one row.
pub(crate) type Way = Vec<Asked>;

/// What there is to say of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No row is so: that is proved.
    Never,
    /// This row is so.
    Row(Vec<Option<Value>>),
    /// Neither was found.
    Open,
}

impl Bound {
    /// That it is to have one of `truths`.
    pub(crate) fn asked(&self, truths: Truths) -> Asked {
        Asked { condition: self.clone(), truths }
    }
}

/// Whether some row is as asked, and which.
pub(crate) fn ask(asked: &[Asked], world: &World) -> Found {
    if never(asked, world) {
        return Found::Never;
    }
    example(asked, world).map_or(Found::Open, Found::Row)
}

/// Whether no row is as asked. `false` means only that this was not proved.
pub(crate) fn never(asked: &[Asked], world: &World) -> bool {
    let claims: Vec<_> = asked.iter().map(|it| it.condition.claim(it.truths)).collect();
    impossible(&claims, world)
}

/// The fewest and the most days from a date to the one so many months later.
pub(crate) fn days_of_shift(months: i64) -> (i64, i64) {
    let (least, most) = bounds::days_of_shift(months.into());
    let days = |days| i64::try_from(days).unwrap_or(i64::MAX);
    (days(least), days(most))
}

/// Whether no row satisfies all claims. `false` means only that this was not proved.
pub(crate) fn impossible(claims: &[Claim<'_>], world: &World) -> bool {
    search::impossible(claims, &[], world)
}

/// As [`impossible`], with gaps between columns.
pub(crate) fn impossible_with(claims: &[Claim<'_>], gaps: &[Gap], world: &World) -> bool {
    search::impossible(claims, gaps, world)
}
