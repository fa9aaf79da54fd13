//! Scalars: what type a plain one has (the core schema of YAML 1.2, section 10.3), and where each character
//! of a text stands in the file.

use saphyr_parser::{ScalarStyle, Span};

use super::Data;
use super::place::{Lines, Position};

/// A text value that can tell where its characters stand.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    /// The text.
    pub(crate) value: String,
    at: Position,
    /// Where each character other than white space stands; empty when escapes hide it.
    visible: Vec<Position>,
}

impl Text {
    pub(super) fn new(value: String, style: ScalarStyle, span: Span, lines: &Lines<'_>) -> Self {
        let at = span.start.into();
        let mut visible = Vec::new();
        let quote = match style {
            ScalarStyle::SingleQuoted => Some('\''),
            ScalarStyle::DoubleQuoted => Some('"'),
            _ => None,
        };
        let mut doubled = false;
        for (position, char) in lines.between(at, span.end.into()) {
            // Quotes enclose; inside single quotes, the second of two stands for the character itself.
            let skip = Some(char) == quote && {
                doubled = !doubled;
                doubled
            };
            if Some(char) != quote {
                doubled = false;
            }
            if !skip && !char.is_whitespace() {
                visible.push(position);
            }
        }
        if visible.len() != value.chars().filter(|char| !char.is_whitespace()).count() {
            visible.clear();
        }
        Self { value, at, visible }
    }

    /// Where the character at `line` and `column` of the value (both from 1) stands in the file. Folding and
    /// indentation only ever change white space, so the n-th visible character is the n-th in both.
    pub(crate) fn place(&self, line: usize, column: usize) -> Position {
        let mut index = 0;
        let (mut row, mut col) = (1, 1);
        for char in self.value.chars() {
            if (row, col) >= (line, column) {
                break;
            }
            index += usize::from(!char.is_whitespace());
            if char == '\n' {
                (row, col) = (row + 1, 1);
            } else {
                col += 1;
            }
        }
        self.visible.get(index).or(self.visible.last()).copied().unwrap_or(self.at)
    }
}

/// The value of a plain scalar.
pub(super) fn plain(value: String, span: Span, lines: &Lines<'_>) -> Data {
    match value.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        _ => match number(&value) {
            Some(Number::Whole(number)) => Data::Int(number, value),
            Some(Number::Other) => Data::Float(value),
            None => Data::Text(Text::new(value, ScalarStyle::Plain, span, lines)),
        },
    }
}

enum Number {
    Whole(i64),
    Other,
}

fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(unsigned) {
        return Some(text.parse().map_or(Number::Other, Number::Whole));
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        if !rest.is_empty() && rest.chars().all(|char| char.is_digit(radix)) {
            return Some(i64::from_str_radix(rest, radix).map_or(Number::Other, Number::Whole));
        }
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Number::Other);
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(place) => (&unsigned[..place], Some(&unsigned[place + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_good =
        all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_good = exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)));
    (mantissa_good && exponent_good).then_some(Number::Other)
}
