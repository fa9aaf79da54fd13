//! What the fuzz targets share: text that is right but for some edits, which gets further into a parser than text
//! made of nothing.

use arbitrary::Arbitrary;

/// Some characters taken out of a text, and others put in their place.
#[derive(Arbitrary, Debug)]
pub struct Edit {
    at: u16,
    out: u8,
    put: String,
}

/// The text with the edits made, one after the other.
pub fn edited(text: &str, edits: &[Edit]) -> String {
    let mut text = text.to_owned();
    for edit in edits {
        let from = text.floor_char_boundary(usize::from(edit.at) % (text.len() + 1));
        let to = text.floor_char_boundary((from + usize::from(edit.out)).min(text.len()));
        text.replace_range(from..to, &edit.put);
    }
    text
}
