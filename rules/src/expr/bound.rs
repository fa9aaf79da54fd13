//! A program over a column list: what it answers, and why.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray};
use tidings_domain::value::Value;

use super::columns::{Columns, Item};
use super::kernel;
use super::node::Node;
use super::row::{Frame, Row, Why};
use super::{ColumnRef, Tree};

/// Below this many rows the interpreter is faster than the kernels: measured, they draw level at 15 rows for a single
/// comparison and at about 80 for a rule of six conditions, most of whose rows are decided by the first.
const SMALL_BATCH: usize = 64;

/// A [`super::Program`] whose inputs have been found in a column list. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bound {
    tree: Arc<Tree>,
    /// Where each of the tree's columns stands in the column list.
    positions: Box<[usize]>,
}

/// The answer to a condition about one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// True.
    Yes,
    /// False.
    No,
    /// NULL: a fact is missing, or the arithmetic faulted.
    Unknown,
}

impl From<Option<bool>> for Answer {
    fn from(truth: Option<bool>) -> Self {
        match truth {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unknown,
        }
    }
}

/// Why an answer is [`Answer::Unknown`] or a value is NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// The inputs whose absence made it so, sorted; the others could not have changed it.
    pub inputs: Vec<ColumnRef>,
    /// Arithmetic faulted (division by zero, overflow, a date outside the calendar) or an input had the wrong type.
    pub fault: bool,
}

impl Bound {
    pub(super) const fn new(tree: Arc<Tree>, positions: Box<[usize]>) -> Self {
        Self { tree, positions }
    }

    /// The text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.tree.text
    }

    /// The columns that it reads, in the order in which its text first names them.
    pub fn columns(&self) -> impl Iterator<Item = &ColumnRef> {
        self.tree.columns.iter().map(|(column, _)| column)
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Another tree over the same column list; `None` when it reads a column that this one does not.
    pub(super) fn with(&self, tree: Arc<Tree>) -> Option<Self> {
        let known = &self.tree.columns;
        let place = |wanted: &ColumnRef| {
            known.iter().position(|(column, _)| column == wanted).map(|input| self.positions[input])
        };
        let positions = tree.columns.iter().map(|(column, _)| place(column)).collect::<Option<_>>()?;
        Some(Self { tree, positions })
    }

    /// The compiled tree, where each of its columns stands in the column list, and the text.
    pub(super) fn reading(&self) -> (&Node, &[usize], &str) {
        (&self.tree.root, &self.positions, &self.tree.text)
    }

    /// The same condition over another column list; `None` when a column that it reads is missing there.
    pub fn over(&self, columns: &[ColumnRef]) -> Option<Self> {
        let place = |wanted: &ColumnRef| columns.iter().position(|column| column == wanted);
        let positions = self.columns().map(place).collect::<Option<_>>()?;
        Some(Self::new(Arc::clone(&self.tree), positions))
    }

    /// Answers every row. Total: columns that are not those bound are faults, and an expression that is not a
    /// condition is unknown everywhere.
    pub fn answers(&self, columns: &Columns) -> Answers {
        let kernels = if columns.len() < SMALL_BATCH { None } else { self.by_kernels(columns) };
        kernels.unwrap_or_else(|| self.by_rows(columns))
    }

    /// `None` when the kernels do not fit the columns.
    pub(super) fn by_kernels(&self, columns: &Columns) -> Option<Answers> {
        let frame = self.frame(columns);
        let truth = kernel::truth(&frame, &self.tree.root).ok()?;
        let faults = match truth.nulls() {
            Some(nulls) if frame.faulted() => {
                let unknown = (0..truth.len()).filter(|&row| nulls.is_null(row));
                unknown.filter(|&row| self.why(frame.row(row)).fault).collect()
            }
            _ => Vec::new(),
        };
        Some(Answers { truth: Truth::Many(truth), faults })
    }

    pub(super) fn by_rows(&self, columns: &Columns) -> Answers {
        let frame = self.frame(columns);
        let mut faults = Vec::new();
        let mut answer = |row: usize| {
            let truth = frame.row(row).truth(&self.tree.root);
            if truth.is_none() && frame.faulted() && self.why(frame.row(row)).fault {
                faults.push(row);
            }
            truth
        };
        let truth = if columns.len() <= Few::MOST {
            let mut few = Few { rows: columns.len(), ..Few::default() };
            (0..columns.len()).for_each(|row| few.set(row, answer(row)));
            Truth::Few(few)
        } else {
            Truth::Many((0..columns.len()).map(answer).collect())
        };
        Answers { truth, faults }
    }

    /// Answers one row. Total, as [`Self::answers`] is.
    pub fn answer(&self, columns: &Columns, row: usize) -> Answer {
        self.within(columns, row, |row| row.truth(&self.tree.root)).into()
    }

    /// The value in one row; `None` is NULL. This is for expressions that are not conditions, such as dates.
    pub fn value(&self, columns: &Columns, row: usize) -> Option<Value> {
        self.within(columns, row, |row| row.item(&self.tree.root).and_then(Item::to_value))
    }

    /// The value in every row, as an array of the type that [`Columns`] keep it in. Total, as [`Self::answers`] is.
    pub fn values(&self, columns: &Columns) -> ArrayRef {
        let (frame, root) = (self.frame(columns), &self.tree.root);
        let made = kernel::column(&frame, root, self.tree.value_type);
        made.unwrap_or_else(|_| kernel::each(&frame, self.tree.value_type, |row| frame.row(row).item(root)))
            .into_array()
    }

    /// What made the answer unknown, or the value NULL, in one row; nothing where it is known.
    pub fn missing(&self, columns: &Columns, row: usize) -> Missing {
        let missing = self.within(columns, row, |row| {
            let why = self.why(row);
            let mut inputs = why.inputs;
            inputs.sort_unstable();
            inputs.dedup();
            let mut inputs =
                inputs.into_iter().map(|input| self.tree.columns[input].0.clone()).collect::<Vec<_>>();
            inputs.sort_unstable();
            Some(Missing { inputs, fault: why.fault })
        });
        missing.unwrap_or_default()
    }

    /// For a row answered [`Answer::No`], the source of the smallest top-level conjuncts that were false.
    pub fn failing(&self, columns: &Columns, row: usize) -> Vec<String> {
        let failing = self.within(columns, row, |row| {
            let parts = &self.tree.parts;
            let is_false = |node| row.truth(node) == Some(false);
            Some(match &self.tree.root {
                Node::All(list) if list.len() == parts.len() => {
                    let pairs = list.iter().zip(parts);
                    pairs.filter(|(node, _)| is_false(node)).map(|(_, part)| part.clone()).collect()
                }
                root if is_false(root) => parts.clone(),
                _ => Vec::new(),
            })
        });
        failing.unwrap_or_default()
    }

    fn frame<'a>(&'a self, columns: &'a Columns) -> Frame<'a> {
        Frame::new(columns, &self.positions)
    }

    fn within<'a, T>(
        &'a self,
        columns: &'a Columns,
        row: usize,
        ask: impl FnOnce(Row<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        (row < columns.len()).then(|| ask(self.frame(columns).row(row))).flatten()
    }

    fn why<'a>(&'a self, row: Row<'_, 'a>) -> Why {
        let mut why = Why::default();
        if row.item(&self.tree.root).is_none() {
            row.why(&self.tree.root, &mut why);
        }
        why
    }
}

/// The answers about every row of a batch. Asked about a row outside it, everything is unknown.
#[derive(Clone, Debug)]
pub struct Answers {
    truth: Truth,
    /// Rows that are unknown for a fault, sorted.
    faults: Vec<usize>,
}

/// Kept without allocating where there are few.
#[derive(Clone, Debug)]
enum Truth {
    Few(Few),
    Many(BooleanArray),
}

#[derive(Clone, Copy, Debug, Default)]
struct Few {
    rows: usize,
    yes: u64,
    no: u64,
}

impl Few {
    const MOST: usize = u64::BITS as usize;

    const fn set(&mut self, row: usize, truth: Option<bool>) {
        match truth {
            Some(true) => self.yes |= 1 << row,
            Some(false) => self.no |= 1 << row,
            None => {}
        }
    }

    const fn get(self, row: usize) -> Option<bool> {
        match (self.yes >> row & 1, self.no >> row & 1) {
            (1, _) => Some(true),
            (_, 1) => Some(false),
            _ => None,
        }
    }
}

impl Answers {
    /// How many rows.
    pub fn len(&self) -> usize {
        match &self.truth {
            Truth::Few(few) => few.rows,
            Truth::Many(array) => array.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The answer about `row`.
    pub fn get(&self, row: usize) -> Answer {
        if row >= self.len() {
            return Answer::Unknown;
        }
        let truth = match &self.truth {
            Truth::Few(few) => few.get(row),
            Truth::Many(array) => array.is_valid(row).then(|| array.value(row)),
        };
        truth.into()
    }

    /// Every answer, in the order of the rows.
    pub fn iter(&self) -> impl Iterator<Item = Answer> + '_ {
        (0..self.len()).map(|row| self.get(row))
    }

    /// How many rows are answered [`Answer::Yes`].
    pub fn yes(&self) -> usize {
        match &self.truth {
            Truth::Few(few) => few.yes.count_ones() as usize,
            Truth::Many(array) => array.true_count(),
        }
    }

    /// Whether `row` is unknown because arithmetic faulted or an input had the wrong type.
    pub fn fault(&self, row: usize) -> bool {
        self.faults.binary_search(&row).is_ok()
    }
}
