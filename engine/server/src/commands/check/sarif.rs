//! SARIF 2.1.0 (OASIS standard of 27 March 2020), for code review tools.

use serde_json::{Value, json};
use tidings_rules::analysis::{Finding, FindingCode, Severity};
use tidings_rules::pack::{Code, Diagnostic};

/// The one version that there is.
const VERSION: &str = "2.1.0";
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A log of one run. Places are relative to the pack's folder.
pub(super) fn log(mistakes: &[Diagnostic], findings: &[Finding]) -> Value {
    let rules: Vec<Value> = rules(mistakes).collect();
    let place = |id: &str| rules.iter().position(|rule| rule["id"] == id);
    let mistakes = mistakes.iter().map(|one| {
        let at = Place { file: &one.file, line: one.line, column: one.column };
        result(one.code.as_str(), "error", text(&one.message, one.hint.as_deref()), &at)
    });
    let findings = findings.iter().map(|one| {
        let at = Place { file: &one.file, line: one.line, column: one.column };
        let mut result =
            result(one.code.as_str(), level(one.severity), text(&one.message, one.hint.as_deref()), &at);
        result["properties"] = json!({ "severity": one.severity.as_str() });
        result
    });
    let results: Vec<Value> = mistakes
        .chain(findings)
        .map(|mut result| {
            if let Some(place) = result["ruleId"].as_str().and_then(place) {
                result["ruleIndex"] = place.into();
            }
            result
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [{
            "tool": { "driver": {
                "name": "tidings",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            // Columns count characters, not UTF-16 units.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// Every kind of finding, and the kinds of mistake that were made.
fn rules(mistakes: &[Diagnostic]) -> impl Iterator<Item = Value> {
    let mut made: Vec<Code> = mistakes.iter().map(|one| one.code).collect();
    made.sort();
    made.dedup();
    let made = made.into_iter().map(|code| {
        json!({
            "id": code.as_str(),
            "shortDescription": { "text": "A mistake: the pack does not load" },
            "defaultConfiguration": { "level": "error" },
        })
    });
    let kinds = FindingCode::ALL.iter().map(|code| {
        json!({
            "id": code.as_str(),
            "name": format!("{code:?}"),
            "shortDescription": { "text": code.title() },
            "defaultConfiguration": { "level": level(code.severity()) },
        })
    });
    made.chain(kinds)
}

/// What a person must look at does not block anything: SARIF calls that a note.
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Review | Severity::Note => "note",
    }
}

fn text(message: &str, hint: Option<&str>) -> String {
    hint.map_or_else(|| message.to_owned(), |hint| format!("{message}. Hint: {hint}."))
}

struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
}

fn result(code: &str, level: &str, text: String, at: &Place<'_>) -> Value {
    json!({
        "ruleId": code,
        "level": level,
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": at.file },
            "region": { "startLine": at.line, "startColumn": at.column },
        } }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings_rules::analysis::{Options, analyse};

    /// What the standard requires of a log (sections 3.13, 3.14, 3.18, 3.19, 3.27, 3.28), as far as it is used here.
    fn conforms(log: &Value) {
        assert_eq!(log["version"], "2.1.0");
        let runs = log["runs"].as_array().expect("runs");
        assert_eq!(runs.len(), 1);
        let driver = &runs[0]["tool"]["driver"];
        assert_eq!(driver["name"], "tidings");
        let rules = driver["rules"].as_array().expect("rules");
        let ids: Vec<_> = rules.iter().map(|rule| rule["id"].as_str().expect("an id")).collect();
        assert!((1..ids.len()).all(|at| !ids[..at].contains(&ids[at])), "{ids:?}");
        for rule in rules {
            assert!(!rule["shortDescription"]["text"].as_str().expect("a text").is_empty());
            let level = rule["defaultConfiguration"]["level"].as_str().expect("a level");
            assert!(["none", "note", "warning", "error"].contains(&level));
        }
        for result in runs[0]["results"].as_array().expect("results") {
            let index = result["ruleIndex"].as_u64().expect("an index");
            assert_eq!(result["ruleId"], ids[usize::try_from(index).expect("small")]);
            let level = result["level"].as_str().expect("a level");
            assert!(["none", "note", "warning", "error"].contains(&level));
            assert!(!result["message"]["text"].as_str().expect("a text").is_empty());
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().expect("a file");
            assert!(uri.is_ascii() && !uri.starts_with('/') && !uri.contains([' ', '\\']), "{uri}");
            for number in ["startLine", "startColumn"] {
                assert!(place["region"][number].as_u64().expect("a number") >= 1);
            }
        }
    }

    #[test]
    fn a_log_has_the_shape_that_the_standard_requires() {
        let files = tidings_rules::packs::viet_nam();
        let pack = tidings_rules::Pack::from_files(files.clone()).expect("it loads");
        let findings = analyse(&pack, &Options::default());
        let log = log(&[], &findings);
        conforms(&log);
        assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(findings.len()));
        assert!(!findings.is_empty());

        let mut broken = files;
        broken.insert("pack.yaml".to_owned(), "name: [".to_owned());
        broken.insert("stray.yaml".to_owned(), "a: 1".to_owned());
        let mistakes = tidings_rules::Pack::from_files(broken).expect_err("it is broken");
        let log = super::log(&mistakes, &[]);
        conforms(&log);
        let results = log["runs"][0]["results"].as_array().expect("results");
        assert_eq!(results.len(), mistakes.len());
        assert!(results.iter().all(|result| result["level"] == "error"));
    }
}
