//! Syntax tree to compiled tree: names resolved, types checked, every mistake listed.

use sqlparser::ast::{BinaryOperator, Expr, Ident, InTarget, Spanned, UnaryOperator};
use sqlparser::tokenizer::Location;
use tidings_domain::value::{Value, ValueType};

use super::hint::{SUPPORTED, construct, conversion, quote};
use super::literal::{self, Wrong};
use super::node::{Comparison, Constant, In, Members, Node};
use super::{ColumnRef, ExprError, MAX_DEPTH, MAX_LIST, MAX_PATH, RowKind, Scope, parse};

pub(super) struct Checked {
    pub(super) root: Node,
    pub(super) columns: Vec<(ColumnRef, ValueType)>,
    pub(super) value_type: ValueType,
    pub(super) parts: Vec<String>,
}

/// Compiles `expr`, whose value must be of type `expected`, if one is.
pub(super) fn check(
    expr: &Expr,
    scope: &dyn Scope,
    expected: Option<ValueType>,
) -> Result<Checked, Vec<ExprError>> {
    let at = Location { line: 1, column: 1 };
    let mut checker = Checker { scope, columns: Vec::new(), errors: Vec::new(), at, depth: 0 };
    let expr = bare(expr);
    let root = match expected {
        Some(expected) => checker.expect(expr, expected, "this rule").map(|root| (root, expected)),
        None => checker.check(expr).and_then(|typed| match typed.value_type {
            Some(found) => Some((typed.node, found)),
            None => checker.wrong("the value is always NULL".into(), None),
        }),
    };
    checker.errors.sort();
    checker.errors.dedup();
    match root {
        Some((root, value_type)) if checker.errors.is_empty() => {
            let parts = chain(expr, &BinaryOperator::And).into_iter().map(Expr::to_string).collect();
            Ok(Checked { root, columns: checker.columns, value_type, parts })
        }
        _ => Err(checker.errors),
    }
}

/// What an expression compiled to. No type is a NULL that fits any.
pub(super) struct Typed {
    pub(super) node: Node,
    pub(super) value_type: Option<ValueType>,
}

impl Typed {
    pub(super) fn new(node: Node, value_type: ValueType) -> Self {
        Self { node: node.fold(), value_type: Some(value_type) }
    }

    pub(super) fn null() -> Self {
        Self { node: Node::Const(Constant::NULL), value_type: None }
    }

    fn truth(node: Node) -> Self {
        Self::new(node, ValueType::Bool)
    }

    /// Its type in a message.
    pub(super) fn name(&self) -> String {
        self.value_type.map_or_else(|| "NULL".into(), |value_type| value_type.to_string())
    }
}

pub(super) struct Checker<'s> {
    scope: &'s dyn Scope,
    columns: Vec<(ColumnRef, ValueType)>,
    errors: Vec<ExprError>,
    /// Where the innermost expression that knows its position begins.
    at: Location,
    depth: usize,
}

impl Checker<'_> {
    /// Lists a mistake at the expression being checked. Always `None`, to be returned.
    pub(super) fn wrong<T>(&mut self, message: String, hint: Option<String>) -> Option<T> {
        self.errors.push(parse::error(self.at, message, hint));
        None
    }

    fn wrong_literal<T>(&mut self, (message, hint): Wrong) -> Option<T> {
        self.wrong(message, hint)
    }

    pub(super) fn unsupported<T>(&mut self, what: &str) -> Option<T> {
        self.wrong(format!("{what} is not supported"), Some(SUPPORTED.into()))
    }

    /// Runs `check` with mistakes placed at `expr`.
    pub(super) fn inside<T>(&mut self, expr: &Expr, check: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let (outer, start) = (self.at, expr.span().start);
        if start.line > 0 {
            self.at = start;
        }
        let checked = check(self);
        self.at = outer;
        checked
    }

    /// Compiles `expr`; `None` when it is wrong, and then the mistakes are listed.
    pub(super) fn check(&mut self, expr: &Expr) -> Option<Typed> {
        self.depth += 1;
        let typed = self.inside(expr, |checker| {
            if checker.depth > MAX_DEPTH {
                return checker.too_deep();
            }
            checker.dispatch(expr)
        });
        self.depth -= 1;
        typed
    }

    /// Said once: every leaf below the limit would say it again.
    fn too_deep<T>(&mut self) -> Option<T> {
        let error = parse::too_deep(self.at);
        if self.errors.iter().all(|other| other.message != error.message) {
            self.errors.push(error);
        }
        None
    }

    fn dispatch(&mut self, expr: &Expr) -> Option<Typed> {
        match expr {
            Expr::Nested(inner) => self.check(inner),
            Expr::Value(value) => match literal::value(value) {
                Ok(value) => Some(value.map_or_else(Typed::null, constant)),
                Err(wrong) => self.wrong_literal(wrong),
            },
            Expr::TypedString(date) => match literal::date(date) {
                Ok(date) => Some(constant(date)),
                Err(wrong) => self.wrong_literal(wrong),
            },
            Expr::CompoundIdentifier(parts) => self.column(parts),
            Expr::Identifier(name) => self.column(std::slice::from_ref(name)),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.not(expr),
            Expr::UnaryOp { op, expr } => self.signed(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(expr, left, op, right),
            Expr::IsNull(inner) => self.is_null(inner, false),
            Expr::IsNotNull(inner) => self.is_null(inner, true),
            Expr::IsTrue(inner) => self.is(inner, Some(true), false),
            Expr::IsNotTrue(inner) => self.is(inner, Some(true), true),
            Expr::IsFalse(inner) => self.is(inner, Some(false), false),
            Expr::IsNotFalse(inner) => self.is(inner, Some(false), true),
            Expr::IsUnknown(inner) => self.is(inner, None, false),
            Expr::IsNotUnknown(inner) => self.is(inner, None, true),
            Expr::Between { expr, negated, low, high } => {
                let parts = [&**expr, &**low, &**high];
                self.between(parts).map(|node| Typed::truth(negate(node, *negated)))
            }
            Expr::In { expr, target: InTarget::List(list), negated, .. } => {
                self.within(expr, list).map(|node| Typed::truth(negate(node, *negated)))
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Function(function) => self.function(function),
            other => self.unsupported(construct(other)),
        }
    }

    fn column(&mut self, parts: &[Ident]) -> Option<Typed> {
        let shape = "write event.NAME, subject.NAME or citizen.NAME, with up to three names after the row";
        let written = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>();
        let row = written
            .first()
            .and_then(|row| RowKind::ALL.into_iter().find(|kind| kind.to_string().eq_ignore_ascii_case(row)));
        let path = written.iter().skip(1).map(|&part| part.to_owned()).collect::<Vec<_>>();
        let Some(row) = row.filter(|_| (1..=MAX_PATH).contains(&path.len())) else {
            return self.wrong(format!("`{}` is not a column", written.join(".")), Some(shape.into()));
        };
        let column = ColumnRef { row, path };
        if let Some(input) = self.columns.iter().position(|(seen, _)| *seen == column) {
            let value_type = self.columns[input].1;
            return Some(Typed::new(Node::Column(input, value_type), value_type));
        }
        match self.scope.resolve(&column) {
            Ok(value_type) => {
                self.columns.push((column, value_type));
                Some(Typed::new(Node::Column(self.columns.len() - 1, value_type), value_type))
            }
            Err(unresolved) => self.wrong(unresolved.message, unresolved.hint),
        }
    }

    /// Compiles `expr`, which `user` needs to be of type `wanted`.
    pub(super) fn expect(&mut self, expr: &Expr, wanted: ValueType, user: &str) -> Option<Node> {
        let typed = self.check(expr)?;
        if typed.value_type.is_none_or(|found| found == wanted) {
            return Some(typed.node);
        }
        let message = format!("{user} needs {wanted}, but {} is {}", quote(expr), typed.name());
        let hint = conversion(wanted, expr, &typed);
        self.inside(expr, |checker| checker.wrong(message, hint))
    }

    fn not(&mut self, expr: &Expr) -> Option<Typed> {
        self.expect(expr, ValueType::Bool, "NOT").map(|node| Typed::truth(negate(node, true)))
    }

    fn binary(&mut self, whole: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Typed> {
        let comparison = match op {
            BinaryOperator::And | BinaryOperator::Or => return self.junction(whole, op),
            BinaryOperator::Eq => Comparison::Eq,
            BinaryOperator::NotEq => Comparison::Ne,
            BinaryOperator::Lt => Comparison::Lt,
            BinaryOperator::LtEq => Comparison::Le,
            BinaryOperator::Gt => Comparison::Gt,
            BinaryOperator::GtEq => Comparison::Ge,
            _ => return self.arithmetic(left, op, right),
        };
        let sides = (self.check(left), self.check(right));
        let (a, b) = (sides.0?, sides.1?);
        self.agree((left, &a), (right, &b), "compare")?;
        if !matches!(comparison, Comparison::Eq | Comparison::Ne) {
            self.ordered(&a, left)?;
            self.ordered(&b, right)?;
        }
        Some(Typed::truth(Node::Compare(comparison, Box::new([a.node, b.node]))))
    }

    /// A chain of ANDs or ORs, however long, is one node.
    fn junction(&mut self, whole: &Expr, op: &BinaryOperator) -> Option<Typed> {
        let name = op.to_string();
        let parts = chain(whole, op).into_iter().map(|part| self.expect(part, ValueType::Bool, &name));
        let parts = parts.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
        let node = if *op == BinaryOperator::And { Node::All(parts) } else { Node::Any(parts) };
        Some(Typed { node, value_type: Some(ValueType::Bool) })
    }

    /// Lists a mistake unless both are of one type; the type.
    pub(super) fn agree(&mut self, left: (&Expr, &Typed), right: (&Expr, &Typed), verb: &str) -> Option<()> {
        let (Some(a), Some(b)) = (left.1.value_type, right.1.value_type) else { return Some(()) };
        if a == b {
            return Some(());
        }
        let sides = (quote(left.0), quote(right.0));
        let message = format!("cannot {verb} {a} with {b}: {} is {a}, {} is {b}", sides.0, sides.1);
        let hint = conversion(a, right.0, right.1).or_else(|| conversion(b, left.0, left.1));
        self.wrong(message, hint)
    }

    fn ordered(&mut self, typed: &Typed, expr: &Expr) -> Option<()> {
        match typed.value_type {
            Some(found @ (ValueType::Bool | ValueType::Citizen)) => {
                let hint = "only = and <> compare bool and citizen".into();
                self.wrong(format!("{} is {found}, which has no order", quote(expr)), Some(hint))
            }
            _ => Some(()),
        }
    }

    fn is_null(&mut self, expr: &Expr, negated: bool) -> Option<Typed> {
        let node = Node::IsNull(Box::new(self.check(expr)?.node));
        Some(Typed::truth(negate(node, negated)))
    }

    fn is(&mut self, expr: &Expr, wanted: Option<bool>, negated: bool) -> Option<Typed> {
        let node = Box::new(self.expect(expr, ValueType::Bool, "IS")?);
        let node = match wanted {
            Some(wanted) => Node::Is(wanted, node),
            None => Node::IsNull(node),
        };
        Some(Typed::truth(negate(node, negated)))
    }

    fn between(&mut self, parts: [&Expr; 3]) -> Option<Node> {
        let typed = parts.map(|part| self.check(part));
        let [value, low, high] = typed;
        let (value, low, high) = (value?, low?, high?);
        self.agree((parts[0], &value), (parts[1], &low), "compare")?;
        self.agree((parts[0], &value), (parts[2], &high), "compare")?;
        self.agree((parts[1], &low), (parts[2], &high), "compare")?;
        for (typed, part) in [&value, &low, &high].into_iter().zip(parts) {
            self.ordered(typed, part)?;
        }
        Some(Node::Between(Box::new([value.node, low.node, high.node])))
    }

    fn within(&mut self, expr: &Expr, list: &[Expr]) -> Option<Node> {
        if list.len() > MAX_LIST {
            return self.wrong(format!("IN has {} values; at most {MAX_LIST} are allowed", list.len()), None);
        }
        let needle = self.check(expr);
        let items = list.iter().map(|item| self.check(item)).collect::<Vec<_>>();
        let (needle, items) = (needle?, items.into_iter().collect::<Option<Vec<_>>>()?);
        for (item, source) in items.iter().zip(list) {
            self.inside(source, |checker| checker.agree((expr, &needle), (source, item), "compare"))?;
        }
        let value_type = self.one_type(list, &items, needle.value_type)?.unwrap_or(ValueType::Int);
        let (mut values, mut others, mut null) = (Vec::new(), Vec::new(), false);
        for item in items {
            match item.node {
                Node::Const(constant) if Members::keeps(value_type) => match constant.into_value() {
                    Some(value) => values.push(value),
                    None => null = true,
                },
                node => others.push(node),
            }
        }
        let members = Members::new(value_type, values);
        Some(Node::In(Box::new(In { needle: needle.node, members, null, others })))
    }

    /// The one type of all `items`, if any of them has one; a mistake is listed at the first that differs.
    pub(super) fn one_type<'e>(
        &mut self,
        sources: impl IntoIterator<Item = &'e Expr>,
        items: &[Typed],
        mut known: Option<ValueType>,
    ) -> Option<Option<ValueType>> {
        let mut agreed = Some(());
        for (source, item) in sources.into_iter().zip(items) {
            match (known, item.value_type) {
                (Some(wanted), Some(found)) if wanted != found => {
                    let message = format!("{} is {found}, the ones before it are {wanted}", quote(source));
                    let hint = conversion(wanted, source, item);
                    agreed = self.inside(source, |checker| checker.wrong(message, hint));
                }
                (None, found) => known = found,
                _ => {}
            }
        }
        agreed.map(|()| known)
    }

    /// An interval, `sign` times.
    pub(super) fn interval(
        &mut self,
        interval: &sqlparser::ast::Interval,
        sign: i32,
    ) -> Option<super::calendar::Shift> {
        literal::interval(interval, sign).map_or_else(|wrong| self.wrong_literal(wrong), Some)
    }

    pub(super) fn number(&mut self, digits: &str) -> Option<Typed> {
        literal::whole(digits).map_or_else(|wrong| self.wrong_literal(wrong), |value| Some(constant(value)))
    }
}

fn constant(value: Value) -> Typed {
    Typed { value_type: Some(value.value_type()), node: Node::Const(Constant::new(value)) }
}

fn negate(node: Node, negated: bool) -> Node {
    if negated { Node::Not(Box::new(node.fold())) } else { node }
}

/// Without the brackets around it.
pub(super) fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// The operands of a chain of one operator, in order, brackets notwithstanding.
pub(super) fn chain<'e>(expr: &'e Expr, wanted: &BinaryOperator) -> Vec<&'e Expr> {
    let (mut stack, mut parts) = (vec![expr], Vec::new());
    while let Some(expr) = stack.pop() {
        match bare(expr) {
            Expr::BinaryOp { left, op, right } if op == wanted => stack.extend([&**right, &**left]),
            part => parts.push(part),
        }
    }
    parts
}
