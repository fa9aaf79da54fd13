//! The approved words of a pack as a catalogue tells them: to nobody in particular, with no fact of anybody.

use chrono::NaiveDate;
use minijinja::value::Value as Printed;
use unicode_normalization::UnicodeNormalization as _;

use super::context::{Absent, Day, Names};
use super::{Language, Wording, clean, compose};
use crate::pack::model::Rule;

impl Wording {
    /// The label before a part of a message (`cost`, `channel`, `bring`, `law`, `why`), without its colon; it may name
    /// the day on which the cost was known. `None` when the language is not the pack's, or the label tells of more.
    pub fn label(&self, language: &str, part: &str, cost_as_of: NaiveDate) -> Option<String> {
        let language = self.languages.get(language)?;
        let known = |path: &[&str]| match path {
            ["service", "cost_as_of"] => {
                let written = cost_as_of.format(&language.date_format).to_string();
                Some(Printed::from_object(Day { date: cost_as_of, written }))
            }
            _ => None,
        };
        let text = language.told(&format!("frame/label/{part}"), known)?;
        Some(text.trim_end_matches([':', ' ']).to_owned())
    }

    /// What a rule says is to be done, and what follows, in the neutral form of address. A sentence that prints a
    /// fact is left out; `None` when none is left.
    pub fn advice(&self, language: &str, rule: &Rule) -> Option<String> {
        let language = self.languages.get(language)?;
        let known = |path: &[&str]| match path {
            ["address"] => Some(language.address_default.clone().into()),
            ["law"] => Some(compose::law(rule).into()),
            _ => None,
        };
        let say = |part: &&str| language.told(&format!("say/{}/{part}", rule.key), known);
        let sentences: Vec<String> = ["what", "consequence"].iter().filter_map(say).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

impl Language {
    /// A template with these names alone; `None` when it prints another, or says nothing.
    fn told(&self, name: &str, known: impl Fn(&[&str]) -> Option<Printed>) -> Option<String> {
        let template = self.environment.get_template(name).ok()?;
        let mut names = Names::new(&Absent::default());
        for used in self.uses.get(name).into_iter().flatten() {
            let path: Vec<&str> = used.path.iter().map(String::as_str).collect();
            names.insert(&used.path, known(&path));
        }
        let text = clean::one_line(&template.render(names.into_value()).ok()?);
        (!text.is_empty()).then(|| text.nfc().collect())
    }
}
