//! One expression over one batch by three engines, and the smallest case in which they differ.

use anyhow::{Result, ensure};
use tidings_domain::value::Value;

use crate::oracle::Oracle;
use crate::ours::{Batch, INTERPRETED, KERNELS, Ours};
use crate::print;
use crate::tree::{COLUMNS, Row, Tree};

/// The rows of a case, and how the interpreter is to be given them.
#[derive(Clone)]
pub struct Case {
    pub tree: Tree,
    pub rows: Vec<Row>,
    pub cuts: Vec<std::ops::Range<usize>>,
}

/// Where an engine of ours and the oracle part.
pub struct Difference {
    row: usize,
    engine: &'static str,
    ours: String,
    oracle: String,
}

impl Case {
    /// Compares; the oracle's values come with it, to be counted.
    pub fn compare(&self, oracle: &Oracle) -> Result<(Vec<Option<Value>>, Option<Difference>)> {
        ensure!(self.rows.len() >= KERNELS, "{} rows are too few for the kernels", self.rows.len());
        let expected = oracle.values(&print::datafusion(&self.tree), &self.rows)?;
        let ours = Ours::new(&print::ours(&self.tree), self.tree.value_type)?;
        let batch = Batch::new(&self.rows, self.tree.value_type, &expected)?;
        let interpreted = ours.by_rows(&batch, &self.cuts)?;
        let kernels = ours.by_kernels(&batch, &expected)?;
        ensure!(
            interpreted.len() == expected.len() && kernels.len() == expected.len(),
            "an answer for every row"
        );
        let differs = |row: usize, engine, ours: String| Difference {
            row,
            engine,
            ours,
            oracle: shown(expected[row].as_ref()),
        };
        let first = (0..self.rows.len()).find_map(|row| {
            if interpreted[row] != expected[row] {
                Some(differs(row, "the row interpreter", shown(interpreted[row].as_ref())))
            } else if !kernels[row] {
                Some(differs(row, "the kernels", "something else".to_owned()))
            } else {
                None
            }
        });
        Ok((expected, first))
    }

    /// The smallest expression and row that still differ. What no longer compiles or plans is no smaller case.
    pub fn shrink(mut self, oracle: &Oracle, difference: Difference) -> (Self, Difference) {
        let mut difference = difference;
        let alone = self.of_one_row(&self.rows[difference.row]);
        let single = alone.differs(oracle).is_some();
        let mut candidates = vec![alone];
        while let Some((smaller, found)) =
            candidates.into_iter().find_map(|case| case.differs(oracle).map(|found| (case, found)))
        {
            (self, difference) = (smaller, found);
            let trees = self.tree.smaller().into_iter().map(|tree| Self { tree, ..self.clone() });
            let rows = if single { self.emptier() } else { Vec::new() };
            candidates = trees.chain(rows).collect();
        }
        (self, difference)
    }

    fn differs(&self, oracle: &Oracle) -> Option<Difference> {
        self.compare(oracle).ok().and_then(|(_, difference)| difference)
    }

    fn of_one_row(&self, row: &Row) -> Self {
        let cuts = (0..KERNELS / INTERPRETED)
            .map(|cut| cut * INTERPRETED..(cut + 1) * INTERPRETED)
            .collect::<Vec<_>>();
        let last = cuts.last().map_or(0, |cut| cut.end);
        let cuts = cuts.into_iter().chain([last..KERNELS]).collect();
        Self { tree: self.tree.clone(), rows: vec![row.clone(); KERNELS], cuts }
    }

    /// With one fact fewer.
    fn emptier(&self) -> Vec<Self> {
        let known = (0..COLUMNS.len()).filter(|at| self.rows[0][*at].is_some());
        let without = |at: usize| {
            let mut row = self.rows[0].clone();
            row[at] = None;
            self.of_one_row(&row)
        };
        known.map(without).collect()
    }

    /// Everything that is needed to see it again. The values are made up, so they may be shown.
    pub fn report(&self, difference: &Difference) -> String {
        let row = &self.rows[difference.row];
        let facts = self.tree.columns().into_iter();
        let facts = facts.map(|at| format!("    {} (c{at}) = {}\n", COLUMNS[at].0, shown(row[at].as_ref())));
        format!(
            "{} and DataFusion differ\n  condition:  {}\n  DataFusion: {}\n  row:\n{}  {}: {}\n  DataFusion: {}",
            difference.engine,
            print::ours(&self.tree),
            print::datafusion(&self.tree),
            facts.collect::<String>(),
            difference.engine,
            difference.ours,
            difference.oracle,
        )
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| format!("{:?} {}", value.value_type(), value.canonical()))
}
