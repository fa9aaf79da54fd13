//! One tree in two languages: a condition of a rule pack, and the SQL of DataFusion that should mean the same.
//!
//! Where DataFusion differs by design, the SQL says what is meant here, in DataFusion's own operators:
//!
//! - **Arithmetic** wraps or raises an error there and is NULL here. Sums, differences and products are computed as
//!   38-digit decimals, which hold any of them, and `TRY_CAST` back: NULL where they do not fit. Division by zero is
//!   kept from happening by `NULLIF`, and by -1 is a negation.
//! - **Dates** reach 262,000 years there and end at 9999-12-31 here, as SQL's do: a result outside is replaced by NULL.
//!   An interval longer than the calendar is NULL for every date, and is not given to DataFusion, which stops at it.
//! - **Dates moved by a column** are functions that DataFusion lacks (`moves.rs`).
//! - **Completed years and months** are written out with `date_part`, as a warehouse would.
//! - **COALESCE** is rewritten as a CASE by DataFusion's simplifier, which is not run, and so here.
//! - **IN** holds literals and columns there; what is computed is compared by `=`, which is the same by definition:
//!   DataFusion takes a CASE in the list for a constant NULL (as of 55.2.0: it tries the list on no rows).
//! - **NULL** has a type there, and needs none here.

use tidings_domain::value::{Value, ValueType};

use crate::tree::{COLUMNS, Node, Shift, Tree};

/// Days and months of the calendar from 0001-01-01 to 9999-12-31: no longer interval has a result.
const CALENDAR_DAYS: i64 = 3_652_059;
const CALENDAR_MONTHS: i64 = 119_988;

/// A column of the oracle that is NULL in every row, and of the type of people.
pub const NOBODY: &str = "nobody";

/// The condition's text.
pub fn ours(tree: &Tree) -> String {
    let parts: Vec<String> = tree.parts.iter().map(ours).collect();
    match (&tree.node, parts.as_slice()) {
        (Node::Column(position), _) => COLUMNS[*position].0.to_owned(),
        (Node::Literal(value), _) => literal(value),
        (Node::Null, _) => "NULL".to_owned(),
        (Node::Calc(sign), [a, b]) => format!("({a} {sign} {b})"),
        (Node::Sign(sign), [number]) => format!("({sign} {number})"),
        (Node::Shift(shift), [date]) => {
            let interval = interval(shift.count, shift.unit);
            if shift.first {
                format!("({interval} + {date})")
            } else {
                format!("({date} {} {interval})", shift.sign)
            }
        }
        (Node::Call(name), [from, to]) => format!("{name}({from}, {to})"),
        _ => shared(&tree.node, &parts),
    }
}

/// The SQL of DataFusion.
pub fn datafusion(tree: &Tree) -> String {
    let parts: Vec<String> = tree.parts.iter().map(datafusion).collect();
    match (&tree.node, parts.as_slice()) {
        (Node::Column(position), _) => format!("c{position}"),
        (Node::Literal(Value::Int(value)), _) => format!("CAST('{value}' AS BIGINT)"),
        (Node::Literal(value), _) => literal(value),
        (Node::Null, _) => null(tree.value_type).to_owned(),
        (Node::Calc(sign), [a, b]) => calc(sign, a, b),
        (Node::Sign("-"), [number]) => calc("-", "0", number),
        (Node::Sign(_), [number]) => number.clone(),
        (Node::Shift(shift), [date]) => shifted(shift, date),
        (Node::Call(name), [from, to]) => call(name, from, to),
        (Node::Coalesce, parts) => first_known(parts),
        (Node::In { negated }, parts) => within(*negated, &tree.parts, parts),
        _ => shared(&tree.node, &parts),
    }
}

/// Literals and columns as a list; what is computed, by `=`.
fn within(negated: bool, trees: &[Tree], parts: &[String]) -> String {
    let (needle, pairs) = (&parts[0], trees.iter().zip(parts).skip(1));
    let (listed, computed): (Vec<_>, Vec<_>) = pairs.partition(|(tree, _)| tree.parts.is_empty());
    let listed: Vec<&str> = listed.iter().map(|(_, part)| part.as_str()).collect();
    let list = (!listed.is_empty()).then(|| format!("{needle} IN ({})", listed.join(", ")));
    let equal = computed.iter().map(|(_, part)| format!("{needle} = {part}"));
    let any: Vec<String> = list.into_iter().chain(equal).collect();
    format!("({}({}))", if negated { "NOT " } else { "" }, any.join(" OR "))
}

fn first_known(parts: &[String]) -> String {
    let whens: String = parts.iter().map(|part| format!(" WHEN {part} IS NOT NULL THEN {part}")).collect();
    format!("CASE{whens} END")
}

/// What is written and meant alike in both.
fn shared(node: &Node, parts: &[String]) -> String {
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    match (node, parts) {
        (Node::And, parts) => format!("({})", parts.join(" AND ")),
        (Node::Or, parts) => format!("({})", parts.join(" OR ")),
        (Node::Not, [condition]) => format!("(NOT {condition})"),
        (Node::Compare(sign), [a, b]) => format!("({a} {sign} {b})"),
        (Node::DateMinusDate, [a, b]) => format!("({a} - {b})"),
        (Node::Between { negated }, [value, low, high]) => {
            format!("({value} {}BETWEEN {low} AND {high})", not(negated))
        }
        (Node::In { negated }, [needle, list @ ..]) => {
            format!("({needle} {}IN ({}))", not(negated), list.join(", "))
        }
        (Node::IsNull { negated }, [value]) => format!("({value} IS {}NULL)", not(negated)),
        (Node::Is(what), [condition]) => format!("({condition} IS {what})"),
        (Node::Case { operand, otherwise }, parts) => case(*operand, *otherwise, parts),
        (Node::Move(name), [date, count]) => format!("{name}({date}, {count})"),
        (Node::Coalesce, parts) => format!("COALESCE({})", parts.join(", ")),
        (node, parts) => unreachable!("{node:?} with {} parts", parts.len()),
    }
}

fn case(operand: bool, otherwise: bool, parts: &[String]) -> String {
    let (operand, parts) = parts.split_at(usize::from(operand));
    let (whens, otherwise) = parts.split_at(parts.len() - usize::from(otherwise));
    let operand: String = operand.iter().map(|operand| format!(" {operand}")).collect();
    let whens: String = whens.chunks(2).map(|pair| format!(" WHEN {} THEN {}", pair[0], pair[1])).collect();
    let otherwise: String = otherwise.iter().map(|result| format!(" ELSE {result}")).collect();
    format!("CASE{operand}{whens}{otherwise} END")
}

fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Date(_) => format!("DATE '{}'", value.canonical()),
        value => value.canonical(),
    }
}

fn interval(count: i32, unit: &str) -> String {
    format!("INTERVAL '{count}' {unit}")
}

fn null(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Bool => "CAST(NULL AS BOOLEAN)",
        ValueType::Int => "CAST(NULL AS BIGINT)",
        ValueType::Date => "CAST(NULL AS DATE)",
        ValueType::Text => "CAST(NULL AS VARCHAR)",
        // SQL has no type of 16 bytes to cast to.
        ValueType::Citizen => NOBODY,
    }
}

fn calc(sign: &str, a: &str, b: &str) -> String {
    match sign {
        "/" => format!("CASE WHEN {b} = -1 THEN {} ELSE {a} / NULLIF({b}, 0) END", calc("-", "0", a)),
        "%" => format!("CASE WHEN {b} = -1 THEN {a} - {a} ELSE {a} % NULLIF({b}, 0) END"),
        _ => format!("TRY_CAST(CAST({a} AS DECIMAL(38, 0)) {sign} CAST({b} AS DECIMAL(38, 0)) AS BIGINT)"),
    }
}

fn shifted(shift: &Shift, date: &str) -> String {
    let longest = if shift.unit == "DAY" { CALENDAR_DAYS } else { CALENDAR_MONTHS };
    let months = if shift.unit == "YEAR" { 12 } else { 1 };
    if i64::from(shift.count).abs() * months > longest {
        return "CAST(NULL AS DATE)".to_owned();
    }
    let moved = format!("({date} {} {})", shift.sign, interval(shift.count, shift.unit));
    format!("CASE WHEN {moved} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {moved} END")
}

fn call(name: &str, from: &str, to: &str) -> String {
    let part = |part: &str, date: &str| format!("CAST(date_part('{part}', {date}) AS BIGINT)");
    let whole = |days: &str, from: &str| format!("CASE WHEN {days} < {from} THEN 1 ELSE 0 END");
    match name {
        "days_between" => format!("({to} - {from})"),
        "months_between" => {
            let months = |date: &str| format!("({} * 12 + {})", part("year", date), part("month", date));
            let begun = whole(&part("day", to), &part("day", from));
            format!("({} - {} - {begun})", months(to), months(from))
        }
        _ => {
            let of_year = |date: &str| format!("({} * 100 + {})", part("month", date), part("day", date));
            let begun = whole(&of_year(to), &of_year(from));
            format!("({} - {} - {begun})", part("year", to), part("year", from))
        }
    }
}
