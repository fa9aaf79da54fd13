//! Messages: approved sentences, filled from evidence and set in the frame of their language. Plain text.
//!
//! A template sees only the names that it uses, and the pack has checked every one of them. What is absent is
//! never printed as nothing: composing fails and names the column. No error carries a value.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use chrono::NaiveDate;
use minijinja::Environment;
use tidings_domain::value::Value;

use crate::pack::format;
use crate::pack::model::{LifeEvent, Pack, Rule};

mod clean;
mod compose;
mod context;
mod describe;
mod template;
#[cfg(test)]
mod tests;

pub use clean::MAX_VALUE_CHARS;
pub use template::MAX_TEMPLATE_BYTES;
pub(crate) use template::{Template, TemplateFault, Use, read};

/// The most characters in a message's body.
pub const MAX_BODY_CHARS: usize = 12_000;
/// The most characters in a subject line and in the neutral text.
pub const MAX_LINE_CHARS: usize = 300;
/// The most characters in each part that a model words.
pub const MAX_WORDS_CHARS: usize = 600;
/// The most opportunities in one message; the pack's own limit may be lower.
pub const MAX_ITEMS: usize = 3;

/// The templates of a pack, by language.
pub struct Wording {
    languages: BTreeMap<String, Language>,
    default: String,
}

impl fmt::Debug for Wording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wording").field("languages", &self.languages.keys()).finish_non_exhaustive()
    }
}

/// What is to be said, to whom.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Language code; a language that the pack does not have falls back to its first.
    pub language: &'a str,
    /// What kind of message.
    pub kind: Kind,
    /// Who is written to.
    pub person: Person<'a>,
    /// Text facts of theirs, for what differs from place to place.
    pub here: Facts<'a>,
    /// The day of writing, in the pack's zone.
    pub today: NaiveDate,
    /// What they are told of, in order: one to [`MAX_ITEMS`].
    pub items: &'a [Item<'a>],
    /// Some source that could have reported the step done has not caught up.
    pub unless_done: bool,
    /// A duty that is sent again because its first sending has an unknown outcome.
    pub sent_again: bool,
    /// What a model worded and a guard passed.
    pub words: Option<&'a Words<'a>>,
}

/// Looks up a text fact of a person by name.
#[derive(Clone, Copy)]
pub struct Facts<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facts([personal])")
    }
}

/// What kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The first.
    First,
    /// A fact is missing: the question of each rule in place of its sentences.
    Question,
    /// A reminder.
    Reminder,
    /// What was said no longer holds.
    Correction,
}

/// What the greeting may know of a person.
#[derive(Clone, Copy, Default)]
pub struct Person<'a> {
    /// Full name.
    pub name: Option<&'a str>,
    /// `M` or `F`.
    pub sex: Option<&'a str>,
    /// Birth date.
    pub birth_date: Option<NaiveDate>,
}

impl fmt::Debug for Person<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person([personal])")
    }
}

/// One opportunity in a message.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The life event.
    pub life_event: &'a LifeEvent,
    /// The rule.
    pub rule: &'a Rule,
    /// One value for each of the life event's columns, in their order; `None` is unknown.
    pub evidence: &'a [Option<Value>],
    /// The last day to act. When the rule has a deadline and this is `None`, its anchor is not known, and the
    /// sentence that says by when is left out.
    pub deadline: Option<NaiveDate>,
}

/// Wording of a model.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// In place of the frame's greeting.
    pub greeting: &'a str,
    /// Before the approved reason, which then stands at the end.
    pub reason: &'a str,
    /// In place of the frame's transition.
    pub transition: &'a str,
}

impl fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words([personal])")
    }
}

/// A composed message. Its `Debug` never prints what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// Subject line.
    pub subject: String,
    /// Body: plain text in NFC, paragraphs parted by an empty line.
    pub body: String,
    /// The one text that open channels may carry.
    pub neutral: String,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text([personal])")
    }
}

/// Why a message cannot be composed. Names only, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordingError {
    /// A sentence needs something that is not known.
    #[error("`{name}` is not known, and the template `{template}` prints it")]
    Missing {
        /// What is not known.
        name: String,
        /// The template.
        template: String,
    },
    /// A sentence could not be rendered.
    #[error("the template `{template}` failed at line {line}: {what}")]
    Template {
        /// The template.
        template: String,
        /// Line within it.
        line: usize,
        /// What kind of failure.
        what: String,
    },
    /// The pack has no such service.
    #[error("no service `{0}`")]
    Service(String),
    /// The message tells of nothing, or of too much.
    #[error("{0} items in one message, and there are 1 to {MAX_ITEMS}")]
    Items(usize),
    /// The evidence does not fit the life event's columns.
    #[error("the evidence of `{0}` does not have a value for each column")]
    Evidence(String),
    /// The message would be too long.
    #[error("{part} is longer than {limit} characters")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl Wording {
    /// Composes a message.
    ///
    /// # Errors
    /// See [`WordingError`]. Whatever the pack's checks could foresee does not happen here; what remains is a
    /// fact that a sentence prints and that is not known.
    pub fn compose(&self, pack: &Pack, ask: &Ask<'_>) -> Result<Text, WordingError> {
        let (code, language) = self.languages.get_key_value(ask.language).map_or_else(
            || (self.default.as_str(), self.languages.get(&self.default)),
            |(code, language)| (code.as_str(), Some(language)),
        );
        let language = language.ok_or_else(|| WordingError::Template {
            template: "frame".to_owned(),
            line: 0,
            what: format!("the language `{code}` is missing"),
        })?;
        compose::compose(pack, code, language, ask)
    }
}

impl Wording {
    /// The templates whose name begins with `prefix`, as the pack writes them, by language and the rest of the name.
    pub(crate) fn sources(&self, prefix: &str) -> BTreeMap<(String, String), String> {
        let of = |(code, language): (&'_ String, &'_ Language)| {
            let named = language.uses.keys().filter_map(|name| Some((name, name.strip_prefix(prefix)?)));
            let each = named.filter_map(|(name, rest)| {
                let template = language.environment.get_template(name).ok()?;
                Some(((code.clone(), rest.to_owned()), template.source().to_owned()))
            });
            each.collect::<Vec<_>>()
        };
        self.languages.iter().flat_map(of).collect()
    }
}

/// The templates of one language.
struct Language {
    environment: Environment<'static>,
    uses: HashMap<String, Vec<Use>>,
    date_format: String,
    /// Sex, first age and form of address.
    addresses: Vec<(String, u32, String)>,
    address_default: String,
}

impl Language {
    /// How to address somebody: the form for the highest age that they have reached.
    fn address(&self, person: Person<'_>, today: NaiveDate) -> &str {
        let age = person.birth_date.and_then(|birth_date| crate::calendar::age_on(birth_date, today));
        let (Some(sex), Some(age)) = (person.sex, age) else { return &self.address_default };
        let fits = self.addresses.iter().filter(|(of, from, _)| of == sex && *from <= age);
        fits.max_by_key(|(_, from, _)| *from).map_or(&self.address_default, |(_, _, form)| form)
    }
}

/// A [`Wording`] in the making.
#[derive(Default)]
pub(crate) struct Builder {
    languages: BTreeMap<String, Language>,
}

impl Builder {
    /// Begins a language.
    pub(crate) fn begin(&mut self, code: &str, frame: &format::Frame) {
        let form = |entry: &format::Address| (entry.sex.clone(), entry.from_age, entry.form.clone());
        let language = Language {
            environment: context::environment(),
            uses: HashMap::new(),
            date_format: frame.date_format.clone(),
            addresses: frame.address.iter().map(form).collect(),
            address_default: frame.address_default.clone(),
        };
        self.languages.insert(code.to_owned(), language);
    }

    /// Compiles a template into a language; one that the wording does not have is left alone.
    pub(crate) fn add(&mut self, code: &str, name: String, template: Template) -> Result<(), TemplateFault> {
        let Some(language) = self.languages.get_mut(code) else { return Ok(()) };
        language.environment.add_template_owned(name.clone(), template.text).map_err(|error| {
            TemplateFault {
                line: error.line().unwrap_or(1),
                column: 1,
                message: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
                hint: None,
            }
        })?;
        language.uses.insert(name, template.uses);
        Ok(())
    }

    /// Done; `None` when `default` was never begun.
    pub(crate) fn build(self, default: &str) -> Option<Wording> {
        let default = default.to_owned();
        self.languages.contains_key(&default).then_some(Wording { languages: self.languages, default })
    }
}

/// Whether chrono can print a date in this format.
pub(crate) fn is_date_format(text: &str) -> bool {
    use fmt::Write as _;
    let mut out = String::new();
    !text.trim().is_empty() && write!(out, "{}", NaiveDate::default().format(text)).is_ok()
}
