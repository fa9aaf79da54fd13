//! Names that stand for something else: figures of law and derived facts. They are replaced in the syntax tree
//! before it is checked, so that everything behind (types, kernels, SQL, missing facts) sees plain expressions.
//!
//! `law.NAME` becomes the figure of the day that the definitions are for; `law.NAME(a, b)`, a table, becomes a CASE
//! over its rows; `subject.NAME`, where NAME is a derived fact, becomes its definition with `self` replaced by
//! `subject`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectNamePart, Spanned, visit_expressions,
    visit_expressions_mut,
};
use sqlparser::tokenizer::Span;
use tidings_domain::value::{Value, date_of};

use super::{ExprError, RowKind, parse};

/// What figures of law are written under.
pub const LAW: &str = "law";
/// Whom a derived fact is about, in its definition.
pub(super) const SELF: &str = "self";
/// How many derived facts may stand inside one another.
const MAX_NESTING: usize = 8;

/// The most a table may hold.
pub const MAX_TABLE_ROWS: usize = 100;

/// An expression that has been read, but not yet given a meaning. Cheap to keep, dear to make.
#[derive(Clone, Debug)]
pub struct Source {
    pub(super) text: String,
    pub(super) expr: Expr,
}

/// A figure of law as it stands on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// One value.
    Value(Value),
    /// A value by what a person is.
    Table(Vec<Row>),
    /// Different values in different places: the first whose column holds one of the texts, else the last, if there
    /// is one.
    Local(Vec<(String, BTreeSet<String>, Figure)>, Option<Box<Figure>>),
}

/// A row of a table: it holds when every cell does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// One for each argument.
    pub cells: Vec<Cell>,
    /// The figure.
    pub value: Value,
}

/// What a row asks of one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// To be this.
    Is(Value),
    /// To lie between these, both included.
    Between(Option<Value>, Option<Value>),
}

/// What names stand for on one day.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// Figures by name; absent where law gives none on the day.
    pub figures: BTreeMap<String, Figure>,
    /// Derived facts by name.
    pub derived: Arc<BTreeMap<String, Source>>,
}

impl Source {
    /// Reads `text`.
    ///
    /// # Errors
    /// The place at which it cannot be read as SQL, or a limit that it exceeds.
    pub fn read(text: &str) -> Result<Self, ExprError> {
        Ok(Self { text: text.to_owned(), expr: parse::parse(text)? })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The figures of law that it names, through the derived facts that it names too.
    pub fn figures(&self, derived: &BTreeMap<String, Self>) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut pending = vec![self];
        while let Some(source) = pending.pop() {
            let _: ControlFlow<()> = visit_expressions(&source.expr, |expr| {
                match reference(expr) {
                    Some(Reference::Law(name)) => {
                        names.insert(name.to_owned());
                    }
                    Some(Reference::Person(_, name)) => {
                        if let Some(source) = derived.get(name).filter(|_| seen.insert(name.to_owned())) {
                            pending.push(source);
                        }
                    }
                    None => {}
                }
                ControlFlow::Continue(())
            });
        }
        names
    }

    /// The same with every name replaced by what it stands for.
    ///
    /// # Errors
    /// Names that stand for nothing, tables with too few or too many arguments, derived facts that go in circles.
    pub fn with(&self, definitions: &Definitions) -> Result<Self, Vec<ExprError>> {
        let mut expansion = Expansion { definitions, errors: Vec::new() };
        let expr = expansion.expand(self.expr.clone(), MAX_NESTING);
        if expansion.errors.is_empty() {
            return Ok(Self { text: self.text.clone(), expr });
        }
        expansion.errors.sort();
        expansion.errors.dedup();
        Err(expansion.errors)
    }

    /// The same with `self` read as the subject, to check a definition by itself.
    #[must_use]
    pub fn about_subject(&self) -> Self {
        let subject = Ident::new(RowKind::Subject.name());
        Self { text: self.text.clone(), expr: self.about(&[subject], None) }
    }

    /// The same with `self` replaced by a row or by a link of one, and every position by `at`, if one is given.
    fn about(&self, person: &[Ident], at: Option<Span>) -> Expr {
        let mut expr = self.expr.clone();
        let _: ControlFlow<()> = visit_expressions_mut(&mut expr, |expr| {
            if let Expr::CompoundIdentifier(parts) = expr
                && parts.first().is_some_and(|first| first.value.eq_ignore_ascii_case(SELF))
            {
                let path = parts.iter().skip(1).cloned();
                *parts = person.iter().cloned().chain(path).collect();
            }
            if let Some(at) = at {
                place(expr, at);
            }
            ControlFlow::Continue(())
        });
        expr
    }
}

enum Reference<'e> {
    Law(&'e str),
    /// The row with the link, if any, and a name that may be a derived fact.
    Person(&'e [Ident], &'e str),
}

fn reference(expr: &Expr) -> Option<Reference<'_>> {
    match expr {
        Expr::CompoundIdentifier(parts) => {
            let (last, person) = parts.split_last()?;
            let row = person.first()?.value.as_str();
            let is = |name: &str| row.eq_ignore_ascii_case(name);
            if is(LAW) && person.len() == 1 {
                return Some(Reference::Law(&last.value));
            }
            let of_person =
                is(SELF) || [RowKind::Subject, RowKind::Citizen].iter().any(|kind| is(kind.name()));
            of_person.then_some(Reference::Person(person, &last.value))
        }
        Expr::Function(function) => match function.name.0.as_slice() {
            [ObjectNamePart::Identifier(row), ObjectNamePart::Identifier(name)]
                if row.value.eq_ignore_ascii_case(LAW) =>
            {
                Some(Reference::Law(&name.value))
            }
            _ => None,
        },
        _ => None,
    }
}

struct Expansion<'d> {
    definitions: &'d Definitions,
    errors: Vec<ExprError>,
}

impl Expansion<'_> {
    fn expand(&mut self, mut expr: Expr, left: usize) -> Expr {
        let _: ControlFlow<()> = visit_expressions_mut(&mut expr, |expr| {
            let at = expr.span();
            let replaced = match reference(expr) {
                Some(Reference::Law(name)) => self.figure(&name.to_owned(), expr, at),
                Some(Reference::Person(person, name)) => self.derived(person, name, at, left),
                None => None,
            };
            if let Some(replaced) = replaced {
                *expr = replaced;
            }
            ControlFlow::Continue(())
        });
        expr
    }

    fn derived(&mut self, person: &[Ident], name: &str, at: Span, left: usize) -> Option<Expr> {
        let source = self.definitions.derived.get(name)?;
        if left == 0 {
            let message =
                format!("`{name}` is defined by way of itself, or through more than {MAX_NESTING} others");
            self.wrong(at, message, None);
            return None;
        }
        let expr = source.about(person, Some(at));
        Some(Expr::Nested(Box::new(self.expand(expr, left - 1))))
    }

    fn figure(&mut self, name: &String, expr: &Expr, at: Span) -> Option<Expr> {
        let Some(figure) = self.definitions.figures.get(name) else {
            self.wrong(at, format!("law gives no figure `law.{name}` on the day it is asked for"), None);
            return None;
        };
        let arguments = match expr {
            Expr::Function(function) => plain(&function.args),
            _ => Some(Vec::new()),
        };
        let wanted = figure.arguments();
        let Some(arguments) = arguments.filter(|given| given.len() == wanted) else {
            let hint =
                (wanted > 0).then(|| "write law.NAME(first, second), one argument for each key".to_owned());
            self.wrong(at, format!("`law.{name}` takes {wanted} arguments"), hint);
            return None;
        };
        let text = figure.sql(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>());
        match parse::parse(&text) {
            Ok(mut expr) => {
                let _: ControlFlow<()> = visit_expressions_mut(&mut expr, |expr| {
                    place(expr, at);
                    ControlFlow::Continue(())
                });
                Some(Expr::Nested(Box::new(expr)))
            }
            Err(error) => {
                self.wrong(at, format!("`law.{name}` cannot be used here: {}", error.message), error.hint);
                None
            }
        }
    }

    fn wrong(&mut self, at: Span, message: String, hint: Option<String>) {
        self.errors.push(parse::error(at.start, message, hint));
    }
}

fn plain(arguments: &FunctionArguments) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = arguments else { return Some(Vec::new()) };
    let each = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    each.collect()
}

impl Figure {
    /// Whether it has a value wherever a person lives.
    pub const fn is_everywhere(&self) -> bool {
        !matches!(self, Self::Local(_, None))
    }

    fn arguments(&self) -> usize {
        match self {
            Self::Value(_) => 0,
            Self::Table(rows) => rows.first().map_or(0, |row| row.cells.len()),
            Self::Local(places, otherwise) => {
                let first = otherwise.as_deref().or_else(|| places.first().map(|(_, _, figure)| figure));
                first.map_or(0, Self::arguments)
            }
        }
    }

    /// As SQL over the arguments.
    fn sql(&self, arguments: &[String]) -> String {
        match self {
            Self::Value(value) => literal(value),
            Self::Table(rows) => {
                let mut text = "CASE".to_owned();
                for row in rows {
                    let holds: Vec<_> =
                        row.cells.iter().zip(arguments).map(|(cell, it)| cell.sql(it)).collect();
                    let holds: Vec<_> = holds.into_iter().filter(|it| !it.is_empty()).collect();
                    let holds = if holds.is_empty() { "TRUE".to_owned() } else { holds.join(" AND ") };
                    _ = write!(text, " WHEN {holds} THEN {}", literal(&row.value));
                }
                text + " END"
            }
            Self::Local(places, otherwise) => {
                let mut text = "CASE".to_owned();
                for (column, codes, figure) in places {
                    let codes: Vec<_> = codes.iter().map(|code| quoted(code)).collect();
                    _ = write!(
                        text,
                        " WHEN {column} IN ({}) THEN {}",
                        codes.join(", "),
                        figure.sql(arguments)
                    );
                }
                if let Some(otherwise) = otherwise {
                    _ = write!(text, " ELSE {}", otherwise.sql(arguments));
                }
                text + " END"
            }
        }
    }
}

impl Cell {
    fn sql(&self, argument: &str) -> String {
        match self {
            Self::Is(value) => format!("({argument}) = {}", literal(value)),
            Self::Between(Some(low), Some(high)) => {
                format!("({argument}) BETWEEN {} AND {}", literal(low), literal(high))
            }
            Self::Between(Some(low), None) => format!("({argument}) >= {}", literal(low)),
            Self::Between(None, Some(high)) => format!("({argument}) <= {}", literal(high)),
            // Any value, but a value: what is not known has no place in the table.
            Self::Between(None, None) => format!("({argument}) IS NOT NULL"),
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string().to_uppercase(),
        Value::Int(value) => value.to_string(),
        Value::Date(days) => {
            date_of(*days).map_or_else(|| "NULL".to_owned(), |date| format!("DATE '{date}'"))
        }
        Value::Text(text) => quoted(text),
        // No figure of law is a person.
        Value::Citizen(_) => "NULL".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Mistakes in what a name stands for are shown where the name stands.
fn place(expr: &mut Expr, at: Span) {
    match expr {
        Expr::CompoundIdentifier(parts) => parts.iter_mut().for_each(|part| part.span = at),
        Expr::Identifier(part) => part.span = at,
        Expr::Value(value) => value.span = at,
        Expr::TypedString(date) => date.value.span = at,
        _ => {}
    }
}
