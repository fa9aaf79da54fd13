//! Milestones and absences.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use tidings_domain::value::{Value, ValueType};

use super::life_events::Outline;
use super::parameters::Law;
use super::{Cx, Declared, Place, derived};
use crate::expr::{ColumnRef, Definitions, Figure, LAW, Program, RowKind, Source};
use crate::pack::diagnostic::{Code, did_you_mean};
use crate::pack::format::{self, AbsenceEntry, MilestoneEntry, Span};
use crate::pack::law::Parameter;
use crate::pack::model::{Absence, Amount, Milestone, MilestoneVersion, Period};
use crate::pack::scope::{self, DATE, Names, OPENS, TIME};

/// The most milestones of one life event for one person.
const MAX_OVER: usize = 100;

/// A sound trigger with the fields that it gives its life event.
pub(super) struct Clock<T> {
    pub(super) trigger: T,
    pub(super) fields: BTreeMap<String, ValueType>,
}

/// The figure that an amount names; `None` for a number.
pub(super) fn figure_of<'a>(
    place: &Place<'_>,
    amount: &'a format::Amount,
    law: &Law,
    cx: &Cx<'_>,
) -> Result<Option<&'a str>, ()> {
    let format::Amount::Law(text) = amount else { return Ok(None) };
    let name = text.strip_prefix(LAW).and_then(|rest| rest.strip_prefix('.'));
    let Some((name, parameter)) = name.and_then(|name| Some((name, law.parameters.get(name)?))) else {
        let names: Vec<_> = law.parameters.keys().map(|name| format!("{LAW}.{name}")).collect();
        let hint = did_you_mean(text, names.iter().map(String::as_str));
        let hint = hint.or_else(|| Some("a number, or `law.NAME`".to_owned()));
        cx.hinted(place, Code::UnknownName, format!("no figure `{text}`"), hint);
        return Err(());
    };
    if parameter.value_type != ValueType::Int || !parameter.keys.is_empty() {
        let message = format!("`{text}` is not one whole number");
        cx.fault(place, Code::WrongType, message);
        return Err(());
    }
    Ok(Some(name))
}

/// An amount on a day; `None` where law gives none, or none that can be counted.
pub(super) fn amount_on(amount: &format::Amount, definitions: &Definitions) -> Option<u32> {
    match amount {
        format::Amount::Count(count) => Some(*count),
        format::Amount::Law(text) => {
            match definitions.figures.get(text.strip_prefix(LAW)?.strip_prefix('.')?)? {
                Figure::Value(Value::Int(count)) => u32::try_from(*count).ok(),
                _ => None,
            }
        }
    }
}

/// An amount on a day, in each place.
pub(super) fn local_amount_on(
    amount: &format::Amount,
    day: NaiveDate,
    parameters: &BTreeMap<String, Parameter>,
) -> Amount {
    let text = match amount {
        format::Amount::Count(count) => return Amount { everywhere: Some(*count), local: Vec::new() },
        format::Amount::Law(text) => text,
    };
    let name = text.strip_prefix(LAW).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
    let Some(parameter) = parameters.get(name) else { return Amount::default() };
    let count = |figure: &Figure| match figure {
        Figure::Value(Value::Int(count)) => u32::try_from(*count).ok(),
        _ => None,
    };
    let local = parameter.local_on(day);
    let local = local.filter_map(|(local, figure)| Some((local.here.clone(), count(&figure.figure)?)));
    let everywhere = parameter.on(day).and_then(|figure| count(&figure.figure));
    Amount { everywhere, local: local.collect() }
}

/// The days from `first` to `last` on which one of the figures changes, `first` itself included.
pub(super) fn turns(
    names: &BTreeSet<String>,
    law: &Law,
    (first, last): (NaiveDate, Option<NaiveDate>),
) -> BTreeSet<NaiveDate> {
    let within = |day: &NaiveDate| *day > first && last.is_none_or(|last| *day <= last);
    let turns = names.iter().filter_map(|name| law.parameters.get(name)).flat_map(|it| it.turns());
    turns.filter(within).chain([first]).collect()
}

/// What milestones are held against.
pub(super) struct Setting<'a> {
    pub(super) declared: &'a Declared,
    pub(super) law: &'a Law,
    pub(super) cx: &'a Cx<'a>,
}

pub(super) fn milestone(
    place: &Place<'_>,
    entry: &MilestoneEntry,
    setting: &Setting<'_>,
) -> Option<Clock<Milestone>> {
    let reader = Reader { place, entry, setting };
    let over = reader.over();
    let fields: BTreeMap<String, ValueType> =
        over.iter().map(|name| (name.clone(), ValueType::Int)).collect();
    let date = reader.source("date", None, &entry.date);
    let data = entry.data.iter().map(|(name, text)| reader.source(name, Some("data"), text));
    let data: Option<Vec<Source>> = data.collect::<Vec<_>>().into_iter().collect();
    let amounts = reader.amounts();
    let (date, data, mut names) = (date?, data?, amounts?);
    let all = [&date].into_iter().chain(&data);
    names.extend(all.flat_map(|source| source.figures(&setting.declared.derived)));
    reader.versions(&Parts { date, data, names, fields })
}

struct Reader<'a> {
    place: &'a Place<'a>,
    entry: &'a MilestoneEntry,
    setting: &'a Setting<'a>,
}

struct Parts {
    date: Source,
    data: Vec<Source>,
    names: BTreeSet<String>,
    /// The name under `over`, with its type.
    fields: BTreeMap<String, ValueType>,
}

/// A milestone's expressions on some day.
struct Compiled {
    from: NaiveDate,
    date: Program,
    data: Vec<Program>,
    lead: Period,
    over: Vec<i64>,
}

impl Reader<'_> {
    fn over(&self) -> Option<String> {
        let (place, cx) = (self.place.then("over"), self.setting.cx);
        if self.entry.over.len() > 1 {
            cx.fault(
                &place,
                Code::BadRule,
                "a milestone is reached once for each value of one name, not of several",
            );
        }
        let (name, values) = self.entry.over.first_key_value()?;
        cx.word(&place.then(name).key(), name);
        if values.is_empty() || values.len() > MAX_OVER {
            cx.fault(&place.then(name), Code::NotAllowed, format!("1 to {MAX_OVER} values"));
        }
        for reserved in [DATE, OPENS, TIME] {
            if name == reserved || self.entry.data.contains_key(reserved) {
                let message = format!("`{reserved}` is a field of every milestone already");
                cx.fault(&place, Code::DuplicateName, message);
            }
        }
        Some(name.clone())
    }

    fn source(&self, name: &str, section: Option<&str>, text: &str) -> Option<Source> {
        let place =
            section.map_or_else(|| self.place.then(name), |section| self.place.then(section).then(name));
        let (declared, law, cx) = (self.setting.declared, self.setting.law, self.setting.cx);
        if section.is_some() {
            cx.word(&place.clone().key(), name);
        }
        match Source::read(text) {
            Ok(source) => {
                derived::named(&place, &source, &declared.derived, &law.parameters, cx).then_some(source)
            }
            Err(error) => {
                derived::report(&place, vec![error], cx);
                None
            }
        }
    }

    /// The figures that the lead time and the values under `over` name.
    fn amounts(&self) -> Option<BTreeSet<String>> {
        let lead = (self.place.then("lead").then("amount"), &self.entry.lead.amount);
        let over = self.entry.over.iter().flat_map(|(name, values)| {
            let place = self.place.then("over").then(name);
            values.iter().enumerate().map(move |(index, amount)| (place.then(index), amount))
        });
        let mut names = BTreeSet::new();
        for (place, amount) in [lead].into_iter().chain(over) {
            names.extend(
                figure_of(&place, amount, self.setting.law, self.setting.cx).ok()?.map(str::to_owned),
            );
        }
        Some(names)
    }

    fn versions(&self, parts: &Parts) -> Option<Clock<Milestone>> {
        let law = self.setting.law;
        let days = turns(&parts.names, law, (NaiveDate::MIN, None));
        let mut compiled: Vec<Compiled> = days.into_iter().filter_map(|day| self.on(day, parts)).collect();
        // Seen from a day before its figures were known, it has its fields and never comes about.
        let is_unknown = compiled.is_empty() && self.setting.cx.known.is_some();
        if is_unknown {
            let stand_ins = derived::stand_ins(&parts.names, &self.setting.declared.derived, &law.parameters);
            compiled.extend(self.compiled(NaiveDate::MAX, parts, &stand_ins));
        }
        let Some(first) = compiled.first() else {
            if self.setting.cx.out.borrow().is_empty() {
                let message = "law gives the figures of this milestone on no day";
                self.setting.cx.fault(&self.place.then("date"), Code::BadRule, message);
            }
            return None;
        };
        let mut fields = parts.fields.clone();
        fields.extend([(DATE.to_owned(), ValueType::Date), (OPENS.to_owned(), ValueType::Date)]);
        fields.extend(self.entry.data.keys().cloned().zip(first.data.iter().map(Program::value_type)));
        let programs = compiled.iter().flat_map(|it| [&it.date].into_iter().chain(&it.data));
        let inputs: BTreeSet<ColumnRef> =
            programs.flat_map(|program| program.inputs().iter().cloned()).collect();
        let columns: Vec<ColumnRef> = inputs.into_iter().collect();
        let names = self.names(&parts.fields);
        let types = columns.iter().map(|column| crate::expr::Scope::resolve(&names, column).ok());
        let types: Vec<ValueType> = types.collect::<Option<_>>()?;
        let facts = columns.iter().filter(|column| column.row == RowKind::Subject);
        let reads = facts.filter_map(|column| column.path.first().cloned()).collect();
        let mut versions: Vec<MilestoneVersion> =
            compiled.into_iter().map(|it| self.bind(it, &columns)).collect::<Option<_>>()?;
        versions.retain(|_| !is_unknown);
        let over = self.entry.over.keys().next().cloned();
        let columns = columns.into_iter().zip(types).collect();
        Some(Clock { trigger: Milestone { columns, versions, over, reads }, fields })
    }

    fn names<'n>(&'n self, fields: &'n BTreeMap<String, ValueType>) -> Names<'n> {
        let Declared { facts, sets, folds, links, .. } = self.setting.declared;
        Names { facts, sets, folds, links, broken: self.setting.cx.broken, fields, open: false }
    }

    /// The expressions on a day; `None` when law gives no figure then, or when something is wrong.
    fn on(&self, from: NaiveDate, parts: &Parts) -> Option<Compiled> {
        let (declared, law) = (self.setting.declared, self.setting.law);
        let definitions = derived::on(from, &parts.names, &declared.derived, &law.parameters);
        let is_given = definitions.figures.len() == parts.names.len();
        is_given.then(|| self.compiled(from, parts, &definitions)).flatten()
    }

    fn compiled(&self, from: NaiveDate, parts: &Parts, definitions: &Definitions) -> Option<Compiled> {
        let names = self.names(&parts.fields);
        let compile = |place: Place<'_>, source: &Source, wanted: Option<ValueType>| match source
            .with(definitions)
            .and_then(|source| source.compile(&names, wanted))
        {
            Ok(program) => self.own_facts(&place, &program).then_some(program),
            Err(errors) => {
                derived::report(&place, errors, self.setting.cx);
                None
            }
        };
        let date = compile(self.place.then("date"), &parts.date, Some(ValueType::Date));
        let data = self.entry.data.keys().zip(&parts.data);
        let data = data.map(|(name, source)| compile(self.place.then("data").then(name), source, None));
        let data: Option<Vec<Program>> = data.collect::<Vec<_>>().into_iter().collect();
        let values = self.entry.over.values().flatten();
        let over: Vec<i64> = values.filter_map(|it| amount_on(it, definitions)).map(i64::from).collect();
        let Span { amount, unit } = &self.entry.lead;
        let lead = Period { amount: amount_on(amount, definitions)?, unit: *unit };
        Some(Compiled { from, date: date?, data: data?, lead, over })
    }

    /// A milestone is a function of what is known about one person, and has no day before its own.
    fn own_facts(&self, place: &Place<'_>, program: &Program) -> bool {
        let foreign = program.inputs().iter().find(|column| match column.row {
            RowKind::Event => column.path.first().is_some_and(|field| field == TIME),
            RowKind::Subject => column.path.len() > 1,
            RowKind::Citizen => true,
        });
        if let Some(column) = foreign {
            let message = format!("a milestone cannot read `{column}`: only the subject's own facts");
            self.setting.cx.fault(place, Code::Condition, message);
        }
        foreign.is_none()
    }

    fn bind(&self, compiled: Compiled, columns: &[ColumnRef]) -> Option<MilestoneVersion> {
        let Compiled { from, date, data, lead, over } = compiled;
        let data = self.entry.data.keys().zip(data);
        let data = data.map(|(name, program)| Some((name.clone(), program.bind(columns)?)));
        Some(MilestoneVersion {
            from,
            date: date.bind(columns)?,
            data: data.collect::<Option<_>>()?,
            lead,
            over,
        })
    }
}

pub(super) fn absence(
    place: &Place<'_>,
    entry: &AbsenceEntry,
    outlines: &[Option<Outline<'_>>],
    (law, cx): (&Law, &Cx<'_>),
) -> Option<Clock<Absence>> {
    let find = |key: &str, name: &str| {
        let found = outlines.iter().flatten().find(|outline| outline.name == name);
        if found.is_none() && !cx.unread && !cx.broken.contains(name) {
            let hint = did_you_mean(name, outlines.iter().flatten().map(|outline| outline.name));
            let hint = hint.or_else(|| Some("a life event that is not itself an absence".to_owned()));
            cx.hinted(&place.then(key), Code::UnknownName, format!("no life event `{name}`"), hint);
        }
        found
    };
    let (of, without) = (find("of", &entry.of), find("without", &entry.without));
    let (of, without) = (of?, without?);
    for (index, field) in entry.same.iter().enumerate() {
        for outline in [of, without] {
            if !outline.fields.contains_key(field) && !outline.open {
                let kind = format!("field of `{}`", outline.name);
                cx.unknown(&place.then("same").then(index), &kind, field, outline.fields.keys());
            }
        }
    }
    let anchor = anchor(place, entry, of, cx);
    let amount = &entry.within.amount;
    let name = figure_of(&place.then("within").then("amount"), amount, law, cx).ok()?;
    let names: BTreeSet<String> = name.map(str::to_owned).into_iter().collect();
    let within = turns(&names, law, (NaiveDate::MIN, None)).into_iter().filter_map(|day| {
        let definitions = derived::on(day, &names, &std::sync::Arc::default(), &law.parameters);
        Some((day, Period { amount: amount_on(amount, &definitions)?, unit: entry.within.unit }))
    });
    let within = within.collect();
    let mut fields = of.fields.clone();
    fields.insert(DATE.to_owned(), ValueType::Date);
    let (of, without) = (entry.of.clone(), entry.without.clone());
    Some(Clock {
        trigger: Absence { of, without, same: entry.same.clone(), anchor: anchor?, within },
        fields,
    })
}

/// The field that an absence is counted from.
fn anchor(place: &Place<'_>, entry: &AbsenceEntry, of: &Outline<'_>, cx: &Cx<'_>) -> Option<String> {
    let Some(text) = &entry.anchor else { return Some(TIME.to_owned()) };
    let place = place.then("anchor");
    let field = scope::column(text).filter(|column| column.row == RowKind::Event);
    let Some(field) = field.and_then(|column| column.path.into_iter().next()) else {
        let hint = Some("`event.FIELD`, or `event.time`".to_owned());
        cx.hinted(&place, Code::UnknownName, format!("`{text}` is no field of the life event"), hint);
        return None;
    };
    match of.fields.get(&field) {
        _ if field == TIME => {}
        Some(ValueType::Date) => {}
        Some(other) => cx.fault(&place, Code::WrongType, format!("`{text}` is {other}, not a date")),
        None if of.open => {}
        None => cx.unknown(&place, &format!("field of `{}`", of.name), &field, of.fields.keys()),
    }
    Some(field)
}
