//! What comes about among the rows of a batch.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Date32Array, Int64Array, UInt32Array, new_null_array};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use arrow_select::take::take;
use std::sync::Arc;
use tidings_domain::ids::ID_BYTES;
use tidings_domain::value::{Value, ValueType, date_of, days};

use super::judge::{Batch, JudgeError};
use super::source::{Days, Input, Silence, Source};
use super::study::Study;
use crate::calendar::shift;
use crate::expr::Columns;
use crate::pack::DATE;
use crate::pack::format::{Direction, Unit};
use crate::pack::law::Workdays;
use crate::pack::model::Period;

/// First and last day that count, from 1970-01-01; `None` for all time.
pub(super) type Within = Option<(i32, i32)>;

/// The table behind a batch.
#[derive(Clone, Copy)]
pub(super) struct Rows<'s, 'b> {
    pub(super) study: &'s Study<'s>,
    pub(super) batch: Batch<'b>,
}

impl Rows<'_, '_> {
    pub(super) fn has(&self, column: usize) -> bool {
        matches!(self.batch.columns.get(column), Some(Some(_)))
    }

    /// A column; NULL in every row where the table does not have it.
    pub(super) fn column(&self, column: usize) -> ArrayRef {
        match self.batch.columns.get(column) {
            Some(Some(array)) => ArrayRef::clone(array),
            _ => {
                let value_type = self.study.columns.get(column).and_then(|column| column.value_type);
                new_null_array(&data_type(value_type), self.batch.rows)
            }
        }
    }

    /// A column in some rows.
    pub(super) fn take(&self, column: usize, rows: &UInt32Array) -> Result<ArrayRef, JudgeError> {
        let array = self.column(column);
        if rows.len() == array.len() && rows.values().iter().enumerate().all(|(at, row)| at == *row as usize)
        {
            return Ok(array);
        }
        take(&array, rows, None).map_err(|error| self.wrong(Input::Table(column), error))
    }

    pub(super) fn dates(&self, column: usize) -> Result<Date32Array, JudgeError> {
        let array = self.column(column);
        let dates = array.as_primitive_opt::<Date32Type>().cloned();
        dates.ok_or_else(|| {
            self.wrong(Input::Table(column), format!("{}, and it holds dates", array.data_type()))
        })
    }

    pub(super) fn wrong(&self, input: Input, why: impl ToString) -> JudgeError {
        JudgeError { column: self.study.name_of(input).to_owned(), why: why.to_string() }
    }
}

/// What comes about, in the order of the rows and, within a row, of what tells its occurrences apart.
#[derive(Clone)]
pub(super) struct Occurrences {
    /// The row of each.
    pub(super) rows: UInt32Array,
    /// The value under `over`; 0 without one.
    pub(super) which: Vec<i64>,
    /// The day on which it comes about, from 1970-01-01.
    pub(super) times: Vec<i32>,
    /// Its computed fields.
    pub(super) made: Vec<(usize, ArrayRef)>,
}

impl Default for Occurrences {
    fn default() -> Self {
        Self { rows: none(), which: Vec::new(), times: Vec::new(), made: Vec::new() }
    }
}

fn none() -> UInt32Array {
    Vec::<u32>::new().into()
}

impl Occurrences {
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Some of them.
    pub(super) fn some(&self, picks: &[u32]) -> Self {
        if picks.len() == self.len() && picks.iter().enumerate().all(|(at, pick)| at == *pick as usize) {
            return self.clone();
        }
        let at = UInt32Array::from(picks.to_vec());
        // The picks lie within, so that there is nothing to fail.
        let of = |array: &ArrayRef| {
            take(array, &at, None).unwrap_or_else(|_| new_null_array(array.data_type(), picks.len()))
        };
        Self {
            rows: picks.iter().map(|&pick| self.rows.value(pick as usize)).collect::<Vec<_>>().into(),
            which: picks.iter().map(|&pick| self.which[pick as usize]).collect(),
            times: picks.iter().map(|&pick| self.times[pick as usize]).collect(),
            made: self.made.iter().map(|(place, array)| (*place, of(array))).collect(),
        }
    }

    pub(super) fn within(&self, within: Within) -> Self {
        let Some((first, last)) = within else { return self.clone() };
        let inside = |&at: &u32| (first..=last).contains(&self.times[at as usize]);
        self.some(&all(self.len()).filter(inside).collect::<Vec<_>>())
    }

    /// A value of each of them.
    pub(super) fn read(&self, table: Rows<'_, '_>, input: Input) -> Result<ArrayRef, JudgeError> {
        match input {
            Input::Table(column) => table.take(column, &self.rows),
            Input::Made(place) => {
                let made = self.made.iter().find(|(made, _)| *made == place);
                made.map(|(_, array)| ArrayRef::clone(array))
                    .ok_or_else(|| table.wrong(input, "not computed"))
            }
        }
    }
}

fn all(length: usize) -> std::ops::Range<u32> {
    0..u32::try_from(length).unwrap_or(u32::MAX)
}

impl Source<'_> {
    /// What comes about on these days. What the table says counts whatever its day.
    pub(super) fn occurrences(&self, table: Rows<'_, '_>, within: Within) -> Result<Occurrences, JudgeError> {
        match self {
            Self::Table(time) if !table.has(*time) => Ok(Occurrences::default()),
            Self::Table(time) => {
                let dates = table.dates(*time)?;
                let rows: Vec<u32> = all(dates.len()).filter(|&row| dates.is_valid(row as usize)).collect();
                let times: Vec<i32> = rows.iter().map(|&row| dates.value(row as usize)).collect();
                Ok(Occurrences { which: vec![0; rows.len()], rows: rows.into(), times, made: Vec::new() })
            }
            Self::Milestone(days) => days.occurrences(table, within),
            Self::Absence(silence) => silence.occurrences(table, within),
        }
    }

    /// Whether the table says anything of it.
    fn is_told(&self, table: Rows<'_, '_>) -> bool {
        match self {
            Self::Table(time) => table.has(*time),
            _ => true,
        }
    }
}

/// What comes about in one turn of `over` under one version of law.
struct Part {
    version: usize,
    value: i64,
    rows: UInt32Array,
    days: Vec<i32>,
    opens: Vec<i32>,
}

impl Days<'_> {
    fn occurrences(&self, table: Rows<'_, '_>, within: Within) -> Result<Occurrences, JudgeError> {
        // The first of those that are one counts, wherever it lies.
        let looked_at = if self.may_coincide() { None } else { within };
        let mut parts = Vec::new();
        for position in 0..self.positions() {
            for version in 0..self.milestone.versions.len() {
                parts.extend(self.part(table, (version, position), looked_at)?);
            }
        }
        let whole = self.joined(table, &parts)?;
        let whole = self.with_keys(&whole);
        Ok(if self.may_coincide() { whole.within(within) } else { whole })
    }

    /// The rows that reach it under a version: its day lies before the next, and no earlier version has reached it. Where
    /// law changes so that the day would already have been, it is the day of the change.
    fn part(
        &self,
        table: Rows<'_, '_>,
        (place, position): (usize, usize),
        within: Within,
    ) -> Result<Option<Part>, JudgeError> {
        let version = &self.milestone.versions[place];
        let Some(value) = self.value(place, position) else { return Ok(None) };
        let (from, next) = (days(version.from), self.next(place));
        let (first, last) = within.unwrap_or((i32::MIN, i32::MAX));
        let latest = latest_day(self.workdays, version.lead, last);
        if next <= first || from > latest {
            return Ok(None);
        }
        let every = UInt32Array::from_iter_values(all(table.batch.rows));
        let dates = self.dates(table, (place, value), &every)?;
        let day = |row: u32| dates.value(row as usize).max(from);
        let reached = |&row: &u32| {
            let there = dates.is_valid(row as usize) && dates.value(row as usize) < next;
            there && (first..=latest).contains(&day(row))
        };
        let mut rows: Vec<u32> = all(dates.len()).filter(reached).collect();
        for earlier in 0..place {
            let Some(value) = self.value(earlier, position).filter(|_| !rows.is_empty()) else { continue };
            let (some, next) = (UInt32Array::from(rows.clone()), self.next(earlier));
            let dates = self.dates(table, (earlier, value), &some)?;
            let mut at = 0..;
            rows.retain(|_| at.next().is_some_and(|at| dates.is_null(at) || dates.value(at) >= next));
        }
        let mut part = Part { version: place, value, rows: none(), days: vec![], opens: vec![] };
        let opens = |row: &u32| before(self.workdays, day(*row), version.lead);
        rows.retain(|row| {
            let opens = opens(row).filter(|opens| (first..=last).contains(opens));
            part.opens.extend(opens);
            opens.is_some()
        });
        part.days = rows.iter().map(|&row| day(row)).collect();
        part.rows = rows.into();
        Ok((!part.rows.is_empty()).then_some(part))
    }

    /// The first day of the law after this one.
    fn next(&self, place: usize) -> i32 {
        self.milestone.versions.get(place + 1).map_or(i32::MAX, |next| days(next.from))
    }

    fn dates(
        &self,
        table: Rows<'_, '_>,
        (place, value): (usize, i64),
        rows: &UInt32Array,
    ) -> Result<Date32Array, JudgeError> {
        let columns = self.columns(table, value, rows)?;
        let dates = self.milestone.versions[place].date.values(&columns);
        dates
            .as_primitive_opt()
            .cloned()
            .ok_or_else(|| table.wrong(Input::Made(self.fields[1].1), "not a date"))
    }

    fn columns(&self, table: Rows<'_, '_>, value: i64, rows: &UInt32Array) -> Result<Columns, JudgeError> {
        let array = |read: &Option<usize>| match read {
            Some(column) => table.take(*column, rows),
            None => Ok(Arc::new(Int64Array::from_value(value, rows.len())) as ArrayRef),
        };
        let mut arrays = self.reads.iter().map(array).collect::<Result<Vec<_>, _>>()?;
        if arrays.is_empty() {
            // What reads nothing still has its rows.
            arrays.push(Arc::new(Date32Array::from_value(0, rows.len())));
        }
        let first = self.reads.iter().flatten().next().map_or(Input::Made(0), |column| Input::Table(*column));
        Columns::from_arrays(arrays).map_err(|error| table.wrong(first, error))
    }

    /// All parts as one, with the fields that they bring.
    fn joined(&self, table: Rows<'_, '_>, parts: &[Part]) -> Result<Occurrences, JudgeError> {
        if parts.is_empty() {
            return Ok(Occurrences { made: self.nothing(), ..Occurrences::default() });
        }
        let each =
            || parts.iter().flat_map(|part| part.rows.values().iter().map(move |row| (*row, part.value)));
        let mut made: Vec<(usize, ArrayRef)> = Vec::new();
        let dates = |of: fn(&Part) -> &Vec<i32>| {
            Arc::new(Date32Array::from_iter_values(parts.iter().flat_map(of).copied())) as ArrayRef
        };
        for (field, place) in &self.fields {
            let array = match *field {
                DATE => dates(|part| &part.days),
                name if self.milestone.over.as_deref() == Some(name) => {
                    Arc::new(Int64Array::from_iter_values(each().map(|(_, value)| value)))
                }
                name => match self.data(table, parts, name)? {
                    Some(array) => array,
                    // The day on which it comes about is the first of its lead time.
                    None => dates(|part| &part.opens),
                },
            };
            made.push((*place, array));
        }
        let whole = Occurrences {
            rows: UInt32Array::from_iter_values(each().map(|(row, _)| row)),
            which: each().map(|(_, value)| value).collect(),
            times: parts.iter().flat_map(|part| part.opens.iter().copied()).collect(),
            made,
        };
        if parts.len() == 1 {
            return Ok(whole);
        }
        let mut order: Vec<u32> = all(whole.len()).collect();
        order.sort_by_key(|&at| (whole.rows.value(at as usize), whole.which[at as usize]));
        Ok(whole.some(&order))
    }

    /// The fields of nobody.
    fn nothing(&self) -> Vec<(usize, ArrayRef)> {
        let empty = |field: &str| match self.life_event.fields.get(field) {
            Some(value_type) => data_type(Some(*value_type)),
            None => DataType::Date32,
        };
        self.fields.iter().map(|(field, place)| (*place, new_null_array(&empty(field), 0))).collect()
    }

    /// A further field of each; `None` when it is not one.
    fn data(&self, table: Rows<'_, '_>, parts: &[Part], name: &str) -> Result<Option<ArrayRef>, JudgeError> {
        let mut arrays = Vec::new();
        for part in parts {
            let data = &self.milestone.versions[part.version].data;
            let Some((_, bound)) = data.iter().find(|(known, _)| known == name) else { return Ok(None) };
            arrays.push(bound.values(&self.columns(table, part.value, &part.rows)?));
        }
        let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
        concat(&arrays).map(Some).map_err(|error| table.wrong(Input::Made(0), error))
    }

    /// Those of which every field of the key is known, and of those of one key the first.
    fn with_keys(&self, whole: &Occurrences) -> Occurrences {
        let place = |field: &String| self.fields.iter().find(|(known, _)| known == field);
        let keys = self.life_event.key.iter().filter_map(place);
        let keys: Vec<&ArrayRef> = keys
            .filter_map(|(_, place)| whole.made.iter().find(|(made, _)| made == place))
            .map(|(_, array)| array)
            .collect();
        let known = |at: &u32| keys.iter().all(|array| array.is_valid(*at as usize));
        let mut picks: Vec<u32> = all(whole.len()).filter(known).collect();
        if self.may_coincide() {
            let equal = |one: u32, other: u32| {
                whole.rows.value(one as usize) == whole.rows.value(other as usize)
                    && keys.iter().all(|key| cell(key, one as usize) == cell(key, other as usize))
            };
            let first = |one: u32, other: u32| {
                (whole.times[one as usize], one) < (whole.times[other as usize], other)
            };
            let around = |at: u32| {
                let same = |other: &&u32| whole.rows.value(**other as usize) == whole.rows.value(at as usize);
                let start = picks
                    .partition_point(|&pick| whole.rows.value(pick as usize) < whole.rows.value(at as usize));
                picks[start..].iter().take_while(same).any(|&other| equal(at, other) && first(other, at))
            };
            let kept: Vec<u32> = picks.iter().copied().filter(|&at| !around(at)).collect();
            picks = kept;
        }
        whole.some(&picks)
    }
}

impl Silence<'_> {
    /// What happened and was not followed in time comes about on the day after the last. By the day: an event of the same day
    /// counts as later. Of a second life event of which the table does not say, nobody knows that it is lacking.
    fn occurrences(&self, table: Rows<'_, '_>, within: Within) -> Result<Occurrences, JudgeError> {
        let happened = self.of.occurrences(table, None)?;
        let followed = self.without.occurrences(table, None)?;
        let anchors = happened.read(table, self.anchor)?;
        let anchors = anchors.as_primitive_opt::<Date32Type>();
        let anchors = anchors.ok_or_else(|| table.wrong(self.anchor, "not dates"))?;
        let answers = self.answering(table, &happened, &followed)?;
        let (first, last) = within.unwrap_or((i32::MIN, i32::MAX));
        let told = self.without.is_told(table);
        let (mut picks, mut lasts) = (Vec::new(), Vec::new());
        for at in all(happened.len()).filter(|&at| told && anchors.is_valid(at as usize)) {
            let Some(day) = self.last_day(anchors.value(at as usize)) else { continue };
            let row = happened.rows.value(at as usize);
            let start = followed.rows.values().partition_point(|&other| other < row);
            let mut others = (start..followed.len()).take_while(|&other| followed.rows.value(other) == row);
            let in_time = |other: usize| followed.times[other] <= day && answers(at as usize, other);
            if (first..=last).contains(&(day + 1)) && !others.any(in_time) {
                picks.push(at);
                lasts.push(day);
            }
        }
        let mut found = happened.some(&picks);
        found.times = lasts.iter().map(|day| day + 1).collect();
        found.made.push((self.time, Arc::new(Date32Array::from(found.times.clone()))));
        found.made.push((self.date, Arc::new(Date32Array::from(lasts))));
        Ok(found)
    }

    /// The last day on which the second life event is in time.
    fn last_day(&self, from: i32) -> Option<i32> {
        let from = date_of(from)?;
        let place = self.absence.within.partition_point(|(first, _)| *first <= from).checked_sub(1)?;
        let (_, period) = self.absence.within.get(place)?;
        shift(self.workdays, from, *period, Direction::After).map(days)
    }

    /// Whether the second is the one that the first called for. Without the fields that must be equal, one row has one
    /// of each, and the later answers the earlier.
    fn answering<'o>(
        &self,
        table: Rows<'_, '_>,
        happened: &'o Occurrences,
        followed: &'o Occurrences,
    ) -> Result<impl Fn(usize, usize) -> bool + use<'o>, JudgeError> {
        let told = |input: &Input| match input {
            Input::Table(column) => table.has(*column),
            Input::Made(_) => true,
        };
        let told = self.same.iter().filter(|(one, other)| told(one) && told(other));
        let pairs = told.map(|(one, other)| Ok((happened.read(table, *one)?, followed.read(table, *other)?)));
        let pairs: Vec<(ArrayRef, ArrayRef)> = pairs.collect::<Result<_, _>>()?;
        Ok(move |one: usize, other: usize| {
            if pairs.is_empty() {
                return followed.times[other] >= happened.times[one];
            }
            pairs.iter().all(|(first, second)| {
                let wanted = cell(first, one);
                wanted.is_some() && wanted == cell(second, other)
            })
        })
    }
}

fn cell(array: &ArrayRef, at: usize) -> Option<Value> {
    if array.is_null(at) {
        return None;
    }
    match array.data_type() {
        DataType::Boolean => Some(Value::Bool(array.as_boolean().value(at))),
        DataType::Int64 => Some(Value::Int(array.as_primitive::<Int64Type>().value(at))),
        DataType::Date32 => Some(Value::Date(array.as_primitive::<Date32Type>().value(at))),
        DataType::Utf8 => Some(Value::Text(array.as_string::<i32>().value(at).into())),
        _ => None,
    }
}

/// A day so long before another.
fn before(workdays: &Workdays, day: i32, lead: Period) -> Option<i32> {
    match (lead.unit, i32::try_from(lead.amount)) {
        (Unit::Days, Ok(amount)) => day.checked_sub(amount),
        _ => shift(workdays, date_of(day)?, lead, Direction::Before).map(days),
    }
}

/// No day after this one has a lead time that begins by `last`.
fn latest_day(workdays: &Workdays, lead: Period, last: i32) -> i32 {
    let more = Period { amount: lead.amount.saturating_add(1), ..lead };
    let latest = date_of(last).and_then(|last| shift(workdays, last, more, Direction::After));
    latest.map_or(i32::MAX, days)
}

/// How arrays of a type are kept.
pub(super) const fn data_type(value_type: Option<ValueType>) -> DataType {
    match value_type {
        Some(ValueType::Bool) | None => DataType::Boolean,
        Some(ValueType::Int) => DataType::Int64,
        Some(ValueType::Date) => DataType::Date32,
        Some(ValueType::Text) => DataType::Utf8,
        Some(ValueType::Citizen) => DataType::FixedSizeBinary(ID_BYTES as i32),
    }
}
