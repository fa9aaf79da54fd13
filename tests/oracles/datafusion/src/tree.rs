//! Typed expressions as trees, so that they can be made, printed in two languages and cut down.

use tidings_domain::value::{Value, ValueType};

/// An expression of type `value_type`: what it does, and the expressions it does it to, in the order of the text.
#[derive(Clone, Debug)]
pub struct Tree {
    pub node: Node,
    pub value_type: ValueType,
    pub parts: Vec<Tree>,
}

/// What an expression does. The length of `parts` is fixed where it is not said.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A position in [`COLUMNS`].
    Column(usize),
    Literal(Value),
    Null,
    /// Two or more.
    And,
    /// Two or more.
    Or,
    Not,
    Compare(&'static str),
    Between {
        negated: bool,
    },
    /// What is sought, and one or more values.
    In {
        negated: bool,
    },
    IsNull {
        negated: bool,
    },
    /// `TRUE`, `NOT UNKNOWN` and so on.
    Is(&'static str),
    /// An operand, if `operand`; one or more pairs of WHEN and THEN; what ELSE gives, if `otherwise`.
    Case {
        operand: bool,
        otherwise: bool,
    },
    /// One or more.
    Coalesce,
    Calc(&'static str),
    /// A sign before a number.
    Sign(&'static str),
    /// The days from the second date to the first.
    DateMinusDate,
    Shift(Shift),
    /// A number computed from two dates.
    Call(&'static str),
    /// A date moved by a number.
    Move(&'static str),
}

/// A date moved by an interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    pub sign: &'static str,
    pub count: i32,
    pub unit: &'static str,
    /// Written before the date, which only a plus allows.
    pub first: bool,
}

/// Every column: its name in a condition, and its type. In the oracle it is `c` and its position.
pub const COLUMNS: [(&str, ValueType); 13] = [
    ("event.flag", ValueType::Bool),
    ("event.amount", ValueType::Int),
    ("event.on", ValueType::Date),
    ("event.kind", ValueType::Text),
    ("event.reporter", ValueType::Citizen),
    ("subject.married", ValueType::Bool),
    ("subject.children", ValueType::Int),
    ("subject.birth", ValueType::Date),
    ("subject.mother.province", ValueType::Text),
    ("citizen.self", ValueType::Citizen),
    ("citizen.income", ValueType::Int),
    ("citizen.expires", ValueType::Date),
    ("citizen.province", ValueType::Text),
];

/// The facts of one person at one event; `None` is unknown.
pub type Row = Vec<Option<Value>>;

impl Tree {
    pub fn new(node: Node, value_type: ValueType, parts: Vec<Self>) -> Self {
        Self { node, value_type, parts }
    }

    pub fn leaf(node: Node, value_type: ValueType) -> Self {
        Self::new(node, value_type, Vec::new())
    }

    /// How many nodes.
    pub fn size(&self) -> usize {
        1 + self.parts.iter().map(Self::size).sum::<usize>()
    }

    /// Calls `visit` for every node.
    pub fn walk(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        self.parts.iter().for_each(|part| part.walk(visit));
    }

    /// The columns it reads, sorted, each once.
    pub fn columns(&self) -> Vec<usize> {
        let mut columns = Vec::new();
        self.walk(&mut |tree| {
            if let Node::Column(position) = tree.node {
                columns.push(position);
            }
        });
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Everything that is this with one part made simpler, largest cuts first.
    pub fn smaller(&self) -> Vec<Self> {
        let mut all: Vec<Self> =
            self.parts.iter().filter(|part| part.value_type == self.value_type).cloned().collect();
        if !matches!(self.node, Node::Null | Node::Column(_) | Node::Literal(_)) {
            all.push(Self::leaf(Node::Null, self.value_type));
        }
        all.extend(self.shorter());
        for (at, part) in self.parts.iter().enumerate() {
            all.extend(part.smaller().into_iter().map(|smaller| {
                let mut whole = self.clone();
                whole.parts[at] = smaller;
                whole
            }));
        }
        all
    }

    /// This with one of its list left out, where it has a list.
    fn shorter(&self) -> Vec<Self> {
        let (fixed, step, fewest) = match self.node {
            Node::And | Node::Or => (0, 1, 2),
            Node::Coalesce => (0, 1, 1),
            Node::In { .. } => (1, 1, 1),
            Node::Case { operand, .. } => (usize::from(operand), 2, 1),
            _ => return Vec::new(),
        };
        let steps = (self.parts.len() - fixed) / step;
        let without = |skipped: usize| {
            let mut whole = self.clone();
            whole.parts.drain(fixed + skipped * step..fixed + (skipped + 1) * step);
            whole
        };
        if steps > fewest { (0..steps).map(without).collect() } else { Vec::new() }
    }
}
