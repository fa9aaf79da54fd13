//! A batch of the population, put to every question.

use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, StringArray, new_null_array};
use arrow_schema::{ArrowError, DataType};
use arrow_select::filter::{FilterBuilder, FilterPredicate};
use chrono::NaiveDate;
use tidings_domain::ids::ID_BYTES;
use tidings_domain::value::{ValueType, date_of, days};

use super::study::{Happening, Question, Side, Study, Version};
use super::tally::{Cell, Tally};
use crate::calendar::deadline_of;
use crate::expr::{Answer, Columns};
use crate::pack::model::{Pack, Rule};

/// Some rows of a population.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The place of its first row in the whole table, from 0.
    pub first_row: u64,
    /// How many rows.
    pub rows: usize,
    /// Whether every answer is listed, and not only those that change.
    pub every_answer: bool,
    /// One array for each of [`Study::columns`]; `None` for a column that the table does not have, which is NULL.
    pub columns: &'a [Option<ArrayRef>],
}

/// An answer about a row, before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The row's place in the whole table, from 0.
    pub row: u64,
    /// Position in [`Study::questions`].
    pub question: usize,
    /// The answer as it was; a rule that there was not says no.
    pub old: Answer,
    /// The answer as it would be.
    pub new: Answer,
    /// The last day to act as it was.
    pub old_deadline: Option<NaiveDate>,
    /// The last day to act as it would be.
    pub new_deadline: Option<NaiveDate>,
}

impl Change {
    /// Whether somebody would be told who was not.
    pub fn gains(&self) -> bool {
        self.old != Answer::Yes && self.new == Answer::Yes
    }

    /// Whether somebody would not be told who was.
    pub fn loses(&self) -> bool {
        self.old == Answer::Yes && self.new != Answer::Yes
    }

    /// How the last day to act moves for somebody who is told before and after: 0 earlier, 1 later, 2 it comes or goes.
    pub(super) fn date(&self) -> Option<usize> {
        if self.old != Answer::Yes || self.new != Answer::Yes || self.old_deadline == self.new_deadline {
            return None;
        }
        match (self.old_deadline, self.new_deadline) {
            (Some(old), Some(new)) => Some(usize::from(new > old)),
            _ => Some(2),
        }
    }

    fn is_one(&self) -> bool {
        self.old != self.new || self.old_deadline != self.new_deadline
    }
}

/// Why a batch cannot be judged: a column that is not of its type. Names only, never values.
#[derive(Debug, thiserror::Error)]
#[error("column {column} of the population is not as its type asks: {why}")]
pub struct JudgeError {
    column: String,
    why: String,
}

/// Puts every question to every row in which its life event happened: adds to the tally, and lists what changed, by
/// row and question.
///
/// # Errors
/// When an array is not of the type that [`Study::columns`] says.
pub fn judge(
    study: &Study<'_>,
    batch: Batch<'_>,
    tally: &mut Tally,
    changes: &mut Vec<Change>,
) -> Result<(), JudgeError> {
    tally.rows += batch.rows as u64;
    let first = changes.len();
    for happening in &study.happenings {
        if let Some(mut here) = Here::new(study, happening, batch)? {
            here.tally(tally, changes, happening)?;
        }
    }
    // In the order of the rows, so that how many are judged at once leaves no trace.
    changes[first..].sort_by_key(|change| (change.row, change.question));
    tally.count_people(batch.first_row, batch.rows, &changes[first..]);
    Ok(())
}

/// The rows of a batch in which a life event happened.
struct Here<'s, 'b> {
    study: &'s Study<'s>,
    batch: Batch<'b>,
    filter: FilterPredicate,
    /// Places within the batch.
    rows: Vec<usize>,
    time: ArrayRef,
    /// The study's columns in these rows, as far as they were asked for.
    taken: Vec<Option<ArrayRef>>,
}

impl<'s, 'b> Here<'s, 'b> {
    /// `None` when it happened to nobody.
    fn new(
        study: &'s Study<'s>,
        happening: &Happening,
        batch: Batch<'b>,
    ) -> Result<Option<Self>, JudgeError> {
        let Some(time) = batch.columns.get(happening.time).and_then(Option::as_ref) else { return Ok(None) };
        let happened = match time.nulls() {
            Some(nulls) => BooleanArray::new(nulls.inner().clone(), None),
            None => BooleanArray::from(vec![true; time.len()]),
        };
        if happened.true_count() == 0 {
            return Ok(None);
        }
        let rows = happened.values().set_indices().collect();
        let filter = FilterBuilder::new(&happened).optimize().build();
        let taken = vec![None; study.columns.len()];
        let mut here = Self { study, batch, filter, rows, time: ArrayRef::clone(time), taken };
        here.time = here.take(happening.time)?;
        if here.time.as_primitive_opt::<Date32Type>().is_none() {
            return Err(here.wrong(happening.time, format!("{}, and it holds dates", here.time.data_type())));
        }
        Ok(Some(here))
    }

    fn wrong(&self, column: usize, why: impl ToString) -> JudgeError {
        let name = self.study.columns.get(column).map(|column| column.name.clone());
        JudgeError { column: name.unwrap_or_default(), why: why.to_string() }
    }

    /// A column in these rows.
    fn take(&mut self, column: usize) -> Result<ArrayRef, JudgeError> {
        if let Some(Some(taken)) = self.taken.get(column) {
            return Ok(ArrayRef::clone(taken));
        }
        let array = match self.batch.columns.get(column).and_then(Option::as_ref) {
            Some(array) => {
                self.filter.filter(array).map_err(|error: ArrowError| self.wrong(column, error))?
            }
            None => new_null_array(&data_type(self.study.columns[column].value_type), self.rows.len()),
        };
        self.taken[column] = Some(ArrayRef::clone(&array));
        Ok(array)
    }

    fn tally(
        &mut self,
        tally: &mut Tally,
        changes: &mut Vec<Change>,
        happening: &Happening,
    ) -> Result<(), JudgeError> {
        let groups = self.groups(tally)?;
        for place in happening.questions.clone() {
            let question = &self.study.questions[place];
            let old = self.side(question.old.as_ref())?;
            let new = self.side(question.new.as_ref())?;
            self.note_missing(tally, place, question, &new)?;
            for (at, &row) in self.rows.iter().enumerate() {
                let change = Change {
                    row: self.batch.first_row + row as u64,
                    question: place,
                    old: old.answers[at],
                    new: new.answers[at],
                    old_deadline: old.deadline(at),
                    new_deadline: new.deadline(at),
                };
                let (province, band) = groups[at];
                tally.add(Cell { question: place, province, band }, &change);
                if self.batch.every_answer || self.study.old.is_some() && change.is_one() {
                    changes.push(change);
                }
            }
        }
        Ok(())
    }

    /// Province and age band of each row.
    fn groups(&mut self, tally: &mut Tally) -> Result<Vec<(usize, usize)>, JudgeError> {
        let provinces = match self.study.province {
            Some(column) => {
                let array = self.take(column)?;
                let texts = array.as_string_opt::<i32>();
                let texts: &StringArray = texts.ok_or_else(|| self.wrong(column, "not text"))?;
                texts.iter().map(|text| tally.province(text)).collect()
            }
            None => vec![tally.province(None); self.rows.len()],
        };
        let bands: Vec<usize> = match self.study.birth_date {
            Some(column) => {
                let array = self.take(column)?;
                let dates = array.as_primitive_opt::<Date32Type>();
                let dates = dates.ok_or_else(|| self.wrong(column, "not dates"))?;
                dates.iter().map(|date| tally.band(date)).collect()
            }
            None => vec![tally.band(None); self.rows.len()],
        };
        Ok(provinces.into_iter().zip(bands).collect())
    }

    fn side(&mut self, side: Option<&Side<'s>>) -> Result<Sided<'s>, JudgeError> {
        let answers = vec![Answer::No; self.rows.len()];
        let mut sided = Sided { of: None, answers, times: ArrayRef::clone(&self.time), anchors: None };
        let Some(side) = side else { return Ok(sided) };
        let linked = side.linked.map(|column| self.linked(column)).transpose()?;
        let time = ArrayRef::clone(&self.time);
        let time = time.as_primitive::<Date32Type>();
        for version in &side.versions {
            let columns = self.columns(version)?;
            let answers = version.when.answers(&columns);
            for (at, answer) in sided.answers.iter_mut().enumerate() {
                let asked = version.days.contains(&time.value(at));
                if asked && linked.as_ref().is_none_or(|linked| linked.is_valid(at)) {
                    *answer = better(*answer, answers.get(at));
                }
            }
        }
        sided.of = Some((side.pack, side.rule));
        sided.anchors = side.anchor.map(|column| self.take(column)).transpose()?;
        Ok(sided)
    }

    /// Whether there is somebody under a link; without the column, there is.
    fn linked(&mut self, column: usize) -> Result<ArrayRef, JudgeError> {
        match self.batch.columns.get(column) {
            Some(Some(_)) => self.take(column),
            _ => Ok(std::sync::Arc::new(BooleanArray::from(vec![true; self.rows.len()]))),
        }
    }

    /// A condition that reads no column still has its rows.
    fn columns(&mut self, version: &Version) -> Result<Columns, JudgeError> {
        if version.columns.is_empty() {
            let rows: ArrayRef = ArrayRef::clone(&self.time);
            return Columns::from_arrays(vec![rows]).map_err(|error| self.wrong(0, error));
        }
        let arrays = version.columns.iter().map(|&column| self.take(column)).collect::<Result<_, _>>()?;
        Columns::from_arrays(arrays).map_err(|error| {
            let place = match error {
                crate::expr::ColumnsError::Type { column, .. }
                | crate::expr::ColumnsError::Length { column, .. } => version.columns[column],
            };
            self.wrong(place, error)
        })
    }

    /// Counts what each unknown answer of the new pack was for want of.
    fn note_missing(
        &mut self,
        tally: &mut Tally,
        place: usize,
        question: &Question<'_>,
        new: &Sided<'_>,
    ) -> Result<(), JudgeError> {
        let unknown: Vec<usize> =
            (0..self.rows.len()).filter(|&at| new.answers[at] == Answer::Unknown).collect();
        let Some(side) = question.new.as_ref().filter(|_| !unknown.is_empty()) else { return Ok(()) };
        let time = ArrayRef::clone(&self.time);
        let time = time.as_primitive::<Date32Type>();
        for version in &side.versions {
            let columns = self.columns(version)?;
            let inputs: Vec<_> = version.when.columns().cloned().collect();
            for &at in unknown.iter().filter(|&&at| version.days.contains(&time.value(at))) {
                let missing = version.when.missing(&columns, at);
                tally.faults[place] += u64::from(missing.fault);
                let places =
                    missing.inputs.iter().filter_map(|one| inputs.iter().position(|input| input == one));
                for input in places {
                    *tally.missing[place].entry(version.columns[input]).or_default() += 1;
                }
            }
        }
        Ok(())
    }
}

/// Of two versions that may both apply, the one that tells; a known no does not outweigh what is unknown.
const fn better(one: Answer, other: Answer) -> Answer {
    match (one, other) {
        (Answer::Yes, _) | (_, Answer::Yes) => Answer::Yes,
        (Answer::Unknown, _) | (_, Answer::Unknown) => Answer::Unknown,
        (Answer::No, Answer::No) => Answer::No,
    }
}

/// What one pack says of the rows.
struct Sided<'s> {
    of: Option<(&'s Pack, &'s Rule)>,
    answers: Vec<Answer>,
    times: ArrayRef,
    anchors: Option<ArrayRef>,
}

impl Sided<'_> {
    /// The last day to act of a row that is told, by the law of the day on which it happened.
    fn deadline(&self, at: usize) -> Option<NaiveDate> {
        let ((pack, rule), anchors) = (self.of?, self.anchors.as_ref()?.as_primitive_opt::<Date32Type>()?);
        if self.answers[at] != Answer::Yes || anchors.is_null(at) {
            return None;
        }
        let day = date_of(self.times.as_primitive_opt::<Date32Type>()?.value(at))?;
        deadline_of(&pack.workdays, rule, day, date_of(anchors.value(at))?)
    }
}

/// How arrays of a type are kept.
fn data_type(value_type: Option<ValueType>) -> DataType {
    match value_type {
        Some(ValueType::Bool) | None => DataType::Boolean,
        Some(ValueType::Int) => DataType::Int64,
        Some(ValueType::Date) => DataType::Date32,
        Some(ValueType::Text) => DataType::Utf8,
        Some(ValueType::Citizen) => DataType::FixedSizeBinary(ID_BYTES as i32),
    }
}

/// Days from 1970-01-01 of the youngest who are at least `age` on `as_of`.
pub(super) fn born_by(as_of: NaiveDate, age: u32) -> i32 {
    // A 29 February completes its year on 1 March, so on 28 February the 28th is the last.
    as_of.checked_sub_months(chrono::Months::new(12 * age)).map_or(i32::MIN, days)
}
