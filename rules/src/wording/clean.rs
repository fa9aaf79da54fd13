//! What is inserted into a message is data: it cannot break the line, turn the writing direction, hide
//! letters, or run on.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The most characters of one inserted value.
pub const MAX_VALUE_CHARS: usize = 200;

/// A value fit to stand in a line of text: NFC, one line, no invisible characters, at most
/// [`MAX_VALUE_CHARS`] long.
pub(super) fn value(text: &str) -> String {
    let visible = one_line(text);
    if visible.chars().count() <= MAX_VALUE_CHARS {
        return visible;
    }
    visible.chars().take(MAX_VALUE_CHARS - 1).chain(['…']).collect()
}

/// The same without the limit.
pub(super) fn one_line(text: &str) -> String {
    // Nearly every text is clean already, and looking is much cheaper than composing it anew.
    let clean = |char: char| !is_break(char) && !is_hidden(char);
    if text.chars().all(clean) && is_nfc_quick(text.chars()) == IsNormalized::Yes && is_tidy(text) {
        return text.to_owned();
    }
    let spaced: String = text.chars().map(|char| if is_break(char) { ' ' } else { char }).collect();
    let visible: String = spaced.nfc().filter(|char| !is_hidden(*char)).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether every space stands alone, between two words.
fn is_tidy(text: &str) -> bool {
    let mut spaced = true;
    for char in text.chars() {
        let space = char.is_whitespace();
        if space && (spaced || char != ' ') {
            return false;
        }
        spaced = space;
    }
    !spaced || text.is_empty()
}

const fn is_break(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Control characters; marks, embeddings, overrides and isolates of direction (Unicode Standard Annex 9);
/// characters of no width; and the tag characters, which can carry hidden text.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            | '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inserted_value_stays_in_its_line() {
        assert_eq!(value("a\r\nb\u{2028}c\td"), "a b c d");
        assert_eq!(value("  \u{202e}gpj.exe\u{2066}\u{7}\u{0}\u{feff} "), "gpj.exe");
        assert_eq!(value("a\u{e0041}b\u{200b}c"), "abc");
        assert_eq!(value("e\u{302}\u{301}"), "ế", "NFC");
        assert_eq!(value("người Ê-đê"), "người Ê-đê");
        assert_eq!(value("a  b\u{a0}c "), "a b c", "spaces of any kind stand alone");
    }

    #[test]
    fn an_inserted_value_is_bounded() {
        let long = value(&"ế".repeat(1_000));
        assert_eq!(long.chars().count(), MAX_VALUE_CHARS);
        assert!(long.ends_with('…'));
        assert_eq!(value(&"x".repeat(MAX_VALUE_CHARS)).len(), MAX_VALUE_CHARS);
    }
}
