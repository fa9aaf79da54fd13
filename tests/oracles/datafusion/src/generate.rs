//! Random typed expressions and random rows. Everything comes from one seed.

use chrono::NaiveDate;
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use tidings_domain::ids::CitizenId;
use tidings_domain::value::{Value, ValueType};

use crate::tree::{COLUMNS, Node, Row, Shift, Tree};

/// The deepest expression.
const DEPTH: u32 = 4;
/// The largest expression, in nodes; larger ones are thrown away.
const MOST_NODES: usize = 80;
/// The longest list after IN, AND, OR, COALESCE and the most WHENs.
const LIST: usize = 4;
/// How often a fact is unknown.
const UNKNOWN: f64 = 0.25;

const TYPES: [ValueType; 5] =
    [ValueType::Bool, ValueType::Int, ValueType::Date, ValueType::Text, ValueType::Citizen];
const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];
const TRUTHS: [&str; 6] = ["TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN"];
const TEXTS: [&str; 7] = ["", "a", "b", "ab", "it's", "Huế", "Hà Nội"];
/// Days around which calendars go wrong.
const DATES: [(i32, u32, u32); 14] = [
    (1, 1, 1),
    (1, 3, 31),
    (1600, 2, 29),
    (1900, 2, 28),
    (1900, 3, 1),
    (1970, 1, 1),
    (1999, 12, 31),
    (2000, 2, 29),
    (2023, 2, 28),
    (2024, 2, 29),
    (2024, 12, 31),
    (2025, 1, 31),
    (2100, 2, 28),
    (9999, 12, 31),
];
const NUMBERS: [i64; 8] =
    [i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1, 1 << 32, -(1 << 32), 3_037_000_500, 1_000_000_007];

/// Makes expressions and rows.
pub struct Generator {
    random: ChaCha8Rng,
}

impl Generator {
    pub fn new(random: ChaCha8Rng) -> Self {
        Self { random }
    }

    /// An expression: two in three are conditions.
    pub fn expression(&mut self) -> Tree {
        loop {
            let value_type = if self.one_in(3) { self.pick(&TYPES) } else { ValueType::Bool };
            let depth = self.random.random_range(1..=DEPTH);
            let tree = self.tree(value_type, depth);
            if tree.size() <= MOST_NODES {
                return tree;
            }
        }
    }

    pub fn rows(&mut self, count: usize) -> Vec<Row> {
        (0..count).map(|_| self.row()).collect()
    }

    /// `total` cut into pieces of 1 to `most`.
    pub fn cuts(&mut self, total: usize, most: usize) -> Vec<std::ops::Range<usize>> {
        let (mut cuts, mut from) = (Vec::new(), 0);
        while from < total {
            let to = total.min(from + self.random.random_range(1..=most));
            cuts.push(from..to);
            from = to;
        }
        cuts
    }

    pub fn below(&mut self, count: usize) -> usize {
        self.random.random_range(0..count)
    }

    fn row(&mut self) -> Row {
        COLUMNS
            .iter()
            .map(|(_, value_type)| (!self.random.random_bool(UNKNOWN)).then(|| self.value(*value_type)))
            .collect()
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        *choices.choose(&mut self.random).expect("there are choices")
    }

    fn one_in(&mut self, odds: u32) -> bool {
        self.random.random_ratio(1, odds)
    }

    fn value(&mut self, value_type: ValueType) -> Value {
        match value_type {
            ValueType::Bool => Value::Bool(self.random.random()),
            ValueType::Int if self.one_in(12) => Value::Int(self.pick(&NUMBERS)),
            ValueType::Int => Value::Int(self.random.random_range(-4..=12)),
            ValueType::Date => Value::date(self.date()),
            ValueType::Text => Value::Text(self.pick(&TEXTS).into()),
            ValueType::Citizen => Value::Citizen(CitizenId([self.random.random_range(1..=3); 16])),
        }
    }

    /// Mostly a day near a corner of the calendar, else any day of two centuries.
    fn date(&mut self) -> NaiveDate {
        let (year, month, day) = if self.one_in(3) { (1950, 1, 1) } else { self.pick(&DATES) };
        let corner = NaiveDate::from_ymd_opt(year, month, day).expect("a date");
        let days = if year == 1950 { 60_000 } else { 3 };
        let moved = corner + chrono::Days::new(self.random.random_range(0..=days));
        let (first, last) = (NaiveDate::from_ymd_opt(1, 1, 1), NaiveDate::from_ymd_opt(9999, 12, 31));
        moved.clamp(first.expect("a date"), last.expect("a date"))
    }

    fn tree(&mut self, value_type: ValueType, depth: u32) -> Tree {
        if depth == 0 || self.one_in(10) {
            return self.leaf(value_type);
        }
        let depth = depth - 1;
        match value_type {
            _ if self.one_in(6) => self.choice(value_type, depth),
            ValueType::Bool => self.condition(depth),
            ValueType::Int => self.number(depth),
            ValueType::Date => self.shifted(depth),
            ValueType::Text | ValueType::Citizen => self.choice(value_type, depth),
        }
    }

    fn leaf(&mut self, value_type: ValueType) -> Tree {
        let node = match self.random.random_range(0..9) {
            0 => Node::Null,
            // No literal means a person.
            1..=3 if value_type != ValueType::Citizen => Node::Literal(self.value(value_type)),
            _ => {
                let known: Vec<usize> =
                    (0..COLUMNS.len()).filter(|at| COLUMNS[*at].1 == value_type).collect();
                Node::Column(self.pick(&known))
            }
        };
        Tree::leaf(node, value_type)
    }

    fn several(&mut self, fewest: usize, value_type: ValueType, depth: u32) -> Vec<Tree> {
        (0..self.random.random_range(fewest..=LIST)).map(|_| self.tree(value_type, depth)).collect()
    }

    fn pair(&mut self, value_type: ValueType, depth: u32) -> Vec<Tree> {
        vec![self.tree(value_type, depth), self.tree(value_type, depth)]
    }

    /// COALESCE or CASE, which any type can be.
    fn choice(&mut self, value_type: ValueType, depth: u32) -> Tree {
        if self.one_in(3) {
            return Tree::new(Node::Coalesce, value_type, self.several(1, value_type, depth));
        }
        let (operand, otherwise) = (self.random.random(), self.random.random());
        let tested = if operand { self.pick(&TYPES) } else { ValueType::Bool };
        let mut parts = Vec::new();
        if operand {
            parts.push(self.tree(tested, depth));
        }
        for _ in 0..self.random.random_range(1..LIST) {
            parts.push(self.tree(tested, depth));
            parts.push(self.tree(value_type, depth));
        }
        if otherwise {
            parts.push(self.tree(value_type, depth));
        }
        Tree::new(Node::Case { operand, otherwise }, value_type, parts)
    }

    fn condition(&mut self, depth: u32) -> Tree {
        let (truth, negated) = (ValueType::Bool, self.random.random());
        let (node, parts) = match self.random.random_range(0..14) {
            0 | 1 => (Node::And, self.several(2, truth, depth)),
            2 | 3 => (Node::Or, self.several(2, truth, depth)),
            4 => (Node::Not, vec![self.tree(truth, depth)]),
            5 => (Node::Is(self.pick(&TRUTHS)), vec![self.tree(truth, depth)]),
            6 => {
                let value_type = self.pick(&TYPES);
                (Node::IsNull { negated }, vec![self.tree(value_type, depth)])
            }
            7 | 8 => {
                let value_type = self.pick(&[ValueType::Int, ValueType::Date, ValueType::Text]);
                let mut parts = self.pair(value_type, depth);
                parts.push(self.tree(value_type, depth));
                (Node::Between { negated }, parts)
            }
            9 | 10 => {
                let value_type = self.pick(&TYPES);
                (Node::In { negated }, self.sought(value_type, depth))
            }
            _ => {
                let value_type = self.pick(&TYPES);
                let ordered = !matches!(value_type, ValueType::Bool | ValueType::Citizen);
                let sign = self.pick(if ordered { &COMPARISONS } else { &COMPARISONS[..2] });
                (Node::Compare(sign), self.pair(value_type, depth))
            }
        };
        Tree::new(node, truth, parts)
    }

    /// What is sought, and a list that is mostly constants.
    fn sought(&mut self, value_type: ValueType, depth: u32) -> Vec<Tree> {
        let mut parts = vec![self.tree(value_type, depth)];
        for _ in 0..self.random.random_range(1..=LIST) {
            parts.push(if self.one_in(4) { self.tree(value_type, depth) } else { self.leaf(value_type) });
        }
        parts
    }

    fn number(&mut self, depth: u32) -> Tree {
        let (node, parts) = match self.random.random_range(0..8) {
            0..=3 => (Node::Calc(self.pick(&["+", "-", "*", "/", "%"])), self.pair(ValueType::Int, depth)),
            4 => (Node::Sign(self.pick(&["-", "-", "+"])), vec![self.tree(ValueType::Int, depth)]),
            5 => (Node::DateMinusDate, self.pair(ValueType::Date, depth)),
            _ => {
                let name = self.pick(&["age_years", "months_between", "days_between"]);
                (Node::Call(name), self.pair(ValueType::Date, depth))
            }
        };
        Tree::new(node, ValueType::Int, parts)
    }

    fn shifted(&mut self, depth: u32) -> Tree {
        if self.one_in(3) {
            let name = self.pick(&["add_days", "add_months", "add_years"]);
            let parts = vec![self.tree(ValueType::Date, depth), self.tree(ValueType::Int, depth)];
            return Tree::new(Node::Move(name), ValueType::Date, parts);
        }
        let sign = self.pick(&["+", "-"]);
        let count = if self.one_in(10) {
            self.pick(&[120_000, -119_989, 3_652_060, 150_000_000, -150_000_000])
        } else {
            self.random.random_range(-40..=40)
        };
        let unit = self.pick(&["DAY", "MONTH", "YEAR"]);
        let first = sign == "+" && self.one_in(4);
        let date = self.tree(ValueType::Date, depth);
        Tree::new(Node::Shift(Shift { sign, count, unit, first }), ValueType::Date, vec![date])
    }
}
