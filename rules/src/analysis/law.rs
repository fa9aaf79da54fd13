//! Law: references without an article, and days that have passed or are to come.

use chrono::NaiveDate;

use super::finding::FindingCode as Code;
use super::places::{Places, Spot};
use super::{About, Found};
use crate::Pack;
use crate::pack::model::{Basis, Rule};

pub(super) fn check(pack: &Pack, rule: &Rule, about: &About<'_>, found: &mut Found<'_>) {
    let spot = about.rule(rule);
    let key = &rule.key;
    for (at, basis) in rule.basis.iter().enumerate() {
        reference(pack, (&format!("`{key}`"), basis), &spot.then("basis").then(at), found);
    }
    if let Some(article) = rule.must_tell.as_deref().filter(|article| pack.is_gap(article)) {
        let message = format!("`{key}`: `{article}` is no article that commands notice");
        found.add(
            Code::ArticleGap,
            &spot.then("must_tell"),
            message,
            "name the article, or do without `must_tell`",
        );
    }
    in_force(rule, about, found);
}

/// The law of figures, and the days on which services are to be checked.
pub(super) fn figures(pack: &Pack, places: &Places, found: &mut Found<'_>) {
    for (name, parameter) in &pack.parameters {
        let local = parameter.local.iter().flat_map(|local| &local.figures);
        for figure in parameter.figures.iter().chain(local) {
            if let Some(spot) = places.entry("parameters", name) {
                let what = format!("`law.{name}` from {}", figure.from);
                reference(pack, (&what, &figure.basis), &spot, found);
            }
        }
    }
    for (id, service) in &pack.services {
        if let Some((date, spot)) = service.review_by.zip(places.entry("services", id)) {
            review_by((&format!("`{id}`"), "its facts"), date, &spot.then("review_by"), found);
        }
    }
}

/// A legal reference of something: its article, and its day of review.
fn reference(pack: &Pack, (what, basis): (&str, &Basis), spot: &Spot<'_>, found: &mut Found<'_>) {
    if pack.is_gap(&basis.article) {
        let message = format!("{what}: `{}` is no article of {}", basis.article, basis.law);
        found.add(Code::ArticleGap, &spot.then("article"), message, "find the article that it rests on");
    }
    if let Some(date) = basis.review_by {
        let law = format!("{}, {}", basis.law, basis.article);
        review_by((what, &law), date, &spot.then("review_by"), found);
    }
}

fn review_by((what, law): (&str, &str), date: NaiveDate, spot: &Spot<'_>, found: &mut Found<'_>) {
    let (code, had) = match found.options.as_of {
        Some(today) if date < today => (Code::ReviewOverdue, "had to"),
        _ => (Code::ReviewAhead, "to"),
    };
    let message = format!("{what}: {law} {had} be checked by {date}");
    found.add(code, spot, message, "check it against the text in force, then move the day");
}

fn in_force(rule: &Rule, about: &About<'_>, found: &mut Found<'_>) {
    let Some(today) = found.options.as_of else { return };
    let (from, to) = rule.in_force;
    let spot = about.rule(rule).then("in_force");
    if let Some(to) = to.filter(|to| *to < today) {
        let message = format!("`{}`: in force until {to}", rule.key);
        let hint = "it still answers for occurrences of its time; remove it when none can come any more";
        found.add(Code::Ended, &spot.then("to"), message, hint);
    }
    if from > today {
        let message = format!("`{}`: in force only from {from}", rule.key);
        found.add(Code::NotYetInForce, &spot.then("from"), message, "");
    }
}
