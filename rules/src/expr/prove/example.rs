//! Rows that show something: made of the constants that conditions name and their neighbours, and then answered by the
//! conditions themselves. A row that is found is a proof; that none is found proves nothing.

use std::collections::BTreeSet;

use tidings_domain::ids::{CitizenId, ID_BYTES};
use tidings_domain::value::{Value, ValueType};

use super::super::bound::Bound;
use super::super::calendar::Shift;
use super::super::columns::{Columns, ColumnsBuilder, Item};
use super::super::node::{Members, Node};
use super::{Asked, Known, Truths, Way, World};

/// How many rows are tried, first few and then many.
const ROWS: [usize; 2] = [256, 4_096];
/// The most values tried for one column among others.
const MAX_VALUES: usize = 96;
/// The most values tried for one column by itself.
const MAX_NEAR: usize = 2_048;

type Row = Vec<Option<Value>>;

/// A row over the columns of `world` that is as asked; columns that nothing reads are NULL.
pub(crate) fn example(asked: &[Asked], world: &World) -> Option<Row> {
    let candidates = candidates(asked.iter().map(|asked| &asked.condition), world);
    ROWS.into_iter().find_map(|rows| {
        let rows = (0..rows).map(|row| pick(row, &candidates, world)).collect::<Vec<_>>();
        let place = as_asked(asked, &table(&rows, world))?;
        rows.into_iter().nth(place)
    })
}

/// Some rows of the kind that examples are looked for among. Conditions that differ about one of them differ.
pub(crate) fn sample(condition: &Bound, world: &World) -> Columns {
    let candidates = candidates(std::iter::once(condition), world);
    let rows = (0..ROWS[0]).map(|row| pick(row, &candidates, world)).collect::<Vec<_>>();
    table(&rows, world)
}

/// The ways in which two conditions can answer one row differently.
pub(crate) fn differ(one: &Bound, other: &Bound) -> [Way; 3] {
    [(Truths::YES, Truths::NOT_YES), (Truths::NO, Truths::NOT_NO), (Truths::UNKNOWN, Truths::KNOWN)]
        .map(|(truths, others)| vec![one.asked(truths), other.asked(others)])
}

/// The first row that one of the ways is met by.
pub(crate) fn met(ways: &[Way], columns: &Columns) -> Option<usize> {
    ways.iter().filter_map(|way| as_asked(way, columns)).min()
}

/// The first row that is as asked.
fn as_asked(asked: &[Asked], columns: &Columns) -> Option<usize> {
    let answers = asked.iter().map(|asked| asked.condition.answers(columns)).collect::<Vec<_>>();
    let all =
        |row: usize| answers.iter().zip(asked).all(|(answers, asked)| asked.truths.holds(answers.get(row)));
    (0..columns.len()).find(|row| all(*row))
}

/// One value changed in `row` so that one of the ways is met: the column, and its value. Values are those that the
/// conditions name and those that stand in `others`, with their neighbours.
pub(crate) fn near(
    ways: &[Way],
    world: &World,
    row: &[Option<Value>],
    others: &[&[Option<Value>]],
) -> Option<(usize, Option<Value>)> {
    let conditions = || ways.iter().flatten().map(|asked| &asked.condition);
    let constants = Constants::of(conditions());
    let mut places: Vec<usize> = Vec::new();
    for place in conditions().flat_map(|condition| condition.reading().1).map(|at| world.place(*at)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let anchors: Vec<_> = row.iter().flatten().filter_map(date).collect();
    places.into_iter().find_map(|place| {
        let given: Vec<_> = others.iter().filter_map(|other| other.get(place)?.as_ref()).collect();
        let mut values = constants.values(place, world, &anchors, &given);
        values.truncate(MAX_NEAR);
        let rows: Vec<_> = values.iter().map(|value| changed(row, place, value, world)).collect();
        let found = met(ways, &table(&rows, world))?;
        Some((place, values.swap_remove(found)))
    })
}

/// The row, as long as the world is wide, with another value in one column.
fn changed(row: &[Option<Value>], place: usize, value: &Option<Value>, world: &World) -> Row {
    let mut row = row.to_vec();
    row.resize(world.columns.len(), None);
    world.change(&mut row, place, value);
    row
}

/// What is tried for each column.
fn candidates<'b>(conditions: impl Iterator<Item = &'b Bound> + Clone, world: &World) -> Vec<Row> {
    let constants = Constants::of(conditions.clone());
    let read = conditions.flat_map(|condition| condition.reading().1);
    let read = read.map(|position| world.place(*position)).collect::<BTreeSet<_>>();
    let values = |column: usize| {
        let mut values = if read.contains(&column) {
            constants.values(column, world, &[world.base], &[])
        } else {
            Vec::new()
        };
        let unknown = values.pop_if(|value| value.is_none());
        values.truncate(MAX_VALUES);
        values.extend(unknown);
        if values.is_empty() { vec![None] } else { values }
    };
    (0..world.columns.len()).map(values).collect()
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
    fn allows(&self, value: &Value) -> bool {
        let within = |value: i64| {
            self.at_least.is_none_or(|least| value >= least) && self.at_most.is_none_or(|most| value <= most)
        };
        match value {
            Value::Int(value) => within(*value),
            Value::Date(days) => within((*days).into()),
            Value::Text(text) => self.texts.as_ref().is_none_or(|texts| texts.contains(text.as_str())),
            Value::Bool(_) | Value::Citizen(_) => true,
        }
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
    fn of<'b>(conditions: impl Iterator<Item = &'b Bound>) -> Self {
        let mut constants = Self::default();
        let mut next = conditions.map(|condition| condition.reading().0).collect::<Vec<_>>();
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

    /// Values that may make a difference in a column, the plainest first, and unknown last. Dates are counted from the
    /// `anchors`, in days from 1970-01-01; `given` are values that the column has elsewhere.
    fn values(&self, column: usize, world: &World, anchors: &[i32], given: &[&Value]) -> Row {
        let Some(known) = world.columns.get(column) else { return Vec::new() };
        let given = || given.iter().copied();
        let values: Vec<Value> = match known.value_type {
            ValueType::Bool => [true, false].map(Value::Bool).into(),
            ValueType::Int => self.numbers(given().filter_map(number)).into_iter().map(Value::Int).collect(),
            ValueType::Date => {
                self.days(anchors, given().filter_map(date)).into_iter().map(Value::Date).collect()
            }
            ValueType::Text => self.names(given()),
            ValueType::Citizen => {
                let anybody = [1, 2].map(|id| Value::Citizen(CitizenId([id; ID_BYTES])));
                given().cloned().chain(anybody).collect()
            }
        };
        let mut seen = BTreeSet::new();
        let values = values.into_iter().chain(listed(known)).filter(|value| known.allows(value));
        let values = values.filter(|value| seen.insert(value.canonical())).map(Some);
        values.chain(known.nullable.then_some(None)).collect()
    }

    fn numbers(&self, given: impl Iterator<Item = i64>) -> Vec<i64> {
        let named = self.ints.iter().copied().chain(given);
        let near = named.flat_map(|value| [Some(value), value.checked_sub(1), value.checked_add(1)]);
        once(near.flatten().chain([0, 1, 2]))
    }

    fn names<'v>(&self, given: impl Iterator<Item = &'v Value>) -> Vec<Value> {
        let named = self.texts.iter().map(|text| Value::Text(text.as_str().into()));
        let open = ["other", "another"].map(|text| Value::Text(text.into()));
        named.chain(given.cloned()).chain(open).collect()
    }

    /// The anchors, the dates named or given, and the anchors moved by every number as days, months and years, with the
    /// days around.
    fn days(&self, anchors: &[i32], given: impl Iterator<Item = i32>) -> Vec<i32> {
        let shifts = self.shifts();
        let moved = anchors.iter().flat_map(|anchor| shifts.iter().filter_map(|shift| shift.apply(*anchor)));
        let named = self.dates.iter().copied().chain(given).chain(moved);
        let near = named.flat_map(|day| [Some(day), day.checked_sub(1), day.checked_add(1)]).flatten();
        let around = anchors.iter().flat_map(|anchor| [anchor - 1, anchor + 1]);
        once(anchors.iter().copied().chain(near).chain(around))
    }

    /// Every period and every number, in every unit and both ways.
    fn shifts(&self) -> Vec<Shift> {
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
        turned.chain(shifts.iter().copied()).collect()
    }
}

/// The only texts that a column can hold.
fn listed(known: &Known) -> Vec<Value> {
    known.texts.iter().flatten().map(|text| Value::Text(text.as_str().into())).collect()
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        _ => None,
    }
}

fn date(value: &Value) -> Option<i32> {
    match value {
        Value::Date(days) => Some(*days),
        _ => None,
    }
}

/// Each once, where it stands first.
fn once<T: Copy + Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.filter(move |value| seen.insert(*value)).collect()
}
