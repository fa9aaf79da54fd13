//! What messages say besides the mistake: the source, what was likely meant, and what there is.

use sqlparser::ast::Expr;
use tidings_domain::value::ValueType;

use super::check::Typed;
use super::columns::Item;
use super::literal;
use super::node::Node;

pub(super) const SUPPORTED: &str = "supported are literals, columns of event, subject and citizen, AND, OR, NOT, = <> < <= > >=, \
    IS NULL, IS TRUE, BETWEEN, IN (list), CASE, COALESCE, + - * / %, date + INTERVAL, age_years, \
    months_between, days_between, add_days, add_months and add_years";

/// The most characters of source shown in a message.
const MAX_QUOTED: usize = 60;

/// The source of `expr`, cut short.
pub(super) fn quote(expr: &Expr) -> String {
    let text = expr.to_string();
    let mut shown = text.chars().take(MAX_QUOTED).collect::<String>();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// How to write `expr` so that it is of type `wanted`, where that is likely what was meant.
pub(super) fn conversion(wanted: ValueType, expr: &Expr, typed: &Typed) -> Option<String> {
    let Node::Const(constant) = &typed.node else {
        return match (wanted, typed.value_type?) {
            (ValueType::Bool, found) => Some(format!("compare the {found} with something")),
            (ValueType::Date, ValueType::Int) => Some("count days with INTERVAL 'n' DAY".into()),
            _ => None,
        };
    };
    match (wanted, constant.item()?) {
        (ValueType::Date, Item::Text(text)) => {
            let example = if literal::parse_date(text).is_some() { text } else { "2026-01-01" };
            Some(format!("write DATE '{example}'"))
        }
        (ValueType::Int, Item::Text(text)) if text.parse::<i64>().is_ok() => {
            Some(format!("write {text} without quotes"))
        }
        (ValueType::Bool, Item::Text(text)) if text.parse::<bool>().is_ok() => {
            Some(format!("write {} without quotes", text.to_uppercase()))
        }
        (ValueType::Text, Item::Int(_)) => Some(format!("write '{expr}' in quotes")),
        (ValueType::Citizen, _) => Some("a citizen is compared with another citizen column only".into()),
        (ValueType::Date, Item::Int(_)) => Some("count days with INTERVAL 'n' DAY".into()),
        _ => None,
    }
}

/// What SQL calls an expression that is not supported here.
pub(super) fn construct(expr: &Expr) -> &'static str {
    match expr {
        Expr::Like { .. } | Expr::ILike { .. } | Expr::SimilarTo { .. } | Expr::RLike { .. } => {
            "pattern matching (LIKE)"
        }
        Expr::Cast { .. } | Expr::Convert { .. } => "CAST",
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::In { .. } => "a subquery",
        Expr::AnyOp { .. } | Expr::AllOp { .. } => "ANY or ALL",
        Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => "IS DISTINCT FROM",
        Expr::Extract { .. } => "EXTRACT",
        Expr::Interval(_) => "an INTERVAL other than after + or - and a date",
        Expr::Tuple(_) => "a list in brackets other than after IN",
        Expr::Array(_) | Expr::CompoundFieldAccess { .. } | Expr::JsonAccess { .. } => {
            "an array or a subscript"
        }
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => "*",
        Expr::Substring { .. } | Expr::Trim { .. } | Expr::Position { .. } | Expr::Overlay { .. } => {
            "a text function"
        }
        Expr::Ceil { .. } | Expr::Floor { .. } => "rounding",
        Expr::AtTimeZone { .. } => "AT TIME ZONE",
        Expr::Collate { .. } => "COLLATE",
        _ => "this construct",
    }
}
