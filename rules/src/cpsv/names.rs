//! Names for what has no id in a pack: authorities and laws, which are known by what they are called.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The most letters and digits of a name, before its check.
const MAX_LETTERS: usize = 60;
/// Bytes of SHA-256 behind a name: what two names that read alike differ in.
const CHECK_BYTES: usize = 4;

/// A name in small ASCII letters, digits and hyphens: readable, and another one for every other text. Marks are
/// taken off letters (`Ủy ban` becomes `uy-ban`); what they told apart, the check at the end still does.
pub(super) fn of(text: &str) -> String {
    let text: String = text.trim().nfc().collect();
    let mut name = String::new();
    for char in text.nfd().filter(|char| !is_combining_mark(*char)).flat_map(char::to_lowercase) {
        match char {
            'a'..='z' | '0'..='9' => name.push(char),
            'đ' => name.push('d'),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.truncate(MAX_LETTERS);
    let mut name = name.trim_end_matches('-').to_owned();
    for (place, byte) in Sha256::digest(text.as_bytes()).iter().take(CHECK_BYTES).enumerate() {
        let gap = if place == 0 && !name.is_empty() { "-" } else { "" };
        // Writing to a string does not fail.
        let _ = write!(name, "{gap}{byte:02x}");
    }
    name
}
