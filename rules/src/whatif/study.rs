//! Which columns a population is asked for, and which questions are put to its rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{Range, RangeInclusive};

use chrono::NaiveDate;
use tidings_domain::value::{ValueType, days};

use super::source::{Input, Source, field_type};
use crate::expr::{Bound, ColumnRef, RowKind};
use crate::pack::format::LawOf;
use crate::pack::model::{Here, LifeEvent, Pack, Recipient, Rule};

/// The fact by which people are grouped by place.
const PROVINCE: &str = "province";

/// Two packs side by side, or one alone.
#[derive(Debug)]
pub struct Study<'p> {
    /// The pack as it was; `None` when one pack is looked at alone.
    pub old: Option<&'p Pack>,
    /// The pack as it would be.
    pub new: &'p Pack,
    /// Every column that some condition, deadline or grouping reads, each once.
    pub columns: Vec<Column>,
    /// What is computed from them, `LIFE-EVENT:FIELD` each: the fields of milestones and absences.
    pub made: Vec<String>,
    /// The life events that have rules in either pack.
    pub happenings: Vec<Happening<'p>>,
    /// What is asked, life event by life event, in the order of the new pack; what only the old one asks comes last.
    pub questions: Vec<Question<'p>>,
    pub(super) province: Option<usize>,
    pub(super) birth_date: Option<usize>,
}

/// A column of the population.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// `subject.NAME`, `subject.LINK.NAME`, `subject.LINK` or `LIFE-EVENT:FIELD`.
    pub name: String,
    /// Its type; `None` where only its NULLs are looked at.
    pub value_type: Option<ValueType>,
    /// The closed list of its values, when the pack has one.
    pub values: BTreeSet<String>,
}

/// A life event and the questions that it raises.
#[derive(Debug)]
pub struct Happening<'p> {
    /// Name of the life event.
    pub name: String,
    /// What brings it, in the old pack and in the new one.
    pub(super) sources: [Option<Source<'p>>; 2],
    /// Whether both bring the same.
    pub(super) shared: bool,
    pub(super) questions: Range<usize>,
    /// Questions of one place alone, by the column that tells the place and then by its code.
    pub(super) local: BTreeMap<usize, BTreeMap<String, Vec<usize>>>,
}

impl Happening<'_> {
    /// Whether time or silence brings it in either pack, and not the table.
    pub fn by_clock(&self) -> bool {
        self.sources.iter().flatten().any(|source| !matches!(source, Source::Table(_)))
    }
}

/// One rule for one kind of recipient, in the old pack and in the new one.
#[derive(Debug)]
pub struct Question<'p> {
    /// Name of the life event.
    pub life_event: String,
    /// The rule's oldest key, by which the packs are matched.
    pub root: String,
    /// Who would be told.
    pub recipient: Recipient,
    pub(super) old: Option<Side<'p>>,
    pub(super) new: Option<Side<'p>>,
}

impl<'p> Question<'p> {
    /// The rule as it was.
    pub fn old_rule(&self) -> Option<&'p Rule> {
        self.old.as_ref().map(|side| side.rule)
    }

    /// The rule as it would be.
    pub fn new_rule(&self) -> Option<&'p Rule> {
        self.new.as_ref().map(|side| side.rule)
    }

    /// The column and the codes of the only places in which either pack asks it.
    pub(super) fn only_in(&self) -> Option<(usize, BTreeSet<&'p String>)> {
        let mut only: Option<(usize, BTreeSet<&'p String>)> = None;
        for side in self.old.iter().chain(&self.new) {
            let (column, here) = side.scope?;
            let (known, codes) = only.get_or_insert_with(|| (column, BTreeSet::new()));
            if *known != column {
                return None;
            }
            codes.extend(&here.codes);
        }
        only
    }

    /// The rule's key and service as they would be, or as they were where the rule goes.
    pub fn named(&self) -> (&'p str, &'p str) {
        let rule = self.new_rule().or_else(|| self.old_rule());
        rule.map_or(("", ""), |rule| (rule.key.as_str(), rule.service.as_str()))
    }
}

/// One pack's side of a question.
#[derive(Debug)]
pub(super) struct Side<'p> {
    pub(super) pack: &'p Pack,
    pub(super) rule: &'p Rule,
    pub(super) versions: Vec<Version>,
    /// The column that says whether there is a linked person.
    pub(super) linked: Option<usize>,
    /// What the deadline is counted from.
    pub(super) anchor: Option<Input>,
    /// The place in which alone it holds, and the column that tells the recipient's.
    pub(super) scope: Option<(usize, &'p Here)>,
    /// The columns that tell the recipient's places, where the time to act differs from place to place.
    pub(super) places: Vec<(&'p str, usize)>,
}

/// A condition, and the days of occurrences that it is for.
#[derive(Debug)]
pub(super) struct Version {
    /// Its first day.
    pub(super) from: i32,
    pub(super) days: RangeInclusive<i32>,
    pub(super) when: Bound,
    /// Where each of the condition's columns stands.
    pub(super) columns: Vec<Input>,
}

/// Why two packs cannot be put to one population.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StudyError {
    /// One column, two types.
    #[error(
        "`{column}` is {old} in the old pack and {new} in the new one, and a population has one type for it"
    )]
    Types {
        /// The column.
        column: String,
        /// In the old pack.
        old: ValueType,
        /// In the new one.
        new: ValueType,
    },
}

/// The name under which a population holds what a rule of `life_event` reads as `column` when it tells `recipient`.
pub fn column_name(life_event: &str, recipient: &Recipient, column: &ColumnRef) -> String {
    let path = column.path.join(".");
    match (column.row, recipient) {
        (RowKind::Event, _) => format!("{life_event}:{path}"),
        (RowKind::Citizen, Recipient::Link(link)) => format!("subject.{link}.{path}"),
        (RowKind::Subject, _) | (RowKind::Citizen, Recipient::Subject) => format!("subject.{path}"),
    }
}

impl<'p> Study<'p> {
    /// Lays the packs side by side.
    ///
    /// # Errors
    /// See [`StudyError`].
    pub fn new(old: Option<&'p Pack>, new: &'p Pack) -> Result<Self, StudyError> {
        let mut columns = Columns::default();
        let (mut happenings, mut questions) = (Vec::new(), Vec::new());
        let packs = || [Some(new), old].into_iter().flatten();
        let names: Vec<&str> = names(packs());
        for name in names {
            let first = questions.len();
            let mut sources = [None, None];
            for (place, pack) in packs().enumerate() {
                let found = pack.life_event(name).map(|(_, found)| found);
                if let Some(life_event) = found.filter(|found| !found.rules.is_empty()) {
                    let source = Source::new(&mut columns, pack, life_event)?;
                    let asking = Asking { pack, life_event, source: &source, is_new: place == 0 };
                    asking.ask(&mut columns, &mut questions, first)?;
                    sources[1 - place] = Some(source);
                }
            }
            let shared = matches!(&sources, [Some(old), Some(new)] if old.same(new));
            let local = local(&questions, first);
            let questions = first..questions.len();
            happenings.push(Happening { name: name.to_owned(), sources, shared, questions, local });
        }
        let province = columns.of_fact(new, PROVINCE)?;
        let birth_date = columns.of_fact(new, &new.roles.birth_date)?;
        let Columns { list: columns, made, .. } = columns;
        Ok(Self { old, new, columns, made, happenings, questions, province, birth_date })
    }

    /// The name of what is read.
    pub(super) fn name_of(&self, input: Input) -> &str {
        match input {
            Input::Table(column) => self.columns.get(column).map_or("", |column| &column.name),
            Input::Made(place) => self.made.get(place).map_or("", |name| name),
        }
    }
}

/// The questions from `first` on that hold in one place alone, by column and code. Where the two packs tell the place by
/// different facts, everybody is asked.
fn local(questions: &[Question<'_>], first: usize) -> BTreeMap<usize, BTreeMap<String, Vec<usize>>> {
    let mut local: BTreeMap<usize, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for (place, question) in questions.iter().enumerate().skip(first) {
        if let Some((column, codes)) = question.only_in() {
            for code in codes {
                local.entry(column).or_default().entry(code.clone()).or_default().push(place);
            }
        }
    }
    local
}

/// Life events that have rules, each once, in pack order.
fn names<'p>(packs: impl Iterator<Item = &'p Pack>) -> Vec<&'p str> {
    let mut names: Vec<&str> = Vec::new();
    for life_event in packs.flat_map(|pack| &pack.life_events).filter(|one| !one.rules.is_empty()) {
        if !names.contains(&life_event.name.as_str()) {
            names.push(&life_event.name);
        }
    }
    names
}

/// One pack's questions about one life event.
struct Asking<'p, 's> {
    pack: &'p Pack,
    life_event: &'p LifeEvent,
    source: &'s Source<'p>,
    is_new: bool,
}

impl<'p> Asking<'p, '_> {
    /// Adds them to those from `first` on, each beside the other pack's where there is one.
    fn ask(
        &self,
        columns: &mut Columns,
        questions: &mut Vec<Question<'p>>,
        first: usize,
    ) -> Result<(), StudyError> {
        for rule in &self.life_event.rules {
            for recipient in &rule.to {
                let side = self.side(columns, rule, recipient)?;
                let same =
                    |other: &&mut Question<'_>| other.root == rule.root && other.recipient == *recipient;
                let place = match questions[first..].iter_mut().find(same) {
                    Some(question) => question,
                    None => {
                        questions.push(Question {
                            life_event: self.life_event.name.clone(),
                            root: rule.root.clone(),
                            recipient: recipient.clone(),
                            old: None,
                            new: None,
                        });
                        let last = questions.len() - 1;
                        &mut questions[last]
                    }
                };
                *(if self.is_new { &mut place.new } else { &mut place.old }) = Some(side);
            }
        }
        Ok(())
    }

    fn side(
        &self,
        columns: &mut Columns,
        rule: &'p Rule,
        recipient: &Recipient,
    ) -> Result<Side<'p>, StudyError> {
        let linked = match recipient {
            Recipient::Subject => None,
            Recipient::Link(link) => Some(columns.of(&format!("subject.{link}"), None, BTreeSet::new)?),
        };
        let anchor = rule.deadline.as_ref().map(|deadline| &deadline.anchor);
        let anchor = anchor.map(|anchor| self.input(columns, recipient, anchor)).transpose()?;
        let mut versions = Vec::new();
        for (from, days, when) in conditions(rule) {
            let inputs: Vec<ColumnRef> = when.columns().cloned().collect();
            let places = inputs.iter().map(|input| self.input(columns, recipient, input));
            let places = places.collect::<Result<_, _>>()?;
            // It is bound to its own inputs, so there is none that it does not find.
            versions.extend(when.over(&inputs).map(|when| Version { from, days, when, columns: places }));
        }
        let mut place = |fact: &str| columns.of_person(self.pack, recipient, fact);
        let scope = rule.scope.as_ref().map(|scope| Ok((place(&scope.here.fact)?, &scope.here)));
        let scope = scope.transpose()?;
        let local = rule.versions.iter().flat_map(|version| &version.amount).flat_map(|amount| &amount.local);
        let facts: BTreeSet<&str> = local.map(|(here, _)| here.fact.as_str()).collect();
        let places = facts.into_iter().map(|fact| Ok((fact, place(fact)?))).collect::<Result<_, _>>()?;
        Ok(Side { pack: self.pack, rule, versions, linked, anchor, scope, places })
    }

    fn input(
        &self,
        columns: &mut Columns,
        recipient: &Recipient,
        column: &ColumnRef,
    ) -> Result<Input, StudyError> {
        if let (RowKind::Event, Some(field)) = (column.row, column.path.first()) {
            return self.source.field(columns, self.pack, self.life_event, field);
        }
        let known = self.life_event.columns.iter().find(|(known, _)| known == column);
        let name = column_name(&self.life_event.name, recipient, column);
        let fact = column.path.last().and_then(|name| self.pack.facts.get(name));
        let values = || fact.map(|fact| fact.values.clone()).unwrap_or_default();
        columns.of(&name, known.map(|(_, value_type)| *value_type), values).map(Input::Table)
    }
}

/// The conditions of a rule, each with the days of the occurrences that it is asked about. Outside all of them the rule is
/// not in force and tells nobody. Where the law of filing applies, later versions are asked as well, since nobody knows
/// when the person will file: it tells those whom one of them lets it tell.
fn conditions(rule: &Rule) -> impl Iterator<Item = (i32, RangeInclusive<i32>, &Bound)> {
    rule.versions.iter().enumerate().map(|(place, version)| {
        let (first, last) = rule.days_of(place);
        let from = days(first);
        let first = if rule.law_of == LawOf::Occurrence { from } else { i32::MIN };
        let last = if last == NaiveDate::MAX { i32::MAX } else { days(last) };
        (from, first..=last, &version.when)
    })
}

/// The columns as they are found.
#[derive(Default)]
pub(super) struct Columns {
    list: Vec<Column>,
    places: HashMap<String, usize>,
    made: Vec<String>,
}

impl Columns {
    fn of(
        &mut self,
        name: &str,
        value_type: Option<ValueType>,
        values: impl FnOnce() -> BTreeSet<String>,
    ) -> Result<usize, StudyError> {
        let Some(&place) = self.places.get(name) else {
            self.places.insert(name.to_owned(), self.list.len());
            self.list.push(Column { name: name.to_owned(), value_type, values: values() });
            return Ok(self.list.len() - 1);
        };
        match (self.list[place].value_type, value_type) {
            (Some(new), Some(old)) if new != old => {
                Err(StudyError::Types { column: name.to_owned(), old, new })
            }
            (None, _) => {
                self.list[place].value_type = value_type;
                Ok(place)
            }
            _ => Ok(place),
        }
    }

    /// A field of a life event that events report.
    pub(super) fn of_event(
        &mut self,
        pack: &Pack,
        life_event: &LifeEvent,
        field: &str,
    ) -> Result<usize, StudyError> {
        let values = || {
            let position = pack.life_events.iter().position(|known| known.name == life_event.name);
            let reporting = pack
                .events
                .values()
                .filter(|event| position.is_some_and(|at| event.life_events.contains(&at)));
            let fields = reporting.filter_map(|event| event.fields.get(field));
            fields.flat_map(|field| field.values.iter().cloned()).collect()
        };
        self.of(&format!("{}:{field}", life_event.name), field_type(life_event, field), values)
    }

    /// A fact of the subject.
    pub(super) fn of_subject(
        &mut self,
        pack: &Pack,
        name: &str,
        value_type: ValueType,
    ) -> Result<usize, StudyError> {
        let values = || pack.facts.get(name).map(|fact| fact.values.clone()).unwrap_or_default();
        self.of(&format!("subject.{name}"), Some(value_type), values)
    }

    /// A fact of whoever would be told.
    fn of_person(&mut self, pack: &Pack, recipient: &Recipient, name: &str) -> Result<usize, StudyError> {
        let column = ColumnRef { row: RowKind::Citizen, path: vec![name.to_owned()] };
        let fact = pack.facts.get(name);
        let values = || fact.map(|fact| fact.values.clone()).unwrap_or_default();
        self.of(&column_name("", recipient, &column), fact.map(|fact| fact.value_type), values)
    }

    /// The place of a field that is computed.
    pub(super) fn made(&mut self, life_event: &str, field: &str) -> usize {
        let name = format!("{life_event}:{field}");
        let known = self.made.iter().position(|known| *known == name);
        known.unwrap_or_else(|| {
            self.made.push(name);
            self.made.len() - 1
        })
    }

    /// A fact of the subject, if the pack has it.
    fn of_fact(&mut self, pack: &Pack, fact: &str) -> Result<Option<usize>, StudyError> {
        let known = pack.facts.get(fact);
        let place = |known: &crate::pack::model::Fact| {
            self.of(&format!("subject.{fact}"), Some(known.value_type), || known.values.clone())
        };
        known.map(place).transpose()
    }
}
