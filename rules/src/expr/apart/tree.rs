//! Ways about in sqlparser's tree, as far as conditions use it.

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget,
    Interval, UnaryOperator, Value as Sql, ValueWithSpan,
};

use chrono::Days;
use tidings_domain::value::{Value, date_of};

use super::super::check::bare;
use super::super::literal;

/// From the root down: which child at each step, as [`children`] counts them.
pub(super) type Path = Vec<usize>;

/// What an expression is made of. Brackets are one level; an interval has no parts.
pub(super) fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner) => vec![inner],
        Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::In { expr, target: InTarget::List(list), .. } => std::iter::once(&**expr).chain(list).collect(),
        Expr::Case { operand, conditions, else_result, .. } => {
            let whens = conditions.iter().flat_map(|when| [&when.condition, &when.result]);
            operand.as_deref().into_iter().chain(whens).chain(else_result.as_deref()).collect()
        }
        Expr::Function(function) => arguments(function),
        _ => Vec::new(),
    }
}

/// The same, to be changed.
fn children_mut(expr: &mut Expr) -> Vec<&mut Expr> {
    match expr {
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner) => vec![inner],
        Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::In { expr, target: InTarget::List(list), .. } => {
            std::iter::once(&mut **expr).chain(list).collect()
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let whens = conditions.iter_mut().flat_map(|when| [&mut when.condition, &mut when.result]);
            operand.as_deref_mut().into_iter().chain(whens).chain(else_result.as_deref_mut()).collect()
        }
        Expr::Function(function) => match &mut function.args {
            FunctionArguments::List(list) => list.args.iter_mut().filter_map(argument_mut).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The arguments of a call.
pub(super) fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let each = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    each.collect()
}

const fn argument_mut(argument: &mut FunctionArg) -> Option<&mut Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// The most WHENs of a CASE that are looked into one by one.
const MAX_BRANCHES: usize = 8;

/// Whether this is a CASE of so many branches that it is a table of figures: data, to be read against the law, and not
/// a decision that each line of needs a case.
pub(super) fn is_table(expr: &Expr) -> bool {
    matches!(expr, Expr::Case { conditions, .. } if conditions.len() > MAX_BRANCHES)
}

/// Whether this is a call of COALESCE.
pub(super) fn is_coalesce(function: &Function) -> bool {
    function.name.to_string().eq_ignore_ascii_case("coalesce")
}

/// The expression at `path`.
pub(super) fn at<'e>(expr: &'e Expr, path: &[usize]) -> Option<&'e Expr> {
    path.iter().try_fold(expr, |expr, &step| children(expr).into_iter().nth(step))
}

/// A copy with the expression at `path` replaced.
pub(super) fn with(root: &Expr, path: &[usize], replacement: Expr) -> Option<Expr> {
    let mut copy = root.clone();
    let place = path.iter().try_fold(&mut copy, |expr, &step| children_mut(expr).into_iter().nth(step))?;
    *place = replacement;
    Some(copy)
}

/// One step further down.
pub(super) fn step(path: &[usize], child: usize) -> Path {
    path.iter().copied().chain([child]).collect()
}

/// The operator of an AND or OR.
pub(super) fn junction(expr: &Expr) -> Option<&BinaryOperator> {
    match bare(expr) {
        Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => Some(op),
        _ => None,
    }
}

/// The operands of a chain of one operator, in order, brackets notwithstanding, each with its path.
pub(super) fn chain<'e>(expr: &'e Expr, path: &[usize], wanted: &BinaryOperator) -> Vec<(Path, &'e Expr)> {
    let (mut stack, mut parts) = (vec![(path.to_vec(), expr)], Vec::new());
    while let Some((path, expr)) = stack.pop() {
        match expr {
            Expr::Nested(inner) if junction(inner) == Some(wanted) => stack.push((step(&path, 0), inner)),
            Expr::BinaryOp { left, op, right } if op == wanted => {
                stack.push((step(&path, 1), right));
                stack.push((step(&path, 0), left));
            }
            part => parts.push((path, part)),
        }
    }
    parts
}

/// The operands joined by one operator, with brackets around those that need them; `None` for none.
pub(super) fn join(operands: impl IntoIterator<Item = Expr>, op: &BinaryOperator) -> Option<Expr> {
    operands.into_iter().reduce(|left, right| binary(left, op.clone(), right))
}

/// `left op right`.
pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let (left, right) = (bracket(left, &op), bracket(right, &op));
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn bracket(expr: Expr, within: &BinaryOperator) -> Expr {
    let other = matches!(&expr, Expr::BinaryOp { .. }) && junction(&expr).is_some_and(|op| op != within);
    if other { Expr::Nested(Box::new(expr)) } else { expr }
}

/// The amount of an interval.
pub(super) fn amount(interval: &Interval) -> Option<i64> {
    match &*interval.value {
        Expr::Value(ValueWithSpan { value: Sql::SingleQuotedString(text), .. }) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The source of a part for people: without brackets that only hold the whole, or a single value.
pub(super) fn text(expr: &Expr) -> String {
    let mut copy = bare(expr).clone();
    unbracket(&mut copy);
    copy.to_string()
}

/// Takes brackets off what needs none: a figure of law is put in brackets where its name stood.
fn unbracket(expr: &mut Expr) {
    if let Expr::Nested(inner) = expr
        && matches!(bare(inner), Expr::Value(_) | Expr::TypedString(_) | Expr::CompoundIdentifier(_))
    {
        *expr = bare(inner).clone();
    }
    children_mut(expr).into_iter().for_each(unbracket);
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
