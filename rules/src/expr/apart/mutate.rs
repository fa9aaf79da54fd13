//! Conditions that differ from a given one in one small way each, such as a mistake would.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArguments, InTarget, Interval, UnaryOperator, Value as Sql,
};

use super::super::prove::{World, differ, never, sample};
use super::tree::{
    self, Path, amount, arguments, at, binary, chain, children, is_coalesce, join, junction, moved, step,
    with,
};
use super::{Answer, Apart, Bound, Columns, truth};

/// What kind of mistake a mutant makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// `<` for `<=`, `=` for `<>`, an end of BETWEEN left out.
    Comparison,
    /// A number or a date one off.
    Boundary,
    /// AND for OR.
    Junction,
    /// A part of AND or OR left out.
    Part,
    /// A NOT too few or too many.
    Negation,
    /// IS NULL for IS NOT NULL, IS TRUE for IS NOT TRUE.
    Null,
    /// A member of IN left out.
    Member,
    /// An interval one off.
    Interval,
    /// The last value of COALESCE left out.
    Default,
    /// A branch of CASE left out.
    Branch,
    /// TRUE for FALSE.
    Truth,
}

impl Change {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comparison => "comparison",
            Self::Boundary => "boundary",
            Self::Junction => "AND for OR",
            Self::Part => "part left out",
            Self::Negation => "negation",
            Self::Null => "null test",
            Self::Member => "member of IN",
            Self::Interval => "interval",
            Self::Default => "default of COALESCE",
            Self::Branch => "branch of CASE",
            Self::Truth => "TRUE for FALSE",
        }
    }
}

/// A condition changed in one place.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// How.
    pub change: Change,
    /// The source of the part that was changed.
    pub part: String,
    /// What it became; empty when it was left out.
    pub became: String,
    /// The changed condition, over the same columns.
    pub condition: Bound,
}

/// The mutants of a condition.
#[derive(Clone, Debug, Default)]
pub struct Mutants {
    /// Each different from the condition and from one another, as far as that can be told.
    pub mutants: Vec<Mutant>,
    /// How many were left out for being proved the same as the condition or as another mutant: `n <= 13` is
    /// `n < 14`.
    pub same: usize,
}

impl Bound {
    /// Every mutant of the condition, in the order of the text, but those that are proved to answer every row of `world`
    /// as the condition or another mutant does. `None` when the condition cannot be taken apart.
    pub(crate) fn mutants(&self, world: &World) -> Option<Mutants> {
        let mut met = Met { world, rows: sample(self, world), seen: Vec::new() };
        met.is_new(self);
        let mut found = Mutants::default();
        for mutant in self.mistakes()? {
            if met.is_new(&mutant.condition) {
                found.mutants.push(mutant);
            } else {
                found.same += 1;
            }
        }
        Some(found)
    }

    /// Every change that loads: what has no meaning (a NULL left where a type is needed) is no mistake that would.
    pub(in crate::expr) fn mistakes(&self) -> Option<Vec<Mutant>> {
        let apart = Apart::of(self)?;
        let mut drafts = Drafts { root: &apart.expr, drafts: Vec::new() };
        drafts.truth(&apart.expr, Path::new());
        let mutants = drafts.drafts.into_iter().filter_map(|draft| {
            let Draft { change, expr, part, became } = draft;
            Some(Mutant { change, part, became, condition: apart.compile(&expr)? })
        });
        Some(mutants.collect())
    }
}

/// The conditions met so far, each with what it answers about some rows.
struct Met<'a> {
    world: &'a World,
    rows: Columns,
    seen: Vec<(Vec<Answer>, Bound)>,
}

impl Met<'_> {
    /// Whether it is not proved to be the same as one met before.
    fn is_new(&mut self, condition: &Bound) -> bool {
        let answers: Vec<_> = condition.answers(&self.rows).iter().collect();
        let mut alike = self.seen.iter().filter(|(others, _)| *others == answers);
        let is_same = |other: &Bound| differ(other, condition).iter().all(|way| never(way, self.world));
        if alike.any(|(_, other)| is_same(other)) {
            return false;
        }
        self.seen.push((answers, condition.clone()));
        true
    }
}

struct Draft {
    change: Change,
    expr: Expr,
    part: String,
    became: String,
}

struct Drafts<'a> {
    root: &'a Expr,
    drafts: Vec<Draft>,
}

impl Drafts<'_> {
    /// An expression whose truth is asked.
    fn truth(&mut self, expr: &Expr, path: Path) {
        if let Some(op) = junction(expr) {
            return self.junction(expr, op, &path);
        }
        match expr {
            Expr::Nested(inner) => return self.truth(inner, step(&path, 0)),
            Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => {
                self.replace(Change::Negation, &path, &path, (**inner).clone());
                return self.truth(inner, step(&path, 0));
            }
            Expr::CompoundIdentifier(_) => self.replace(Change::Negation, &path, &path, not(expr.clone())),
            _ => {}
        }
        self.value(expr, &path, &path);
    }

    /// AND for OR at each place, and each operand left out.
    fn junction(&mut self, expr: &Expr, op: &BinaryOperator, path: &[usize]) {
        let operands = chain(expr, path, op);
        let other = if *op == BinaryOperator::And { BinaryOperator::Or } else { BinaryOperator::And };
        let copies = || operands.iter().map(|(_, operand)| (*operand).clone());
        for place in 1..operands.len() {
            let pair: Vec<_> = copies().skip(place - 1).take(2).collect();
            let (Some(was), Some(is)) = (join(pair.clone(), op), join(pair, &other)) else { continue };
            let became = tree::text(&is);
            let rest = copies().take(place - 1).chain([is]).chain(copies().skip(place + 1));
            self.push(Change::Junction, path, join(rest, op), (tree::text(&was), became));
        }
        for (place, (_, operand)) in operands.iter().enumerate() {
            let rest = copies().enumerate().filter(|(other, _)| *other != place).map(|(_, rest)| rest);
            self.push(Change::Part, path, join(rest, op), (tree::text(operand), String::new()));
        }
        for (path, operand) in operands {
            self.truth(operand, path);
        }
    }

    /// An expression in the part at `shown`.
    fn value(&mut self, expr: &Expr, path: &[usize], shown: &[usize]) {
        if tree::is_table(expr) {
            return;
        }
        for (change, replacement) in variants(expr) {
            self.replace(change, path, shown, replacement);
        }
        let few = match expr {
            // A longer list loses its members; one off in a single member says no more.
            Expr::In { target: InTarget::List(list), .. } if list.len() > 1 => 1,
            _ => usize::MAX,
        };
        for (place, child) in children(expr).into_iter().enumerate().take(few) {
            let path = step(path, place);
            match expr {
                Expr::Case { operand: None, conditions, .. }
                    if place < 2 * conditions.len() && place.is_multiple_of(2) =>
                {
                    self.truth(child, path);
                }
                Expr::IsTrue(_) | Expr::IsNotTrue(_) | Expr::IsFalse(_) | Expr::IsNotFalse(_) => {
                    self.truth(child, path);
                }
                _ if junction(child).is_some() => self.truth(child, path),
                _ => self.value(child, &path, shown),
            }
        }
    }

    fn replace(&mut self, change: Change, path: &[usize], shown: &[usize], replacement: Expr) {
        let Some(expr) = with(self.root, path, replacement) else { return };
        let (Some(was), Some(is)) = (at(self.root, shown), at(&expr, shown)) else { return };
        let (part, became) = (tree::text(was), tree::text(is));
        self.drafts.push(Draft { change, expr, part, became });
    }

    fn push(&mut self, change: Change, path: &[usize], new: Option<Expr>, shown: (String, String)) {
        let bracketed = new.map(|new| if path.is_empty() { new } else { Expr::Nested(Box::new(new)) });
        if let Some(expr) = bracketed.and_then(|new| with(self.root, path, new)) {
            let (part, became) = shown;
            self.drafts.push(Draft { change, expr, part, became });
        }
    }
}

fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) }
}

/// What may stand in place of `expr`, its parts left as they are.
fn variants(expr: &Expr) -> Vec<(Change, Expr)> {
    let null =
        |changed: fn(Box<Expr>) -> Expr, inner: &Expr| vec![(Change::Null, changed(Box::new(inner.clone())))];
    match expr {
        Expr::BinaryOp { left, op, right } => {
            let swapped = neighbour(op).map(|op| binary((**left).clone(), op, (**right).clone()));
            swapped.into_iter().map(|swapped| (Change::Comparison, swapped)).collect()
        }
        Expr::Value(value) if matches!(value.value, Sql::Boolean(_)) => {
            let opposite = truth(value.value == Sql::Boolean(false));
            vec![(Change::Truth, opposite)]
        }
        Expr::Value(_) | Expr::TypedString(_) => {
            [-1, 1].into_iter().filter_map(|by| Some((Change::Boundary, moved(expr, by)?))).collect()
        }
        Expr::Interval(interval) => {
            [-1, 1].into_iter().filter_map(|by| Some((Change::Interval, longer(interval, by)?))).collect()
        }
        Expr::IsNull(inner) => null(Expr::IsNotNull, inner),
        Expr::IsNotNull(inner) => null(Expr::IsNull, inner),
        Expr::IsTrue(inner) => null(Expr::IsNotTrue, inner),
        Expr::IsNotTrue(inner) => null(Expr::IsTrue, inner),
        Expr::IsFalse(inner) => null(Expr::IsNotFalse, inner),
        Expr::IsNotFalse(inner) => null(Expr::IsFalse, inner),
        Expr::IsUnknown(inner) => null(Expr::IsNotUnknown, inner),
        Expr::IsNotUnknown(inner) => null(Expr::IsUnknown, inner),
        Expr::Between { .. } => between(expr),
        Expr::In { .. } => members(expr),
        Expr::Case { .. } => branches(expr),
        Expr::Function(function) if is_coalesce(function) => shorter(function),
        _ => Vec::new(),
    }
}

/// The comparison that differs where both sides are equal, and for equality its opposite.
fn neighbour(op: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match op {
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        BinaryOperator::Lt => BinaryOperator::LtEq,
        BinaryOperator::LtEq => BinaryOperator::Lt,
        BinaryOperator::Gt => BinaryOperator::GtEq,
        BinaryOperator::GtEq => BinaryOperator::Gt,
        _ => return None,
    })
}

fn longer(interval: &Interval, by: i64) -> Option<Expr> {
    let amount = amount(interval)?.checked_add(by)?;
    let value = Expr::Value(Sql::SingleQuotedString(amount.to_string()).with_empty_span());
    Some(Expr::Interval(Interval { value: Box::new(value), ..interval.clone() }))
}

/// Each end left out of what is within, and the whole turned round.
fn between(expr: &Expr) -> Vec<(Change, Expr)> {
    let Expr::Between { expr: value, negated, low, high } = expr else { return Vec::new() };
    let side = |op, end: &Expr| binary((**value).clone(), op, end.clone());
    let both = |low_op, high_op| {
        let within = binary(side(low_op, low), BinaryOperator::And, side(high_op, high));
        let within = Expr::Nested(Box::new(within));
        (Change::Comparison, if *negated { not(within) } else { within })
    };
    let mut turned = expr.clone();
    if let Expr::Between { negated, .. } = &mut turned {
        *negated = !*negated;
    }
    vec![
        both(BinaryOperator::Gt, BinaryOperator::LtEq),
        both(BinaryOperator::GtEq, BinaryOperator::Lt),
        (Change::Negation, turned),
    ]
}

/// Each member left out, and the whole turned round.
fn members(expr: &Expr) -> Vec<(Change, Expr)> {
    let Expr::In { target: InTarget::List(list), .. } = expr else { return Vec::new() };
    let mut turned = expr.clone();
    if let Expr::In { negated, .. } = &mut turned {
        *negated = !*negated;
    }
    let places = if list.len() > 1 { 0..list.len() } else { 0..0 };
    let without = places.map(|place| {
        let mut copy = expr.clone();
        if let Expr::In { target: InTarget::List(list), .. } = &mut copy {
            list.remove(place);
        }
        (Change::Member, copy)
    });
    without.chain([(Change::Negation, turned)]).collect()
}

/// Each WHEN left out, and ELSE.
fn branches(expr: &Expr) -> Vec<(Change, Expr)> {
    let Expr::Case { conditions, else_result, .. } = expr else { return Vec::new() };
    let places = if conditions.len() > 1 { 0..conditions.len() } else { 0..0 };
    let changed = |change: &dyn Fn(&mut Expr)| {
        let mut copy = expr.clone();
        change(&mut copy);
        (Change::Branch, copy)
    };
    let mut branches: Vec<_> = places
        .map(|place| {
            changed(&|copy| {
                if let Expr::Case { conditions, .. } = copy {
                    conditions.remove(place);
                }
            })
        })
        .collect();
    if else_result.is_some() {
        branches.push(changed(&|copy| {
            if let Expr::Case { else_result, .. } = copy {
                *else_result = None;
            }
        }));
    }
    branches
}

/// The last value left out.
fn shorter(function: &Function) -> Vec<(Change, Expr)> {
    let shorter = match arguments(function).as_slice() {
        [] | [_] => return Vec::new(),
        [only, _] => (*only).clone(),
        _ => {
            let mut copy = function.clone();
            if let FunctionArguments::List(list) = &mut copy.args {
                list.args.pop();
            }
            Expr::Function(copy)
        }
    };
    vec![(Change::Default, shorter)]
}
