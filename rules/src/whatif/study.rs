//! Which columns a population is asked for, and which questions are put to its rows.

use std::collections::{BTreeSet, HashMap};
use std::ops::{Range, RangeInclusive};

use chrono::NaiveDate;
use tidings_domain::value::{ValueType, days};

use crate::expr::{Bound, ColumnRef, RowKind};
use crate::pack::format::LawOf;
use crate::pack::model::{LifeEvent, Pack, Recipient, Rule};

/// The fact by which people are grouped by place.
const PROVINCE: &str = "province";
/// The event column that says when, and whether, a life event happened.
const TIME: &str = "time";

/// Two packs side by side, or one alone.
#[derive(Debug)]
pub struct Study<'p> {
    /// The pack as it was; `None` when one pack is looked at alone.
    pub old: Option<&'p Pack>,
    /// The pack as it would be.
    pub new: &'p Pack,
    /// Every column that some condition, deadline or grouping reads, each once.
    pub columns: Vec<Column>,
    /// The life events that have rules in either pack.
    pub happenings: Vec<Happening>,
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
pub struct Happening {
    /// Name of the life event.
    pub name: String,
    /// Its column of dates. Those of milestones and absences are read as well, not computed from the row's facts.
    pub(super) time: usize,
    pub(super) questions: Range<usize>,
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
    /// The column that the deadline is counted from.
    pub(super) anchor: Option<usize>,
}

/// A condition, and the days of occurrences that it is for.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) days: RangeInclusive<i32>,
    pub(super) when: Bound,
    /// Where each of the condition's columns stands in the study's list.
    pub(super) columns: Vec<usize>,
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
            for (place, pack) in packs().enumerate() {
                if let Some((position, life_event)) = pack.life_event(name) {
                    let asking = Asking { pack, position, life_event, is_new: place == 0 };
                    asking.ask(&mut columns, &mut questions, first)?;
                }
            }
            if questions.len() > first {
                let time = columns.of(&format!("{name}:{TIME}"), Some(ValueType::Date), BTreeSet::new)?;
                happenings.push(Happening { name: name.to_owned(), time, questions: first..questions.len() });
            }
        }
        let province = columns.of_fact(new, PROVINCE)?;
        let birth_date = columns.of_fact(new, &new.roles.birth_date)?;
        Ok(Self { old, new, columns: columns.list, happenings, questions, province, birth_date })
    }
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
struct Asking<'p> {
    pack: &'p Pack,
    position: usize,
    life_event: &'p LifeEvent,
    is_new: bool,
}

impl<'p> Asking<'p> {
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
        let anchor = anchor.map(|anchor| self.column(columns, recipient, anchor)).transpose()?;
        let mut versions = Vec::new();
        for (days, when) in conditions(rule) {
            let inputs: Vec<ColumnRef> = when.columns().cloned().collect();
            let places = inputs.iter().map(|input| self.column(columns, recipient, input));
            let places = places.collect::<Result<_, _>>()?;
            // It is bound to its own inputs, so there is none that it does not find.
            versions.extend(when.over(&inputs).map(|when| Version { days, when, columns: places }));
        }
        Ok(Side { pack: self.pack, rule, versions, linked, anchor })
    }

    fn column(
        &self,
        columns: &mut Columns,
        recipient: &Recipient,
        column: &ColumnRef,
    ) -> Result<usize, StudyError> {
        let known = self.life_event.columns.iter().find(|(known, _)| known == column);
        let name = column_name(&self.life_event.name, recipient, column);
        columns.of(&name, known.map(|(_, value_type)| *value_type), || self.values(column))
    }

    /// The closed list of a column's values, if it has one.
    fn values(&self, column: &ColumnRef) -> BTreeSet<String> {
        let Some(name) = column.path.last() else { return BTreeSet::new() };
        if column.row != RowKind::Event {
            return self.pack.facts.get(name).map(|fact| fact.values.clone()).unwrap_or_default();
        }
        let reporting = self.pack.events.values().filter(|event| event.life_events.contains(&self.position));
        let fields = reporting.filter_map(|event| event.fields.get(name));
        fields.flat_map(|field| field.values.iter().cloned()).collect()
    }
}

/// The conditions of a rule, each with the days of the occurrences that it is asked about. Outside all of them the rule is
/// not in force and tells nobody. Where the law of filing applies, later versions are asked as well, since nobody knows
/// when the person will file: it tells those whom one of them lets it tell.
fn conditions(rule: &Rule) -> impl Iterator<Item = (RangeInclusive<i32>, &Bound)> {
    rule.versions.iter().enumerate().map(|(place, version)| {
        let (first, last) = rule.days_of(place);
        let first = if rule.law_of == LawOf::Occurrence { days(first) } else { i32::MIN };
        let last = if last == NaiveDate::MAX { i32::MAX } else { days(last) };
        (first..=last, &version.when)
    })
}

#[derive(Default)]
struct Columns {
    list: Vec<Column>,
    places: HashMap<String, usize>,
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

    /// A fact of the subject, if the pack has it.
    fn of_fact(&mut self, pack: &Pack, fact: &str) -> Result<Option<usize>, StudyError> {
        let known = pack.facts.get(fact);
        let place = |known: &crate::pack::model::Fact| {
            self.of(&format!("subject.{fact}"), Some(known.value_type), || known.values.clone())
        };
        known.map(place).transpose()
    }
}
