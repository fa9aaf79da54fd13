//! A batch at a time, by Arrow kernels. Gives exactly what the row interpreter gives.

use arrow_arith::boolean::{and_kleene, is_null, not, or_kleene};
use arrow_array::{Array, BooleanArray, Date32Array, Datum, Int64Array};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, NullBuffer};
use arrow_ord::cmp;
use arrow_schema::ArrowError;
use tidings_domain::value::ValueType;

use super::calendar::Shift;
use super::columns::{Column, Item, Lane};
use super::node::{Case, Comparison, Constant, In, Members, Node, has_date, has_int, has_text};
use super::row::Frame;
use super::texts;

/// The kernels do not fit these columns, which are not those that were bound: the row interpreter answers instead.
pub(super) struct Unfit;

impl From<ArrowError> for Unfit {
    fn from(_: ArrowError) -> Self {
        Self
    }
}

type Fit<T> = Result<T, Unfit>;

/// The value of a node over the batch.
enum Values<'a> {
    Given(&'a Column),
    Made(Column),
    Constant(&'a Constant),
}

impl Values<'_> {
    /// `None` when every row is NULL.
    fn datum(&self) -> Option<&dyn Datum> {
        match self {
            Self::Given(column) => Some(column.datum()),
            Self::Made(column) => Some(column.datum()),
            Self::Constant(constant) => constant.scalar().map(|scalar| scalar as &dyn Datum),
        }
    }

    fn column(&self) -> Option<&Column> {
        match self {
            Self::Given(column) => Some(column),
            Self::Made(column) => Some(column),
            Self::Constant(_) => None,
        }
    }
}

/// The truth of a boolean node in every row.
pub(super) fn truth<'a>(frame: &Frame<'a>, node: &'a Node) -> Fit<BooleanArray> {
    match node {
        Node::All(list) => fold(frame, list, false),
        Node::Any(list) => fold(frame, list, true),
        Node::Not(node) => Ok(not(&truth(frame, node)?)?),
        Node::Compare(comparison, pair) => {
            compare(frame, *comparison, &values(frame, &pair[0])?, &values(frame, &pair[1])?)
        }
        Node::Between(three) => {
            let [value, low, high] = &**three;
            let value = values(frame, value)?;
            let low = compare(frame, Comparison::Ge, &value, &values(frame, low)?)?;
            let high = compare(frame, Comparison::Le, &value, &values(frame, high)?)?;
            // A NULL value leaves both unknown, and with a NULL bound the other may still decide.
            Ok(and_kleene(&low, &high)?)
        }
        Node::In(test) => within(frame, test),
        Node::IsNull(node) => match values(frame, node)?.datum() {
            Some(datum) => Ok(spread(is_null(datum.get().0)?, datum.get().1, frame.rows())),
            None => Ok(every(frame.rows(), Some(true))),
        },
        Node::Is(wanted, node) => Ok(is(&truth(frame, node)?, *wanted)),
        Node::Const(constant) => match constant.item() {
            Some(Item::Bool(value)) => Ok(every(frame.rows(), Some(value))),
            None => Ok(every(frame.rows(), None)),
            Some(_) => Err(Unfit),
        },
        Node::Column(..) | Node::Case(_) | Node::Coalesce(..) => match values(frame, node)? {
            Values::Given(Column::Bool(array)) => Ok(array.clone()),
            Values::Made(Column::Bool(array)) => Ok(array),
            _ => Err(Unfit),
        },
        Node::Ints(..) | Node::Dates(..) | Node::Moved(..) | Node::Shift(..) => Err(Unfit),
    }
}

/// The value of a node in every row.
pub(super) fn column<'a>(frame: &Frame<'a>, node: &'a Node, value_type: ValueType) -> Fit<Column> {
    Ok(match values(frame, node)? {
        Values::Given(column) => column.clone(),
        Values::Made(column) => column,
        Values::Constant(constant) => each(frame, value_type, |_| constant.item()),
    })
}

fn values<'a>(frame: &Frame<'a>, node: &'a Node) -> Fit<Values<'a>> {
    Ok(Values::Made(match node {
        Node::Column(input, value_type) => {
            return frame.column(*input, *value_type).map(Values::Given).ok_or(Unfit);
        }
        Node::Const(constant) => return Ok(Values::Constant(constant)),
        Node::Case(case) => self::case(frame, case)?,
        Node::Coalesce(value_type, list) => match known(frame, list)? {
            Some(column) => return Ok(Values::Given(column)),
            // The interpreter stops at the first that is known, which is mostly the first of all.
            None => each(frame, *value_type, |row| frame.row(row).item(node)),
        },
        Node::Ints(calc, pair) => {
            let (a, b) = (values(frame, &pair[0])?, values(frame, &pair[1])?);
            let (values, nulls) = zip(frame, ints(&a)?, ints(&b)?, calc.function());
            Column::Int(Int64Array::new(values.into(), nulls))
        }
        Node::Dates(calc, pair) => {
            let (a, b) = (values(frame, &pair[0])?, values(frame, &pair[1])?);
            let (values, nulls) = zip(frame, dates(&a)?, dates(&b)?, calc.function());
            Column::Int(Int64Array::new(values.into(), nulls))
        }
        Node::Moved(calc, pair) => {
            let (date, count) = (values(frame, &pair[0])?, values(frame, &pair[1])?);
            let (values, nulls) = zip(frame, dates(&date)?, ints(&count)?, calc.function());
            Column::Date(Date32Array::new(values.into(), nulls))
        }
        Node::Shift(shift, node) => shifted(frame, *shift, &values(frame, node)?)?,
        _ => Column::Bool(truth(frame, node)?),
    }))
}

/// The first of them, when it is a column without a NULL in this batch.
fn known<'a>(frame: &Frame<'a>, list: &'a [Node]) -> Fit<Option<&'a Column>> {
    match list.first() {
        Some(first @ Node::Column(..)) => match values(frame, first)? {
            Values::Given(column) if column.array().null_count() == 0 => Ok(Some(column)),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// AND or OR of the list; what is decided in every row is not asked further.
fn fold<'a>(frame: &Frame<'a>, list: &'a [Node], decisive: bool) -> Fit<BooleanArray> {
    let Some((first, rest)) = list.split_first() else { return Ok(every(frame.rows(), Some(!decisive))) };
    let mut folded = truth(frame, first)?;
    for node in rest {
        let open = if decisive { folded.has_false() } else { folded.has_true() };
        if !open && folded.null_count() == 0 {
            break;
        }
        let next = truth(frame, node)?;
        folded = if decisive { or_kleene(&folded, &next)? } else { and_kleene(&folded, &next)? };
    }
    Ok(folded)
}

fn compare(
    frame: &Frame<'_>,
    comparison: Comparison,
    left: &Values<'_>,
    right: &Values<'_>,
) -> Fit<BooleanArray> {
    if let Some(compared) = same_text(comparison, left, right) {
        return Ok(compared);
    }
    let (Some(left), Some(right)) = (left.datum(), right.datum()) else {
        return Ok(every(frame.rows(), None));
    };
    let compared = match comparison {
        Comparison::Eq => cmp::eq(left, right),
        Comparison::Ne => cmp::neq(left, right),
        Comparison::Lt => cmp::lt(left, right),
        Comparison::Le => cmp::lt_eq(left, right),
        Comparison::Gt => cmp::gt(left, right),
        Comparison::Ge => cmp::gt_eq(left, right),
    }?;
    Ok(spread(compared, left.get().1 && right.get().1, frame.rows()))
}

/// `=` and `<>` between a column of texts and a constant, in a third of the kernel's time.
fn same_text(comparison: Comparison, left: &Values<'_>, right: &Values<'_>) -> Option<BooleanArray> {
    let (Some(Column::Text(column)), Values::Constant(constant)) = (left.column(), right) else {
        return None;
    };
    let Some(Item::Text(text)) = constant.item() else { return None };
    let found = match comparison {
        Comparison::Eq => texts::among(&[text], column)?,
        Comparison::Ne => !&texts::among(&[text], column)?,
        _ => return None,
    };
    Some(BooleanArray::new(found, column.nulls().cloned()))
}

/// A single answer about constants, repeated for every row.
fn spread(answer: BooleanArray, single: bool, rows: usize) -> BooleanArray {
    if single { every(rows, answer.iter().next().flatten()) } else { answer }
}

fn every(rows: usize, value: Option<bool>) -> BooleanArray {
    match value {
        Some(true) => BooleanArray::new(BooleanBuffer::new_set(rows), None),
        Some(false) => BooleanArray::new(BooleanBuffer::new_unset(rows), None),
        None => BooleanArray::new_null(rows),
    }
}

/// NULL is neither TRUE nor FALSE.
fn is(truth: &BooleanArray, wanted: bool) -> BooleanArray {
    let values = if wanted { truth.values().clone() } else { !truth.values() };
    let values = truth.nulls().map_or_else(|| values.clone(), |nulls| nulls.inner() & &values);
    BooleanArray::new(values, None)
}

fn within<'a>(frame: &Frame<'a>, test: &'a In) -> Fit<BooleanArray> {
    let needle = values(frame, &test.needle)?;
    let mut answer = among(frame, &needle, test);
    // Also where the needle is NULL: the others may fault.
    for other in &test.others {
        let equal = compare(frame, Comparison::Eq, &needle, &values(frame, other)?)?;
        answer = or_kleene(&answer, &equal)?;
    }
    Ok(answer)
}

/// Whether the needle is one of the constants of the list.
fn among(frame: &Frame<'_>, needle: &Values<'_>, test: &In) -> BooleanArray {
    let (found, nulls) = match (&test.members, needle) {
        (members, Values::Constant(constant)) => {
            let Some(item) = constant.item() else { return every(frame.rows(), None) };
            (BooleanBuffer::collect_bool(frame.rows(), |_| members.contains(item)), None)
        }
        (members, Values::Given(column)) => find(members, column),
        (members, Values::Made(column)) => find(members, column),
    };
    // Not found among the constants is unknown where the list holds NULL.
    let certain = test.null.then(|| NullBuffer::new(found.clone()));
    BooleanArray::new(found, NullBuffer::union(nulls.as_ref(), certain.as_ref()))
}

fn find(members: &Members, column: &Column) -> (BooleanBuffer, Option<NullBuffer>) {
    let found = match (members, column) {
        (Members::Ints(set), Column::Int(column)) => has(column.values(), |value| has_int(set, *value)),
        (Members::Dates(set), Column::Date(column)) => has(column.values(), |value| has_date(set, *value)),
        (Members::Texts(set), Column::Text(column)) => texts::among(set, column).unwrap_or_else(|| {
            BooleanBuffer::collect_bool(column.len(), |row| has_text(set, column.value(row)))
        }),
        (_, column) => BooleanBuffer::new_unset(column.array().len()),
    };
    (found, column.array().nulls().cloned())
}

fn has<T>(values: &[T], found: impl Fn(&T) -> bool) -> BooleanBuffer {
    BooleanBuffer::collect_bool(values.len(), |row| found(&values[row]))
}

/// Conditions by kernels; then only the result that each row takes is computed, unless results are bits.
fn case<'a>(frame: &Frame<'a>, case: &'a Case) -> Fit<Column> {
    let operand = case.operand.as_ref().map(|operand| values(frame, operand)).transpose()?;
    let mut conditions = Vec::with_capacity(case.whens.len());
    for (when, _) in &case.whens {
        let holds = match &operand {
            None => truth(frame, when)?,
            Some(operand) => compare(frame, Comparison::Eq, operand, &values(frame, when)?)?,
        };
        conditions.push(is(&holds, true));
    }
    if case.value_type == ValueType::Bool {
        return choose(frame, case, &conditions).map(Column::Bool);
    }
    Ok(each(frame, case.value_type, |row| {
        let taken = conditions.iter().position(|condition| condition.value(row));
        let then = taken.map(|taken| &case.whens[taken].1).or(case.otherwise.as_ref());
        frame.row(row).item(then?)
    }))
}

/// Every result by kernels, and of them the one that is taken, 64 rows at a time. What faults and is not taken costs no
/// more than a look at the rows that are unknown.
fn choose<'a>(frame: &Frame<'a>, case: &'a Case, conditions: &[BooleanArray]) -> Fit<BooleanArray> {
    let otherwise = case.otherwise.as_ref().map(|node| truth(frame, node)).transpose()?;
    let mut chosen = otherwise.unwrap_or_else(|| every(frame.rows(), None));
    for (condition, (_, then)) in conditions.iter().zip(&case.whens).rev() {
        let then = truth(frame, then)?;
        let take = |then: &BooleanBuffer, chosen: &BooleanBuffer| {
            let taken = condition.values();
            &(then & taken) | &(chosen & &!taken)
        };
        let values = take(then.values(), chosen.values());
        let known =
            (then.null_count() + chosen.null_count() > 0).then(|| take(&known_in(&then), &known_in(&chosen)));
        chosen = BooleanArray::new(values, known.map(NullBuffer::new));
    }
    Ok(chosen)
}

fn known_in(truth: &BooleanArray) -> BooleanBuffer {
    truth.nulls().map_or_else(|| BooleanBuffer::new_set(truth.len()), |nulls| nulls.inner().clone())
}

/// A column made row by row.
pub(super) fn each<'a>(
    frame: &Frame<'a>,
    value_type: ValueType,
    item: impl Fn(usize) -> Option<Item<'a>>,
) -> Column {
    let mut lane = Lane::new(value_type, frame.rows());
    (0..frame.rows()).for_each(|row| {
        lane.push(item(row));
    });
    lane.finish()
}

/// The operand of a computation.
enum Operand<'v, T> {
    Each(&'v [T], Option<&'v NullBuffer>),
    Same(T),
    Null,
}

fn ints<'v>(values: &'v Values<'_>) -> Fit<Operand<'v, i64>> {
    match (values, values.column()) {
        (_, Some(Column::Int(array))) => Ok(Operand::Each(array.values(), array.nulls())),
        (Values::Constant(constant), _) => match constant.item() {
            Some(Item::Int(value)) => Ok(Operand::Same(value)),
            None => Ok(Operand::Null),
            Some(_) => Err(Unfit),
        },
        _ => Err(Unfit),
    }
}

fn dates<'v>(values: &'v Values<'_>) -> Fit<Operand<'v, i32>> {
    match (values, values.column()) {
        (_, Some(Column::Date(array))) => Ok(Operand::Each(array.values(), array.nulls())),
        (Values::Constant(constant), _) => match constant.item() {
            Some(Item::Date(value)) => Ok(Operand::Same(value)),
            None => Ok(Operand::Null),
            Some(_) => Err(Unfit),
        },
        _ => Err(Unfit),
    }
}

fn shifted(frame: &Frame<'_>, shift: Shift, date: &Values<'_>) -> Fit<Column> {
    let (values, nulls) = zip(frame, dates(date)?, Operand::Same(shift), |date, shift| shift.apply(date));
    Ok(Column::Date(Date32Array::new(values.into(), nulls)))
}

/// `calc` in every row; a row where it gives `None` is NULL, and a fault unless an operand was NULL.
fn zip<A: Copy, B: Copy, O: Copy + Default>(
    frame: &Frame<'_>,
    left: Operand<'_, A>,
    right: Operand<'_, B>,
    calc: impl Fn(A, B) -> Option<O>,
) -> (Vec<O>, Option<NullBuffer>) {
    let mut faults = Vec::new();
    let mut run = |row: usize, a: A, b: B| {
        calc(a, b).unwrap_or_else(|| {
            faults.push(row);
            O::default()
        })
    };
    let (values, nulls) = match (left, right) {
        (Operand::Each(a, a_nulls), Operand::Each(b, b_nulls)) => {
            let pairs = a.iter().zip(b).enumerate();
            (
                pairs.map(|(row, (a, b))| run(row, *a, *b)).collect::<Vec<_>>(),
                NullBuffer::union(a_nulls, b_nulls),
            )
        }
        (Operand::Each(a, nulls), Operand::Same(b)) => {
            (a.iter().enumerate().map(|(row, a)| run(row, *a, b)).collect(), nulls.cloned())
        }
        (Operand::Same(a), Operand::Each(b, nulls)) => {
            (b.iter().enumerate().map(|(row, b)| run(row, a, *b)).collect(), nulls.cloned())
        }
        (Operand::Same(a), Operand::Same(b)) => ((0..frame.rows()).map(|row| run(row, a, b)).collect(), None),
        (Operand::Null, _) | (_, Operand::Null) => {
            (vec![O::default(); frame.rows()], Some(NullBuffer::new_null(frame.rows())))
        }
    };
    let nulls = if faults.is_empty() { nulls } else { without(frame, values.len(), nulls, &faults) };
    (values, nulls)
}

/// Also NULL in the rows that faulted. What stands in a NULL row is arbitrary, and its fault none.
fn without(
    frame: &Frame<'_>,
    rows: usize,
    nulls: Option<NullBuffer>,
    faults: &[usize],
) -> Option<NullBuffer> {
    let mut valid = BooleanBufferBuilder::new(rows);
    match &nulls {
        Some(nulls) => valid.append_buffer(nulls.inner()),
        None => valid.append_n(rows, true),
    }
    for &row in faults {
        if valid.get_bit(row) {
            valid.set_bit(row, false);
            frame.note_fault();
        }
    }
    Some(NullBuffer::new(valid.finish()))
}
