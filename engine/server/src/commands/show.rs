//! How replies look to people.

use std::process::ExitCode;

use serde_json::Value;

use super::requests::{Reply, TaskLine};
use crate::out::{Grid, Out, grouped};

/// Prints a reply.
pub(super) fn reply(reply: &Reply, out: Out) -> anyhow::Result<ExitCode> {
    match reply {
        Reply::Explanation(explanation) => {
            out.value(explanation)?;
            out.say(explained(explanation));
        }
        Reply::Tasks(tasks) => {
            out.value(tasks)?;
            out.say(listed(tasks));
        }
        Reply::Done(what) => {
            out.value(&serde_json::json!({ "done": what }))?;
            out.say(what);
        }
        Reply::Forgotten { known, rows } => {
            out.value(&serde_json::json!({ "known": known, "rows": rows }))?;
            out.say(if *known {
                format!("forgotten: {rows} rows removed, the key destroyed; events about this person are ignored from now on")
            } else {
                "nothing was known; events about this person are ignored from now on".to_owned()
            });
        }
        Reply::Files(files) => out.value(files)?,
        Reply::Loaded(report) => {
            out.value(report)?;
            if report.resumed_after > 0 {
                out.say(format!("went on after row {}", grouped(report.resumed_after)));
            }
            for (row, column, why) in &report.first_refused {
                out.say(format!(
                    "row {row}, {}: {why}",
                    if column.is_empty() { "whole row" } else { column }
                ));
            }
            out.say(format!(
                "{} rows loaded, {} known before, {} of forgotten people, {} refused",
                grouped(report.committed),
                grouped(report.duplicates),
                grouped(report.forgotten),
                grouped(report.refused),
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(tasks: &[TaskLine]) -> String {
    if tasks.is_empty() {
        return "no tasks".to_owned();
    }
    let mut grid = Grid::new("Tasks");
    for task in tasks {
        grid.row([
            task.queue.clone(),
            task.due.clone(),
            task.id.clone(),
            task.citizen.clone(),
            task.work.split('(').next().unwrap_or_default().to_lowercase(),
            task.rules.join(", "),
            task.note.clone().unwrap_or_default(),
        ]);
    }
    grid.to_string()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("-")
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// An explanation as a page: each occurrence, the facts that were read, every rule that was considered.
pub(super) fn explained(explanation: &Value) -> String {
    let day = |key: &str, words: &str| {
        explanation.get(key).and_then(Value::as_str).map(|day| format!(", {words} {day}")).unwrap_or_default()
    };
    let mut page = vec![format!(
        "Citizen {}, pack {}{}{}",
        text(explanation, "citizen"),
        text(explanation, "pack"),
        day("as_of", "as of"),
        day("known", "as known on"),
    )];
    for decision in list(explanation, "decisions") {
        page.push(format!(
            "\n{} ({}), {}\n  decision {}, judged by pack {}",
            text(decision, "title"),
            text(decision, "life_event"),
            &text(decision, "occurred").chars().take(10).collect::<String>(),
            text(decision, "decision"),
            text(decision, "pack"),
        ));
        for event in list(decision, "reported") {
            page.push(format!("  reported by event {}", event.as_str().unwrap_or_default()));
        }
        for fact in list(decision, "facts") {
            let source = match fact.get("source").and_then(Value::as_str) {
                Some(source) => format!(
                    "  ({source}, since {})",
                    &text(fact, "since").chars().take(10).collect::<String>()
                ),
                None => String::new(),
            };
            let value = fact.get("value").and_then(Value::as_str).unwrap_or("not known");
            page.push(format!("  fact {} = {value}{source}", text(fact, "name")));
        }
        for rule in list(decision, "rules") {
            page.push(considered(rule));
        }
        for line in list(decision, "history") {
            page.push(format!("  {}", line.as_str().unwrap_or_default()));
        }
    }
    for message in list(explanation, "messages") {
        page.push(format!(
            "\nMessage {} ({}), planned {}\n  {}\n",
            text(message, "notification"),
            text(message, "kind"),
            text(message, "planned"),
            text(message, "subject"),
        ));
        page.push(
            text(message, "body").lines().map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n"),
        );
        let deliveries: Vec<_> = list(message, "deliveries").filter_map(Value::as_str).collect();
        page.push(format!("  {}", deliveries.join("; ")));
    }
    page.join("\n")
}

fn considered(rule: &Value) -> String {
    let because: Vec<_> = list(rule, "because").filter_map(Value::as_str).collect();
    let law: Vec<_> = list(rule, "law").filter_map(Value::as_str).collect();
    let mut lines = vec![format!(
        "  rule {}: {} -> {} [{}]",
        text(rule, "rule"),
        text(rule, "service"),
        text(rule, "answer"),
        text(rule, "state")
    )];
    if !because.is_empty() {
        lines.push(format!("    because: {}", because.join("; ")));
    }
    if text(rule, "answer") == "yes" {
        lines.push(format!("    law: {}", law.join("; ")));
        if let Some(deadline) = rule.get("deadline").and_then(Value::as_str) {
            lines.push(format!("    by: {deadline}"));
        }
    }
    lines.join("\n")
}
