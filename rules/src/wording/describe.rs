//! The approved words of a pack as a catalogue tells them: to nobody in particular, with no fact of anybody.

use unicode_normalization::UnicodeNormalization as _;

use super::context::{Absent, Names};
use super::{Language, Wording, clean, compose};
use crate::pack::model::Rule;

impl Wording {
    /// The label before a part of a message (`cost`, `channel`, `bring`, `law`, `why`), without its colon.
    /// `None` when the language is not the pack's, or the label tells of more than itself.
    pub fn label(&self, language: &str, part: &str) -> Option<String> {
        let text = self.languages.get(language)?.told(&format!("frame/label/{part}"), |_| None)?;
        Some(text.trim_end_matches([':', ' ']).to_owned())
    }

    /// What a rule says is to be done, and what follows, in the neutral form of address. A sentence that prints a
    /// fact is left out; `None` when none is left.
    pub fn advice(&self, language: &str, rule: &Rule) -> Option<String> {
        let language = self.languages.get(language)?;
        let known = |name: &str| match name {
            "address" => Some(language.address_default.clone()),
            "law" => Some(compose::law(rule)),
            _ => None,
        };
        let say = |part: &&str| language.told(&format!("say/{}/{part}", rule.key), known);
        let sentences: Vec<String> = ["what", "consequence"].iter().filter_map(say).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

impl Language {
    /// A template with these names alone; `None` when it prints another, or says nothing.
    fn told(&self, name: &str, known: impl Fn(&str) -> Option<String>) -> Option<String> {
        let template = self.environment.get_template(name).ok()?;
        let mut names = Names::new(&Absent::default());
        for used in self.uses.get(name).into_iter().flatten() {
            let value = match used.path.as_slice() {
                [single] => known(single),
                _ => None,
            };
            names.insert(&used.path, value.map(Into::into));
        }
        let text = clean::one_line(&template.render(names.into_value()).ok()?);
        (!text.is_empty()).then(|| text.nfc().collect())
    }
}
