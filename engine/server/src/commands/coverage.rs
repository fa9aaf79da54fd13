//! `tidings coverage`: what share is proactive.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Serialize;
use tidings_pipeline::files::Files;
use tidings_rules::Pack;
use tidings_rules::catalogue::{Coverage, ListCoverage, Share, Silent, Why, coverage};

use super::pack;
use super::requests::{self, Reply, Request};
use crate::cli::CoverageArgs;
use crate::config::Config;
use crate::out::{Out, grouped};

/// The language that the commands speak, where the pack has it.
const LANGUAGE: &str = "en";

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    coverage: &'a Coverage,
    /// `null` when no store was asked.
    files: Option<Files>,
}

/// Prints the coverage of a pack.
pub(super) fn run(config: &Config, args: &CoverageArgs, out: Out) -> anyhow::Result<ExitCode> {
    let pack = pack::need(args.pack.as_deref().or(config.pack.as_deref()), args.days.known)?;
    let found = coverage(&pack, args.days.as_of.unwrap_or_else(|| pack::today(&pack)));
    let files = if args.store { files(config)? } else { None };
    out.value(&Report { coverage: &found, files })?;
    out.say(Page { pack: &pack, language: language(&pack) }.text(&found, files.as_ref()));
    Ok(ExitCode::SUCCESS)
}

fn files(config: &Config) -> anyhow::Result<Option<Files>> {
    Ok(match requests::ask(config, Request::Files)? {
        Reply::Files(files) => Some(files),
        _ => None,
    })
}

fn language(pack: &Pack) -> &str {
    let first = pack.languages.first().map_or(LANGUAGE, String::as_str);
    if pack.languages.iter().any(|language| language == LANGUAGE) { LANGUAGE } else { first }
}

/// The report as people read it.
struct Page<'a> {
    pack: &'a Pack,
    language: &'a str,
}

impl Page<'_> {
    fn text(&self, found: &Coverage, files: Option<&Files>) -> String {
        let mut lines = vec![format!("{} {}, as of {}", self.pack.name, self.pack.version, found.as_of)];
        for list in &found.lists {
            self.list(list, &mut lines);
        }
        lines.push("\nProvincial scoring".to_owned());
        lines.push(format!("  procedures proactive: {}", share(&found.services)));
        lines.push(format!("    {}", quiet(&found.silent)));
        lines.push(handled(files));
        lines.join("\n")
    }

    fn list(&self, list: &ListCoverage, lines: &mut Vec<String>) {
        lines.push(format!("\n{}", self.pick(&list.title)));
        lines.push(format!("  {}", list.basis));
        if !list.note.is_empty() {
            lines.push(format!("  {}", self.pick(&list.note)));
        }
        lines.push(format!("  proactive: {}", share(&list.share)));
        if let Some(target) = &list.target {
            let far = match target.missing {
                0 => "reached".to_owned(),
                missing => format!("{missing} more needed"),
            };
            lines.push(format!("  target: {} % by {}: {far} ({})", target.share, target.by, target.basis));
        }
        let silent: Vec<_> = list.members.iter().filter(|member| member.level.is_none()).collect();
        if !silent.is_empty() {
            lines.push("  not proactive:".to_owned());
        }
        for member in silent {
            lines.push(format!("    {:>2}. {}", member.number, self.pick(&member.title)));
            lines.extend(self.whys(&member.silent).into_iter().map(|why| format!("        {why}")));
        }
    }

    /// Each reason once.
    fn whys(&self, silent: &[Silent]) -> Vec<String> {
        let mut whys: Vec<String> = Vec::new();
        for why in silent.iter().map(|silent| self.why(&silent.why)) {
            if !whys.contains(&why) {
                whys.push(why);
            }
        }
        whys
    }

    fn why(&self, why: &Why) -> String {
        match why {
            Why::Reason(texts) => self.pick(texts).to_owned(),
            Why::From(day) => format!("its first rule comes into force on {day}"),
            Why::Until(day) => format!("its last rule ended with {day}"),
            Why::Opens(day) => format!("nobody can use it before {day}"),
            Why::Unsaid => "no rule yet, and the pack does not say why".to_owned(),
        }
    }

    fn pick<'t>(&self, texts: &'t BTreeMap<String, String>) -> &'t str {
        texts.get(self.language).map_or("", String::as_str)
    }
}

/// `8 of 25 (32.0 %); level 1: 8, level 2: 0, level 3: 0`.
fn share(share: &Share) -> String {
    parts(share.proactive() as u64, share.of as u64, &share.by_level.map(|count| count as u64))
}

fn parts(count: u64, of: u64, by_level: &[u64]) -> String {
    let level = |(place, count): (usize, &u64)| format!("level {}: {}", place + 1, grouped(*count));
    let levels: Vec<_> = by_level.iter().enumerate().map(level).collect();
    let percent = Share::tenths(count, of)
        .map_or_else(|| "n/a".to_owned(), |tenths| format!("{}.{} %", tenths / 10, tenths % 10));
    format!("{} of {} ({percent}); {}", grouped(count), grouped(of), levels.join(", "))
}

fn quiet(silent: &[Silent]) -> String {
    let count = |wanted: fn(&Why) -> bool| silent.iter().filter(|one| wanted(&one.why)).count();
    format!(
        "{} not: {} with a reason in the pack, {} outside the days of their rules, {} without rule or reason",
        silent.len(),
        count(|why| matches!(why, Why::Reason(_))),
        count(|why| matches!(why, Why::From(_) | Why::Until(_) | Why::Opens(_))),
        count(|why| matches!(why, Why::Unsaid)),
    )
}

fn handled(files: Option<&Files>) -> String {
    let Some(files) = files else {
        return "  files handled proactively: n/a (add --store to count them in the configured store)"
            .to_owned();
    };
    let told = parts(files.told_by_level.iter().sum(), files.done, &files.told_by_level);
    format!(
        "  files handled proactively: {told}\n    counted as needs that ended after a message, of all that ended; \
         {} messages are of rules that nothing ends, and are not counted",
        grouped(files.untraced)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_names_its_whole_and_its_levels() {
        let text = share(&Share { of: 25, by_level: [8, 1, 0] });
        assert_eq!(text, "9 of 25 (36.0 %); level 1: 8, level 2: 1, level 3: 0");
        assert!(share(&Share::default()).starts_with("0 of 0 (n/a)"));
    }

    #[test]
    fn without_a_store_nothing_is_claimed_of_files() {
        assert!(handled(None).contains("n/a"));
        let files = Files { done: 3, told_by_level: [2, 0, 0], untraced: 4 };
        assert!(handled(Some(&files)).contains("2 of 3 (66.6 %)"));
    }
}
