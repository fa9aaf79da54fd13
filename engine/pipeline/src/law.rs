//! Which day's law a rule applies to an occurrence, and what it answers under it.
//!
//! A rule that applies the law of filing has one answer for each period of law from the occurrence on, for nobody
//! knows yet when the person will file. The opportunity is there if one of them is yes, and keeps the days on which
//! it is; planning and sending then ask again on their own day. So what is found at ingest depends on the events
//! alone, and not on when they were worked on.

use chrono::NaiveDate;
use tidings_domain::value::days;
use tidings_rules::expr::{self, Answers, Columns};
use tidings_rules::pack::format::LawOf;
use tidings_rules::pack::model::{Rule, Version};

/// Days of filing, first and last, from 1970-01-01.
pub type Days = (i32, i32);

/// What a rule answers about the rows of a batch, under every version that one of them needs.
pub(crate) struct RuleAnswers<'a> {
    rule: &'a Rule,
    /// By the place of the version.
    versions: Vec<Option<Answers>>,
}

/// What a rule makes of one row.
pub(crate) enum Found<'a> {
    /// It says yes; on which days of filing, where that makes a difference.
    Yes(Vec<Days>),
    No,
    /// A fact is missing under this version.
    Unknown(&'a Version),
}

/// The answers of a rule about a batch, whose rows happened on these days.
pub(crate) fn answers<'a>(rule: &'a Rule, columns: &Columns, on: &[NaiveDate]) -> RuleAnswers<'a> {
    let mut needed = vec![false; rule.versions.len()];
    for place in on.iter().map(|day| rule.place_on(*day)) {
        let later = if rule.law_of == LawOf::Occurrence { place + 1 } else { needed.len() };
        needed[place..later].fill(true);
    }
    let versions = rule.versions.iter().zip(needed);
    let versions = versions.map(|(version, needed)| needed.then(|| version.when.answers(columns)));
    RuleAnswers { rule, versions: versions.collect() }
}

impl<'a> RuleAnswers<'a> {
    /// What the rule makes of a row that happened on `day`.
    pub(crate) fn about(&self, row: usize, day: NaiveDate) -> Found<'a> {
        find(self.rule, day, |place| {
            let answers = self.versions.get(place).and_then(Option::as_ref);
            answers.map_or(expr::Answer::Unknown, |answers| answers.get(row))
        })
    }
}

/// What a rule makes of one row that happened on `day`, where no other row of the batch meets it.
pub(crate) fn about<'a>(rule: &'a Rule, columns: &Columns, row: usize, day: NaiveDate) -> Found<'a> {
    find(rule, day, |place| {
        let version = rule.versions.get(place);
        version.map_or(expr::Answer::Unknown, |version| version.when.answer(columns, row))
    })
}

fn find(rule: &Rule, day: NaiveDate, answer: impl Fn(usize) -> expr::Answer) -> Found<'_> {
    let place = rule.place_on(day);
    let began = day >= rule.in_force.0;
    match rule.law_of {
        LawOf::Occurrence => found(rule, place, answer(place), Vec::new()),
        LawOf::MostFavourable if began && answer(place) == expr::Answer::Yes => Found::Yes(Vec::new()),
        LawOf::Filing | LawOf::MostFavourable => by_filing(rule, place, day, answer),
    }
}

fn by_filing(rule: &Rule, first: usize, day: NaiveDate, answer: impl Fn(usize) -> expr::Answer) -> Found<'_> {
    let places = first..rule.versions.len();
    let mut yes: Vec<Days> = Vec::new();
    for place in places.clone().filter(|place| answer(*place) == expr::Answer::Yes) {
        let (from, to) = rule.days_of(place);
        let (from, to) = (days(from.max(day)), days(to));
        match yes.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(from) => last.1 = to,
            _ => yes.push((from, to)),
        }
    }
    if !yes.is_empty() {
        return Found::Yes(yes);
    }
    let unknown = places.into_iter().find(|place| answer(*place) == expr::Answer::Unknown);
    unknown.map_or(Found::No, |place| found(rule, place, expr::Answer::Unknown, Vec::new()))
}

fn found(rule: &Rule, place: usize, answer: expr::Answer, filing: Vec<Days>) -> Found<'_> {
    match answer {
        expr::Answer::Yes => Found::Yes(filing),
        expr::Answer::No => Found::No,
        expr::Answer::Unknown => rule.versions.get(place).map_or(Found::No, Found::Unknown),
    }
}
