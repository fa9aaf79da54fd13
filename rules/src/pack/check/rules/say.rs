//! What a rule says, asks and discloses.

use super::super::templates::{self, Read, Sees};
use super::{Checker, note_bare};
use crate::pack::diagnostic::Code;
use crate::wording::Builder;

impl Checker<'_> {
    /// What the rule says that it discloses; the columns become readable too.
    pub(super) fn discloses(&self, reads: &mut Vec<Read>) -> Option<(Vec<String>, String)> {
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

    pub(super) fn say(&self, wording: &mut Builder, reads: &mut Vec<Read>) {
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
    pub(super) fn ask(&self, wording: &mut Builder, reads: &mut Vec<Read>) {
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
}
