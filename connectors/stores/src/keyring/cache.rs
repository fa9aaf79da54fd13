//! Keys that were used lately, at most [`KEYS`] of them, wiped when they leave.

use std::collections::HashMap;
use std::sync::Arc;

use tidings_domain::keys::{DataKey, Slot};

/// Most keys held in clear.
const KEYS: usize = 65536;

/// Two generations: what is used moves to the young one; when that is half of the limit, the old one goes. Keys lie
/// behind an `Arc`, so that a map that grows leaves no copies behind.
#[derive(Default)]
pub(super) struct Cache {
    young: HashMap<u64, Arc<DataKey>>,
    old: HashMap<u64, Arc<DataKey>>,
}

impl Cache {
    pub(super) fn get(&mut self, slot: Slot) -> Option<DataKey> {
        if let Some(key) = self.young.get(&slot.0) {
            return Some(DataKey::clone(key));
        }
        let key = self.old.remove(&slot.0)?;
        let copy = DataKey::clone(&key);
        self.keep(slot, key);
        Some(copy)
    }

    pub(super) fn put(&mut self, slot: Slot, key: DataKey) {
        self.keep(slot, Arc::new(key));
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        self.young.remove(&slot.0);
        self.old.remove(&slot.0);
    }

    fn keep(&mut self, slot: Slot, key: Arc<DataKey>) {
        if self.young.len() >= KEYS / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(slot.0, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let mut cache = Cache::default();
        cache.put(Slot(0), DataKey::new([7; 32]));
        for slot in 1..5 * KEYS as u64 {
            cache.put(Slot(slot), DataKey::default());
            assert!(cache.young.len() + cache.old.len() <= KEYS);
            assert_eq!(cache.get(Slot(0)).as_deref(), Some(&[7; 32]), "after {slot}");
        }
        assert!(cache.get(Slot(1)).is_none());
        cache.remove(Slot(0));
        assert!(cache.get(Slot(0)).is_none());
    }
}
