//! The law that a rule rests on: its condition under the law of each day, the days it holds, its references.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use tidings_domain::value::ValueType;

use super::super::templates::Read;
use super::super::{clock, derived, parameters};
use super::{Checker, Compiled, of_citizen};
use crate::expr::{ColumnRef, LAW, Scope, Source};
use crate::pack::diagnostic::{Code, ReviewKind};
use crate::pack::model::Basis;

impl Checker<'_> {
    /// The condition under the law of all days on which the rule is in force. Seen from a day before one of its figures
    /// was known, the rule ends before that figure begins.
    pub(super) fn versions(&self, in_force: &mut (NaiveDate, Option<NaiveDate>)) -> Option<Vec<Compiled>> {
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
    pub(super) fn places(&self, versions: &[Compiled]) -> Vec<Read> {
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

    pub(super) fn condition_reads(&self, versions: &[Compiled]) -> Vec<Read> {
        let place = self.place.then("when");
        let inputs: BTreeSet<&ColumnRef> = versions.iter().flat_map(|it| it.program.inputs()).collect();
        let reads = inputs.into_iter().filter_map(|column| {
            let value_type = self.names.resolve(column).ok()?;
            let file_position = derived::within(&place, &self.entry.when, &column.to_string());
            Some(Read { column: column.clone(), value_type, file_position, bare: false })
        });
        reads.collect()
    }

    pub(super) fn basis(&self) -> Option<Vec<Basis>> {
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

    pub(super) fn in_force(&self) -> Option<(NaiveDate, Option<NaiveDate>)> {
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
}
