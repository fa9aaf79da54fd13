//! Tidings: conditions bound to columns; Arrow kernels for batches and the row interpreter for one citizen.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use arrow_array::{ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray};
use tidings_domain::value::{Value, ValueType};
use tidings_rules::expr::{Answer, Bound, ColumnRef, Columns, RowKind, Scope, Unresolved, compile};

use crate::conditions::CONDITIONS;
use crate::data::{ARRIVING, COLUMNS, Row};
use crate::peer::Peer;

pub struct Tidings {
    conditions: Vec<Bound>,
    rows: Arc<[Row]>,
    /// The citizens in batches, by the size of batch and number of citizens.
    batches: HashMap<(usize, usize), Vec<Columns>>,
}

impl Tidings {
    pub fn new(rows: Arc<[Row]>) -> Result<Self> {
        let columns: Vec<ColumnRef> = COLUMNS.iter().map(|(name, _)| column(name)).collect();
        let bound = |text: &str| {
            let program =
                compile(text, &Known, ValueType::Bool).map_err(|errors| anyhow!("{text}: {errors:?}"))?;
            program.bind(&columns).with_context(|| format!("{text} does not bind"))
        };
        let conditions = CONDITIONS.iter().map(|(text, _)| bound(text)).collect::<Result<_>>()?;
        Ok(Self { conditions, rows, batches: HashMap::new() })
    }

    fn batches(&mut self, batch: usize, rows: usize) -> Result<()> {
        if !self.batches.contains_key(&(batch, rows)) {
            let made = self.rows[..rows].chunks(batch).map(columns).collect::<Result<_>>()?;
            self.batches.insert((batch, rows), made);
        }
        Ok(())
    }

    /// Judges citizens one by one, as events bring them: just loaded, and so in the cache. Seconds, loading apart.
    fn one_by_one(&self, rows: usize, mut judge: impl FnMut(&Bound, &Columns)) -> Result<f64> {
        let mut seconds = 0.0;
        for some in self.rows[..rows].chunks(ARRIVING) {
            let citizens = some.chunks(1).map(columns).collect::<Result<Vec<_>>>()?;
            let began = Instant::now();
            for citizen in &citizens {
                for condition in &self.conditions {
                    judge(condition, citizen);
                }
            }
            seconds += began.elapsed().as_secs_f64();
        }
        Ok(seconds)
    }
}

impl Peer for Tidings {
    fn name(&self) -> &str {
        "Tidings"
    }

    fn rows(&self, _batch: usize, all: usize) -> usize {
        all
    }

    fn time(&mut self, batch: usize, rows: usize) -> Result<f64> {
        if batch == 1 {
            return self.one_by_one(rows, |condition, citizen| {
                black_box(condition.answer(citizen, 0));
            });
        }
        self.batches(batch, rows)?;
        let began = Instant::now();
        for columns in &self.batches[&(batch, rows)] {
            for condition in &self.conditions {
                black_box(condition.answers(columns));
            }
        }
        Ok(began.elapsed().as_secs_f64())
    }

    /// In batches of one, and again all at once: the two ways must agree as well.
    fn answers(&mut self) -> Result<Vec<u8>> {
        let (all, width) = (self.rows.len(), self.conditions.len());
        let mut one_by_one = Vec::with_capacity(all * width);
        self.one_by_one(all, |condition, citizen| one_by_one.push(byte(condition.answer(citizen, 0))))?;
        let mut at_once = vec![b'?'; all * width];
        let columns = columns(&self.rows)?;
        for (at, condition) in self.conditions.iter().enumerate() {
            let answers = condition.answers(&columns);
            answers.iter().enumerate().for_each(|(row, answer)| at_once[row * width + at] = byte(answer));
        }
        ensure!(one_by_one == at_once, "the kernels and the row interpreter differ");
        Ok(at_once)
    }
}

fn byte(answer: Answer) -> u8 {
    match answer {
        Answer::Yes => b'1',
        Answer::No => b'0',
        Answer::Unknown => b'?',
    }
}

fn columns(rows: &[Row]) -> Result<Columns> {
    let arrays = COLUMNS.iter().enumerate().map(|(at, (_, value_type))| array(*value_type, rows, at));
    Ok(Columns::from_arrays(arrays.collect())?)
}

fn array(value_type: ValueType, rows: &[Row], at: usize) -> ArrayRef {
    macro_rules! collect {
        ($array:ty, $variant:ident) => {{
            let values = rows.iter().map(|row| match &row[at] {
                Value::$variant(value) => Some(value.clone()),
                _ => None,
            });
            Arc::new(values.collect::<$array>())
        }};
    }
    match value_type {
        ValueType::Bool => collect!(BooleanArray, Bool),
        ValueType::Int => collect!(Int64Array, Int),
        ValueType::Date => collect!(Date32Array, Date),
        ValueType::Text | ValueType::Citizen => collect!(StringArray, Text),
    }
}

/// `event_day` is `event.day`, `age` is `citizen.age`.
fn column(name: &str) -> ColumnRef {
    let (row, name) =
        name.strip_prefix("event_").map_or((RowKind::Citizen, name), |name| (RowKind::Event, name));
    ColumnRef { row, path: vec![name.to_owned()] }
}

struct Known;

impl Scope for Known {
    fn resolve(&self, wanted: &ColumnRef) -> Result<ValueType, Unresolved> {
        let known = COLUMNS.iter().find(|(name, _)| column(name) == *wanted);
        known
            .map(|(_, value_type)| *value_type)
            .ok_or_else(|| Unresolved { message: wanted.to_string(), hint: None })
    }
}
