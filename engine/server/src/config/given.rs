//! Values as a file or a variable gives them, and what each kind of key accepts.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use chrono::DateTime;
use tidings_domain::time::Timestamp;
use tidings_sources::signature::KEYS_A_SOURCE;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::SourceKey;
use super::error::Problem;
use super::reference::most_like;

/// One value.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    /// From the file, with the byte where it starts.
    Toml(&'a DeValue<'a>, usize),
    /// From a variable.
    Text(&'a str),
}

/// A value that a key does not accept.
pub(super) struct Wrong {
    /// The part of the value that is wrong, if it has parts.
    pub(super) within: Option<String>,
    pub(super) problem: Problem,
}

impl Wrong {
    pub(super) fn new(expected: impl Into<String>) -> Self {
        Self { within: None, problem: Problem::WrongValue { expected: expected.into(), nearest: None } }
    }
}

impl<'a> Given<'a> {
    /// The byte where it starts; 0 in a variable.
    pub(super) const fn start(&self) -> usize {
        match self {
            Self::Toml(_, start) => *start,
            Self::Text(_) => 0,
        }
    }

    fn text(&self, expected: &str) -> Result<&'a str, Wrong> {
        let text = match self {
            Self::Toml(value, _) => value.as_str(),
            Self::Text(text) => Some(*text),
        };
        text.filter(|text| !text.is_empty()).ok_or_else(|| Wrong::new(expected))
    }

    pub(super) fn path(&self) -> Result<PathBuf, Wrong> {
        self.text("a path, in quotes").map(PathBuf::from)
    }

    pub(super) fn address(&self) -> Result<SocketAddr, Wrong> {
        const EXPECTED: &str = "an IP address and a port, in quotes: \"127.0.0.1:8080\" or \"[::1]:8080\"";
        self.text(EXPECTED)?.parse().map_err(|_| Wrong::new(EXPECTED))
    }

    pub(super) fn count<T: TryFrom<i64>>(&self, range: RangeInclusive<i64>) -> Result<T, Wrong> {
        let number = match self {
            Self::Toml(value, _) => value
                .as_integer()
                .and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok()),
            Self::Text(text) => text.trim().parse().ok(),
        };
        let number =
            number.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| Wrong::new(format!("a whole number from {} to {}", range.start(), range.end())))
    }

    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Wrong> {
        let names = || choices.iter().map(|(name, _)| *name);
        let expected =
            format!("one of {}", names().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "));
        let text = self.text(&expected)?;
        choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| {
            let nearest = most_like(text, names()).map(str::to_owned);
            Wrong { within: None, problem: Problem::WrongValue { expected, nearest } }
        })
    }

    /// The keys of a source; what is wrong, with the byte where it stands.
    pub(super) fn source_keys(&self) -> (Vec<SourceKey>, Vec<(usize, Wrong)>) {
        match self {
            Self::Toml(value, start) => source_keys(value, *start),
            Self::Text(text) => match DeValue::parse(text) {
                Ok(value) => source_keys(value.get_ref(), 0),
                Err(_) => (Vec::new(), vec![(0, Wrong::new(KEYS_EXPECTED))]),
            },
        }
    }
}

const KEYS_EXPECTED: &str = "a list of tables: [{ id = \"k1\", file = \"PATH\" }]";
const KEY_FIELDS: [&str; 4] = ["id", "file", "not_before", "not_after"];

fn source_keys(value: &DeValue<'_>, start: usize) -> (Vec<SourceKey>, Vec<(usize, Wrong)>) {
    let Some(list) = value.as_array() else { return (Vec::new(), vec![(start, Wrong::new(KEYS_EXPECTED))]) };
    let (mut keys, mut wrongs): (Vec<SourceKey>, _) = (Vec::new(), Vec::new());
    if list.len() > KEYS_A_SOURCE {
        wrongs.push((start, Wrong::new(format!("at most {KEYS_A_SOURCE} keys"))));
    }
    for (position, entry) in list.iter().enumerate() {
        let at = entry.span().start;
        let Some(table) = entry.get_ref().as_table() else {
            wrongs.push((at, Wrong::new(KEYS_EXPECTED)));
            continue;
        };
        let mut entry = KeyEntry { table, position, at, wrongs: &mut wrongs };
        if let Some(key) = entry.read() {
            if keys.iter().any(|other| other.id == key.id) {
                entry.wrong(at, "id", "an id that no other key of the source has");
            }
            keys.push(key);
        }
    }
    (keys, wrongs)
}

/// One table in a list of keys.
struct KeyEntry<'a> {
    table: &'a DeTable<'a>,
    position: usize,
    at: usize,
    wrongs: &'a mut Vec<(usize, Wrong)>,
}

impl KeyEntry<'_> {
    fn read(&mut self) -> Option<SourceKey> {
        for (name, _) in self.table.iter() {
            if !KEY_FIELDS.contains(&&**name.get_ref()) {
                let nearest = most_like(name.get_ref(), KEY_FIELDS).map(str::to_owned);
                let within = Some(format!("{}.{}", self.position, name.get_ref()));
                self.wrongs
                    .push((name.span().start, Wrong { within, problem: Problem::UnknownKey { nearest } }));
            }
        }
        let id = self.required("id", "the key's name, in quotes");
        let file = self.required("file", "the path of the file that holds the secret, in quotes");
        let (not_before, not_after) = (self.moment("not_before"), self.moment("not_after"));
        if let (Some(from), Some(until)) = (not_before, not_after)
            && from > until
        {
            self.wrong(self.at, "not_after", "a moment after not_before");
        }
        Some(SourceKey { id: id?, file: file?.into(), not_before, not_after })
    }

    fn get(&self, name: &str) -> Option<&Spanned<DeValue<'_>>> {
        self.table.get(name)
    }

    fn wrong(&mut self, at: usize, name: &str, expected: &str) {
        let within = Some(format!("{}.{name}", self.position));
        self.wrongs.push((at, Wrong { within, ..Wrong::new(expected) }));
    }

    fn required(&mut self, name: &str, expected: &str) -> Option<String> {
        let at = self.get(name).map_or(self.at, |value| value.span().start);
        let text = self.get(name).and_then(|value| value.get_ref().as_str()).filter(|text| !text.is_empty());
        let text = text.map(str::to_owned);
        if text.is_none() {
            self.wrong(at, name, expected);
        }
        text
    }

    fn moment(&mut self, name: &str) -> Option<Timestamp> {
        let value = self.get(name)?;
        let at = value.span().start;
        let text = match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Datetime(moment) => Some(moment.to_string()),
            _ => None,
        };
        let moment = text.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
        if moment.is_none() {
            self.wrong(at, name, "a moment with its offset: 2026-01-31T00:00:00+07:00");
        }
        moment.map(|moment| Timestamp::from_utc(moment.to_utc()))
    }
}
