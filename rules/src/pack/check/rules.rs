//! The rules of one life event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use tidings_domain::value::{Value, ValueType};

use super::life_events::Outline;
use super::parameters::{self, Law};
use super::privacy::{self, Privacy};
use super::templates::{self, Read, Sees};
use super::{Cx, Place, cases, clock, derived};
use crate::expr::{ColumnRef, LAW, Program, RowKind, Scope, Source};
use crate::pack::diagnostic::{Code, ReviewKind, did_you_mean};
use crate::pack::format::{self, Backfill, Class, RemindAnchor, RuleEntry, Unit};
use crate::pack::model::{
    self, Amount, Basis, Deadline, Overlay, Period, Recipient, Rule, Service, Until, Version,
};
use crate::pack::scope::{self, Names, TIME};
use crate::wording::Builder;

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

    /// The condition under the law of all days on which the rule is in force. Seen from a day before one of its figures
    /// was known, the rule ends before that figure begins.
    fn versions(&self, in_force: &mut (NaiveDate, Option<NaiveDate>)) -> Option<Vec<Compiled>> {
        let (place, cx, law) = (self.place.then("when"), self.cx, self.setting.law);
        let source = match Source::read(&self.entry.when) {
            Ok(source) => source,
            Err(error) => {
                derived::report(&place, vec![error], cx);
                return None;
            }
        };
        let named = derived::named(&place, &source, self.setting.derived, &law.parameters, cx);
        let mut names = source.figures(self.setting.derived);
        if let Some(deadline) = &self.entry.deadline {
            let place = self.place.then("deadline").then("amount");
            names.extend(clock::figure_of(&place, &deadline.amount, law, cx).ok()?.map(str::to_owned));
        }
        if !named {
            return None;
        }
        let mut days = clock::turns(&names, law, *in_force);
        if self.cx.known.is_some() {
            let unknown = days.iter().find(|day| self.not_given(&names, **day).is_some()).copied();
            days.retain(|day| unknown.is_none_or(|unknown| *day < unknown));
            in_force.1 = unknown.and_then(|day| day.pred_opt()).or(in_force.1);
        }
        let versions = days.into_iter().map(|day| self.version(&source, &names, day));
        versions.collect::<Vec<_>>().into_iter().collect()
    }

    /// A figure that law does not give on a day.
    fn not_given<'n>(&self, names: &'n BTreeSet<String>, day: NaiveDate) -> Option<&'n String> {
        let definitions = derived::on(day, names, self.setting.derived, &self.setting.law.parameters);
        // Where the rule holds in one place, what that place says is enough.
        let given = |name: &&String| {
            let figure = definitions.figures.get(*name);
            figure.is_some_and(|figure| figure.is_everywhere() || self.overlay.is_some())
        };
        names.iter().find(|name| !given(name))
    }

    fn version(&self, source: &Source, names: &BTreeSet<String>, from: NaiveDate) -> Option<Compiled> {
        let (place, cx) = (self.place.then("when"), self.cx);
        let definitions = derived::on(from, names, self.setting.derived, &self.setting.law.parameters);
        if let Some(name) = self.not_given(names, from) {
            let at = derived::within(&place, source.text(), &format!("{LAW}.{name}"));
            let message =
                format!("law gives no figure `{LAW}.{name}` on {from}, and the rule is in force then");
            let hint =
                Some("end the rule before, or add the value of that day to parameters.yaml".to_owned());
            cx.at(place.file, at, (Code::NoFigure, message, hint));
            return None;
        }
        let compiled =
            source.with(&definitions).and_then(|source| source.compile(&self.names, Some(ValueType::Bool)));
        match compiled {
            Ok(program) => {
                let deadline = self.entry.deadline.as_ref();
                let amount =
                    deadline.map(|it| clock::local_amount_on(&it.amount, from, &self.setting.law.parameters));
                Some(Compiled { from, program, amount })
            }
            Err(errors) => {
                let new = errors.into_iter().filter(|error| !self.names.is_reported_in(&error.message));
                derived::report(&place, new.collect(), cx);
                None
            }
        }
    }

    /// The facts that tell whether the rule holds where a person lives, and how much time it gives there.
    fn places(&self, versions: &[Compiled]) -> Vec<Read> {
        let scope = self.overlay.map(|overlay| &overlay.here.fact);
        let local = versions.iter().filter_map(|it| it.amount.as_ref()).flat_map(|amount| &amount.local);
        let facts: BTreeSet<&String> = local.map(|(here, _)| &here.fact).chain(scope).collect();
        let file_position = self.place.position();
        let read = |fact: &String| Read {
            column: of_citizen(fact),
            value_type: ValueType::Text,
            file_position,
            bare: false,
        };
        facts.into_iter().map(read).collect()
    }

    fn condition_reads(&self, versions: &[Compiled]) -> Vec<Read> {
        let place = self.place.then("when");
        let inputs: BTreeSet<&ColumnRef> = versions.iter().flat_map(|it| it.program.inputs()).collect();
        let reads = inputs.into_iter().filter_map(|column| {
            let value_type = self.names.resolve(column).ok()?;
            let file_position = derived::within(&place, &self.entry.when, &column.to_string());
            Some(Read { column: column.clone(), value_type, file_position, bare: false })
        });
        reads.collect()
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

    fn deadline(&self) -> Option<(Deadline, Read)> {
        let entry = self.entry.deadline.as_ref()?;
        let place = self.place.then("deadline");
        if entry.unit == Unit::WorkingDays && self.setting.law.workdays.years.is_empty() {
            let message = format!(
                "rule `{}`: working days are Monday to Friday, and parameters.yaml names no public holidays",
                self.entry.key
            );
            self.cx.review(&place.then("unit"), ReviewKind::Holidays, message);
        }
        let read = self.column(&place.then("anchor"), &entry.anchor)?;
        if read.value_type != ValueType::Date {
            let message =
                format!("`{}` is {}, and a deadline is counted from a date", entry.anchor, read.value_type);
            self.cx.fault(&place.then("anchor"), Code::WrongType, message);
            return None;
        }
        let format::Deadline { unit, direction, .. } = *entry;
        Some((Deadline { anchor: read.column.clone(), unit, direction }, read))
    }

    fn reminders(&self) {
        for (index, offset) in self.entry.remind.iter().enumerate() {
            let place = self.place.then("remind").then(index);
            if offset.anchor == RemindAnchor::BeforeDeadline && self.entry.deadline.is_none() {
                let message = "a reminder before the deadline, in a rule that has none";
                self.cx.fault(&place.then("anchor"), Code::BadRule, message);
            }
        }
    }

    fn until(&self) -> Option<Vec<Until>> {
        let each = self.entry.until.iter().enumerate().map(|(index, until)| {
            let place = self.place.then("until").then(index);
            let outlines = self.setting.outlines;
            let Some(other) = outlines.iter().find(|outline| outline.name == until.life_event) else {
                if !self.cx.unread && !self.cx.broken.contains(&until.life_event) {
                    let names = outlines.iter().map(|outline| outline.name);
                    let hint = did_you_mean(&until.life_event, names);
                    let message = format!("no life event `{}`", until.life_event);
                    self.cx.hinted(&place.then("life_event"), Code::UnknownName, message, hint);
                }
                return None;
            };
            for (index, field) in until.same.iter().enumerate() {
                self.same(&place.then("same").then(index), field, other);
            }
            Some(Until { life_event: until.life_event.clone(), same: until.same.clone() })
        });
        each.collect::<Vec<_>>().into_iter().collect()
    }

    fn same(&self, place: &Place<'_>, field: &String, other: &Outline<'_>) {
        let own = self.setting.outline;
        match (own.fields.get(field), other.fields.get(field)) {
            (Some(one), Some(two)) if one != two => {
                let message = format!("`{field}` is {one} in `{}` and {two} in `{}`", own.name, other.name);
                self.cx.fault(place, Code::WrongType, message);
            }
            (Some(_), Some(_)) => {}
            (None, _) if !own.open => {
                self.cx.unknown(place, &format!("field of `{}`", own.name), field, own.fields.keys());
            }
            (_, None) if !other.open => {
                self.cx.unknown(place, &format!("field of `{}`", other.name), field, other.fields.keys());
            }
            _ => {}
        }
    }

    fn basis(&self) -> Option<Vec<Basis>> {
        let place = self.place.then("basis");
        if self.entry.basis.is_empty() {
            self.cx.fault(&place, Code::BadRule, "a rule rests on at least one law");
        }
        let each = self.entry.basis.iter().enumerate().map(|(index, entry)| {
            let basis = parameters::basis(&place.then(index), entry, self.cx)?;
            if let Some(date) = basis.review_by {
                let (key, law) = (&self.entry.key, &basis.law);
                let message = format!("rule `{key}`: check {law}, {} by {date}", basis.article);
                self.cx.review(&place.then("review_by"), ReviewKind::ReviewBy, message);
            }
            Some(basis)
        });
        each.collect::<Vec<_>>().into_iter().collect()
    }

    fn in_force(&self) -> Option<(NaiveDate, Option<NaiveDate>)> {
        let place = self.place.then("in_force");
        let from = self.cx.date(&place.then("from"), &self.entry.in_force.from);
        let to = match &self.entry.in_force.to {
            None => None,
            Some(text) => Some(self.cx.date(&place.then("to"), text)?),
        };
        if let Some(text) = &self.entry.in_force.known {
            self.cx.date(&place.then("known"), text);
        }
        let from = from?;
        if to.is_some_and(|to| to < from) {
            self.cx.fault(&place.then("to"), Code::BadDate, "the last day is before the first");
        }
        Some((from, to))
    }

    /// What the rule says that it discloses; the columns become readable too.
    fn discloses(&self, reads: &mut Vec<Read>) -> Option<(Vec<String>, String)> {
        let discloses = self.entry.discloses.as_ref()?;
        let place = self.place.then("discloses");
        self.cx.not_blank(&place.then("ground"), &discloses.ground);
        for (index, text) in discloses.what.iter().enumerate() {
            let place = place.then("what").then(index);
            if text.starts_with("citizen.") && text.matches('.').count() == 1 {
                let message = format!("`{text}` is the recipient's own, and tells nobody of another");
                self.cx.fault(&place, Code::BadRule, message);
            }
            reads.extend(self.column(&place, text));
        }
        Some((discloses.what.clone(), discloses.ground.clone()))
    }

    fn say(&self, wording: &mut Builder, reads: &mut Vec<Read>) {
        self.ask(wording, reads);
        let place = self.place.then("say");
        self.cx.languages(&place.clone().key(), &place, &self.entry.say);
        for (language, sentences) in &self.entry.say {
            let place = place.then(language);
            if sentences.by_when.is_none() && self.entry.deadline.is_some() {
                let message = "`by_when` is missing, and the rule has a deadline";
                self.cx.fault(&place, Code::MissingSentence, message);
            }
            let parts = [
                ("what", Some(&sentences.what)),
                ("by_when", sentences.by_when.as_ref()),
                ("consequence", sentences.consequence.as_ref()),
            ];
            for (part, text) in parts.into_iter().filter_map(|(part, text)| Some((part, text?))) {
                let place = place.then(part);
                let sees = Sees::Say(self.names, self.entry.deadline.is_some());
                if let Some((template, found)) = templates::check(&place, text, sees, self.cx) {
                    let name = format!("say/{}/{part}", self.entry.key);
                    templates::add(&place, (language, name), template, wording, self.cx);
                    note_bare(&place, &found, self.setting.outline, self.cx);
                    reads.extend(found);
                }
            }
        }
    }

    /// The question that is asked when a fact is missing.
    fn ask(&self, wording: &mut Builder, reads: &mut Vec<Read>) {
        if self.entry.ask.is_empty() {
            return;
        }
        let place = self.place.then("ask");
        self.cx.texts(&place, &self.entry.ask);
        for (language, text) in &self.entry.ask {
            let place = place.then(language);
            if let Some((template, found)) =
                templates::check(&place, text, Sees::Say(self.names, false), self.cx)
            {
                let name = format!("say/{}/ask", self.entry.key);
                templates::add(&place, (language, name), template, wording, self.cx);
                note_bare(&place, &found, self.setting.outline, self.cx);
                reads.extend(found);
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
