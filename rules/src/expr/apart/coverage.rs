//! What the rows of a batch reach of a condition.

use std::fmt;

use sqlparser::ast::{BinaryOperator, Expr, Function, InTarget, UnaryOperator};

use super::super::check::bare;
use super::super::prove::{Asked, Truths, Way, World, differ, met, never};
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
    /// What these rows reach of the condition, part by part in the order of the text. What is proved to be out of reach
    /// of every row of `world` is left out. `None` when the condition cannot be taken apart.
    pub(crate) fn coverage(&self, columns: &Columns, world: &World) -> Option<Vec<Point>> {
        let apart = Apart::of(self)?;
        let mut survey = Survey { apart: &apart, columns, world, points: Vec::new() };
        survey.whole()?;
        Some(survey.points)
    }
}

struct Survey<'a> {
    apart: &'a Apart<'a>,
    columns: &'a Columns,
    world: &'a World,
    points: Vec<Point>,
}

impl Survey<'_> {
    /// A condition of a single part answers as that part does, so that this is said once.
    fn whole(&mut self) -> Option<()> {
        let root = &self.apart.expr;
        if connective(root).is_some() {
            for answer in [Answer::Yes, Answer::No, Answer::Unknown] {
                let way = vec![self.apart.bound.asked(answer.into())];
                self.point(root, Outcome::Answer(answer), &[way]);
            }
        }
        self.truth(root, &Path::new())
    }

    /// Something that a part does in rows that meet one of the ways. A case may reach what no event brings: that does
    /// not count either.
    fn point(&mut self, part: &Expr, outcome: Outcome, ways: &[Way]) {
        let reached = met(ways, self.columns).is_some();
        if !ways.iter().all(|way| never(way, self.world)) {
            self.points.push(Point { part: tree::text(part), outcome, reached });
        }
    }

    fn asked(&self, expr: &Expr, truths: Truths) -> Option<Asked> {
        Some(self.apart.compile(expr)?.asked(truths))
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
        let part = self.apart.compile(expr)?;
        if reads(expr) && self.varies(&part) {
            self.outcomes(expr, &part)?;
            if !path.is_empty() {
                self.decides(expr, &part, path)?;
            }
        }
        self.values(expr, path)
    }

    /// Whether it can have more than one answer.
    fn varies(&self, part: &Bound) -> bool {
        let answers = [Truths::YES, Truths::NO, Truths::UNKNOWN];
        answers.iter().filter(|truths| !never(&[part.asked(**truths)], self.world)).count() > 1
    }

    fn outcomes(&mut self, expr: &Expr, part: &Bound) -> Option<()> {
        // What lies outside a BETWEEN lies on one of its sides.
        let outside = match expr {
            Expr::Between { negated, .. } => Some(*negated),
            _ => None,
        };
        for (outcome, truth) in [(Outcome::True, true), (Outcome::False, false)] {
            if outside != Some(truth) {
                let truths = if truth { Truths::YES } else { Truths::NO };
                self.point(expr, outcome, &[vec![part.asked(truths)]]);
            }
        }
        self.inside(expr)?;
        self.point(expr, Outcome::Unknown, &[vec![part.asked(Truths::UNKNOWN)]]);
        Some(())
    }

    /// The part being true, and its being false, makes the answer what it is.
    fn decides(&mut self, expr: &Expr, part: &Bound, path: &[usize]) -> Option<()> {
        let turns = [(Outcome::TrueDecides, Truths::YES, false), (Outcome::FalseDecides, Truths::NO, true)];
        for (outcome, truths, instead) in turns {
            let instead = self.apart.compile(&with(&self.apart.expr, path, truth(instead))?)?;
            let mut ways = differ(self.apart.bound, &instead);
            ways.iter_mut().for_each(|way| way.push(part.asked(truths)));
            self.point(expr, outcome, &ways);
        }
        Some(())
    }

    /// The ends of a BETWEEN and the members of an IN.
    fn inside(&mut self, part: &Expr) -> Option<()> {
        match part {
            Expr::Between { expr, low, high, .. } => {
                let ends =
                    [(Outcome::Below, BinaryOperator::Lt, low), (Outcome::Above, BinaryOperator::Gt, high)];
                for (outcome, op, end) in ends {
                    let beyond = self.asked(&binary((**expr).clone(), op, (**end).clone()), Truths::YES)?;
                    self.point(part, outcome, &[vec![beyond]]);
                }
            }
            Expr::In { expr, target: InTarget::List(list), .. } if list.len() > 1 => {
                for member in list.iter().filter(|member| !is_null(member)) {
                    let equal = binary((**expr).clone(), BinaryOperator::Eq, member.clone());
                    let equal = self.asked(&equal, Truths::YES)?;
                    self.point(part, Outcome::Member(tree::text(member)), &[vec![equal]]);
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
        let mut before = Way::new();
        for when in conditions {
            let condition = match operand.as_deref() {
                Some(operand) => binary(operand.clone(), BinaryOperator::Eq, when.condition.clone()),
                None => when.condition.clone(),
            };
            let condition = self.apart.compile(&condition)?;
            let taken = [&before[..], &[condition.asked(Truths::YES)]].concat();
            self.point(part, Outcome::When(tree::text(&when.condition)), &[taken]);
            before.push(condition.asked(Truths::NOT_YES));
        }
        self.point(part, Outcome::Otherwise, &[before]);
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
        let mut before = Way::new();
        for value in arguments(function).into_iter().filter(|value| !is_null(value)) {
            let known = self.apart.compile(&Expr::IsNotNull(Box::new(value.clone())))?;
            let taken = [&before[..], &[known.asked(Truths::YES)]].concat();
            self.point(part, Outcome::Taken(tree::text(value)), &[taken]);
            before.push(known.asked(Truths::NO));
        }
        Some(())
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
