//! The rows in which a life event comes about, under the old pack and under the new one, and what either says of them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array};
use chrono::NaiveDate;
use tidings_domain::value::{date_of, days};

use super::judge::JudgeError;
use super::occur::{Occurrences, Rows, Within};
use super::source::{Input, Source};
use super::study::{Happening, Side, Version};
use crate::calendar::last_day;
use crate::expr::{Answer, Columns};

/// One occurrence of one row, under either pack.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) row: u32,
    /// Its place among the occurrences of the old pack and of the new one, if it comes about in the period there.
    pub(super) at: [Option<u32>; 2],
    /// Whether it comes about outside the period there.
    pub(super) elsewhere: [bool; 2],
}

/// The occurrences of one life event in a batch.
pub(super) struct Met<'s, 'b> {
    table: Rows<'s, 'b>,
    /// Of the old pack and of the new; where both bring the same, it stands once, in the second.
    sides: [Option<Here>; 2],
    shared: bool,
    pub(super) pairs: Vec<Pair>,
}

/// Occurrences under one pack, with what was read of them so far.
struct Here {
    occurrences: Occurrences,
    read: Vec<(Input, ArrayRef)>,
}

impl<'s, 'b> Met<'s, 'b> {
    /// `None` when it comes about for nobody.
    pub(super) fn new(table: Rows<'s, 'b>, happening: &Happening<'_>) -> Result<Option<Self>, JudgeError> {
        let period = table.batch.period;
        let within: Within = Some((days(period.first), days(period.last)));
        let [old, new] = &happening.sources;
        // Where the packs bring it on other days, also those outside the period are looked at, to tell who moves.
        let moves = old.is_some() && new.is_some() && !happening.shared;
        let of = |source: &Option<Source<'_>>| match source {
            Some(source) => source.occurrences(table, within.filter(|_| !moves)).map(Some),
            None => Ok(None),
        };
        let met = if happening.shared {
            let new = of(new)?.unwrap_or_default();
            let pairs = (0..).zip(new.rows.values()).map(|(at, row)| Pair {
                row: *row,
                at: [Some(at), Some(at)],
                elsewhere: [false; 2],
            });
            let pairs = pairs.collect();
            Self { table, sides: [None, Some(Here::new(new))], shared: true, pairs }
        } else {
            let is_clock = |source: &Option<Source<'_>>| {
                source.as_ref().is_some_and(|source| !matches!(source, Source::Table(_)))
            };
            let bounds = [within.filter(|_| is_clock(old)), within.filter(|_| is_clock(new))];
            paired(table, [of(old)?, of(new)?], bounds)
        };
        Ok((!met.pairs.is_empty()).then_some(met))
    }

    /// Some of them alone.
    pub(super) fn among(&self, pairs: &[Pair]) -> Self {
        let side = |side: usize| {
            let here = self.sides[side].as_ref()?;
            let picks: Vec<u32> = pairs.iter().filter_map(|pair| pair.at[side]).collect();
            Some(Here::new(here.occurrences.some(&picks)))
        };
        let mut next = [0, 0];
        let pairs = pairs.iter().map(|pair| {
            let at = [0, 1].map(|side| {
                pair.at[side].map(|_| {
                    next[side] += 1;
                    next[side] - 1
                })
            });
            Pair { at, ..*pair }
        });
        let pairs = pairs.collect();
        Self { table: self.table, sides: [side(0), side(1)], shared: self.shared, pairs }
    }

    fn here(&mut self, side: usize) -> Option<&mut Here> {
        let side = if self.shared { 1 } else { side };
        self.sides[side].as_mut()
    }

    fn read(&mut self, side: usize, input: Input) -> Result<ArrayRef, JudgeError> {
        let table = self.table;
        match self.here(side) {
            Some(here) => here.read(table, input),
            None => Err(table.wrong(input, "it does not come about")),
        }
    }

    /// What one pack says of its occurrences.
    pub(super) fn side(&mut self, side: usize, of: Option<&'s Side<'s>>) -> Result<Sided<'s>, JudgeError> {
        let times = self.here(side).map(|here| here.occurrences.times.clone()).unwrap_or_default();
        let (answers, filed) = (vec![Answer::No; times.len()], times.clone());
        let mut sided = Sided { of, answers, filed, times, anchors: None, places: Vec::new() };
        let Some(of) = of else { return Ok(sided) };
        let asked = self.asked(side, of)?;
        for version in &of.versions {
            let columns = self.columns(side, version)?;
            let answers = version.when.answers(&columns);
            for at in (0..sided.times.len()).filter(|&at| asked.value(at)) {
                if version.days.contains(&sided.times[at]) {
                    sided.note(at, answers.get(at), version.from);
                }
            }
        }
        sided.anchors = of.anchor.map(|anchor| self.read(side, anchor)).transpose()?;
        for (fact, column) in &of.places {
            sided.places.push((fact, self.read(side, Input::Table(*column))?));
        }
        Ok(sided)
    }

    /// Whether there is somebody to tell, in a place where the rule holds. Without a link's column, there is somebody.
    fn asked(&mut self, side: usize, of: &Side<'_>) -> Result<BooleanArray, JudgeError> {
        let rows = self.here(side).map_or(0, |here| here.occurrences.len());
        let mut asked = vec![true; rows];
        if let Some(column) = of.linked.filter(|column| self.table.has(*column)) {
            let linked = self.read(side, Input::Table(column))?;
            asked.iter_mut().enumerate().for_each(|(at, asked)| *asked &= linked.is_valid(at));
        }
        if let Some((column, here)) = of.scope {
            let codes = self.read(side, Input::Table(column))?;
            let codes = codes.as_string_opt::<i32>();
            let codes = codes.ok_or_else(|| self.table.wrong(Input::Table(column), "not text"))?;
            let there = |at: usize| codes.is_valid(at) && here.codes.contains(codes.value(at));
            asked.iter_mut().enumerate().for_each(|(at, asked)| *asked &= there(at));
        }
        Ok(asked.into())
    }

    /// What a condition reads. One that reads nothing still has its rows.
    pub(super) fn columns(&mut self, side: usize, version: &Version) -> Result<Columns, JudgeError> {
        let arrays = version.columns.iter().map(|&input| self.read(side, input));
        let mut arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        if arrays.is_empty() {
            let rows = self.here(side).map_or(0, |here| here.occurrences.len());
            arrays.push(Arc::new(Int64Array::from_value(0, rows)));
        }
        Columns::from_arrays(arrays).map_err(|error| {
            let place = match error {
                crate::expr::ColumnsError::Type { column, .. }
                | crate::expr::ColumnsError::Length { column, .. } => column,
            };
            let input = version.columns.get(place).copied().unwrap_or(Input::Made(usize::MAX));
            self.table.wrong(input, error)
        })
    }
}

impl Here {
    const fn new(occurrences: Occurrences) -> Self {
        Self { occurrences, read: Vec::new() }
    }

    fn read(&mut self, table: Rows<'_, '_>, input: Input) -> Result<ArrayRef, JudgeError> {
        if let Some((_, array)) = self.read.iter().find(|(known, _)| *known == input) {
            return Ok(ArrayRef::clone(array));
        }
        let array = self.occurrences.read(table, input)?;
        self.read.push((input, ArrayRef::clone(&array)));
        Ok(array)
    }
}

/// The occurrences of two packs side by side, of which one at least lies in its bounds.
fn paired<'s, 'b>(table: Rows<'s, 'b>, found: [Option<Occurrences>; 2], bounds: [Within; 2]) -> Met<'s, 'b> {
    let known = |side: usize, at: usize| {
        let of = found[side].as_ref()?;
        (at < of.len()).then(|| (of.rows.value(at), of.which[at]))
    };
    let inside = |side: usize, at: usize| match (&found[side], bounds[side]) {
        (Some(of), Some((first, last))) => (first..=last).contains(&of.times[at]),
        _ => true,
    };
    let (mut next, mut picks, mut pairs) = ([0, 0], [Vec::new(), Vec::new()], Vec::new());
    while let Some(key) = [known(0, next[0]), known(1, next[1])].into_iter().flatten().min() {
        let mut pair = Pair { row: key.0, at: [None; 2], elsewhere: [false; 2] };
        for side in
            [0, 1].into_iter().filter(|&side| known(side, next[side]) == Some(key)).collect::<Vec<_>>()
        {
            if inside(side, next[side]) {
                pair.at[side] = u32::try_from(picks[side].len()).ok();
                picks[side].extend(u32::try_from(next[side]).ok());
            } else {
                pair.elsewhere[side] = true;
            }
            next[side] += 1;
        }
        if pair.at != [None; 2] {
            pairs.push(pair);
        }
    }
    let here = |side: usize| found[side].as_ref().map(|of| Here::new(of.some(&picks[side])));
    Met { table, sides: [here(0), here(1)], shared: false, pairs }
}

/// What one pack says of its occurrences, one after another.
pub(super) struct Sided<'s> {
    of: Option<&'s Side<'s>>,
    pub(super) answers: Vec<Answer>,
    /// The first day of filing on which the answer is yes.
    filed: Vec<i32>,
    pub(super) times: Vec<i32>,
    anchors: Option<ArrayRef>,
    places: Vec<(&'s str, ArrayRef)>,
}

impl Sided<'_> {
    /// Of two versions that may both apply, the one that tells; a known no does not outweigh what is unknown.
    fn note(&mut self, at: usize, answer: Answer, from: i32) {
        if answer == Answer::Yes && self.answers[at] != Answer::Yes {
            self.filed[at] = self.times[at].max(from);
        }
        self.answers[at] = match (self.answers[at], answer) {
            (Answer::Yes, _) | (_, Answer::Yes) => Answer::Yes,
            (Answer::Unknown, _) | (_, Answer::Unknown) => Answer::Unknown,
            (Answer::No, Answer::No) => Answer::No,
        };
    }

    /// What does not come about tells nobody.
    pub(super) fn answer(&self, at: Option<u32>) -> Answer {
        at.and_then(|at| self.answers.get(at as usize)).copied().unwrap_or(Answer::No)
    }

    /// The day on which one comes about.
    pub(super) fn day(&self, at: u32) -> Option<NaiveDate> {
        self.times.get(at as usize).copied().and_then(date_of)
    }

    /// The last day to act of somebody who is told, as they are told it first: on the day it comes about, or under the law of
    /// filing on the first day on which that lets it tell.
    pub(super) fn deadline(&self, at: Option<u32>) -> Option<NaiveDate> {
        let at = at? as usize;
        let (of, anchors) = (self.of?, self.anchors.as_ref()?.as_primitive_opt::<Date32Type>()?);
        if self.answers[at] != Answer::Yes || anchors.is_null(at) {
            return None;
        }
        let (anchor, day) = (date_of(anchors.value(at))?, date_of(self.times[at])?);
        let fact = |name: &str| {
            let (_, array) = self.places.iter().find(|(fact, _)| *fact == name)?;
            let codes = array.as_string_opt::<i32>()?;
            codes.is_valid(at).then(|| codes.value(at).to_owned())
        };
        last_day(&of.pack.workdays, of.rule, (anchor, day, date_of(self.filed[at])?), &fact)
    }
}
