//! The pack parser: a pack loads, or says what is wrong with it; nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidings_rules::Pack;

fuzz_target!(|text: &str| {
    // The first line chooses which file of the built-in pack the rest stands in for.
    let mut files = tidings_rules::packs::viet_nam();
    let (first, rest) = text.split_once('\n').unwrap_or(("", text));
    let names: Vec<String> = files.keys().cloned().collect();
    let place = first.bytes().fold(0_usize, |sum, byte| sum.wrapping_add(usize::from(byte))) % names.len();
    files.insert(names[place].clone(), rest.to_owned());
    if let Err(found) = Pack::from_files(files) {
        assert!(!found.is_empty(), "a pack that does not load says why");
        assert!(found.iter().all(|one| one.line >= 1 && one.column >= 1));
    }
});
