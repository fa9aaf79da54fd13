//! What a what-if found, as one page: no script, nothing from elsewhere, readable without its colours.

use std::fmt::Write as _;

use tidings_rules::whatif::Period;

use super::chart::{Bar, diverging};
use super::diff::{Run, diff};
use super::report::{Line, Numbers, Report, RuleLine, Words};
use crate::out::grouped;

const STYLE: &str = include_str!("page.css");
/// Bars of a chart; what is smaller stands in its table.
const MOST_BARS: usize = 40;

/// Text for HTML, in an element or in an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The page.
pub(super) fn page(report: &Report) -> String {
    let name = format!("{} {}", report.new.name, report.new.version);
    let mut body = head(report);
    if report.old.is_some() {
        body += &by(
            report,
            "service",
            "By service",
            "Titles in the pack's own language.",
            &report.services,
            true,
        );
        body += &by(
            report,
            "province",
            "By province",
            "Where the person lives to whom it happened, as the population codes it.",
            &report.provinces,
            true,
        );
        let about = format!("Age on {} of the person to whom it happened.", report.as_of);
        body += &by(report, "age", "By age", &about, &report.age_bands, false);
        body += &dates(report);
        body += &wording(report);
    }
    body += &rules(report);
    body += &foot(report);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>What if: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(&name)
    )
}

fn head(report: &Report) -> String {
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let pack = |pack: &super::report::Named| {
        format!("{} {} <code>{}</code>", escaped(&pack.name), escaped(&pack.version), short(&pack.digest))
    };
    let mut out = String::new();
    match &report.old {
        Some(old) => {
            _ = writeln!(
                out,
                "<h1>What would change</h1>\n<p class=\"soft\">From {} to {}, put to {} {}{}; ages on <span class=\"whole\">{}</span>.</p>",
                pack(old),
                pack(&report.new),
                grouped(report.rows),
                report.unit,
                period(report),
                report.as_of
            );
            let told: u64 = report.wording.iter().map(|one| one.affected).max().unwrap_or_default();
            let texts = report.wording.len();
            let tiles = [
                ("gain", grouped(report.people_with_gain), "people are told of something new".to_owned()),
                (
                    "loss",
                    grouped(report.people_with_loss),
                    "people are no longer told of something".to_owned(),
                ),
                (
                    "date",
                    grouped(report.people_with_date_changed),
                    "people have another last day to act".to_owned(),
                ),
                (
                    "date",
                    grouped(report.people_with_day_changed),
                    "people are told on another day".to_owned(),
                ),
                (
                    "date",
                    grouped(texts as u64),
                    match texts {
                        0 => "texts reworded".to_owned(),
                        _ => format!("texts reworded; the most read one reaches {}", grouped(told)),
                    },
                ),
            ];
            out += "<ul class=\"tiles\">\n";
            for (class, number, what) in tiles {
                _ = writeln!(out, "<li class=\"{class}\"><b>{number}</b>{what}</li>");
            }
            out += "</ul>\n";
            out += &edges(report);
        }
        None => {
            _ = writeln!(
                out,
                "<h1>What the rules answer</h1>\n<p class=\"soft\">{}, put to {} {}{}.</p>",
                pack(&report.new),
                grouped(report.rows),
                report.unit,
                period(report)
            );
        }
    }
    out
}

/// The days that are studied, if they are named.
fn period(report: &Report) -> String {
    let named = report.period.map(|Period { first, last }| {
        format!(" from <span class=\"whole\">{first}</span> to <span class=\"whole\">{last}</span>")
    });
    named.unwrap_or_default()
}

/// What the edges of the period make of gains and losses, when they do.
fn edges(report: &Report) -> String {
    let Numbers { moved_in, moved_out, .. } = report.total;
    if moved_in + moved_out == 0 {
        return String::new();
    }
    format!(
        "<p class=\"note\">Of the gains, {} came about outside the studied days before; of the losses, {} would come about \
         outside them. They move over the edge of the period, to another day.</p>\n",
        grouped(moved_in),
        grouped(moved_out)
    )
}

/// A chart and the table of the same numbers.
fn by(report: &Report, id: &str, title: &str, about: &str, lines: &[Line], largest_first: bool) -> String {
    let moved = |line: &&Line| line.numbers.gains + line.numbers.losses > 0;
    let mut shown: Vec<&Line> = lines.iter().filter(moved).collect();
    let mut out = format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{}</h2>\n", escaped(title));
    if shown.is_empty() {
        return out + "<p class=\"soft\">Nobody gains or loses anything.</p>\n</section>\n";
    }
    if largest_first {
        shown.sort_by_key(|line| std::cmp::Reverse(line.numbers.gains + line.numbers.losses));
    }
    let more = shown.len().saturating_sub(MOST_BARS);
    let bars: Vec<Bar> = shown.iter().take(MOST_BARS).map(|line| bar(line)).collect();
    let total = &report.total;
    let said = format!(
        "{} answers become yes and {} are yes no longer.",
        grouped(total.gains),
        grouped(total.losses)
    );
    _ = writeln!(out, "<p class=\"soft\">{} A person counts once for each rule.</p>", escaped(about));
    out += "<div class=\"wide chart\">";
    out += &diverging(&format!("{id}-chart"), title, &said, &bars);
    out += "</div>\n";
    if more > 0 {
        _ = writeln!(out, "<p class=\"soft\">{more} smaller ones stand in the table.</p>");
    }
    _ = writeln!(
        out,
        "<details><summary>The numbers as a table</summary>\n{}</details>\n</section>",
        table(title, &shown)
    );
    out
}

fn bar(line: &Line) -> Bar {
    Bar { name: line.title.clone(), losses: line.numbers.losses, gains: line.numbers.gains }
}

fn table(title: &str, lines: &[&Line]) -> String {
    let mut out = format!(
        "<div class=\"wide\"><table><caption>{}</caption><thead><tr><th scope=\"col\">Name</th>\
         <th scope=\"col\" class=\"n\">Before</th><th scope=\"col\" class=\"n\">Lose</th>\
         <th scope=\"col\" class=\"n\">Gain</th><th scope=\"col\" class=\"n\">After</th>\
         <th scope=\"col\" class=\"n\">Change</th></tr></thead><tbody>\n",
        escaped(title)
    );
    for line in lines {
        let Numbers { yes_before, yes_after, gains, losses, .. } = line.numbers;
        let name = if line.title.ends_with(&line.key) {
            escaped(&line.title)
        } else {
            format!("{} <code class=\"soft\">{}</code>", escaped(&line.title), escaped(&line.key))
        };
        _ = writeln!(
            out,
            "<tr><th scope=\"row\">{name}</th><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            grouped(yes_before),
            grouped(losses),
            grouped(gains),
            grouped(yes_after),
            share(yes_before, yes_after)
        );
    }
    out + "</tbody></table></div>\n"
}

/// `+3.2 %`, or that there was nothing before.
fn share(before: u64, after: u64) -> String {
    if before == 0 {
        return if after == 0 { "0 %".to_owned() } else { "new".to_owned() };
    }
    let share = (after as f64 - before as f64) / before as f64 * 100.0;
    format!("{share:+.1} %").replace('-', "\u{2212}")
}

fn dates(report: &Report) -> String {
    let moves = |rule: &&RuleLine| {
        let Numbers { dates_changed, told_sooner, told_later, .. } = rule.numbers;
        dates_changed + told_sooner + told_later > 0
    };
    let changed: Vec<&RuleLine> = report.rules.iter().filter(moves).collect();
    let mut out = "<section aria-labelledby=\"dates\">\n<h2 id=\"dates\">Other days</h2>\n".to_owned();
    if changed.is_empty() {
        return out
            + "<p class=\"soft\">No day changes for anybody who is told before and after.</p>\n</section>\n";
    }
    out += "<p class=\"soft\">Of those who are told before and after: the day on which they are told, and their last day to act.</p>\n\
            <div class=\"wide\"><table><thead><tr>\
            <th scope=\"col\">Rule</th><th scope=\"col\">Told</th><th scope=\"col\" class=\"n\">Told sooner</th>\
            <th scope=\"col\" class=\"n\">Told later</th><th scope=\"col\" class=\"n\">Last day sooner</th>\
            <th scope=\"col\" class=\"n\">Last day later</th><th scope=\"col\" class=\"n\">Told before and after</th>\
            </tr></thead><tbody>\n";
    for rule in changed {
        let Numbers { yes_after, gains, dates_earlier, dates_later, told_sooner, told_later, .. } =
            rule.numbers;
        let counts = [told_sooner, told_later, dates_earlier, dates_later, yes_after - gains];
        let cells: String =
            counts.iter().map(|count| format!("<td class=\"n\">{}</td>", grouped(*count))).collect();
        _ = writeln!(
            out,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td>{cells}</tr>",
            escaped(&rule.rule),
            escaped(&recipient(&rule.recipient)),
        );
    }
    out + "</tbody></table></div>\n</section>\n"
}

fn recipient(recipient: &str) -> String {
    recipient.strip_prefix("subject.").map_or_else(|| "the person".to_owned(), |link| format!("their {link}"))
}

fn wording(report: &Report) -> String {
    let mut out = "<section aria-labelledby=\"words\">\n<h2 id=\"words\">Other words</h2>\n".to_owned();
    if report.wording.is_empty() {
        return out + "<p class=\"soft\">Every text reads as it did.</p>\n</section>\n";
    }
    for one in &report.wording {
        let Words { rule, language, part, affected, .. } = one;
        _ = writeln!(
            out,
            "<div class=\"words\"><code>{}</code>, {} <span class=\"soft\">({}; {} read it before and after)</span>\n\
             <p lang=\"{}\">{}</p></div>",
            escaped(rule),
            escaped(&part.replace('_', " ")),
            escaped(language),
            grouped(*affected),
            escaped(language),
            runs(&one.old, &one.new)
        );
    }
    out + "</section>\n"
}

/// Neighbours of one kind stand in one mark, and the white space after them outside it.
fn runs(old: &str, new: &str) -> String {
    let (mut out, mut mark, mut marked) = (String::new(), "", String::new());
    for run in diff(old, new) {
        let (tag, text) = match run {
            Run::Same(text) => ("", text),
            Run::Gone(text) => ("del", text),
            Run::New(text) => ("ins", text),
        };
        if tag != mark {
            close(&mut out, mark, &mut marked);
            mark = tag;
        }
        marked += text;
    }
    close(&mut out, mark, &mut marked);
    out
}

fn close(out: &mut String, mark: &str, marked: &mut String) {
    let text = std::mem::take(marked);
    if mark.is_empty() {
        out.push_str(&escaped(&text));
    } else if !text.is_empty() {
        let words = text.trim_end();
        _ = write!(out, "<{mark}>{}</{mark}>", escaped(words));
        // Between what goes and what comes there is a space, even where the text had none.
        out.push_str(if words.len() < text.len() {
            &text[words.len()..]
        } else if mark == "del" {
            " "
        } else {
            ""
        });
    }
}

fn rules(report: &Report) -> String {
    let comparing = report.old.is_some();
    let mut out = "<section aria-labelledby=\"rules\">\n<h2 id=\"rules\">Every rule</h2>\n\
        <p class=\"soft\">An answer is unknown for want of a fact; the facts that are missing most often come first.</p>\n\
        <details><summary>Answers of every rule</summary>\n<div class=\"wide\"><table><thead><tr>\
        <th scope=\"col\">Rule</th><th scope=\"col\">Told</th><th scope=\"col\" class=\"n\">Asked</th>"
        .to_owned();
    if comparing {
        out += "<th scope=\"col\" class=\"n\">Yes before</th><th scope=\"col\" class=\"n\">Lose</th>\
                <th scope=\"col\" class=\"n\">Gain</th>";
    }
    out += "<th scope=\"col\" class=\"n\">Yes</th><th scope=\"col\" class=\"n\">Unknown</th>\
            <th scope=\"col\">Missing</th></tr></thead><tbody>\n";
    for rule in &report.rules {
        out += &rule_row(rule, comparing);
    }
    out + "</tbody></table></div></details>\n</section>\n"
}

fn rule_row(rule: &RuleLine, comparing: bool) -> String {
    let number = |count: u64| format!("<td class=\"n\">{}</td>", grouped(count));
    let standing =
        if rule.standing == "both" { String::new() } else { format!(" <em>{}</em>", rule.standing) };
    let Numbers { asked, yes_before, yes_after, gains, losses, unknown_after, .. } = rule.numbers;
    let compared =
        if comparing { number(yes_before) + &number(losses) + &number(gains) } else { String::new() };
    let missing: Vec<String> = rule
        .missing
        .iter()
        .map(|(name, count)| format!("<code>{}</code> {}", escaped(name), grouped(*count)))
        .collect();
    format!(
        "<tr><th scope=\"row\"><code>{}</code>{standing}</th><td>{}</td>{}{compared}{}{}<td>{}</td></tr>\n",
        escaped(&rule.rule),
        escaped(&recipient(&rule.recipient)),
        number(asked),
        number(yes_after),
        number(unknown_after),
        missing.join(", ")
    )
}

fn foot(report: &Report) -> String {
    let mut out = "<footer>\n<h2>How to read this</h2>\n<p>Every row of the population was put to each rule whose life \
        event came about for it, and to the rules of its own place. Counted is what rules answer: refusals, deaths, shields, linked services that cover their \
        parts and the limits of a week are asked later and not here. A rule that tells a linked person counts one for each \
        such person.</p>\n"
        .to_owned();
    if !report.computed.is_empty() {
        _ = writeln!(
            out,
            "<p>What time or silence brings was computed from the facts and events of each row, under each pack, and counts on \
             the days studied: {}. All else happened when the population says.</p>",
            each_name(&report.computed)
        );
    }
    if !report.absent_columns.is_empty() {
        _ = writeln!(
            out,
            "<p>Not in the population, and so unknown for everybody: {}.</p>",
            each_name(&report.absent_columns)
        );
    }
    _ = writeln!(
        out,
        "<p>{} {} in {:.1} s, {} a second.</p>\n</footer>",
        grouped(report.rows),
        report.unit,
        report.seconds,
        grouped(report.rows_per_second as u64)
    );
    out
}

/// Names that a narrow page may break between.
fn each_name(names: &[String]) -> String {
    let each: Vec<String> = names.iter().map(|name| format!("<code>{}</code>", escaped(name))).collect();
    each.join(", ")
}
