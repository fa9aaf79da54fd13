//! A batch of the population, put to every question.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use arrow_array::{Array, ArrayRef, StringArray};
use chrono::NaiveDate;
use tidings_domain::value::days;

use super::met::{Met, Pair, Sided};
use super::occur::Rows;
use super::source::Input;
use super::study::{Question, Study};
use super::tally::{Cell, Tally};
use crate::expr::Answer;

/// The days that are studied. Milestones and absences count when they come about on one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first.
    pub first: NaiveDate,
    /// The last.
    pub last: NaiveDate,
}

/// Some rows of a population.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The place of its first row in the whole table, from 0.
    pub first_row: u64,
    /// How many rows.
    pub rows: usize,
    /// Whether every answer is listed, and not only those that change.
    pub every_answer: bool,
    /// The days that are studied.
    pub period: Period,
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
    /// The day on which its life event came about, in the period.
    pub old_day: Option<NaiveDate>,
    /// The day on which it would.
    pub new_day: Option<NaiveDate>,
    /// The answer as it was; a rule that there was not says no, and so does one that was not asked.
    pub old: Answer,
    /// The answer as it would be.
    pub new: Answer,
    /// Whether it comes about outside the period, under the old pack and under the new one.
    pub elsewhere: [bool; 2],
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

    /// Whether somebody who is told before and after is told on another day: 0 sooner, 1 later.
    pub(super) fn day(&self) -> Option<usize> {
        let both = self.old == Answer::Yes && self.new == Answer::Yes;
        let (old, new) = (self.old_day?, self.new_day?);
        (both && old != new).then(|| usize::from(new > old))
    }

    fn is_one(&self) -> bool {
        self.old != self.new || self.old_deadline != self.new_deadline || self.old_day != self.new_day
    }
}

/// Why a batch cannot be judged: a column that is not of its type. Names only, never values.
#[derive(Debug, thiserror::Error)]
#[error("column {column} of the population is not as its type asks: {why}")]
pub struct JudgeError {
    pub(super) column: String,
    pub(super) why: String,
}

/// Puts every question to every row in which its life event comes about: adds to the tally, and lists what changed, by
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
    let mut judging = Judging { table: Rows { study, batch }, tally, changes };
    for happening in &study.happenings {
        let Some(mut met) = Met::new(judging.table, happening)? else { continue };
        let everywhere =
            happening.questions.clone().filter(|place| study.questions[*place].only_in().is_none());
        judging.ask(&mut met, everywhere)?;
        for (column, by_code) in &happening.local {
            judging.ask_local(&met, *column, by_code)?;
        }
    }
    // In the order of the rows, so that how many are judged at once leaves no trace.
    changes[first..].sort_by_key(|change| (change.row, change.question, change.old_day.max(change.new_day)));
    tally.count_people(batch.first_row, batch.rows, &changes[first..]);
    Ok(())
}

struct Judging<'s, 'b, 'o> {
    table: Rows<'s, 'b>,
    tally: &'o mut Tally,
    changes: &'o mut Vec<Change>,
}

impl<'s> Judging<'s, '_, '_> {
    fn ask(
        &mut self,
        met: &mut Met<'s, '_>,
        questions: impl Iterator<Item = usize>,
    ) -> Result<(), JudgeError> {
        let groups = self.groups(&met.pairs)?;
        for place in questions {
            let question = &self.table.study.questions[place];
            let sides = [met.side(0, question.old.as_ref())?, met.side(1, question.new.as_ref())?];
            self.note_missing(met, (place, question), &sides[1])?;
            for (pair, &(province, band)) in met.pairs.iter().zip(&groups) {
                let change = self.change(place, pair, &sides);
                self.tally.add(Cell { question: place, province, band }, &change);
                if self.table.batch.every_answer || self.table.study.old.is_some() && change.is_one() {
                    self.changes.push(change);
                }
            }
        }
        Ok(())
    }

    /// Puts the questions of places to the rows that are there, so that a thousand places cost what their people do.
    fn ask_local(
        &mut self,
        met: &Met<'s, '_>,
        column: usize,
        by_code: &BTreeMap<String, Vec<usize>>,
    ) -> Result<(), JudgeError> {
        let array = self.table.column(column);
        let codes: &StringArray =
            array.as_string_opt::<i32>().ok_or_else(|| self.table.wrong(Input::Table(column), "not text"))?;
        let mut there: BTreeMap<&str, Vec<Pair>> = BTreeMap::new();
        for pair in &met.pairs {
            let row = pair.row as usize;
            if codes.is_valid(row) && by_code.contains_key(codes.value(row)) {
                there.entry(codes.value(row)).or_default().push(*pair);
            }
        }
        for (code, pairs) in there {
            let mut met = met.among(&pairs);
            self.ask(&mut met, by_code.get(code).into_iter().flatten().copied())?;
        }
        Ok(())
    }

    fn change(&self, question: usize, pair: &Pair, [old, new]: &[Sided<'s>; 2]) -> Change {
        let [before, after] = pair.at;
        let day = |side: &Sided<'s>, at: Option<u32>| side.day(at?);
        Change {
            row: self.table.batch.first_row + u64::from(pair.row),
            question,
            old_day: day(old, before),
            new_day: day(new, after),
            old: old.answer(before),
            new: new.answer(after),
            elsewhere: pair.elsewhere,
            old_deadline: old.deadline(before),
            new_deadline: new.deadline(after),
        }
    }

    /// Province and age band of each.
    fn groups(&mut self, pairs: &[Pair]) -> Result<Vec<(usize, usize)>, JudgeError> {
        let (table, tally) = (self.table, &mut *self.tally);
        let rows = || pairs.iter().map(|pair| pair.row as usize);
        let provinces: Vec<usize> = match table.study.province {
            Some(column) => {
                let array = table.column(column);
                let texts = array.as_string_opt::<i32>();
                let texts: &StringArray =
                    texts.ok_or_else(|| table.wrong(Input::Table(column), "not text"))?;
                rows().map(|row| tally.province(texts.is_valid(row).then(|| texts.value(row)))).collect()
            }
            None => vec![tally.province(None); pairs.len()],
        };
        let bands: Vec<usize> = match table.study.birth_date {
            Some(column) => {
                let array = table.column(column);
                let dates = array.as_primitive_opt::<Date32Type>();
                let dates = dates.ok_or_else(|| table.wrong(Input::Table(column), "not dates"))?;
                rows().map(|row| tally.band(dates.is_valid(row).then(|| dates.value(row)))).collect()
            }
            None => vec![tally.band(None); pairs.len()],
        };
        Ok(provinces.into_iter().zip(bands).collect())
    }

    /// Counts what each unknown answer of the new pack was for want of.
    fn note_missing(
        &mut self,
        met: &mut Met<'s, '_>,
        (place, question): (usize, &Question<'_>),
        new: &Sided<'_>,
    ) -> Result<(), JudgeError> {
        let unknown: Vec<usize> =
            (0..new.answers.len()).filter(|&at| new.answers[at] == Answer::Unknown).collect();
        let Some(side) = question.new.as_ref().filter(|_| !unknown.is_empty()) else { return Ok(()) };
        for version in &side.versions {
            let columns = met.columns(1, version)?;
            let inputs: Vec<_> = version.when.columns().cloned().collect();
            for &at in unknown.iter().filter(|&&at| version.days.contains(&new.times[at])) {
                let missing = version.when.missing(&columns, at);
                self.tally.faults[place] += u64::from(missing.fault);
                let places =
                    missing.inputs.iter().filter_map(|one| inputs.iter().position(|input| input == one));
                for input in places {
                    *self.tally.missing[place].entry(version.columns[input]).or_default() += 1;
                }
            }
        }
        Ok(())
    }
}

/// Days from 1970-01-01 of the youngest who are at least `age` on `as_of`.
pub(super) fn born_by(as_of: NaiveDate, age: u32) -> i32 {
    // A 29 February completes its year on 1 March, so on 28 February the 28th is the last.
    as_of.checked_sub_months(chrono::Months::new(12 * age)).map_or(i32::MIN, days)
}
