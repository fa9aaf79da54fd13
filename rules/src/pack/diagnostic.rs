//! What is wrong with a pack, where, and what to write instead.

use std::fmt;

use crate::yaml::Position;

/// One mistake in a pack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct Diagnostic {
    /// File, relative to the pack's folder.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Character within the line, from 1.
    pub column: usize,
    /// What kind of mistake it is.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to write instead, when that can be said.
    pub hint: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {} [{}]", self.file, self.line, self.column, self.message, self.code)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// Something in a sound pack that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Review {
    /// File, relative to the pack's folder.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Character within the line, from 1.
    pub column: usize,
    /// Why.
    pub kind: ReviewKind,
    /// What to look at.
    pub message: String,
}

/// Why a person should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReviewKind {
    /// A rule says that its law needs a check.
    Rule,
    /// A service says that its facts need a check.
    Service,
    /// A list says that its members need a check.
    List,
    /// A figure of law or the holidays of a year need a check.
    Figure,
    /// No rule tells of a service, and nothing says why.
    Untold,
    /// A reference or a service is to be checked by a day.
    ReviewBy,
    /// A deadline counts working days, and public holidays are not known.
    Holidays,
    /// A sentence prints what may not be known.
    MayBeUnknown,
}

impl fmt::Display for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)+) => {
        /// The kinds of mistake. The code of each never changes, so that documentation can be found by it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

codes! {
    /// A file or folder cannot be read.
    Unreadable = "P001",
    /// A file or the pack is too large.
    TooLarge = "P002",
    /// A file is missing, or is none that a pack has.
    WrongFile = "P003",
    /// A file is not YAML, or uses a part of YAML that packs do not.
    Yaml = "P010",
    /// A key stands twice in one mapping.
    DuplicateKey = "P011",
    /// A key that the format does not have.
    UnknownKey = "P020",
    /// A key that the format needs.
    MissingKey = "P021",
    /// A value of the wrong shape.
    WrongShape = "P022",
    /// A value that is not in the closed list, or out of range.
    NotAllowed = "P023",
    /// A name that nothing has.
    UnknownName = "P030",
    /// A name given twice.
    DuplicateName = "P031",
    /// A name that cannot be used.
    BadName = "P032",
    /// A value of the wrong type.
    WrongType = "P040",
    /// Not a period.
    BadPeriod = "P041",
    /// Not a date.
    BadDate = "P042",
    /// Not a time zone, or not hours of a day.
    BadTime = "P043",
    /// Not exactly one thing that an effect does.
    BadEffect = "P050",
    /// A source that may not state what it would.
    NotAuthorised = "P051",
    /// A fact that nobody states.
    Unstated = "P052",
    /// A condition that does not compile.
    Condition = "P060",
    /// A figure of law that has no value on a day on which a rule needs it.
    NoFigure = "P065",
    /// A rule that contradicts itself or another.
    BadRule = "P061",
    /// A rule that would tell a person about another without saying so.
    Undisclosed = "P062",
    /// A rule that would tell a person what the link does not show.
    NotShown = "P063",
    /// Two overlays that change the same thing for the same place.
    Conflict = "P066",
    /// An edit of what its designer may not edit.
    NotYours = "P067",
    /// Too few cases, or a case that means nothing.
    BadCase = "P064",
    /// A text that lacks a language, or has one too many.
    Language = "P070",
    /// A text that is not a template, or uses a part of templates that packs do not.
    Template = "P071",
    /// A figure typed into a sentence.
    Figure = "P072",
    /// A sentence that is needed.
    MissingSentence = "P073",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Gathers mistakes.
#[derive(Debug, Default)]
pub(super) struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub(super) fn push(
        &mut self,
        file: &str,
        at: Position,
        code: Code,
        message: String,
        hint: Option<String>,
    ) {
        let Position { line, column } = at;
        self.0.push(Diagnostic { file: file.to_owned(), line, column, code, message, hint });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of the files, each once.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}

/// The most letters that two names may differ in for one to be offered in place of the other, as a share of
/// the longer one's length: a third.
const NEAR: f64 = 1.0 / 3.0;

/// The fewest letters of a name that make the longer one it begins worth offering.
const BEGINNING: usize = 4;

/// The name nearest to `wrong`, when one is near enough to be what was meant.
pub(super) fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .filter(|name| *name != wrong)
        .map(|name| (similarity(wrong, name), name))
        .filter(|(similarity, _)| *similarity >= 1.0 - NEAR)
        .max_by(|(one, a), (other, b)| one.total_cmp(other).then_with(|| b.cmp(a)))
        .map(|(_, name)| name)
}

/// From 0 (nothing alike) to 1; a name and its beginning are near.
fn similarity(wrong: &str, name: &str) -> f64 {
    let begins = wrong.len() >= BEGINNING && name.len() >= BEGINNING;
    let begins = begins && (name.starts_with(wrong) || wrong.starts_with(name));
    let alike = strsim::normalized_damerau_levenshtein(wrong, name);
    if begins { alike.max(1.0 - NEAR) } else { alike }
}

/// The hint that offers [`nearest`].
pub(super) fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, names).map(|name| format!("did you mean `{name}`?"))
}
