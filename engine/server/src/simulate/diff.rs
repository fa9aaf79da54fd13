//! Two texts, word by word.

/// A run of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run<'t> {
    Same(&'t str),
    Gone(&'t str),
    New(&'t str),
}

/// The shortest way from one text to the other, in runs of words; white space goes with the word before it.
pub(super) fn diff<'t>(old: &'t str, new: &'t str) -> Vec<Run<'t>> {
    let (old, new) = (words(old), words(new));
    let common = common(&old, &new);
    let (mut left, mut right) = (0, 0);
    let mut runs = Vec::new();
    while left < old.len() || right < new.len() {
        let same = left < old.len() && right < new.len() && old[left] == new[right];
        if same {
            runs.push(Run::Same(old[left]));
            (left, right) = (left + 1, right + 1);
        } else if right == new.len() || left < old.len() && common[left + 1][right] >= common[left][right + 1]
        {
            runs.push(Run::Gone(old[left]));
            left += 1;
        } else {
            runs.push(Run::New(new[right]));
            right += 1;
        }
    }
    runs
}

fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(char::is_whitespace).collect()
}

/// The length of the longest common run of words from each pair of places on.
fn common(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut lengths = vec![vec![0; new.len() + 1]; old.len() + 1];
    for left in (0..old.len()).rev() {
        for right in (0..new.len()).rev() {
            lengths[left][right] = if old[left] == new[right] {
                lengths[left + 1][right + 1] + 1
            } else {
                lengths[left + 1][right].max(lengths[left][right + 1])
            };
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_gone_or_new() {
        let runs = diff("Hạn là 60 ngày kể từ hôm nay.", "Hạn là 30 ngày, kể từ hôm nay.");
        let gone: Vec<_> = runs.iter().filter(|run| matches!(run, Run::Gone(_))).collect();
        let new: Vec<_> = runs.iter().filter(|run| matches!(run, Run::New(_))).collect();
        assert_eq!(gone, [&Run::Gone("60 "), &Run::Gone("ngày ")]);
        assert_eq!(new, [&Run::New("30 "), &Run::New("ngày, ")]);
        assert_eq!(runs.len(), 10);
    }

    #[test]
    fn a_text_that_comes_or_goes_is_new_or_gone_whole() {
        assert_eq!(diff("", "a b"), [Run::New("a "), Run::New("b")]);
        assert_eq!(diff("a b", ""), [Run::Gone("a "), Run::Gone("b")]);
    }
}
