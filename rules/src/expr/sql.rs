//! A compiled condition as SQL for an engine in which a nation's data already lives, with the same answer in every row:
//! TRUE, FALSE or NULL.
//!
//! It is rendered from the compiled tree, so that figures of law and declared facts are in it as they are judged here,
//! and every value has its type. Where engines differ from each other or from the kernels (month ends, ages, division,
//! overflow, dates past the year 9999, the order of texts), functions say what is meant: see [`Dialect::prelude`].
//! Arithmetic that faults is NULL, as here.

use std::fmt::Write as _;

use tidings_domain::value::{Value, ValueType, date_of};

use super::node::{Case, Comparison, Constant, DateCalc, In, IntCalc, Members, MoveCalc, Node};
use super::{Bound, ColumnRef};

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// DuckDB.
    DuckDb,
    /// PostgreSQL.
    Postgres,
    /// Apache DataFusion.
    DataFusion,
}

impl Dialect {
    /// What must be run once before the conditions: the functions that they call. DataFusion has no such functions, and
    /// its conditions spell them out.
    pub const fn prelude(self) -> &'static str {
        match self {
            Self::DuckDb => include_str!("sql/duckdb.sql"),
            Self::Postgres => include_str!("sql/postgres.sql"),
            Self::DataFusion => "",
        }
    }

    /// The name of a type.
    pub const fn type_name(self, value_type: ValueType) -> &'static str {
        match (self, value_type) {
            (_, ValueType::Bool) => "BOOLEAN",
            (_, ValueType::Int) => "BIGINT",
            (_, ValueType::Date) => "DATE",
            (Self::Postgres, ValueType::Text) => "TEXT",
            (_, ValueType::Text) => "VARCHAR",
            (Self::Postgres, ValueType::Citizen) => "BYTEA",
            (Self::DuckDb, ValueType::Citizen) => "BLOB",
            (Self::DataFusion, ValueType::Citizen) => "BYTEA",
        }
    }
}

/// A text in single quotes, whatever it holds.
pub fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name in double quotes, whatever it holds.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A date literal; `None` outside the calendar.
pub fn date_literal(days: i32) -> Option<String> {
    Some(format!("DATE '{}'", date_of(days)?.format("%Y-%m-%d")))
}

impl Bound {
    /// The condition as an SQL expression. `column` gives the SQL for each column that it reads.
    pub fn sql(&self, dialect: Dialect, column: &dyn Fn(&ColumnRef) -> String) -> String {
        let columns = self.columns().map(column).collect();
        let mut writer = Writer { dialect, columns, out: String::new() };
        writer.node(self.reading().0);
        writer.out
    }
}

struct Writer {
    dialect: Dialect,
    columns: Vec<String>,
    out: String,
}

impl Writer {
    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Column(input, _) => {
                let name = self.columns.get(*input).cloned().unwrap_or_default();
                self.text(&name);
            }
            Node::Const(constant) => self.constant(constant),
            Node::All(list) => self.list("(", list, " AND ", ")"),
            Node::Any(list) => self.list("(", list, " OR ", ")"),
            Node::Not(node) => self.around("(NOT ", node, ")"),
            Node::Compare(comparison, pair) => self.compare(*comparison, pair),
            Node::Between(three) => {
                let [value, low, high] = &**three;
                self.around("(", value, " BETWEEN ");
                self.ordered(low);
                self.text(" AND ");
                self.ordered(high);
                self.text(")");
            }
            Node::In(test) => self.within(test),
            Node::IsNull(node) => self.around("(", node, " IS NULL)"),
            Node::Is(true, node) => self.around("(", node, " IS TRUE)"),
            Node::Is(false, node) => self.around("(", node, " IS FALSE)"),
            Node::Case(case) => self.case(case),
            Node::Coalesce(_, list) => self.list("COALESCE(", list, ", ", ")"),
            Node::Ints(calc, pair) => self.ints(*calc, pair),
            Node::Dates(calc, pair) => self.dates(*calc, pair),
            Node::Moved(calc, pair) => self.moved(*calc, pair),
            Node::Shift(shift, node) => self.shift(shift.months, shift.days, node),
        }
    }

    fn around(&mut self, before: &str, node: &Node, after: &str) {
        self.text(before);
        self.node(node);
        self.text(after);
    }

    fn list(&mut self, before: &str, list: &[Node], between: &str, after: &str) {
        self.text(before);
        for (place, node) in list.iter().enumerate() {
            self.text(if place == 0 { "" } else { between });
            self.node(node);
        }
        self.text(after);
    }

    fn constant(&mut self, constant: &Constant) {
        match constant.value() {
            None => self.text("NULL"),
            Some(value) => self.value(value),
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(true) => self.text("TRUE"),
            Value::Bool(false) => self.text("FALSE"),
            Value::Int(value) => self.int(*value),
            Value::Date(days) => self.date(*days),
            Value::Text(text) => self.quote(text),
            // There is no literal of a person, so that none is constant.
            Value::Citizen(_) => self.text("NULL"),
        }
    }

    fn int(&mut self, value: i64) {
        // A literal is INTEGER where it fits, and arithmetic would overflow there.
        _ = write!(self.out, "CAST({value} AS BIGINT)");
    }

    fn date(&mut self, days: i32) {
        let literal = date_literal(days).unwrap_or_else(|| "CAST(NULL AS DATE)".to_owned());
        self.text(&literal);
    }

    fn quote(&mut self, text: &str) {
        self.out.push_str(&text_literal(text));
    }

    /// PostgreSQL orders text by the language of the database, and texts here by their bytes.
    fn ordered(&mut self, node: &Node) {
        if self.dialect == Dialect::Postgres && is_text(node) {
            self.around("(", node, " COLLATE \"C\")");
        } else {
            self.node(node);
        }
    }

    fn compare(&mut self, comparison: Comparison, [a, b]: &[Node; 2]) {
        let sign = match comparison {
            Comparison::Eq => " = ",
            Comparison::Ne => " <> ",
            Comparison::Lt => " < ",
            Comparison::Le => " <= ",
            Comparison::Gt => " > ",
            Comparison::Ge => " >= ",
        };
        self.around("(", a, sign);
        if matches!(comparison, Comparison::Eq | Comparison::Ne) {
            self.node(b)
        } else {
            self.ordered(b)
        }
        self.text(")");
    }

    fn within(&mut self, test: &In) {
        self.around("(", &test.needle, " IN (");
        let start = self.out.len();
        let comma = |writer: &mut Self| writer.text(if writer.out.len() == start { "" } else { ", " });
        match &test.members {
            Members::Ints(values) => values.iter().for_each(|value| {
                comma(self);
                self.int(*value);
            }),
            Members::Dates(values) => values.iter().for_each(|value| {
                comma(self);
                self.date(*value);
            }),
            Members::Texts(values) => values.iter().for_each(|value| {
                comma(self);
                self.quote(value);
            }),
        }
        for other in &test.others {
            comma(self);
            self.node(other);
        }
        // A list of nothing but NULL is the only one that would be empty.
        if test.null || self.out.len() == start {
            comma(self);
            self.text("NULL");
        }
        self.text("))");
    }

    fn case(&mut self, case: &Case) {
        self.text("(CASE");
        if let Some(operand) = &case.operand {
            self.around(" ", operand, "");
        }
        for (when, then) in &case.whens {
            self.around(" WHEN ", when, " THEN ");
            self.node(then);
        }
        if let Some(otherwise) = &case.otherwise {
            self.around(" ELSE ", otherwise, "");
        }
        self.text(" END)");
    }

    fn call(&mut self, name: &str, pair: &[Node; 2]) {
        self.text(name);
        self.list("(", pair, ", ", ")");
    }

    fn ints(&mut self, calc: IntCalc, pair: &[Node; 2]) {
        let (name, wide) = match calc {
            IntCalc::Add => ("tidings_add", " + "),
            IntCalc::Sub => ("tidings_sub", " - "),
            IntCalc::Mul => ("tidings_mul", " * "),
            IntCalc::Div => ("tidings_div", " / "),
            IntCalc::Rem => ("tidings_rem", " % "),
        };
        if self.dialect != Dialect::DataFusion {
            return self.call(name, pair);
        }
        let (a, b) = (self.apart(&pair[0]), self.apart(&pair[1]));
        let wider = |value: &str| format!("CAST({value} AS DECIMAL(38, 0))");
        let spelled = match calc {
            // Sums and products of two BIGINTs fit in 38 digits.
            IntCalc::Add | IntCalc::Sub | IntCalc::Mul => {
                narrowed(&format!("{}{wide}{}", wider(&a), wider(&b)))
            }
            // The smallest number by -1 does not fit, and its remainder is 0.
            IntCalc::Div => format!(
                "(CASE WHEN {b} = -1 THEN {} ELSE {a} / NULLIF(NULLIF({b}, 0), -1) END)",
                narrowed(&format!("-{}", wider(&a)))
            ),
            IntCalc::Rem => {
                format!("(CASE WHEN {b} = -1 THEN {a} - {a} ELSE {a} % NULLIF(NULLIF({b}, 0), -1) END)")
            }
        };
        self.text(&spelled);
    }

    /// A node's SQL by itself.
    fn apart(&mut self, node: &Node) -> String {
        let start = self.out.len();
        self.node(node);
        self.out.split_off(start)
    }

    fn dates(&mut self, calc: DateCalc, pair: &[Node; 2]) {
        if self.dialect != Dialect::DataFusion {
            let name = match calc {
                DateCalc::AgeYears => "tidings_age_years",
                DateCalc::MonthsBetween => "tidings_months_between",
                DateCalc::DaysBetween => "tidings_days_between",
            };
            return self.call(name, pair);
        }
        let (from, to) = (self.apart(&pair[0]), self.apart(&pair[1]));
        let part = |part: &str, date: &str| format!("CAST(date_part('{part}', {date}) AS BIGINT)");
        let spelled = match calc {
            DateCalc::DaysBetween => {
                let days = |date: &str| format!("CAST(arrow_cast({date}, 'Int32') AS BIGINT)");
                format!("({} - {})", days(&to), days(&from))
            }
            DateCalc::MonthsBetween => format!(
                "(({} - {}) * 12 + {} - {} - CASE WHEN {} < {} THEN 1 ELSE 0 END)",
                part("year", &to),
                part("year", &from),
                part("month", &to),
                part("month", &from),
                part("day", &to),
                part("day", &from),
            ),
            DateCalc::AgeYears => {
                let of_year = |date: &str| format!("({} * 100 + {})", part("month", date), part("day", date));
                format!(
                    "({} - {} - CASE WHEN {} < {} THEN 1 ELSE 0 END)",
                    part("year", &to),
                    part("year", &from),
                    of_year(&to),
                    of_year(&from),
                )
            }
        };
        self.text(&spelled);
    }

    fn moved(&mut self, calc: MoveCalc, pair: &[Node; 2]) {
        if self.dialect != Dialect::DataFusion {
            let name = match calc {
                MoveCalc::Days => "tidings_add_days",
                MoveCalc::Months => "tidings_add_months",
                MoveCalc::Years => "tidings_add_years",
            };
            return self.call(name, pair);
        }
        let (date, count) = (self.apart(&pair[0]), self.apart(&pair[1]));
        let spelled = match calc {
            MoveCalc::Days => by_days(&date, &count),
            MoveCalc::Months => by_months(&date, (&count, 1), Short::LastDay),
            MoveCalc::Years => by_months(&date, (&count, 12), Short::NextDay),
        };
        self.text(&spelled);
    }

    /// Months and days are never both there.
    fn shift(&mut self, months: i32, days: i32, date: &Node) {
        let date = self.apart(date);
        let shifted = if months == 0 {
            shifted(self.dialect, &date, Step::Days(days))
        } else {
            shifted(self.dialect, &date, Step::Months(months))
        };
        self.text(&shifted);
    }
}

/// A decimal as a BIGINT, NULL where it does not fit. Not TRY_CAST: DataFusion moves it to the other side of a comparison
/// (55.0), where nothing is out of range any more.
fn narrowed(decimal: &str) -> String {
    let (least, most) = (i64::MIN, i64::MAX);
    format!("(CASE WHEN {decimal} BETWEEN {least} AND {most} THEN CAST({decimal} AS BIGINT) END)")
}

/// How a date is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many days.
    Days(i32),
    /// So many months.
    Months(i32),
    /// So many days from Monday to Friday.
    WorkingDays(i32),
}

/// The SQL of a date moved by `step`.
pub fn shifted(dialect: Dialect, date: &str, step: Step) -> String {
    let (name, count) = match step {
        Step::Days(count) => ("add_days", count),
        Step::Months(count) => ("add_months", count),
        Step::WorkingDays(count) if count < 0 => ("sub_working_days", -count),
        Step::WorkingDays(count) => ("add_working_days", count),
    };
    if dialect != Dialect::DataFusion {
        return format!("tidings_{name}({date}, {count})");
    }
    let moved = match step {
        Step::Days(count) => format!("({date} + INTERVAL '{count}' DAY)"),
        Step::Months(count) => format!("({date} + INTERVAL '{count}' MONTH)"),
        Step::WorkingDays(0) => date.to_owned(),
        Step::WorkingDays(count) => working_days(date, count),
    };
    format!("(CASE WHEN {moved} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {moved} END)")
}

/// What becomes of a day that the month reached does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Short {
    LastDay,
    NextDay,
}

/// More days, and more months, than lie between any two dates.
const ALL_DAYS: i32 = 3_652_059;
const ALL_MONTHS: i32 = 120_000;

/// A date moved by a number that is computed, for DataFusion, which has no interval of a computed length.
fn by_days(date: &str, count: &str) -> String {
    let moved = format!("arrow_cast(CAST(arrow_cast({date}, 'Int32') + {count} AS INT), 'Date32')");
    let first = format!("{count} BETWEEN -{ALL_DAYS} AND {ALL_DAYS}");
    let bounded = format!("{moved} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'");
    format!("(CASE WHEN {first} THEN CASE WHEN {bounded} THEN {moved} END END)")
}

/// `count` times so many months.
fn by_months(date: &str, (count, each): (&str, i32), short: Short) -> String {
    let part = |part: &str, date: &str| format!("CAST(date_part('{part}', {date}) AS BIGINT)");
    let months = format!("({} * 12 + {} - 1 + {count} * {each})", part("year", date), part("month", date));
    let first = format!("make_date(CAST({months} / 12 AS INT), CAST({months} % 12 + 1 AS INT), 1)");
    let last = part("day", &format!("({first} + INTERVAL '1' MONTH - INTERVAL '1' DAY)"));
    let wanted = part("day", date);
    let day = match short {
        Short::LastDay => format!("least({wanted}, {last})"),
        Short::NextDay => format!("least({wanted}, {last} + 1)"),
    };
    let moved = format!("arrow_cast(CAST(arrow_cast({first}, 'Int32') + {day} - 1 AS INT), 'Date32')");
    // January of the year 1 to December of 9999.
    let most = ALL_MONTHS / each;
    let within = format!("{count} BETWEEN -{most} AND {most} AND {months} BETWEEN 12 AND 119999");
    format!("(CASE WHEN {within} THEN {moved} END)")
}

/// Whole weeks, then what is left, and two days more where that crosses a weekend; from a weekend day the count begins
/// at the working day next to it on the side of the anchor.
fn working_days(date: &str, count: i32) -> String {
    // Monday is 1.
    let day = format!("((CAST(date_part('dow', {date}) AS INT) + 6) % 7 + 1)");
    let (weeks, left) = (count / 5 * 7, count % 5);
    let days = if count > 0 {
        let (back, from) = (format!("greatest({day} - 5, 0)"), format!("least({day}, 5)"));
        format!("{weeks} + {left} - {back} + CASE WHEN {from} + {left} > 5 THEN 2 ELSE 0 END")
    } else {
        let (on, from) = (
            format!("CASE WHEN {day} > 5 THEN 8 - {day} ELSE 0 END"),
            format!("CASE WHEN {day} > 5 THEN 1 ELSE {day} END"),
        );
        format!("{on} + {weeks} + {left} - CASE WHEN {from} + {left} < 1 THEN 2 ELSE 0 END")
    };
    format!("arrow_cast(CAST(arrow_cast({date}, 'Int32') + {days} AS INT), 'Date32')")
}

/// Whether a node's value is text, as far as that shows at its top.
fn is_text(node: &Node) -> bool {
    match node {
        Node::Column(_, value_type) | Node::Coalesce(value_type, _) => *value_type == ValueType::Text,
        Node::Const(constant) => matches!(constant.value(), Some(Value::Text(_))),
        Node::Case(case) => case.value_type == ValueType::Text,
        _ => false,
    }
}
