//! The packs that are built in.

use std::collections::BTreeMap;

/// The Viet Nam pack's files, by relative path.
pub fn viet_nam() -> BTreeMap<String, String> {
    const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/vn.rs"));
    FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}
