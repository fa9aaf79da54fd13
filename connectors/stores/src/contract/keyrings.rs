//! The contract of the key ring.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_domain::keys::{KeyError, KeyRing, Slot};

/// A key ring under test.
pub trait RingSubject {
    /// The ring; empty at first.
    fn ring(&self) -> Arc<dyn KeyRing>;

    /// Ends the process that has it, and begins another on the same data.
    fn restart(&mut self);
}

fn assert_destroyed(ring: &dyn KeyRing, slot: Slot) {
    let error = ring.open(slot).unwrap_err();
    assert!(matches!(error, KeyError::Destroyed(number) if number == slot.0), "{error:?}");
}

/// Before it is synced, too.
pub fn a_created_key_opens(subject: &mut dyn RingSubject) {
    let ring = subject.ring();
    let (slot, key) = ring.create().unwrap();
    assert_eq!(ring.open(slot).unwrap(), key);
    ring.sync().unwrap();
    assert_eq!(ring.open(slot).unwrap(), key);
}

/// No key and no slot twice.
pub fn keys_and_slots_are_all_different(subject: &mut dyn RingSubject) {
    let ring = subject.ring();
    let made: Vec<_> = (0..100).map(|_| ring.create().unwrap()).collect();
    assert_eq!(made.iter().map(|(slot, _)| slot.0).collect::<BTreeSet<_>>().len(), made.len());
    assert_eq!(made.iter().map(|(_, key)| **key).collect::<BTreeSet<_>>().len(), made.len());
}

/// Durable once `sync` returns.
pub fn a_synced_key_survives_a_restart(subject: &mut dyn RingSubject) {
    let made: Vec<_> = (0..20).map(|_| subject.ring().create().unwrap()).collect();
    subject.ring().sync().unwrap();
    subject.restart();
    for (slot, key) in &made {
        assert_eq!(subject.ring().open(*slot).unwrap(), *key);
    }
    let (slot, _) = subject.ring().create().unwrap();
    assert!(made.iter().all(|(old, _)| *old != slot));
}

/// Neither in this process nor in the next.
pub fn a_destroyed_key_never_opens_again(subject: &mut dyn RingSubject) {
    let (slot, _) = subject.ring().create().unwrap();
    subject.ring().sync().unwrap();
    subject.ring().open(slot).unwrap();
    for _ in 0..2 {
        subject.ring().destroy(slot).unwrap();
        assert_destroyed(&*subject.ring(), slot);
    }
    subject.restart();
    assert_destroyed(&*subject.ring(), slot);
}

/// A key destroyed takes no other with it.
pub fn destroying_leaves_the_neighbours(subject: &mut dyn RingSubject) {
    let made: Vec<_> = (0..9).map(|_| subject.ring().create().unwrap()).collect();
    subject.ring().destroy(made[4].0).unwrap();
    subject.restart();
    for (number, (slot, key)) in made.iter().enumerate() {
        match number {
            4 => assert_destroyed(&*subject.ring(), *slot),
            _ => assert_eq!(subject.ring().open(*slot).unwrap(), *key),
        }
    }
}

/// Destroying needs no sync before it.
pub fn an_unsynced_key_can_be_destroyed(subject: &mut dyn RingSubject) {
    let (slot, _) = subject.ring().create().unwrap();
    subject.ring().destroy(slot).unwrap();
    assert_destroyed(&*subject.ring(), slot);
    subject.restart();
    assert_destroyed(&*subject.ring(), slot);
}

/// A slot that was never given out has no key.
pub fn an_unknown_slot_does_not_open(subject: &mut dyn RingSubject) {
    let ring = subject.ring();
    ring.create().unwrap();
    for slot in [0, 2, 1 << 40, u64::MAX].map(Slot) {
        assert!(matches!(ring.open(slot), Err(KeyError::WrongMasterKey(_))), "{slot:?}");
        assert!(ring.destroy(slot).is_err(), "{slot:?}");
    }
}

/// A row sealed with a destroyed key must not meet a key that opens it wrongly.
pub fn slots_of_destroyed_keys_are_not_used_again(subject: &mut dyn RingSubject) {
    let (slot, _) = subject.ring().create().unwrap();
    subject.ring().sync().unwrap();
    subject.ring().destroy(slot).unwrap();
    subject.restart();
    let (next, _) = subject.ring().create().unwrap();
    subject.ring().sync().unwrap();
    assert_ne!(slot, next);
    assert_destroyed(&*subject.ring(), slot);
}
