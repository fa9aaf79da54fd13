//! What would be said in other words.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::study::{Question, Study};
use crate::pack::model::{Pack, Rule};

/// One text of a rule or of its service that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reworded {
    /// The rule's oldest key.
    pub root: String,
    /// Language code.
    pub language: String,
    /// Which text: a sentence of the rule (`what`, `by_when`, `consequence`), `reason`, or a text of the service
    /// (`title`, `authority`, `channel`, `cost`, `bring`).
    pub part: String,
    /// As it was; empty when there was none.
    pub old: String,
    /// As it would be; empty when there would be none.
    pub new: String,
}

/// The texts that differ between the packs, of rules that both have, in the order of the questions, as they are on a day:
/// authorities and fees are dated.
pub fn reworded(study: &Study<'_>, on: NaiveDate) -> Vec<Reworded> {
    let Some(old_pack) = study.old else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for question in &study.questions {
        let (Some(old), Some(new)) = (question.old_rule(), question.new_rule()) else { continue };
        if seen.insert(&question.root) {
            let (old, new) = (texts(old_pack, question, old, on), texts(study.new, question, new, on));
            let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
            let text =
                |texts: &BTreeMap<(String, String), String>, key| texts.get(key).cloned().unwrap_or_default();
            for key in keys.into_iter().filter(|key| old.get(key) != new.get(key)) {
                found.push(Reworded {
                    root: question.root.clone(),
                    language: key.0.clone(),
                    part: key.1.clone(),
                    old: text(&old, key),
                    new: text(&new, key),
                });
            }
        }
    }
    found
}

/// Everything that a rule's message says in words of its own, by language and part.
fn texts(
    pack: &Pack,
    question: &Question<'_>,
    rule: &Rule,
    on: NaiveDate,
) -> BTreeMap<(String, String), String> {
    let mut texts = pack.wording.sources(&format!("say/{}/", rule.key));
    let reason = pack.wording.sources(&format!("reason/{}", question.life_event));
    texts.extend(
        reason
            .into_iter()
            .filter(|((_, rest), _)| rest.is_empty())
            .map(|((language, _), text)| ((language, "reason".to_owned()), text)),
    );
    if let Some(service) = pack.services.get(&rule.service) {
        let parts = [
            ("title", &service.title),
            ("authority", service.authority(on)),
            ("channel", &service.channel),
            ("cost", &service.cost(on).text),
            ("bring", &service.bring),
        ];
        for (part, by_language) in parts {
            let each = by_language.iter();
            texts.extend(each.map(|(language, text)| ((language.clone(), part.to_owned()), text.clone())));
        }
    }
    texts
}
