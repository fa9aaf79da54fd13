//! A second implementation of the language, slow and plain: a tree that prints itself as SQL and evaluates itself
//! one row at a time, carrying with every NULL what it is for want of. It shares no code with the first.

use std::collections::BTreeSet;

use tidings_domain::value::{Value, ValueType};

use super::FACTS;

#[derive(Clone, Debug)]
pub(super) enum Tree {
    Column(usize),
    Literal(Value),
    Null,
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Compare(&'static str, Box<[Tree; 2]>),
    Between(bool, Box<[Tree; 3]>),
    In(bool, Box<Tree>, Vec<Tree>),
    IsNull(bool, Box<Tree>),
    Is(&'static str, Box<Tree>),
    Case(Option<Box<Tree>>, Vec<(Tree, Tree)>, Option<Box<Tree>>),
    Coalesce(Vec<Tree>),
    Calc(&'static str, Box<[Tree; 2]>),
    Minus(Box<Tree>),
    Shift(&'static str, i64, &'static str, Box<Tree>),
    Call(&'static str, Box<[Tree; 2]>),
}

/// What a NULL is for want of: positions in [`FACTS`], and whether something faulted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) facts: BTreeSet<usize>,
    pub(super) fault: bool,
}

pub(super) type Outcome = Result<Value, Want>;

fn wants(outcomes: &[Outcome]) -> Want {
    let mut all = Want::default();
    for want in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        all.facts.extend(&want.facts);
        all.fault |= want.fault;
    }
    all
}

fn fault() -> Want {
    Want { fault: true, ..Want::default() }
}

fn known(truth: bool) -> Outcome {
    Ok(Value::Bool(truth))
}

fn is(outcome: &Outcome, truth: bool) -> bool {
    *outcome == known(truth)
}

impl Tree {
    pub(super) fn sql(&self) -> String {
        let list = |trees: &[Tree], by: &str| trees.iter().map(Tree::sql).collect::<Vec<_>>().join(by);
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match self {
            Tree::Column(position) => FACTS[*position].0.to_owned(),
            Tree::Literal(Value::Text(text)) => format!("'{}'", text.replace('\'', "''")),
            Tree::Literal(date @ Value::Date(_)) => format!("DATE '{}'", date.canonical()),
            Tree::Literal(value) => value.canonical(),
            Tree::Null => "NULL".to_owned(),
            Tree::And(parts) => format!("({})", list(parts, " AND ")),
            Tree::Or(parts) => format!("({})", list(parts, " OR ")),
            Tree::Not(tree) => format!("(NOT {})", tree.sql()),
            Tree::Compare(sign, pair) | Tree::Calc(sign, pair) => {
                format!("({} {sign} {})", pair[0].sql(), pair[1].sql())
            }
            Tree::Between(negated, three) => {
                let [value, low, high] = &**three;
                format!("({} {}BETWEEN {} AND {})", value.sql(), not(*negated), low.sql(), high.sql())
            }
            Tree::In(negated, needle, items) => {
                format!("({} {}IN ({}))", needle.sql(), not(*negated), list(items, ", "))
            }
            Tree::IsNull(negated, tree) => format!("({} IS {}NULL)", tree.sql(), not(*negated)),
            Tree::Is(what, tree) => format!("({} IS {what})", tree.sql()),
            Tree::Case(operand, whens, otherwise) => {
                let operand = operand.as_ref().map(|tree| format!(" {}", tree.sql())).unwrap_or_default();
                let whens =
                    whens.iter().map(|(when, then)| format!(" WHEN {} THEN {}", when.sql(), then.sql()));
                let otherwise =
                    otherwise.as_ref().map(|tree| format!(" ELSE {}", tree.sql())).unwrap_or_default();
                format!("CASE{operand}{}{otherwise} END", whens.collect::<String>())
            }
            Tree::Coalesce(trees) => format!("COALESCE({})", list(trees, ", ")),
            Tree::Minus(tree) => format!("(- {})", tree.sql()),
            Tree::Shift(sign, count, unit, tree) => {
                format!("({} {sign} INTERVAL '{count}' {unit})", tree.sql())
            }
            Tree::Call(name, pair) => format!("{name}({}, {})", pair[0].sql(), pair[1].sql()),
        }
    }

    /// NULL whatever the row, to be seen from the text alone.
    fn is_null(&self) -> bool {
        match self {
            Tree::Null => true,
            Tree::Coalesce(trees) => trees.iter().all(Tree::is_null),
            Tree::Case(_, whens, otherwise) => {
                whens.iter().all(|(_, then)| then.is_null())
                    && otherwise.as_ref().is_none_or(|tree| tree.is_null())
            }
            _ => false,
        }
    }

    pub(super) fn eval(&self, row: &[Option<Value>]) -> Outcome {
        let all = |trees: &[Tree]| trees.iter().map(|tree| tree.eval(row)).collect::<Vec<_>>();
        match self {
            Tree::Column(position) => row[*position]
                .clone()
                .ok_or_else(|| Want { facts: BTreeSet::from([*position]), fault: false }),
            Tree::Literal(value) => Ok(value.clone()),
            Tree::Null => Err(Want::default()),
            Tree::And(parts) => and(&all(parts)),
            Tree::Or(parts) => or(&all(parts)),
            Tree::Not(tree) => not(tree.eval(row)),
            Tree::Compare(sign, pair) => compare(sign, &pair[0].eval(row), &pair[1].eval(row)),
            Tree::Between(negated, three) => {
                let [value, low, high] = &**three;
                let value = value.eval(row);
                let both = [compare(">=", &value, &low.eval(row)), compare("<=", &value, &high.eval(row))];
                if *negated { not(and(&both)) } else { and(&both) }
            }
            Tree::In(negated, needle, items) => {
                let needle = needle.eval(row);
                let any = or(&all(items).iter().map(|item| compare("=", &needle, item)).collect::<Vec<_>>());
                if *negated { not(any) } else { any }
            }
            Tree::IsNull(negated, tree) => known(tree.eval(row).is_err() != *negated),
            Tree::Is(what, tree) => {
                let outcome = tree.eval(row);
                known(match *what {
                    "TRUE" => is(&outcome, true),
                    "NOT TRUE" => !is(&outcome, true),
                    "FALSE" => is(&outcome, false),
                    "NOT FALSE" => !is(&outcome, false),
                    "UNKNOWN" => outcome.is_err(),
                    _ => outcome.is_ok(),
                })
            }
            // No fact can change a CASE whose every result is NULL.
            Tree::Case(..) if self.is_null() => Err(Want::default()),
            Tree::Case(operand, whens, otherwise) => {
                case(operand.as_deref(), whens, otherwise.as_deref(), row)
            }
            Tree::Coalesce(trees) => {
                let outcomes = all(trees);
                outcomes
                    .iter()
                    .find(|outcome| outcome.is_ok())
                    .cloned()
                    .unwrap_or_else(|| Err(wants(&outcomes)))
            }
            Tree::Minus(tree) => calc("-", &[Ok(Value::Int(0)), tree.eval(row)]),
            Tree::Calc(sign, pair) => calc(sign, &all(&**pair)),
            Tree::Shift(sign, count, unit, tree) => {
                let Value::Date(date) = tree.eval(row)? else { unreachable!("typed") };
                let count = if *sign == "-" { -count } else { *count };
                shift(i64::from(date), count, unit).map(Value::Date).ok_or_else(fault)
            }
            Tree::Call(name, pair) => {
                let outcomes = all(&**pair);
                match outcomes.as_slice() {
                    [Ok(Value::Date(from)), Ok(Value::Date(to))] => {
                        Ok(Value::Int(call(name, i64::from(*from), i64::from(*to))))
                    }
                    outcomes => Err(wants(outcomes)),
                }
            }
        }
    }
}

fn and(outcomes: &[Outcome]) -> Outcome {
    if outcomes.iter().any(|outcome| is(outcome, false)) {
        known(false)
    } else if outcomes.iter().all(|outcome| is(outcome, true)) {
        known(true)
    } else {
        Err(wants(outcomes))
    }
}

fn or(outcomes: &[Outcome]) -> Outcome {
    not(and(&outcomes.iter().cloned().map(not).collect::<Vec<_>>()))
}

fn not(outcome: Outcome) -> Outcome {
    let flipped = if is(&outcome, true) { known(false) } else { known(true) };
    outcome.and(flipped)
}

fn compare(sign: &str, left: &Outcome, right: &Outcome) -> Outcome {
    let (Ok(a), Ok(b)) = (left, right) else { return Err(wants(&[left.clone(), right.clone()])) };
    known(match sign {
        "=" => a == b,
        "<>" => a != b,
        "<" => a < b,
        "<=" => a <= b,
        ">" => a > b,
        _ => a >= b,
    })
}

fn case(
    operand: Option<&Tree>,
    whens: &[(Tree, Tree)],
    otherwise: Option<&Tree>,
    row: &[Option<Value>],
) -> Outcome {
    let mut conditions = Vec::new();
    for (when, then) in whens {
        let condition = match operand {
            Some(operand) => compare("=", &operand.eval(row), &when.eval(row)),
            None => when.eval(row),
        };
        if is(&condition, true) {
            return then.eval(row).map_err(|want| wants(&[&conditions[..], &[Err(want)]].concat()));
        }
        conditions.push(condition);
    }
    let otherwise = otherwise.map_or(Err(Want::default()), |tree| tree.eval(row));
    otherwise.map_err(|want| wants(&[&conditions[..], &[Err(want)]].concat()))
}

fn calc(sign: &str, outcomes: &[Outcome]) -> Outcome {
    match outcomes {
        [Ok(Value::Int(a)), Ok(Value::Int(b))] => {
            let (a, b) = (i128::from(*a), i128::from(*b));
            let result = match sign {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                _ if b == 0 => return Err(fault()),
                "/" => a / b,
                _ => a % b,
            };
            i64::try_from(result).map(Value::Int).map_err(|_| fault())
        }
        [Ok(Value::Date(a)), Ok(Value::Date(b))] => Ok(Value::Int(i64::from(*a) - i64::from(*b))),
        _ => Err(wants(outcomes)),
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month from 1, day from 1; found by walking month by month from 1970.
pub(super) fn civil(mut days: i64) -> (i64, i64, i64) {
    let (mut year, mut month) = (1970, 1);
    while days < 0 {
        (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
        days += month_days(year, month);
    }
    while days >= month_days(year, month) {
        days -= month_days(year, month);
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    (year, month, days + 1)
}

/// The date `months` later that has the day of the month; where there is none, by `clamp` the last before it or
/// the first after it.
fn later(date: i64, months: i64, clamp: bool) -> i64 {
    let (mut year, mut month, day) = civil(date);
    let mut first = date - (day - 1);
    for _ in 0..months.abs() {
        if months > 0 {
            first += month_days(year, month);
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        } else {
            (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
            first -= month_days(year, month);
        }
    }
    let last = month_days(year, month);
    first + if clamp { day.min(last) - 1 } else { (day - 1).min(last) }
}

fn shift(date: i64, count: i64, unit: &str) -> Option<i32> {
    if count.abs() > 1_000_000 {
        return None;
    }
    let moved = match unit {
        "DAY" => date + count,
        "MONTH" => later(date, count, true),
        _ => later(date, count * 12, true),
    };
    i32::try_from(moved).ok()
}

/// Whole periods of so many months from `from` to `to`, counted one by one.
fn periods(from: i64, to: i64, months: i64) -> i64 {
    let mut count = 0;
    while later(from, (count + 1) * months, false) <= to {
        count += 1;
    }
    while later(from, count * months, false) > to {
        count -= 1;
    }
    count
}

fn call(name: &str, from: i64, to: i64) -> i64 {
    match name {
        "age_years" => periods(from, to, 12),
        "months_between" => periods(from, to, 1),
        _ => to - from,
    }
}

/// The type of a column of [`FACTS`].
pub(super) fn columns_of(wanted: ValueType) -> Vec<usize> {
    (0..FACTS.len()).filter(|&position| FACTS[position].1 == wanted).collect()
}
