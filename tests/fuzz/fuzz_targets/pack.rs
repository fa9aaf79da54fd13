//! The pack parser: a pack loads, or says what is wrong with it; nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidings_fuzz::{Edit, edited};
use tidings_rules::Pack;

/// The small pack of the loader's own tests, so that one try takes little.
const FILES: [(&str, &str); 8] = [
    ("pack.yaml", include_str!("../../../rules/tests/pack/pack.yaml")),
    ("sources.yaml", include_str!("../../../rules/tests/pack/sources.yaml")),
    ("facts.yaml", include_str!("../../../rules/tests/pack/facts.yaml")),
    ("events.yaml", include_str!("../../../rules/tests/pack/events.yaml")),
    ("services.yaml", include_str!("../../../rules/tests/pack/services.yaml")),
    ("wording.yaml", include_str!("../../../rules/tests/pack/wording.yaml")),
    ("life_events/birth.yaml", include_str!("../../../rules/tests/pack/life_events/birth.yaml")),
    ("life_events/filed.yaml", include_str!("../../../rules/tests/pack/life_events/filed.yaml")),
];

// One file of the pack is edited here and there.
fuzz_target!(|input: (u8, Vec<Edit>)| {
    let (file, edits) = input;
    let chosen = usize::from(file) % FILES.len();
    let text = |(place, (name, text)): (usize, (&str, &str))| {
        let text = if place == chosen { edited(text, &edits) } else { text.to_owned() };
        (name.to_owned(), text)
    };
    if let Err(found) = Pack::from_files(FILES.into_iter().enumerate().map(text).collect()) {
        assert!(!found.is_empty(), "a pack that does not load says why");
        assert!(found.iter().all(|one| one.line >= 1 && one.column >= 1));
    }
});
