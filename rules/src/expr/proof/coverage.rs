//! What the rows of a batch reach of a condition.

use std::fmt;

use sqlparser::ast::{BinaryOperator, Expr, Function, InTarget, UnaryOperator};

use super::super::check::bare;
use super::super::{ColumnRef, RowKind};
use super::tree::{self, Path, arguments, binary, children, is_coalesce, step, with};
use super::{Answer, Apart, Bound, Columns, truth};

/// One thing that rows can make a part of a condition do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The source of the part; the whole condition for [`Outcome::Answer`].
    pub part: String,
    /// What it can do.
    pub outcome: Outcome,
    /// Whether it did, in some row.
    pub reached: bool,
}

/// What a part of a condition can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The condition gives this answer.
    Answer(Answer),
    /// The part is true.
    True,
    /// The part is false.
    False,
    /// The part is unknown.
    Unknown,
    /// The part is true, and were it false the answer would be another.
    TrueDecides,
    /// The part is false, and were it true the answer would be another.
    FalseDecides,
    /// The value lies below both ends of a BETWEEN.
    Below,
    /// The value lies above both ends of a BETWEEN.
    Above,
    /// The value is this member of an IN list.
    Member(String),
    /// A CASE takes the result of this WHEN.
    When(String),
    /// A CASE takes its ELSE, or none of its results.
    Otherwise,
    /// A COALESCE takes this of its values.
    Taken(String),
}

impl fmt::Display for Outcome {
    /// What is said of a part when no row reaches this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(Answer::Yes) => f.write_str("never yes"),
            Self::Answer(Answer::No) => f.write_str("never no"),
            Self::Answer(Answer::Unknown) | Self::Unknown => f.write_str("never unknown"),
            Self::True => f.write_str("never true"),
            Self::False => f.write_str("never false"),
            Self::TrueDecides => f.write_str("never decides when true"),
            Self::FalseDecides => f.write_str("never decides when false"),
            Self::Below => f.write_str("never below"),
            Self::Above => f.write_str("never above"),
            Self::Member(member) => write!(f, "never {member}"),
            Self::When(condition) => write!(f, "never WHEN {condition}"),
            Self::Otherwise => f.write_str("never ELSE"),
            Self::Taken(value) => write!(f, "never takes {value}"),
        }
    }
}

impl Bound {
    /// What these rows reach of the condition, part by part in the order of the text. `certain` says which columns
    /// are never NULL, so that nobody is asked to make them so. `None` when the condition cannot be taken apart.
    pub fn coverage(&self, columns: &Columns, certain: &dyn Fn(&ColumnRef) -> bool) -> Option<Vec<Point>> {
        let apart = Apart::of(self)?;
        let answers = self.answers(columns).iter().collect();
        let mut survey = Survey { apart: &apart, columns, certain, answers, points: Vec::new() };
        survey.whole()?;
        Some(survey.points)
    }
}

struct Survey<'a> {
    apart: &'a Apart<'a>,
    columns: &'a Columns,
    certain: &'a dyn Fn(&ColumnRef) -> bool,
    answers: Vec<Answer>,
    points: Vec<Point>,
}

impl Survey<'_> {
    /// A condition of a single part answers as that part does, so that this is said once.
    fn whole(&mut self) -> Option<()> {
        let root = &self.apart.expr;
        if connective(root).is_some() {
            let (yes, no) = (Answer::Yes, Answer::No);
            let unknown = self.nullable(root).then_some(Answer::Unknown);
            for answer in [yes, no].into_iter().chain(unknown) {
                self.point(root, Outcome::Answer(answer), self.answers.contains(&answer));
            }
        }
        self.truth(root, &Path::new())
    }

    fn point(&mut self, part: &Expr, outcome: Outcome, reached: bool) {
        self.points.push(Point { part: tree::text(part), outcome, reached });
    }

    fn ask(&self, expr: &Expr) -> Option<Vec<Answer>> {
        self.apart.ask(expr, self.columns)
    }

    /// Whether `expr` is true in some row.
    fn holds(&self, expr: &Expr) -> Option<bool> {
        Some(self.ask(expr)?.contains(&Answer::Yes))
    }

    /// Looks into an expression whose truth is asked.
    fn truth(&mut self, expr: &Expr, path: &[usize]) -> Option<()> {
        let inner = bare(expr);
        let path = within_brackets(expr, path);
        match connective(inner) {
            Some(places) => {
                let children = children(inner);
                places.into_iter().try_for_each(|place| self.truth(children.get(place)?, &step(&path, place)))
            }
            None if matches!(inner, Expr::Value(_)) => Some(()),
            None if matches!(inner, Expr::Case { .. }) => self.value(inner, &path),
            None => self.atom(inner, &path),
        }
    }

    /// A part that is true, false or unknown as a whole.
    fn atom(&mut self, expr: &Expr, path: &[usize]) -> Option<()> {
        let found = self.ask(expr)?;
        let constant = self.constant(expr);
        // What lies outside a BETWEEN lies on one of its sides.
        let outside = match expr {
            Expr::Between { negated, .. } => Some(*negated),
            _ => None,
        };
        for (outcome, answer) in [(Outcome::True, Answer::Yes), (Outcome::False, Answer::No)] {
            if !constant && outside != Some(answer == Answer::Yes) {
                self.point(expr, outcome, found.contains(&answer));
            }
        }
        if !constant {
            self.inside(expr)?;
        }
        if !constant && self.nullable(expr) {
            self.point(expr, Outcome::Unknown, found.contains(&Answer::Unknown));
        }
        if !constant && !path.is_empty() {
            let (when_true, when_false) = self.decides(&found, path)?;
            self.point(expr, Outcome::TrueDecides, when_true);
            self.point(expr, Outcome::FalseDecides, when_false);
        }
        self.values(expr, path)
    }

    /// Whether it is the same in every row: a test for NULL of what never is, or what reads no column.
    fn constant(&self, expr: &Expr) -> bool {
        match expr {
            Expr::IsNull(inner) | Expr::IsNotNull(inner) if !self.nullable(inner) => true,
            _ => !reads(expr),
        }
    }

    /// Whether the part being true, and its being false, made the answer what it was in some row.
    fn decides(&self, found: &[Answer], path: &[usize]) -> Option<(bool, bool)> {
        let root = &self.apart.expr;
        let were_false = self.ask(&with(root, path, truth(false))?)?;
        let were_true = self.ask(&with(root, path, truth(true))?)?;
        let changes = |answer: Answer, instead: &[Answer]| {
            let rows = found.iter().zip(&self.answers).zip(instead);
            rows.into_iter().any(|((found, given), instead)| *found == answer && given != instead)
        };
        Some((changes(Answer::Yes, &were_false), changes(Answer::No, &were_true)))
    }

    /// The ends of a BETWEEN and the members of an IN.
    fn inside(&mut self, part: &Expr) -> Option<()> {
        match part {
            Expr::Between { expr, low, high, .. } => {
                let side = |op, end: &Expr| binary((**expr).clone(), op, end.clone());
                let below = self.holds(&side(BinaryOperator::Lt, low))?;
                let above = self.holds(&side(BinaryOperator::Gt, high))?;
                self.point(part, Outcome::Below, below);
                self.point(part, Outcome::Above, above);
            }
            Expr::In { expr, target: InTarget::List(list), .. } if list.len() > 1 => {
                for member in list.iter().filter(|member| !is_null(member)) {
                    let reached =
                        self.holds(&binary((**expr).clone(), BinaryOperator::Eq, member.clone()))?;
                    self.point(part, Outcome::Member(tree::text(member)), reached);
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Looks into what an expression is computed from.
    fn values(&mut self, expr: &Expr, path: &[usize]) -> Option<()> {
        let mut children = children(expr).into_iter().enumerate();
        children.try_for_each(|(place, child)| self.value(child, &step(path, place)))
    }

    fn value(&mut self, expr: &Expr, path: &[usize]) -> Option<()> {
        match expr {
            Expr::Case { .. } if tree::is_table(expr) => Some(()),
            Expr::Case { .. } => self.case(expr, path),
            Expr::Function(function) if is_coalesce(function) => {
                self.coalesce(expr, function)?;
                self.values(expr, path)
            }
            _ if connective(expr).is_some() || is_test(expr) => self.truth(expr, path),
            _ => self.values(expr, path),
        }
    }

    fn case(&mut self, part: &Expr, path: &[usize]) -> Option<()> {
        let Expr::Case { operand, conditions, .. } = part else { return Some(()) };
        let mut open = vec![true; self.answers.len()];
        for when in conditions {
            let condition = match operand.as_deref() {
                Some(operand) => binary(operand.clone(), BinaryOperator::Eq, when.condition.clone()),
                None => when.condition.clone(),
            };
            let found = self.ask(&condition)?;
            let taken = open.iter().zip(&found).any(|(open, answer)| *open && *answer == Answer::Yes);
            open.iter_mut().zip(found).for_each(|(open, answer)| *open &= answer != Answer::Yes);
            self.point(part, Outcome::When(tree::text(&when.condition)), taken);
        }
        self.point(part, Outcome::Otherwise, open.contains(&true));
        // Without an operand: condition, result, condition, result, otherwise.
        let conditions = if operand.is_none() { 2 * conditions.len() } else { 0 };
        for (place, child) in children(part).into_iter().enumerate() {
            let path = step(path, place);
            if place < conditions && place.is_multiple_of(2) {
                self.truth(child, &path)?
            } else {
                self.value(child, &path)?
            }
        }
        Some(())
    }

    fn coalesce(&mut self, part: &Expr, function: &Function) -> Option<()> {
        let mut open = vec![true; self.answers.len()];
        for value in arguments(function) {
            if is_null(value) {
                continue;
            }
            let known = self.ask(&Expr::IsNotNull(Box::new(value.clone())))?;
            let taken = open.iter().zip(&known).any(|(open, answer)| *open && *answer == Answer::Yes);
            self.point(part, Outcome::Taken(tree::text(value)), taken);
            open.iter_mut().zip(known).for_each(|(open, answer)| *open &= answer != Answer::Yes);
            if !self.nullable(value) {
                break;
            }
        }
        Some(())
    }

    /// Whether a row can make it NULL, faults in arithmetic apart.
    fn nullable(&self, expr: &Expr) -> bool {
        match expr {
            Expr::CompoundIdentifier(_) => column(expr).is_none_or(|column| !(self.certain)(&column)),
            Expr::Value(_) => is_null(expr),
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_) => false,
            Expr::Function(function) if is_coalesce(function) => {
                arguments(function).into_iter().all(|value| self.nullable(value))
            }
            Expr::Case { conditions, else_result, .. } => {
                else_result.as_ref().is_none_or(|result| self.nullable(result))
                    || conditions.iter().any(|when| self.nullable(&when.result))
            }
            _ => children(expr).into_iter().any(|child| self.nullable(child)),
        }
    }
}

/// Which children of AND, OR, NOT, IS TRUE and their like are asked for their truth; `None` for what is none of them.
fn connective(expr: &Expr) -> Option<Vec<usize>> {
    match bare(expr) {
        inner @ Expr::BinaryOp { .. } => tree::junction(inner).map(|_| vec![0, 1]),
        Expr::UnaryOp { op: UnaryOperator::Not, .. }
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_) => Some(vec![0]),
        _ => None,
    }
}

/// Whether it reads a column.
fn reads(expr: &Expr) -> bool {
    matches!(expr, Expr::CompoundIdentifier(_)) || children(expr).into_iter().any(reads)
}

/// Whether it is a comparison, or another test of values.
fn is_test(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
        ),
        Expr::Between { .. } | Expr::In { .. } | Expr::IsNull(_) | Expr::IsNotNull(_) => true,
        _ => false,
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(bare(expr), Expr::Value(value) if matches!(value.value, sqlparser::ast::Value::Null))
}

fn within_brackets(expr: &Expr, path: &[usize]) -> Path {
    let (mut expr, mut path) = (expr, path.to_vec());
    while let Expr::Nested(inner) = expr {
        (expr, path) = (inner, step(&path, 0));
    }
    path
}

/// The column that a name means.
fn column(expr: &Expr) -> Option<ColumnRef> {
    let Expr::CompoundIdentifier(parts) = expr else { return None };
    let (row, path) = parts.split_first()?;
    let row = RowKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(&row.value))?;
    Some(ColumnRef { row, path: path.iter().map(|part| part.value.clone()).collect() })
}
