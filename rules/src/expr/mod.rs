//! Conditions: one SQL expression over the rows `event`, `subject` and `citizen`, typed when the pack loads and
//! then run over columns with SQL's three-valued logic, where NULL is *unknown*.
//!
//! ```text
//! text -> parse (sqlparser) -> check (types, against a Scope) -> Program -> bind -> Bound -> answers(Columns)
//! ```
//!
//! A batch is answered by Arrow kernels and a handful of rows by a row interpreter; both give the same answers,
//! and the interpreter also says what was missing and which part failed. Nothing here can fail once a text has
//! compiled: an arithmetic fault is NULL for its own row, and says so.
//!
//! Deliberately absent: subqueries, joins, aggregates, pattern matching, floating point, time of day, and any
//! function that reads a clock.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use tidings_domain::value::ValueType;

mod apart;
mod bound;
mod calendar;
mod check;
mod columns;
mod compute;
mod define;
mod hint;
mod kernel;
mod literal;
mod node;
mod parse;
pub(crate) mod prove;
mod row;
pub mod sql;
#[cfg(test)]
mod tests;
mod texts;

pub use apart::{Change, Mutant, Mutants, Outcome, Point};
pub(crate) use apart::{Piece, figures};
pub use bound::{Answer, Answers, Bound, Missing};
pub use columns::{Columns, ColumnsBuilder, ColumnsError};
pub use define::{Cell, Definitions, Figure, LAW, MAX_TABLE_ROWS, Row as TableRow, Source};

/// The longest expression text that is read, in bytes.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;
/// The most words and signs in one expression.
pub const MAX_TOKENS: usize = 4_000;
/// The deepest nesting of brackets, functions, CASE, NOT and arithmetic. Chains of AND or OR are one level.
pub const MAX_DEPTH: usize = 64;
/// The most values after IN.
pub const MAX_LIST: usize = 1_000;
/// The most parts of a column after `event`, `subject` or `citizen`.
pub const MAX_PATH: usize = 3;

/// Which of the three rows a column belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// The event's own data.
    Event,
    /// The person it happened to.
    Subject,
    /// The person who would be told.
    Citizen,
}

impl RowKind {
    /// Every row, in the order of their names in documentation.
    pub const ALL: [Self; 3] = [Self::Event, Self::Subject, Self::Citizen];

    const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Subject => "subject",
            Self::Citizen => "citizen",
        }
    }
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A column as the text names it: `subject.mother.province` is [`RowKind::Subject`] and `["mother", "province"]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnRef {
    /// The row.
    pub row: RowKind,
    /// One to [`MAX_PATH`] names within the row, exactly as written: case matters.
    pub path: Vec<String>,
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.row)?;
        self.path.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}

/// What the columns of an expression mean: the facts and event fields that a pack declares.
pub trait Scope {
    /// The type of `column`, or why there is no such column.
    fn resolve(&self, column: &ColumnRef) -> Result<ValueType, Unresolved>;
}

/// Why a column means nothing in a [`Scope`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// What is wrong.
    pub message: String,
    /// What to write instead, when that can be guessed.
    pub hint: Option<String>,
}

/// One mistake in an expression, at a position inside its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ExprError {
    /// Line, from 1.
    pub line: u64,
    /// Character within the line, from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Reads, types and compiles `text`, whose value must be of type `expected`. On failure every mistake that can be
/// told apart is listed, in the order of the text; a text that cannot be read as SQL at all gives one.
pub fn compile(text: &str, scope: &dyn Scope, expected: ValueType) -> Result<Program, Vec<ExprError>> {
    Source::read(text).map_err(|error| vec![error])?.compile(scope, Some(expected))
}

impl Source {
    /// Types and compiles it; its value must be of type `expected`, if one is given. Names must have been replaced
    /// ([`Source::with`]) before.
    ///
    /// # Errors
    /// As [`compile`].
    pub fn compile(&self, scope: &dyn Scope, expected: Option<ValueType>) -> Result<Program, Vec<ExprError>> {
        let checked = check::check(&self.expr, scope, expected)?;
        let inputs = checked.columns.iter().map(|(column, _)| column.clone()).collect::<BTreeSet<_>>();
        Ok(Program {
            inputs: inputs.into_iter().collect(),
            tree: Arc::new(Tree {
                text: self.text.clone(),
                columns: checked.columns,
                value_type: checked.value_type,
                parts: checked.parts,
                root: checked.root,
            }),
        })
    }
}

/// A compiled expression. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Program {
    tree: Arc<Tree>,
    inputs: Vec<ColumnRef>,
}

#[derive(Debug)]
struct Tree {
    text: String,
    /// The columns it reads, in the order in which the text first names them; nodes refer to them by position.
    columns: Vec<(ColumnRef, ValueType)>,
    value_type: ValueType,
    /// The source of each top-level conjunct; as many as `root` has children when it is an AND, else one.
    parts: Vec<String>,
    root: node::Node,
}

impl Program {
    /// The text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.tree.text
    }

    /// The type of its value.
    pub fn value_type(&self) -> ValueType {
        self.tree.value_type
    }

    /// The columns it reads, each once, sorted.
    pub fn inputs(&self) -> &[ColumnRef] {
        &self.inputs
    }

    /// Finds its inputs in a column list shared by many programs; `None` when one is missing there.
    pub fn bind(&self, columns: &[ColumnRef]) -> Option<Bound> {
        let place = |wanted: &ColumnRef| columns.iter().position(|column| column == wanted);
        let positions = self.tree.columns.iter().map(|(column, _)| place(column)).collect::<Option<_>>()?;
        Some(Bound::new(Arc::clone(&self.tree), positions))
    }
}
