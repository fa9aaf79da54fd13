//! Rows that show something: made of the constants that conditions name and their neighbours, and then answered by the
//! conditions themselves. A row that is found is a proof; that none is found proves nothing.

use std::collections::BTreeSet;

use tidings_domain::ids::{CitizenId, ID_BYTES};
use tidings_domain::value::{Value, ValueType};

use super::super::bound::{Answer, Bound};
use super::super::calendar::Shift;
use super::super::columns::{Columns, ColumnsBuilder, Item};
use super::super::node::{Members, Node};
use super::{Known, World};

/// How many rows are tried, first few and then many.
const ROWS: [usize; 2] = [256, 4_096];
/// The most values tried for one column.
const MAX_VALUES: usize = 96;

/// A condition and the answer wanted of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) condition: &'a Bound,
    pub(crate) answer: Answer,
}

/// A row over the columns of `world` that gives every answer asked for; columns that nothing reads are NULL. Dates
/// are tried around `base`, in days from 1970-01-01.
pub(crate) fn example(asked: &[Asked<'_>], world: &World, base: i32) -> Option<Vec<Option<Value>>> {
    let constants = Constants::of(asked);
    let read = asked.iter().flat_map(|asked| asked.condition.reading().1);
    let read = read.map(|position| world.place(*position)).collect::<BTreeSet<_>>();
    let candidates = (0..world.columns.len())
        .map(|column| {
            let values =
                if read.contains(&column) { constants.values(column, world, base) } else { Vec::new() };
            if values.is_empty() { vec![None] } else { values }
        })
        .collect::<Vec<_>>();
    ROWS.into_iter().find_map(|rows| {
        let rows = (0..rows).map(|row| pick(row, &candidates, world)).collect::<Vec<_>>();
        let columns = table(&rows, world);
        let answers = asked.iter().map(|asked| asked.condition.answers(&columns)).collect::<Vec<_>>();
        let all =
            |row: usize| answers.iter().zip(asked).all(|(answers, asked)| answers.get(row) == asked.answer);
        (0..rows.len()).find(|row| all(*row)).map(|row| rows[row].clone())
    })
}

/// One row: the first two hold every column's first and second value, the others a mixture of all.
fn pick(row: usize, candidates: &[Vec<Option<Value>>], world: &World) -> Vec<Option<Value>> {
    let mut values: Vec<Option<Value>> = Vec::with_capacity(candidates.len());
    for (column, candidates) in candidates.iter().enumerate() {
        let place = world.place(column);
        if place < column {
            values.push(values[place].clone());
            continue;
        }
        let at = if row < 2 { row } else { mixed(row, column) };
        // Half of the time among the first few, so that columns agree often enough.
        let few = if at & 1 == 0 { candidates.len().min(4) } else { candidates.len() };
        values.push(candidates[(at >> 1) % few].clone());
    }
    values
}

/// Splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): well spread, the same always.
fn mixed(row: usize, column: usize) -> usize {
    let mut value = (row as u64) << 16 ^ column as u64;
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (value ^ value >> 31) as usize >> 1
}

fn table(rows: &[Vec<Option<Value>>], world: &World) -> Columns {
    let types = world.columns.iter().map(|known| known.value_type).collect::<Vec<_>>();
    let mut builder = ColumnsBuilder::new(&types, rows.len());
    for row in rows {
        for (column, value) in row.iter().enumerate() {
            builder.push(column, value.as_ref());
        }
        builder.finish_row();
    }
    builder.finish()
}

impl Known {
    fn allows(&self, value: i64) -> bool {
        self.at_least.is_none_or(|least| value >= least) && self.at_most.is_none_or(|most| value <= most)
    }
}

/// What the conditions name.
#[derive(Default)]
struct Constants {
    ints: BTreeSet<i64>,
    dates: BTreeSet<i32>,
    texts: BTreeSet<String>,
    shifts: Vec<Shift>,
}

impl Constants {
    fn of(asked: &[Asked<'_>]) -> Self {
        let mut constants = Self::default();
        let mut next = asked.iter().map(|asked| asked.condition.reading().0).collect::<Vec<_>>();
        while let Some(node) = next.pop() {
            constants.note(node);
            next.extend(node.children());
        }
        constants
    }

    fn note(&mut self, node: &Node) {
        match node {
            Node::Const(constant) => match constant.item() {
                Some(Item::Int(value)) => _ = self.ints.insert(value),
                Some(Item::Date(value)) => _ = self.dates.insert(value),
                Some(Item::Text(value)) => _ = self.texts.insert(value.to_owned()),
                _ => {}
            },
            Node::In(test) => match &test.members {
                Members::Ints(values) => self.ints.extend(values),
                Members::Dates(values) => self.dates.extend(values),
                Members::Texts(values) => self.texts.extend(values.iter().map(|text| text.to_string())),
            },
            Node::Shift(shift, _) => self.shifts.push(*shift),
            _ => {}
        }
    }

    fn values(&self, column: usize, world: &World, base: i32) -> Vec<Option<Value>> {
        let Some(known) = world.columns.get(column) else { return Vec::new() };
        let mut values: Vec<_> = match known.value_type {
            ValueType::Bool => [true, false].map(Value::Bool).into(),
            ValueType::Int => self.numbers().filter(|value| known.allows(*value)).map(Value::Int).collect(),
            ValueType::Date => {
                let days = self.days(base).into_iter().filter(|day| known.allows((*day).into()));
                days.map(Value::Date).collect()
            }
            ValueType::Text => self.names(known.texts.as_ref()),
            ValueType::Citizen => [1, 2].map(|id| Value::Citizen(CitizenId([id; ID_BYTES]))).into(),
        };
        values.truncate(MAX_VALUES);
        let unknown = known.nullable.then_some(None);
        values.into_iter().map(Some).chain(unknown).collect()
    }

    fn numbers(&self) -> impl Iterator<Item = i64> {
        let near =
            self.ints.iter().flat_map(|value| [Some(*value), value.checked_sub(1), value.checked_add(1)]);
        let mut seen = BTreeSet::new();
        let all = near.flatten().chain([0, 1, 2]);
        all.filter(move |value| seen.insert(*value))
    }

    fn names(&self, listed: Option<&BTreeSet<String>>) -> Vec<Value> {
        let texts = match listed {
            Some(listed) => listed.iter().cloned().collect::<Vec<_>>(),
            None => self.texts.iter().cloned().chain(["other", "another"].map(str::to_owned)).collect(),
        };
        texts.into_iter().map(|text| Value::Text(text.as_str().into())).collect()
    }

    /// The base, the dates named, and the base moved by every number as days, months and years, with the days around.
    fn days(&self, base: i32) -> Vec<i32> {
        let mut days = vec![base];
        let mut shifts = self.shifts.clone();
        for number in self.ints.iter().filter_map(|number| i32::try_from(*number).ok()) {
            shifts.extend(
                [(12 * i64::from(number), 0), (number.into(), 0), (0, number)].into_iter().filter_map(
                    |(months, days): (i64, i32)| Some(Shift { months: i32::try_from(months).ok()?, days }),
                ),
            );
        }
        let turned = shifts.iter().filter_map(|shift| {
            Some(Shift { months: shift.months.checked_neg()?, days: shift.days.checked_neg()? })
        });
        let moved = turned.chain(shifts.iter().copied()).filter_map(|shift| shift.apply(base));
        let named = self.dates.iter().copied().chain(moved);
        days.extend(named.flat_map(|day| [Some(day), day.checked_sub(1), day.checked_add(1)]).flatten());
        days.extend([base - 1, base + 1]);
        let mut seen = BTreeSet::new();
        days.retain(|day| seen.insert(*day));
        days
    }
}
