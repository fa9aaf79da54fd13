//! What analysis finds, where, and what to do about it.

use std::fmt;
use std::str::FromStr;

/// Something in a pack that loads, and is probably not meant, not finished, or no longer right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// File, relative to the pack's folder.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Character within the line, from 1.
    pub column: usize,
    /// What kind of finding it is.
    pub code: FindingCode,
    /// How much it matters.
    pub severity: Severity,
    /// What was found.
    pub message: String,
    /// What to do, when that can be said.
    pub hint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {} [{}]", self.file, self.line, self.column, self.message, self.code)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Most likely a mistake; `check --strict` refuses it.
    Warning,
    /// A person who knows the law must look.
    Review,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Every severity, the gravest first.
    pub const ALL: [Self; 3] = [Self::Warning, Self::Review, Self::Note];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Review => "review",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! findings {
    ($($name:ident = $code:literal, $severity:ident, $title:literal;)+) => {
        /// The kinds of finding. The code of each never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode {
            $(#[doc = $title] $name,)+
        }

        impl FindingCode {
            /// Every kind, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// What it means, in a few words.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                }
            }

            /// How much it matters unless somebody says otherwise.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)+
                }
            }
        }
    };
}

findings! {
    NeverTrue = "A101", Warning, "A condition that is never true";
    NeverFalse = "A102", Warning, "A condition that is never false";
    PartNeverFalse = "A103", Warning, "A part of a condition that is never false";
    DeadAlternative = "A104", Warning, "An alternative that never applies";
    DeadWhen = "A105", Warning, "A WHEN that is never taken";
    Redundant = "A106", Note, "A part of a condition that the other parts already say";
    Overlap = "A201", Warning, "Two rules that offer one service to one person for one occurrence";
    Conflict = "A202", Warning, "Two such rules that differ in class or deadline";
    Duplicate = "A203", Warning, "Two rules that say the same";
    PartitionGap = "A301", Warning, "A case that no rule of a partition takes";
    PartitionOverlap = "A302", Warning, "A case that two rules of a partition take";
    PartitionOpen = "A303", Note, "A partition that could neither be proved nor refuted";
    DeadlinePast = "A401", Warning, "A deadline that always lies before the event";
    ReminderTooEarly = "A402", Warning, "A reminder that always lies before the first message";
    ReminderTooLate = "A403", Warning, "A reminder that always lies after the deadline";
    ReminderBeforeAnchor = "A404", Note, "A reminder before the day that the deadline is counted from";
    Ended = "A501", Note, "A rule that is no longer in force";
    ReviewOverdue = "A502", Warning, "A legal reference whose day of review has passed";
    NotYetInForce = "A503", Note, "A rule that is not yet in force";
    ReviewAhead = "A504", Note, "A legal reference to be reviewed by a day to come";
    ArticleGap = "A601", Review, "A legal reference without an article";
    UnusedFact = "A701", Warning, "A fact that nothing reads";
    UnusedSet = "A702", Warning, "A set, or a field of its elements, that nothing reads";
    UnusedFold = "A703", Note, "A fold that nothing reads";
    UnusedLink = "A704", Warning, "A link that nothing follows";
    UnusedField = "A705", Note, "A field of event data that nothing reads";
    UnusedService = "A706", Note, "A service that no rule offers, without a reason";
    UnusedLifeEvent = "A707", Warning, "A life event that starts no rule and ends none";
    IdleEvent = "A708", Warning, "An event type that reports nothing and changes nothing";
    UnusedFigure = "A709", Note, "A figure of law that nothing names";
    UnusedDerived = "A710", Note, "A derived fact that nothing names";
    Figure = "A801", Note, "A figure typed into a condition";
    ReviewRule = "A901", Review, "A rule whose law needs a human check";
    ReviewService = "A902", Review, "A service whose facts need a human check";
    Holidays = "A903", Note, "A deadline in working days, without public holidays";
    MayBeUnknown = "A904", Review, "A sentence that cannot be sent when something is unknown";
    ReviewList = "A905", Review, "A list whose members need a human check";
    ReviewFigure = "A906", Review, "A figure of law, or holidays, that need a human check";
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FindingCode {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(UnknownCode)
    }
}

/// No finding has this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no finding has this code")]
pub struct UnknownCode;
