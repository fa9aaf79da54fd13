//! When two conditions are certainly the same. Not finding it proves nothing.

use chrono::Days;
use sqlparser::ast::{BinaryOperator, DataType, Expr, UnaryOperator, Value as Sql, ValueWithSpan};
use tidings_domain::value::{Value, date_of};

use super::super::check::bare;
use super::super::literal;
use super::Apart;
use super::tree::{arguments, binary, children, is_coalesce, with};

impl Apart<'_> {
    /// Equal for two conditions that are the same once brackets are gone, `NOT` has been taken into comparisons,
    /// `<` has become `<=` of the number or day before, and constants are folded.
    pub(super) fn fingerprint(&self, expr: &Expr) -> Option<String> {
        let bound = self.compile(&normal(expr))?;
        let tree = bound.tree();
        Some(format!("{:?} {:?}", tree.columns, tree.root))
    }
}

#[cfg(test)]
impl super::Bound {
    /// The condition that its fingerprint is of.
    pub(in crate::expr) fn normal(&self) -> Option<Self> {
        let apart = Apart::of(self)?;
        apart.compile(&normal(&apart.expr))
    }
}

fn normal(expr: &Expr) -> Expr {
    let expr = bare(expr);
    let mut copy = expr.clone();
    for (place, child) in children(expr).into_iter().enumerate() {
        copy = with(&copy, &[place], normal(child)).unwrap_or(copy);
    }
    match copy {
        Expr::BinaryOp { left, op, right } => compared(*left, op, *right),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => negated(*expr),
        Expr::Between { expr, negated: no, low, high } => between(&expr, no, *low, *high),
        other => other,
    }
}

/// `NOT a < b` is `a >= b`, also where one of them is NULL.
fn negated(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryOp { left, op, right } if opposite(&op).is_some() => {
            let op = opposite(&op).unwrap_or(op);
            compared(*left, op, *right)
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => *expr,
        Expr::IsNull(expr) => Expr::IsNotNull(expr),
        Expr::IsNotNull(expr) => Expr::IsNull(expr),
        other => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(other) },
    }
}

fn between(value: &Expr, no: bool, low: Expr, high: Expr) -> Expr {
    let low = compared(value.clone(), BinaryOperator::GtEq, low);
    let high = compared(value.clone(), BinaryOperator::LtEq, high);
    let both = binary(low, BinaryOperator::And, high);
    if no { negated(both) } else { both }
}

fn compared(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let (left, op, right) = match (number(&left), number(&right), mirrored(&op)) {
        (Some(_), None, Some(mirrored)) => (right, mirrored, left),
        _ => (left, op, right),
    };
    if let Some(spread) = over_coalesce(&left, &op, &right) {
        return spread;
    }
    let closed = match op {
        BinaryOperator::Lt => moved(&right, -1).map(|right| (BinaryOperator::LtEq, right)),
        BinaryOperator::Gt => moved(&right, 1).map(|right| (BinaryOperator::GtEq, right)),
        _ => None,
    };
    let (op, right) = closed.unwrap_or((op, right));
    binary(left, op, right)
}

/// `COALESCE(a, 0) < 12` is `COALESCE(a < 12, 0 < 12)`, so that defaults on one side of a figure are the same.
fn over_coalesce(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
    let Expr::Function(function) = left else { return None };
    let values = arguments(function);
    values.last().filter(|last| is_coalesce(function) && literally(last) && literally(right))?;
    mirrored(op)?;
    let compared = values.iter().map(|value| compared((*value).clone(), op.clone(), right.clone()));
    compared.enumerate().try_fold(left.clone(), |spread, (place, value)| with(&spread, &[place], value))
}

/// Whether it is a number, a date or a text, as written.
fn literally(expr: &Expr) -> bool {
    let text =
        |expr: &Expr| matches!(expr, Expr::Value(value) if matches!(value.value, Sql::SingleQuotedString(_)));
    number(expr).is_some() || text(bare(expr))
}

/// What is true exactly where `op` is false.
fn opposite(op: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match op {
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        BinaryOperator::Lt => BinaryOperator::GtEq,
        BinaryOperator::LtEq => BinaryOperator::Gt,
        BinaryOperator::Gt => BinaryOperator::LtEq,
        BinaryOperator::GtEq => BinaryOperator::Lt,
        _ => return None,
    })
}

/// The same with its sides exchanged.
fn mirrored(op: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match op {
        BinaryOperator::Eq | BinaryOperator::NotEq => op.clone(),
        BinaryOperator::Lt => BinaryOperator::Gt,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        _ => return None,
    })
}

/// A whole number or a date, as a literal.
fn number(expr: &Expr) -> Option<Value> {
    let value = match bare(expr) {
        Expr::Value(value) => literal::value(value).ok().flatten(),
        Expr::TypedString(date) => literal::date(date).ok(),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match number(expr)? {
            Value::Int(value) => value.checked_neg().map(Value::Int),
            _ => None,
        },
        _ => None,
    };
    value.filter(|value| matches!(value, Value::Int(_) | Value::Date(_)))
}

/// The number or day `by` after a literal; `None` for anything else, and beyond what can be written.
pub(super) fn moved(expr: &Expr, by: i64) -> Option<Expr> {
    match number(expr)? {
        Value::Int(value) => value.checked_add(by).map(written),
        Value::Date(days) => {
            let date = date_of(days)?;
            let step = Days::new(by.unsigned_abs());
            let date = if by < 0 { date.checked_sub_days(step) } else { date.checked_add_days(step) }?;
            let mut copy = bare(expr).clone();
            let Expr::TypedString(typed) = &mut copy else { return None };
            typed.data_type = DataType::Date;
            typed.value = Sql::SingleQuotedString(date.to_string()).with_empty_span();
            literal::date(typed).ok()?;
            Some(copy)
        }
        _ => None,
    }
}

fn written(value: i64) -> Expr {
    let digits = Sql::Number(value.unsigned_abs().to_string(), false);
    let digits = Expr::Value(ValueWithSpan { value: digits, span: sqlparser::tokenizer::Span::empty() });
    if value < 0 { Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(digits) } } else { digits }
}
