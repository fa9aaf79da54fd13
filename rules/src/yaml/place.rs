//! Places in a file.

use saphyr_parser::Marker;

/// A line and a character within it, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Character, from 1.
    pub(crate) column: usize,
}

impl Position {
    /// The first character of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

impl From<Marker> for Position {
    fn from(marker: Marker) -> Self {
        Self { line: marker.line().max(1), column: marker.col() + 1 }
    }
}

/// The lines of a file.
pub(super) struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    pub(super) fn of(source: &'a str) -> Self {
        Self(source.split('\n').collect())
    }

    /// Characters from `start` up to `end`, each with its position.
    pub(super) fn between(
        &self,
        start: Position,
        end: Position,
    ) -> impl Iterator<Item = (Position, char)> + use<'_, 'a> {
        let first = start.line.saturating_sub(1);
        let lines = self.0.iter().enumerate().skip(first).take((end.line + 1).saturating_sub(start.line));
        lines
            .flat_map(|(row, line)| {
                line.chars()
                    .enumerate()
                    .map(move |(column, char)| (Position { line: row + 1, column: column + 1 }, char))
            })
            .filter(move |(at, _)| *at >= start && *at < end)
    }
}
