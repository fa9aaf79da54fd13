//! What can be said against a pack that loads: conditions that decide nothing, rules that overlap, deadlines and law that
//! are past, declarations that nothing reads. Every finding has a stable code, a place and a hint.
//!
//! What is said of conditions, overlaps, partitions and deadlines is proved, either by reasoning over intervals and sets
//! (`expr::prove`) or by a row that the conditions themselves have answered. So there are no false alarms of that kind,
//! and there may be more to find: products, quotients and remainders of columns, the order of open texts, and
//! conditions of more than a few hundred alternatives are not seen through.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::Pack;
use crate::pack::model::{LifeEvent, Rule};
use crate::pack::{Review, ReviewKind, worlds};
use crate::yaml::Position;

mod conditions;
mod deadlines;
mod finding;
mod law;
mod pairs;
mod partitions;
mod places;
#[cfg(test)]
mod tests;
mod unused;

pub use finding::{Finding, FindingCode, Severity, UnknownCode};
use places::{Places, Spot};

/// What to hold a pack against.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The day on which law is asked for. Without one, nothing is said of what has passed.
    pub as_of: Option<NaiveDate>,
    /// Severities that differ from [`FindingCode::severity`]; `None` leaves such findings out.
    pub severities: BTreeMap<FindingCode, Option<Severity>>,
}

/// Everything found, in the order of the files.
pub fn analyse(pack: &Pack, options: &Options) -> Vec<Finding> {
    let places = Places::of(pack);
    let mut found = Found { options, findings: Vec::new() };
    pack.reviews.iter().for_each(|review| found.review(review));
    for (position, life_event) in pack.life_events.iter().enumerate() {
        let Some(spot) = places.life_event(&life_event.name) else { continue };
        let columns = worlds::Columns::of(pack, position, life_event);
        let about = About { life_event, columns: &columns, spot, places: &places };
        for rule in &life_event.rules {
            conditions::check(rule, &about, &mut found);
            deadlines::check(rule, &about, &mut found);
            law::check(pack, rule, &about, &mut found);
        }
        pairs::check(&about, &mut found);
        partitions::check(&about, &mut found);
    }
    law::figures(pack, &places, &mut found);
    unused::check(pack, &places, &mut found);
    found.findings.sort();
    found.findings.dedup();
    found.findings
}

/// One life event, what is known of its columns, and where it stands.
struct About<'a> {
    life_event: &'a LifeEvent,
    columns: &'a worlds::Columns<'a>,
    spot: Spot<'a>,
    places: &'a Places,
}

impl<'a> About<'a> {
    /// Where a rule stands: in the file of the life event, or in that of its overlay.
    fn rule(&self, rule: &Rule) -> Spot<'a> {
        let overlay = rule.scope.as_ref();
        let local = overlay.and_then(|scope| self.places.overlay(&scope.overlay, &self.life_event.name));
        local.unwrap_or_else(|| self.spot.then("rules")).keyed(&rule.key)
    }
}

/// Gathers findings.
struct Found<'a> {
    options: &'a Options,
    findings: Vec<Finding>,
}

impl Found<'_> {
    /// Whether anybody wants findings of this kind.
    fn wants(&self, code: FindingCode) -> bool {
        self.severity(code).is_some()
    }

    fn severity(&self, code: FindingCode) -> Option<Severity> {
        self.options.severities.get(&code).copied().unwrap_or(Some(code.severity()))
    }

    fn add(&mut self, code: FindingCode, spot: &Spot<'_>, message: String, hint: &str) {
        self.at(code, (spot.file, spot.position()), message, hint);
    }

    fn at(&mut self, code: FindingCode, (file, at): (&str, Position), message: String, hint: &str) {
        let Some(severity) = self.severity(code) else { return };
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        let (file, Position { line, column }) = (file.to_owned(), at);
        self.findings.push(Finding { file, line, column, code, severity, message, hint });
    }

    /// What loading already noticed. Days of review are `law`'s to tell past from future.
    fn review(&mut self, review: &Review) {
        let (code, hint) = match review.kind {
            ReviewKind::Rule => {
                (FindingCode::ReviewRule, "check it against the text in force, then remove `review`")
            }
            ReviewKind::Service => {
                (FindingCode::ReviewService, "check it against the catalogue in force, then remove `review`")
            }
            ReviewKind::List => {
                (FindingCode::ReviewList, "check it against the text in force, then remove `review`")
            }
            ReviewKind::Figure => {
                (FindingCode::ReviewFigure, "check it against the text in force, then remove `review`")
            }
            ReviewKind::Untold => {
                (FindingCode::UnusedService, "write a rule, or say under `not_proactive` why there is none")
            }
            ReviewKind::Holidays => (
                FindingCode::Holidays,
                "the day that people are told may come too early around public holidays",
            ),
            ReviewKind::MayBeUnknown => {
                (FindingCode::MayBeUnknown, "ask first, `{% if ... %}`, or require it in the condition")
            }
            ReviewKind::ReviewBy => return,
        };
        let at = Position { line: review.line, column: review.column };
        self.at(code, (&review.file, at), review.message.clone(), hint);
    }
}
