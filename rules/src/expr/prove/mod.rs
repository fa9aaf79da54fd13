//! What can be said of conditions before any row is seen: that something can be the answer in no row at all.
//!
//! ```text
//! claims (a node, the answers it is to have) -> search: alternatives -> state: what one alternative asks of columns
//!                                                                    -> linear + set: whether any value can satisfy it
//! ```
//!
//! An alternative is a list of demands on columns and terms. If none of them can be met, the claims are impossible: that
//! is proved. Everything that the search does not understand (products of columns, quotients, the order of open texts),
//! and whatever lies beyond [`BUDGET`], counts as possible. So it errs on one side only: what it calls impossible is.

use std::collections::BTreeSet;

use tidings_domain::value::ValueType;

use super::bound::Bound;
use super::node::Node;

mod bounds;
mod example;
mod linear;
mod pieces;
mod search;
mod set;
mod state;

pub(crate) use example::{Asked, example};
pub(crate) use pieces::{Piece, figures};

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

    /// Each answer in it by itself.
    fn each(self) -> impl Iterator<Item = Self> {
        [Self::YES, Self::NO, Self::UNKNOWN].into_iter().filter(move |one| self.has(*one))
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
}

impl World {
    /// The position that stands for a column.
    pub(crate) fn place(&self, position: usize) -> usize {
        self.columns.get(position).and_then(|known| known.same_as).unwrap_or(position)
    }
}

/// A node, and where the columns of its tree stand in the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ref<'a> {
    node: &'a Node,
    positions: &'a [usize],
}

impl<'a> Ref<'a> {
    const fn to(self, node: &'a Node) -> Self {
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
        let (root, positions, _) = self.reading();
        Claim { at: Ref { node: root, positions }, truths }
    }
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
