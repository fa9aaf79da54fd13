//! Who may know whom, from `cargo metadata`: the dependency rule of the architecture.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value as Json;

/// The product's own dependencies of each of its packages, tests apart.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Json = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let list = |value: &Json, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let name = |value: &Json| value["name"].as_str().unwrap_or_default().to_owned();
    let normal = |dependency: &Json| dependency["kind"].is_null();
    list(&metadata, "packages")
        .iter()
        .map(|package| {
            let own = list(package, "dependencies");
            let own = own.iter().filter(|one| normal(one) && name(one).starts_with("tidings"));
            (name(package), own.map(name).collect())
        })
        .collect()
}

#[test]
fn each_package_knows_only_what_it_may() {
    let found = dependencies();
    let may = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let allowed = [
        ("tidings-domain", may(&[])),
        ("tidings-world", may(&[])),
        ("tidings-rules", may(&["tidings-domain"])),
        ("tidings-models", may(&["tidings-domain"])),
        ("tidings-sources", may(&["tidings-domain"])),
        ("tidings-stores", may(&["tidings-domain"])),
        ("tidings-channels", may(&["tidings-domain"])),
        ("tidings-pipeline", may(&["tidings-domain", "tidings-rules"])),
    ];
    for (package, allowed) in &allowed {
        let known = found.get(*package).unwrap_or_else(|| panic!("{package} is in the workspace"));
        let too_much: Vec<_> = known.difference(allowed).collect();
        assert!(too_much.is_empty(), "{package} must not know {too_much:?}");
    }
    let free = ["tidings", "tidings-benches", "tidings-tests"];
    let listed: BTreeSet<&str> = allowed.iter().map(|(package, _)| *package).chain(free).collect();
    let unlisted: Vec<_> = found.keys().filter(|package| !listed.contains(package.as_str())).collect();
    assert!(unlisted.is_empty(), "say in this test what {unlisted:?} may know");
}
