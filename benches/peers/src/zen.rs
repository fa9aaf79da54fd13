//! zen-engine at its best: expressions compiled to bytecode once and run by one VM over values made beforehand; and,
//! as its users run it, one compiled decision graph whose expression node holds all twenty.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use serde_json::json;
use tidings_domain::value::Value;
use zen_engine::Decision;
use zen_engine::model::DecisionContent;
use zen_expression::expression::Standard;
use zen_expression::scope::Scope;
use zen_expression::variable::{Variable, VariableMap};
use zen_expression::vm::VM;
use zen_expression::{DateValue, Expression, Isolate};

use crate::conditions::{CONDITIONS, COUNT};
use crate::data::{ARRIVING, COLUMNS, Row};
use crate::peer::Peer;

/// As many citizens give a rate.
const GRAPH_ROWS: usize = 20_000;

/// One citizen as zen's own value.
fn variable(row: &Row) -> Result<Variable> {
    let mut map = VariableMap::default();
    for ((name, _), value) in COLUMNS.iter().zip(row) {
        let given = match value {
            Value::Bool(value) => Variable::Bool(*value),
            Value::Int(value) => Variable::Number((*value).into()),
            Value::Text(value) => Variable::String(value.as_str().into()),
            Value::Date(days) => {
                map.insert(format!("{name}_days").as_str().into(), Variable::Number((*days).into()));
                DateValue::from_text(&value.canonical()).context("a date")?
            }
            Value::Citizen(_) => unreachable!("no column holds one"),
        };
        map.insert((*name).into(), given);
    }
    Ok(Variable::from_object(map))
}

/// Zen at its barest: no engine around the expressions, nothing kept of them but the answer.
pub struct Expressions {
    name: String,
    conditions: Vec<Expression<Standard>>,
    rows: Arc<[Row]>,
    vm: VM,
}

impl Expressions {
    pub fn new(rows: Arc<[Row]>) -> Result<Self> {
        let mut isolate = Isolate::new();
        let compiled = CONDITIONS
            .iter()
            .map(|(_, text)| isolate.compile_standard(text).map_err(|error| anyhow!("zen: {text}: {error}")));
        Ok(Self {
            name: format!("zen-engine {}, expressions", zen_engine::ENGINE_VERSION),
            conditions: compiled.collect::<Result<_>>()?,
            rows,
            vm: VM::new(),
        })
    }
}

impl Peer for Expressions {
    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self, _batch: usize, all: usize) -> usize {
        all
    }

    /// It has no batches: any size is one by one.
    fn time(&mut self, _batch: usize, rows: usize) -> Result<f64> {
        one_by_one(&self.rows[..rows], Scope::new, |scope| {
            for condition in &self.conditions {
                let _ = black_box(condition.evaluate_with_scope(scope, &mut self.vm));
            }
        })
    }

    fn answers(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.rows.len() * COUNT);
        for row in self.rows.iter() {
            let scope = Scope::new(variable(row)?);
            for (condition, (text, _)) in self.conditions.iter().zip(CONDITIONS) {
                let answer = condition.evaluate_with_scope(&scope, &mut self.vm);
                let answer = answer.map_err(|error| anyhow!("zen: {text}: {error}"))?;
                bytes.push(
                    b'0' + u8::from(answer.as_bool().with_context(|| format!("zen: {text}: {answer}"))?),
                );
            }
        }
        Ok(bytes)
    }
}

/// Seconds to judge the citizens, loaded as zen's values just before and not counted.
fn one_by_one<T>(rows: &[Row], load: impl Fn(Variable) -> T, mut judge: impl FnMut(&T)) -> Result<f64> {
    let mut seconds = 0.0;
    for some in rows.chunks(ARRIVING) {
        let citizens = some.iter().map(|row| variable(row).map(&load)).collect::<Result<Vec<_>>>()?;
        let began = Instant::now();
        citizens.iter().for_each(&mut judge);
        seconds += began.elapsed().as_secs_f64();
    }
    Ok(seconds)
}

/// A graph hands dates to its nodes as text, so its conditions make dates of them again.
fn in_a_graph(condition: &str) -> String {
    let again = condition.replace("event_day.", "d(event_day).").replace("expires < ", "d(expires) < ");
    again.replace("birth <= ", "d(birth) <= ").replace("birth > ", "d(birth) > ")
}

/// A compiled decision: one graph for all twenty.
pub struct Graph {
    name: String,
    decision: Decision,
    rows: Arc<[Row]>,
    runtime: tokio::runtime::Runtime,
    /// Reads the answers out of what the graph gives.
    read: fn(&Variable) -> Result<[bool; COUNT]>,
}

impl Graph {
    /// An expression node with an entry for each condition.
    pub fn of_expressions(rows: Arc<[Row]>) -> Result<Self> {
        let expressions: Vec<_> = CONDITIONS
            .iter()
            .enumerate()
            .map(|(at, (_, text))| json!({ "id": format!("e{at}"), "key": format!("c{at}"), "value": in_a_graph(text) }))
            .collect();
        let node = json!({
            "type": "expressionNode", "id": "judge", "name": "judge",
            "content": { "expressions": expressions, "passThrough": false, "executionMode": "single" },
        });
        Self::new("expression node", node, rows, |result| {
            let object = result.as_object().context("an object")?;
            let object = object.borrow();
            let mut answers = [false; COUNT];
            for (at, answer) in answers.iter_mut().enumerate() {
                *answer =
                    object.get_str(&format!("c{at}")).and_then(Variable::as_bool).context("an answer")?;
            }
            Ok(answers)
        })
    }

    /// A table that collects every row that holds, a row for each condition.
    pub fn of_table(rows: Arc<[Row]>) -> Result<Self> {
        let rules: Vec<_> = CONDITIONS
            .iter()
            .enumerate()
            .map(|(at, (_, text))| json!({ "_id": format!("r{at}"), "if": in_a_graph(text), "then": at.to_string() }))
            .collect();
        let node = json!({
            "type": "decisionTableNode", "id": "judge", "name": "judge",
            "content": {
                "hitPolicy": "collect", "passThrough": false, "executionMode": "single", "rules": rules,
                "inputs": [{ "id": "if", "name": "If" }],
                "outputs": [{ "id": "then", "name": "Then", "field": "number" }],
            },
        });
        Self::new("decision table", node, rows, |result| {
            let hits = result.as_array().context("an array")?;
            let mut answers = [false; COUNT];
            for hit in hits.borrow().iter() {
                let number = hit.dot("number").and_then(|number| number.as_number()).context("a number")?;
                answers[usize::try_from(number)?] = true;
            }
            Ok(answers)
        })
    }

    fn new(
        kind: &str,
        node: serde_json::Value,
        rows: Arc<[Row]>,
        read: fn(&Variable) -> Result<[bool; COUNT]>,
    ) -> Result<Self> {
        let graph = json!({
            "contentType": "application/vnd.gorules.decision",
            "nodes": [
                { "type": "inputNode", "id": "in", "name": "in", "content": {} },
                node,
                { "type": "outputNode", "id": "out", "name": "out", "content": {} },
            ],
            "edges": [
                { "type": "edge", "id": "1", "sourceId": "in", "targetId": "judge" },
                { "type": "edge", "id": "2", "sourceId": "judge", "targetId": "out" },
            ],
        });
        let DecisionContent::Graph(content) = serde_json::from_value(graph)? else {
            return Err(anyhow!("a graph was read as something else"));
        };
        let mut decision = Decision::from(content);
        decision.compile();
        Ok(Self {
            name: format!("zen-engine {}, {kind}", zen_engine::ENGINE_VERSION),
            decision,
            rows,
            runtime: tokio::runtime::Builder::new_current_thread().build()?,
            read,
        })
    }
}

impl Peer for Graph {
    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self, _batch: usize, all: usize) -> usize {
        all.min(GRAPH_ROWS)
    }

    fn time(&mut self, _batch: usize, rows: usize) -> Result<f64> {
        one_by_one(
            &self.rows[..rows],
            |row| row,
            |row| {
                let _ = black_box(self.runtime.block_on(self.decision.evaluate(row.clone())));
            },
        )
    }

    fn answers(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.rows.len() * COUNT);
        for row in self.rows.iter() {
            let response = self.runtime.block_on(self.decision.evaluate(variable(row)?));
            let response = response.map_err(|error| anyhow!("{}: {error}", self.name))?;
            bytes.extend((self.read)(&response.result)?.map(|answer| b'0' + u8::from(answer)));
        }
        Ok(bytes)
    }
}
