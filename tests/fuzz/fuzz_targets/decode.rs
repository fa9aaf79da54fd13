//! The event decoder: every input ends in exactly one outcome, and none of them panics.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidings_fuzz::{Edit, edited};
use tidings_domain::event::{Arrival, Position};
use tidings_domain::ids::Pseudonymiser;
use tidings_domain::time::Timestamp;
use tidings_domain::value::Pii;
use tidings_pipeline::decode::{Decoded, decode};
use tidings_rules::Pack;
use tidings_world::{World, small};
use zeroize::Zeroizing;

static PACK: LazyLock<Pack> =
    LazyLock::new(|| Pack::from_files(tidings_rules::packs::viet_nam()).expect("the built-in pack loads"));
static PEOPLE: LazyLock<Pseudonymiser> =
    LazyLock::new(|| Pseudonymiser::new(&Zeroizing::new(vec![7; 32])).expect("32 bytes"));

static EVENTS: LazyLock<Vec<String>> = LazyLock::new(|| World::generate(&small(1)).lines().take(500).collect());

/// Any bytes, or one of a province's events edited here and there.
#[derive(arbitrary::Arbitrary, Debug)]
enum Input {
    Bytes(Vec<u8>),
    Edited(u16, Vec<Edit>),
}

fuzz_target!(|input: Input| {
    let bytes = match input {
        Input::Bytes(bytes) => bytes,
        Input::Edited(event, edits) => {
            edited(&EVENTS[usize::from(event) % EVENTS.len()], &edits).into_bytes()
        }
    };
    let arrival = Arrival {
        bytes: Pii::new(bytes),
        position: Position { partition: "fuzz".to_owned(), epoch: 0, offset: 0 },
        proved: None,
        received: Timestamp(1_780_000_000_000),
    };
    if let Decoded::Event(event) = decode(&PACK, &PEOPLE, &arrival) {
        // Whatever is accepted is of a type that its source may send, and carries declared fields alone.
        let kind = &PACK.events[&event.kind];
        assert!(event.data.keys().all(|field| kind.fields.contains_key(field.as_str())));
    }
});
