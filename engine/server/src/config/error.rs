//! What is wrong with a configuration.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// One thing that is wrong. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {}{problem}", Quoted(.key))]
pub(crate) struct ConfigError {
    /// Where.
    pub(crate) place: Place,
    /// The key, with dots; empty for the whole file.
    pub(crate) key: String,
    /// What.
    pub(crate) problem: Problem,
}

impl ConfigError {
    pub(super) fn not_utf8(variable: &str) -> Self {
        let problem = Problem::WrongValue { expected: "text in UTF-8".to_owned(), nearest: None };
        Self { place: Place::Variable(variable.to_owned()), key: String::new(), problem }
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "`{}`: ", self.0.escape_debug()) }
    }
}

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the file; line and column in characters, both counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// The file as a whole.
    Whole(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// Nowhere: it follows from others.
    Default,
}

impl Place {
    /// The place of a byte of the file.
    pub(super) fn in_file(path: &Path, text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self::File { path: path.to_owned(), line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Whole(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Default => f.write_str("by default"),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Problem {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(ErrorKind),
    /// The file is something else.
    #[error("the file is longer than {0} bytes; it holds something else")]
    TooLong(u64),
    /// Not TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// There is no such key.
    #[error("there is no such key{}", hint(.nearest.as_deref()))]
    UnknownKey {
        /// The good key most like it.
        nearest: Option<String>,
    },
    /// The value is of another type, or outside its limits.
    #[error("expected {expected}{}", hint(.nearest.as_deref()))]
    WrongValue {
        /// What is expected.
        expected: String,
        /// The good value most like it.
        nearest: Option<String>,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}
