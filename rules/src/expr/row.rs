//! One row at a time: for batches too small for kernels, and for what only one row can say (why it is unknown).

use std::cell::Cell;

use tidings_domain::value::ValueType;

use super::columns::{Column, Columns, Item};
use super::node::{Case, Comparison, In, Node};

/// The columns that a tree reads, and whether anything in them faulted while it ran.
pub(super) struct Frame<'a> {
    columns: Option<&'a Columns>,
    positions: &'a [usize],
    faulted: Cell<bool>,
}

impl<'a> Frame<'a> {
    /// No columns at all: enough for constants.
    pub(super) const fn empty() -> Self {
        Self { columns: None, positions: &[], faulted: Cell::new(false) }
    }

    pub(super) const fn new(columns: &'a Columns, positions: &'a [usize]) -> Self {
        Self { columns: Some(columns), positions, faulted: Cell::new(columns.faults() > 0) }
    }

    /// False means that no row can have faulted; true, that some row may have.
    pub(super) const fn faulted(&self) -> bool {
        self.faulted.get()
    }

    pub(super) fn note_fault(&self) {
        self.faulted.set(true);
    }

    pub(super) fn rows(&self) -> usize {
        self.columns.map_or(0, Columns::len)
    }

    /// An input's column; `None` when the columns given are not those that were bound.
    #[inline]
    pub(super) fn column(&self, input: usize, value_type: ValueType) -> Option<&'a Column> {
        let column = self.columns?.column(*self.positions.get(input)?)?;
        (column.value_type() == value_type).then_some(column)
    }

    #[inline]
    pub(super) const fn row<'f>(&'f self, row: usize) -> Row<'f, 'a> {
        Row { frame: self, row }
    }
}

/// What a NULL was for want of.
#[derive(Default)]
pub(super) struct Why {
    /// Positions in the tree's list of columns, in no order, perhaps more than once.
    pub(super) inputs: Vec<usize>,
    pub(super) fault: bool,
}

/// One row of a frame; it is within the columns.
#[derive(Clone, Copy)]
pub(super) struct Row<'f, 'a> {
    frame: &'f Frame<'a>,
    row: usize,
}

impl<'a> Row<'_, 'a> {
    /// The value of `node`; `None` is NULL.
    pub(super) fn item(self, node: &'a Node) -> Option<Item<'a>> {
        match node {
            Node::Column(input, value_type) => self.read(*input, *value_type),
            Node::Const(constant) => constant.item(),
            Node::All(list) => self.decide(list, false).map(Item::Bool),
            Node::Any(list) => self.decide(list, true).map(Item::Bool),
            Node::Not(node) => self.truth(node).map(|truth| Item::Bool(!truth)),
            Node::Compare(comparison, pair) => {
                let (a, b) = self.both(pair)?;
                Some(Item::Bool(comparison.holds(a.order(b)?)))
            }
            Node::Between(three) => self.between(three).map(Item::Bool),
            Node::In(test) => self.within(test).map(Item::Bool),
            Node::IsNull(node) => Some(Item::Bool(self.item(node).is_none())),
            Node::Is(wanted, node) => Some(Item::Bool(self.truth(node) == Some(*wanted))),
            Node::Case(case) => self.item(self.branch(case)?),
            Node::Coalesce(_, list) => list.iter().find_map(|node| self.item(node)),
            Node::Ints(calc, pair) => match self.both(pair)? {
                (Item::Int(a), Item::Int(b)) => self.unless_fault(calc.function()(a, b)).map(Item::Int),
                _ => None,
            },
            Node::Dates(calc, pair) => match self.both(pair)? {
                (Item::Date(a), Item::Date(b)) => self.unless_fault(calc.function()(a, b)).map(Item::Int),
                _ => None,
            },
            Node::Moved(calc, pair) => match self.both(pair)? {
                (Item::Date(date), Item::Int(count)) => {
                    self.unless_fault(calc.function()(date, count)).map(Item::Date)
                }
                _ => None,
            },
            Node::Shift(shift, node) => match self.item(node)? {
                Item::Date(date) => self.unless_fault(shift.apply(date)).map(Item::Date),
                _ => None,
            },
        }
    }

    /// The value of a boolean node; `None` is unknown.
    #[inline]
    pub(super) fn truth(self, node: &'a Node) -> Option<bool> {
        match self.item(node) {
            Some(Item::Bool(truth)) => Some(truth),
            _ => None,
        }
    }

    /// Both are computed even when the first is NULL: the second may fault.
    #[inline]
    fn both(self, [a, b]: &'a [Node; 2]) -> Option<(Item<'a>, Item<'a>)> {
        let (a, b) = (self.item(a), self.item(b));
        a.zip(b)
    }

    #[inline]
    fn read(self, input: usize, value_type: ValueType) -> Option<Item<'a>> {
        let column = self.frame.column(input, value_type);
        if column.is_none() {
            self.frame.note_fault();
        }
        column?.item(self.row)
    }

    fn unless_fault<T>(self, result: Option<T>) -> Option<T> {
        if result.is_none() {
            self.frame.note_fault();
        }
        result
    }

    /// AND is decided by one false, OR by one true; else one unknown makes it unknown.
    fn decide(self, list: &'a [Node], decisive: bool) -> Option<bool> {
        let mut answer = Some(!decisive);
        for node in list {
            match self.truth(node) {
                Some(truth) if truth == decisive => return Some(decisive),
                Some(_) => {}
                None => answer = None,
            }
        }
        answer
    }

    fn between(self, [value, low, high]: &'a [Node; 3]) -> Option<bool> {
        let (value, low, high) = (self.item(value), self.item(low), self.item(high));
        let holds = |end: Option<Item<'a>>, comparison: Comparison| {
            value.zip(end).and_then(|(value, end)| value.order(end)).map(|order| comparison.holds(order))
        };
        match (holds(low, Comparison::Ge), holds(high, Comparison::Le)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }

    fn within(self, test: &'a In) -> Option<bool> {
        let needle = self.item(&test.needle);
        if needle.is_some_and(|needle| test.members.contains(needle)) {
            return Some(true);
        }
        let mut answer = (needle.is_some() && !test.null).then_some(false);
        for node in &test.others {
            match self.equal(needle, node) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => answer = None,
            }
        }
        answer
    }

    /// The result that CASE takes: of the first WHEN that is true.
    fn branch(self, case: &'a Case) -> Option<&'a Node> {
        let chosen = match &case.operand {
            None => case.whens.iter().find(|(when, _)| self.truth(when) == Some(true)),
            Some(operand) => {
                let operand = self.item(operand);
                case.whens.iter().find(|(when, _)| self.equal(operand, when) == Some(true))
            }
        };
        chosen.map(|(_, then)| then).or(case.otherwise.as_ref())
    }

    fn equal(self, item: Option<Item<'a>>, node: &'a Node) -> Option<bool> {
        let other = self.item(node);
        item?.order(other?).map(std::cmp::Ordering::is_eq)
    }

    /// Adds what made `node`, which is NULL in this row, NULL.
    pub(super) fn why(self, node: &'a Node, why: &mut Why) {
        match node {
            Node::Column(input, value_type) => self.why_column(*input, *value_type, why),
            Node::Case(case) => self.why_case(case, why),
            _ => {
                let absent = node.children().into_iter().filter(|child| self.item(child).is_none());
                let absent = absent.collect::<Vec<_>>();
                let computed =
                    matches!(node, Node::Ints(..) | Node::Dates(..) | Node::Moved(..) | Node::Shift(..));
                why.fault |= computed && absent.is_empty();
                absent.into_iter().for_each(|child| self.why(child, why));
            }
        }
    }

    fn why_column(self, input: usize, value_type: ValueType, why: &mut Why) {
        let bound = self.frame.column(input, value_type).is_some();
        let given = self.frame.columns.zip(self.frame.positions.get(input));
        let fault = given.is_none_or(|(columns, &position)| columns.is_fault(self.row, position));
        if bound && !fault {
            why.inputs.push(input);
        } else {
            why.fault = true;
        }
    }

    /// The result taken was NULL, or a WHEN before it was unknown and would have been taken had it been true.
    fn why_case(self, case: &'a Case, why: &mut Why) {
        let operand = case.operand.as_ref();
        for (when, then) in &case.whens {
            let (truth, tested) = match operand {
                None => (self.truth(when), vec![when]),
                Some(operand) => (self.equal(self.item(operand), when), vec![operand, when]),
            };
            if truth == Some(true) {
                return self.why(then, why);
            }
            if truth.is_none() {
                let absent = tested.into_iter().filter(|node| self.item(node).is_none());
                absent.for_each(|node| self.why(node, why));
            }
        }
        if let Some(otherwise) = &case.otherwise
            && self.item(otherwise).is_none()
        {
            self.why(otherwise, why);
        }
    }
}
