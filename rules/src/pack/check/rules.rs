//! The rules of one life event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use tidings_domain::value::Value;

use super::life_events::Outline;
use super::parameters::Law;
use super::privacy::{self, Privacy};
use super::templates::Read;
use super::{Cx, Place, cases};
use crate::expr::{ColumnRef, Program, RowKind, Scope, Source};
use crate::pack::diagnostic::{Code, ReviewKind, did_you_mean};
use crate::pack::format::{self, Backfill, Class, RemindAnchor, RuleEntry};
use crate::pack::model::{
    self, Amount, Basis, Deadline, Overlay, Period, Recipient, Rule, Service, Until, Version,
};
use crate::pack::scope::{self, Names, TIME};
use crate::wording::Builder;

mod law;
mod say;
mod terms;

/// The highest level that is served (Decree 224/2026, article 16: 4 is to act in the person's place).
const MAX_LEVEL: u8 = 3;

/// A rule as it is written, and where.
pub(super) struct Given<'a> {
    pub(super) place: Place<'a>,
    pub(super) entry: &'a RuleEntry,
    /// The overlay that it is of.
    pub(super) overlay: Option<&'a Overlay>,
}

/// Where a rule stands.
pub(super) struct Setting<'a> {
    /// The rules, in pack order.
    pub(super) given: &'a [Given<'a>],
    pub(super) outline: &'a Outline<'a>,
    pub(super) outlines: &'a [Outline<'a>],
    pub(super) services: &'a BTreeMap<String, Service>,
    pub(super) law: &'a Law,
    pub(super) derived: &'a Arc<BTreeMap<String, Source>>,
    /// What the reason of the life event prints.
    pub(super) reason: &'a [Read],
}

/// A rule that is sound but not yet bound to the columns of its life event.
pub(super) struct Draft {
    pub(super) to: Vec<Recipient>,
    /// What it reads by itself, without the reason of its life event.
    pub(super) reads: Vec<Read>,
    entry: RuleEntry,
    overlay: Option<Overlay>,
    order: u32,
    versions: Vec<Compiled>,
    reads_links: BTreeSet<(bool, String)>,
    deadline: Option<Deadline>,
    until: Vec<Until>,
    covers: BTreeSet<String>,
    discloses: Option<(Vec<String>, String)>,
    basis: Vec<Basis>,
    in_force: (NaiveDate, Option<NaiveDate>),
    cases: Vec<cases::Read>,
}

/// A rule under the law of some days.
struct Compiled {
    from: NaiveDate,
    program: Program,
    amount: Option<Amount>,
}

impl Draft {
    /// The rule over these columns; `None` when one that it reads is not among them.
    pub(super) fn bind(self, columns: &[ColumnRef]) -> Option<Rule> {
        let entry = self.entry;
        let scope = match self.overlay {
            None => None,
            Some(overlay) => {
                let column = of_citizen(&overlay.here.fact);
                let column = columns.iter().position(|known| *known == column)?;
                Some(model::Scope { overlay: overlay.name, here: overlay.here, column })
            }
        };
        let bind = |version: Compiled| {
            let Compiled { from, program, amount } = version;
            Some(Version { from, when: program.bind(columns)?, amount })
        };
        Some(Rule {
            root: root(&entry),
            key: entry.key,
            order: self.order,
            service: entry.service,
            class: entry.class,
            level: entry.level,
            scope,
            to: self.to,
            versions: self.versions.into_iter().map(bind).collect::<Option<_>>()?,
            when_text: entry.when,
            law_of: entry.law_of,
            asks: !entry.ask.is_empty(),
            reads_links: self.reads_links,
            deadline: self.deadline,
            remind: entry.remind.iter().map(reminder).collect(),
            until: self.until,
            covers: self.covers,
            discloses: self.discloses,
            basis: self.basis,
            in_force: self.in_force,
            backfill: entry.backfill,
            must_tell: entry.must_tell,
            review: entry.review,
            cases: self.cases.into_iter().map(|case| case.over(columns)).collect(),
        })
    }
}

/// Keys are unique in the pack, and a key that a rule once had belongs to it for good.
pub(super) fn unique_keys<'a>(rules: impl Iterator<Item = &'a Given<'a>>, cx: &Cx<'_>) {
    let mut seen: BTreeMap<&String, String> = BTreeMap::new();
    for Given { place, entry, .. } in rules {
        let former = entry.formerly.iter().enumerate();
        let former = former.map(|(index, key)| (place.then("formerly").then(index), key));
        for (place, key) in former.chain([(place.then("key"), &entry.key)]) {
            cx.id(&place, key);
            let owner = format!("`{}` in {}", entry.key, place.file);
            if let Some(before) = seen.insert(key, owner) {
                let message = format!("the key `{key}` belongs to the rule {before} already");
                cx.fault(&place, Code::DuplicateName, message);
            }
        }
    }
}

/// Notes sentences that print something which may not be known.
pub(super) fn note_bare(place: &Place<'_>, reads: &[Read], outline: &Outline<'_>, cx: &Cx<'_>) {
    for read in reads.iter().filter(|read| read.bare) {
        let certain = read.column.row == RowKind::Event
            && read.column.path.first().is_some_and(|field| field == TIME || outline.certain.contains(field));
        if !certain {
            let message = format!("prints `{}`, and cannot be sent when it is unknown", read.column);
            cx.review_at(place.file, read.file_position, ReviewKind::MayBeUnknown, message);
        }
    }
}

pub(super) fn check(
    setting: &Setting<'_>,
    names: Names<'_>,
    wording: &mut Builder,
    order: &mut u32,
    cx: &Cx<'_>,
) -> Option<Vec<Draft>> {
    covers(setting, cx);
    let mut drafts = Vec::new();
    for Given { place, entry, overlay } in setting.given {
        let checker = Checker { setting, names, place: place.clone(), entry, overlay: *overlay, cx };
        let draft = checker.draft(wording, *order);
        // Of a rule whose figure became known later, nothing may be left.
        let is_left = draft.as_ref().is_none_or(|draft| !draft.versions.is_empty());
        if checker.is_known() && is_left {
            drafts.push(draft);
        }
        *order += 1;
    }
    drafts.into_iter().collect()
}

/// `covers` names rules of the same life event, without going round in a circle.
fn covers(setting: &Setting<'_>, cx: &Cx<'_>) {
    let by_key: BTreeMap<_, _> = setting.given.iter().map(|given| (&given.entry.key, given.entry)).collect();
    for Given { place, entry: rule, .. } in setting.given.iter().filter(|it| !it.entry.covers.is_empty()) {
        let place = place.then("covers");
        for (item, key) in rule.covers.iter().enumerate() {
            if !by_key.contains_key(key) {
                cx.unknown(&place.then(item), "rule of this life event", key, by_key.keys().copied());
            }
        }
        let mut reached = BTreeSet::new();
        let mut next: Vec<_> = rule.covers.iter().collect();
        while let Some(key) = next.pop() {
            if reached.insert(key) {
                next.extend(by_key.get(key).into_iter().flat_map(|rule| &rule.covers));
            }
        }
        if reached.contains(&rule.key) {
            let message = format!("`{}` covers itself, directly or through others", rule.key);
            cx.fault(&place, Code::BadRule, message);
        }
    }
}

struct Checker<'a> {
    setting: &'a Setting<'a>,
    names: Names<'a>,
    place: Place<'a>,
    entry: &'a RuleEntry,
    overlay: Option<&'a Overlay>,
    cx: &'a Cx<'a>,
}

impl Checker<'_> {
    fn draft(&self, wording: &mut Builder, order: u32) -> Option<Draft> {
        self.plain();
        let to = self.to();
        let deadline = self.deadline();
        self.reminders();
        let until = self.until();
        let basis = self.basis();
        let mut in_force = self.in_force();
        let versions = in_force.as_mut().and_then(|in_force| self.versions(in_force));
        let mut reads = versions.as_ref().map(|versions| self.condition_reads(versions)).unwrap_or_default();
        reads.extend(deadline.as_ref().map(|(_, read)| read.clone()));
        reads.extend(self.places(versions.as_deref().unwrap_or_default()));
        let discloses = self.discloses(&mut reads);
        self.say(wording, &mut reads);
        let told: Vec<_> = reads.iter().chain(self.setting.reason).cloned().collect();
        let privacy = Privacy { links: self.names.links, folds: self.names.folds, to: &to, reads: &told };
        privacy::check(&self.place, self.entry, &privacy, self.cx);
        let mut cases = cases::check(&self.place, self.entry, self.names, self.setting.outline, self.cx);
        // Who is told lives where the rule holds, unless a case says otherwise.
        if let Some((fact, code)) = self.overlay.and_then(|it| Some((&it.here.fact, it.here.codes.first()?)))
        {
            let lives = Value::Text(code.as_str().into());
            cases.iter_mut().for_each(|case| case.default_to(of_citizen(fact), lives.clone()));
        }
        let deadline = if self.entry.deadline.is_some() { Some(deadline?.0) } else { None };
        Some(Draft {
            to,
            reads,
            entry: self.entry.clone(),
            overlay: self.overlay.cloned(),
            order,
            versions: versions?,
            reads_links: links_of(&told),
            deadline,
            until: until?,
            covers: self.covered(),
            discloses,
            basis: basis?,
            in_force: in_force?,
            cases,
        })
    }

    /// Whether the rule was known on the day that is asked about; a day that does not read is reported elsewhere.
    fn is_known(&self) -> bool {
        let in_force = &self.entry.in_force;
        let known = crate::pack::period::date(in_force.known.as_ref().unwrap_or(&in_force.from));
        known.is_none_or(|known| self.cx.is_known(known))
    }

    /// What needs nothing but itself.
    fn plain(&self) {
        let (entry, place, cx) = (self.entry, &self.place, self.cx);
        if !self.setting.services.contains_key(&entry.service) {
            cx.unknown(&place.then("service"), "service", &entry.service, self.setting.services.keys());
        }
        if !(1..=MAX_LEVEL).contains(&entry.level) {
            let message = format!("{} is out of range", entry.level);
            cx.hinted(&place.then("level"), Code::NotAllowed, message, Some(format!("1 to {MAX_LEVEL}")));
        }
        if let Some(article) = &entry.must_tell {
            cx.not_blank(&place.then("must_tell"), article);
            if entry.class != Class::Duty {
                let message = "`must_tell` is for duties: nothing else is told to those who refused";
                cx.fault(&place.then("must_tell").key(), Code::BadRule, message);
            }
        }
        if entry.backfill == Backfill::Open && entry.deadline.is_none() {
            let message = "`backfill: open` tells those whose deadline is ahead, and this rule has none";
            cx.hinted(&place.then("backfill"), Code::BadRule, message, Some("write `none`".to_owned()));
        }
        if entry.review {
            let message = format!("rule `{}`: the law needs a human check", entry.key);
            cx.review(&place.then("review"), ReviewKind::Rule, message);
        }
    }

    fn to(&self) -> Vec<Recipient> {
        let place = self.place.then("to");
        let links = self.names.links;
        if self.entry.to.is_empty() {
            self.cx.fault(&place, Code::BadRule, "nobody is told");
        }
        let mut to = Vec::new();
        for (index, text) in self.entry.to.iter().enumerate() {
            let place = place.then(index);
            let recipient = match text.strip_prefix("subject.") {
                Some(link) if links.contains_key(link) => Some(Recipient::Link(link.to_owned())),
                Some(link) if self.cx.broken.contains(link) => None,
                None if text == "subject" => Some(Recipient::Subject),
                _ => {
                    let names: Vec<_> = links.keys().map(|link| format!("subject.{link}")).collect();
                    let names = names.iter().map(String::as_str).chain(["subject"]);
                    let hint = did_you_mean(text, names);
                    let hint = hint.or_else(|| Some("`subject`, or `subject.LINK`".to_owned()));
                    self.cx.hinted(&place, Code::UnknownName, format!("no recipient `{text}`"), hint);
                    None
                }
            };
            if recipient.as_ref().is_some_and(|recipient| to.contains(recipient)) {
                self.cx.fault(&place, Code::DuplicateName, format!("`{text}` stands twice"));
            }
            to.extend(recipient);
        }
        to
    }

    /// Resolves a column, or reports it.
    fn column(&self, place: &Place<'_>, text: &str) -> Option<Read> {
        let Some(column) = scope::column(text) else {
            let hint = Some("`event.FIELD`, `subject.FACT` or `citizen.FACT`".to_owned());
            self.cx.hinted(place, Code::UnknownName, format!("`{text}` is no column"), hint);
            return None;
        };
        match self.names.resolve(&column) {
            Ok(value_type) => Some(Read { column, value_type, file_position: place.position(), bare: false }),
            Err(unresolved) => {
                if !self.names.is_reported(&column) {
                    self.cx.hinted(place, Code::UnknownName, unresolved.message, unresolved.hint);
                }
                None
            }
        }
    }

    fn covered(&self) -> BTreeSet<String> {
        let rules = self.setting.given.iter().map(|given| given.entry);
        let covered = rules.filter(|rule| self.entry.covers.contains(&rule.key));
        covered.map(root).collect()
    }
}

/// A fact of the person who is told, as a column.
fn of_citizen(fact: &str) -> ColumnRef {
    ColumnRef { row: RowKind::Citizen, path: vec![fact.to_owned()] }
}

fn reminder(offset: &format::Offset) -> (RemindAnchor, Period) {
    (offset.anchor, Period { amount: offset.amount, unit: offset.unit })
}

/// The oldest key that a rule ever had.
pub(super) fn root(entry: &RuleEntry) -> String {
    entry.formerly.first().unwrap_or(&entry.key).clone()
}

/// The links that reading goes through, each with whether it is the subject's.
fn links_of(reads: &[Read]) -> BTreeSet<(bool, String)> {
    let through = reads.iter().filter(|read| read.column.row != RowKind::Event);
    let through = through.filter_map(|read| match read.column.path.as_slice() {
        [link, _] => Some((read.column.row == RowKind::Subject, link.clone())),
        _ => None,
    });
    through.collect()
}
