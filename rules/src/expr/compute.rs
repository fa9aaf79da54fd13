//! The checker's other half: arithmetic, functions, CASE and COALESCE.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
    Value as Sql, ValueWithSpan,
};
use tidings_domain::value::{Value, ValueType};

use super::check::{Checker, Typed, bare};
use super::hint::quote;
use super::node::{Case, Constant, DateCalc, IntCalc, MoveCalc, Node};

impl Checker<'_> {
    pub(super) fn signed(&mut self, op: UnaryOperator, expr: &Expr) -> Option<Typed> {
        match (op, expr) {
            // The smallest whole number is written as a minus before a number that is itself too large.
            (UnaryOperator::Minus, Expr::Value(ValueWithSpan { value: Sql::Number(digits, false), .. })) => {
                self.number(&format!("-{digits}"))
            }
            (UnaryOperator::Minus, expr) => {
                let zero = Node::Const(Constant::new(Value::Int(0)));
                let node = self.expect(expr, ValueType::Int, "-")?;
                Some(Typed::new(Node::Ints(IntCalc::Sub, Box::new([zero, node])), ValueType::Int))
            }
            (UnaryOperator::Plus, expr) => {
                self.expect(expr, ValueType::Int, "+").map(|node| Typed::new(node, ValueType::Int))
            }
            (op, _) => self.unsupported(&format!("the operator {op}")),
        }
    }

    pub(super) fn arithmetic(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Typed> {
        match (op, bare(left), bare(right)) {
            (BinaryOperator::Plus, date, Expr::Interval(interval)) => self.shift(date, interval, 1),
            (BinaryOperator::Minus, date, Expr::Interval(interval)) => self.shift(date, interval, -1),
            (BinaryOperator::Plus, Expr::Interval(interval), date) => self.shift(date, interval, 1),
            (BinaryOperator::Plus, ..) => self.ints(IntCalc::Add, left, "+", right),
            (BinaryOperator::Minus, ..) => self.minus(left, right),
            (BinaryOperator::Multiply, ..) => self.ints(IntCalc::Mul, left, "*", right),
            (BinaryOperator::Divide, ..) => self.ints(IntCalc::Div, left, "/", right),
            (BinaryOperator::Modulo, ..) => self.ints(IntCalc::Rem, left, "%", right),
            _ => self.unsupported(&format!("the operator {op}")),
        }
    }

    fn shift(&mut self, date: &Expr, interval: &sqlparser::ast::Interval, sign: i32) -> Option<Typed> {
        let (date, shift) = (self.expect(date, ValueType::Date, "INTERVAL"), self.interval(interval, sign));
        Some(Typed::new(Node::Shift(shift?, Box::new(date?)), ValueType::Date))
    }

    fn ints(&mut self, calc: IntCalc, left: &Expr, op: &str, right: &Expr) -> Option<Typed> {
        let sides = (self.expect(left, ValueType::Int, op), self.expect(right, ValueType::Int, op));
        Some(Typed::new(Node::Ints(calc, Box::new([sides.0?, sides.1?])), ValueType::Int))
    }

    /// Whole numbers, or two dates: the days from the second to the first.
    fn minus(&mut self, left: &Expr, right: &Expr) -> Option<Typed> {
        let sides = (self.check(left), self.check(right));
        let (a, b) = (sides.0?, sides.1?);
        let subtracts = |value_type: Option<ValueType>| {
            matches!(value_type, None | Some(ValueType::Int | ValueType::Date))
        };
        if let Some((expr, typed)) =
            [(left, &a), (right, &b)].into_iter().find(|(_, t)| !subtracts(t.value_type))
        {
            let message = format!("- needs int or date, but {} is {}", quote(expr), typed.name());
            return self.inside(expr, |checker| checker.wrong(message, None));
        }
        self.agree((left, &a), (right, &b), "subtract")?;
        let node = match a.value_type.or(b.value_type) {
            Some(ValueType::Date) => Node::Dates(DateCalc::DaysBetween, Box::new([b.node, a.node])),
            _ => Node::Ints(IntCalc::Sub, Box::new([a.node, b.node])),
        };
        Some(Typed::new(node, ValueType::Int))
    }

    pub(super) fn function(&mut self, function: &Function) -> Option<Typed> {
        let name = function.name.to_string().to_lowercase();
        let Some(arguments) = plain_arguments(function) else {
            return self.unsupported(&format!("this form of {name}(...)"));
        };
        match name.as_str() {
            "coalesce" => self.coalesce(&arguments),
            "age_years" => self.dates(DateCalc::AgeYears, "age_years(birth, on)", &arguments),
            "months_between" => self.dates(DateCalc::MonthsBetween, "months_between(from, to)", &arguments),
            "days_between" => self.dates(DateCalc::DaysBetween, "days_between(from, to)", &arguments),
            "add_days" => self.moved(MoveCalc::Days, "add_days(date, count)", &arguments),
            "add_months" => self.moved(MoveCalc::Months, "add_months(date, count)", &arguments),
            "add_years" => self.moved(MoveCalc::Years, "add_years(date, count)", &arguments),
            "now" | "current_date" | "current_timestamp" | "current_time" | "today" => {
                let hint = "a rule is judged on the event's own dates: compare with a column of event".into();
                self.wrong(format!("{name} is not supported: rules read no clock"), Some(hint))
            }
            _ => self.unsupported(&format!("the function {name}")),
        }
    }

    fn dates(&mut self, calc: DateCalc, usage: &str, arguments: &[&Expr]) -> Option<Typed> {
        let name = usage.split('(').next().unwrap_or(usage);
        let &[from, to] = arguments else {
            let message = format!("{name} takes 2 dates, not {} arguments", arguments.len());
            return self.wrong(message, Some(format!("write {usage}")));
        };
        let sides = (self.expect(from, ValueType::Date, name), self.expect(to, ValueType::Date, name));
        Some(Typed::new(Node::Dates(calc, Box::new([sides.0?, sides.1?])), ValueType::Int))
    }

    fn moved(&mut self, calc: MoveCalc, usage: &str, arguments: &[&Expr]) -> Option<Typed> {
        let name = usage.split('(').next().unwrap_or(usage);
        let &[date, count] = arguments else {
            let message = format!("{name} takes a date and a number, not {} arguments", arguments.len());
            return self.wrong(message, Some(format!("write {usage}")));
        };
        let sides = (self.expect(date, ValueType::Date, name), self.expect(count, ValueType::Int, name));
        Some(Typed::new(Node::Moved(calc, Box::new([sides.0?, sides.1?])), ValueType::Date))
    }

    fn coalesce(&mut self, arguments: &[&Expr]) -> Option<Typed> {
        if arguments.is_empty() {
            return self.wrong("COALESCE needs at least one argument".into(), None);
        }
        let items = arguments.iter().map(|argument| self.check(argument)).collect::<Vec<_>>();
        let items = items.into_iter().collect::<Option<Vec<_>>>()?;
        let value_type = self.one_type(arguments.iter().copied(), &items, None)?;
        let Some(value_type) = value_type else { return Some(Typed::null()) };
        let nodes = items.into_iter().map(|item| item.node).collect();
        Some(Typed::new(Node::Coalesce(value_type, nodes), value_type))
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&Expr>,
        whens: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Option<Typed> {
        let tested = operand.map(|operand| self.check(operand));
        let conditions = match (operand, &tested) {
            (None, _) => whens
                .iter()
                .map(|when| self.expect(&when.condition, ValueType::Bool, "WHEN"))
                .collect::<Vec<_>>(),
            (Some(operand), Some(Some(tested))) => {
                whens.iter().map(|when| self.case_value(operand, tested, &when.condition)).collect()
            }
            (Some(_), _) => {
                whens.iter().map(|when| self.check(&when.condition).map(|typed| typed.node)).collect()
            }
        };
        let sources = whens.iter().map(|when| &when.result).chain(otherwise).collect::<Vec<_>>();
        let results = sources.iter().map(|source| self.check(source)).collect::<Vec<_>>();
        let results = results.into_iter().collect::<Option<Vec<_>>>()?;
        let value_type = self.one_type(sources, &results, None)?;
        let conditions = conditions.into_iter().collect::<Option<Vec<_>>>()?;
        let operand = match tested {
            Some(tested) => Some(tested?.node),
            None => None,
        };
        // Every result is NULL, so the value is, whatever the conditions say.
        let Some(value_type) = value_type else { return Some(Typed::null()) };
        let mut results = results.into_iter().map(|result| result.node);
        let whens = conditions.into_iter().zip(results.by_ref()).collect();
        let case = Case { value_type, operand, whens, otherwise: results.next() };
        Some(Typed::new(Node::Case(Box::new(case)), value_type))
    }

    fn case_value(&mut self, operand: &Expr, tested: &Typed, value: &Expr) -> Option<Node> {
        let typed = self.check(value)?;
        self.inside(value, |checker| checker.agree((operand, tested), (value, &typed), "compare"))?;
        Some(typed.node)
    }
}

/// The arguments of a call that has nothing else about it: no DISTINCT, FILTER, OVER, names or ORDER BY.
fn plain_arguments(function: &Function) -> Option<Vec<&Expr>> {
    let plain = !function.uses_odbc_syntax
        && matches!(function.parameters, FunctionArguments::None)
        && function.within_group.is_empty()
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.over.is_none();
    match &function.args {
        FunctionArguments::None if plain => Some(Vec::new()),
        FunctionArguments::List(list)
            if plain && list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
        {
            let each = list.args.iter().map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            });
            each.collect()
        }
        _ => None,
    }
}
