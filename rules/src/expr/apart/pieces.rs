//! The parts of a condition that a person would point at, each with its place in the text.

use sqlparser::ast::{BinaryOperator, Expr, InTarget, Spanned, UnaryOperator, Value as Sql, ValueWithSpan};

use super::super::bound::Bound;
use super::super::check::{bare, chain};
use super::super::node::Node;
use super::super::parse;
use super::super::prove::{Claim, Ref, Truths};
use super::tree::children;

/// A part of a condition.
#[derive(Clone, Debug)]
pub(crate) struct Piece<'a> {
    at: Ref<'a>,
    /// Its source.
    pub(crate) text: String,
    /// Line within the text, from 1.
    pub(crate) line: usize,
    /// Character within the line, from 1.
    pub(crate) column: usize,
    /// Whether it is a constant, and so what somebody wrote on purpose.
    pub(crate) constant: bool,
    /// The operands of an OR.
    pub(crate) alternatives: Vec<Piece<'a>>,
    /// The conditions of a searched CASE, in order.
    pub(crate) whens: Vec<Piece<'a>>,
}

impl<'a> Piece<'a> {
    /// That it has one of `truths`.
    pub(crate) const fn claim(&self, truths: Truths) -> Claim<'a> {
        Claim::new(self.at, truths)
    }

    fn new(at: Ref<'a>, expr: &Expr, outer: (usize, usize)) -> Self {
        let start = bare(expr).span().start;
        let (line, column) = match (usize::try_from(start.line), usize::try_from(start.column)) {
            (Ok(line @ 1..), Ok(column @ 1..)) => (line, column),
            _ => outer,
        };
        let mut piece = Self {
            at,
            text: expr.to_string(),
            line,
            column,
            constant: matches!(at.node(), Node::Const(_)),
            alternatives: Vec::new(),
            whens: Vec::new(),
        };
        if let Node::Any(list) = at.node() {
            piece.alternatives = zip(at, list, &chain(expr, &BinaryOperator::Or), (line, column));
        }
        if let (Node::Case(case), Expr::Case { operand: None, conditions, .. }) = (at.node(), bare(expr)) {
            let nodes = case.whens.iter().map(|(when, _)| when);
            let sources = conditions.iter().map(|when| &when.condition);
            let whens = nodes.zip(sources).map(|(node, expr)| Self::new(at.to(node), expr, (line, column)));
            piece.whens = whens.collect();
        }
        piece
    }
}

/// Nodes with their sources; nothing when they do not match, so that no place is ever wrong.
fn zip<'a>(at: Ref<'a>, list: &'a [Node], sources: &[&Expr], outer: (usize, usize)) -> Vec<Piece<'a>> {
    if list.len() != sources.len() {
        return Vec::new();
    }
    list.iter().zip(sources).map(|(node, expr)| Piece::new(at.to(node), expr, outer)).collect()
}

impl Bound {
    /// The operands of its outermost AND, or the whole when there is none.
    pub(crate) fn pieces(&self) -> Vec<Piece<'_>> {
        let at = Ref::root(self);
        let Ok(expr) = parse::parse(self.text()) else { return Vec::new() };
        if let Node::All(list) = at.node() {
            let pieces = zip(at, list, &chain(&expr, &BinaryOperator::And), (1, 1));
            if !pieces.is_empty() {
                return pieces;
            }
        }
        vec![Piece::new(at, &expr, (1, 1))]
    }
}

/// A number typed into a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// As written.
    pub(crate) text: String,
    /// What it is compared with or added to.
    pub(crate) of: String,
    /// Line within the text, from 1.
    pub(crate) line: usize,
    /// Character within the line, from 1.
    pub(crate) column: usize,
}

/// Every number other than 0 and 1 that a condition compares with, and every interval.
pub(crate) fn figures(text: &str) -> Vec<Figure> {
    let mut figures = Vec::new();
    if let Ok(expr) = parse::parse(text) {
        look(&expr, &mut figures);
    }
    figures
}

fn look(expr: &Expr, figures: &mut Vec<Figure>) {
    match expr {
        Expr::BinaryOp { left, op, right } => {
            use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
            let compares = matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq);
            for (side, other) in [(left, right), (right, left)] {
                if compares || matches!(bare(side), Expr::Interval(_)) {
                    figures.extend(figure(side, other));
                }
            }
        }
        Expr::Between { expr, low, high, .. } => {
            figures.extend([low, high].into_iter().filter_map(|end| figure(end, expr)));
        }
        Expr::In { expr, target: InTarget::List(list), .. } => {
            figures.extend(list.iter().filter_map(|item| figure(item, expr)));
        }
        _ => {}
    }
    children(expr).into_iter().for_each(|child| look(child, figures));
}

/// The number or interval that `expr` is, unless it is 0 or 1.
fn figure(expr: &Expr, other: &Expr) -> Option<Figure> {
    let text = match bare(expr) {
        Expr::Value(ValueWithSpan { value: Sql::Number(digits, _), .. })
            if digits != "0" && digits != "1" =>
        {
            digits.clone()
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
            format!("-{}", figure(inner, other)?.text)
        }
        interval @ Expr::Interval(_) => interval.to_string(),
        _ => return None,
    };
    let start = [bare(expr).span().start, bare(other).span().start].into_iter().find(|start| start.line > 0);
    let (line, column) = start.map_or((1, 1), |start| (start.line, start.column));
    let [line, column] = [line, column].map(|at| usize::try_from(at).unwrap_or(1));
    Some(Figure { text, of: other.to_string(), line, column })
}
