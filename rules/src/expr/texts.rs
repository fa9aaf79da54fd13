//! Texts against a few constants: eight bytes at a time, and no branch that depends on the data.

use arrow_array::{Array, StringArray};
use arrow_buffer::BooleanBuffer;

const WORD: usize = size_of::<u64>();
/// Up to as many constants are tried one by one; measured, from there on a binary search is as fast.
const FEW: usize = 16;

/// In which rows the text is one of `members`; `None` when there are too many to try. What is answered for a NULL is
/// arbitrary.
pub(super) fn among<T: AsRef<str>>(members: &[T], column: &StringArray) -> Option<BooleanBuffer> {
    if members.len() > FEW {
        return None;
    }
    let members: Vec<(&[u8], u64)> = members
        .iter()
        .map(|member| member.as_ref().as_bytes())
        .map(|member| (member, head(member, 0, member.len())))
        .collect();
    let (ends, bytes) = (column.value_offsets(), column.value_data());
    Some(BooleanBuffer::collect_bool(column.len(), |row| {
        let (from, to) = (ends[row] as usize, ends[row + 1] as usize);
        let word = head(bytes, from, to - from);
        members.iter().fold(false, |found, (member, first)| {
            let same = (*first == word) & (member.len() == to - from);
            found | (same && (member.len() <= WORD || member[WORD..] == bytes[from + WORD..to]))
        })
    }))
}

/// The first eight bytes of a text of `length` that begins at `from`; zeros stand for what it lacks.
#[inline]
fn head(bytes: &[u8], from: usize, length: usize) -> u64 {
    let Some(word) = bytes[from..].first_chunk::<WORD>() else {
        let mut word = [0; WORD];
        let length = length.min(WORD);
        word[..length].copy_from_slice(&bytes[from..from + length]);
        return u64::from_le_bytes(word);
    };
    let lacking = u64::BITS - u8::BITS * length.min(WORD) as u32;
    u64::from_le_bytes(*word) & u64::MAX.checked_shr(lacking).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prefixes of one another, of every length around a word, with zero bytes and more than ASCII.
    const TEXTS: [&str; 14] = [
        "",
        "a",
        "a\0",
        "ab",
        "poor",
        "near_po",
        "near_poo",
        "near_poor",
        "near_poor\0",
        "near_poox",
        "Huế",
        "Huế ",
        "01",
        "a text longer than two words",
    ];

    #[test]
    fn a_text_is_among_those_that_are_equal_to_it() {
        let rows: Vec<Option<&str>> =
            TEXTS.iter().copied().map(Some).chain([None]).chain(TEXTS.map(Some)).collect();
        let whole = StringArray::from(rows.clone());
        for (from, length) in [(0, rows.len()), (3, 20), (rows.len() - 1, 1)] {
            let column = whole.slice(from, length);
            for first in TEXTS {
                for second in TEXTS {
                    let found = among(&[first, second], &column).expect("few");
                    for row in (0..length).filter(|row| column.is_valid(*row)) {
                        let text = column.value(row);
                        assert_eq!(
                            found.value(row),
                            text == first || text == second,
                            "{text:?} {first:?} {second:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn many_are_left_to_a_search() {
        let many = vec!["a"; FEW + 1];
        assert!(among(&many, &StringArray::from(vec!["a"])).is_none());
        assert!(among(&many[1..], &StringArray::from(vec!["a"])).is_some_and(|found| found.value(0)));
    }
}
