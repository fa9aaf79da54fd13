//! `tidings catalogue export` as a harvester runs it: what it prints, for which day, under which base, and how it says no.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;
use tidings_tests::process::binary;

fn export(arguments: &[&str]) -> Output {
    Command::new(binary()).args(["catalogue", "export"]).args(arguments).output().expect("tidings runs")
}

#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let output = export(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn refused(arguments: &[&str], why: &str) {
    let output = export(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(why), "{why} in {said}");
    assert!(output.stdout.is_empty(), "nothing that could be taken for a catalogue");
}

/// The Viet Nam pack in a folder, with `pack.yaml` changed.
fn pack(edit: impl FnOnce(&str) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in tidings_rules::packs::viet_nam() {
        let path = folder.path().join(&name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let path = folder.path().join("pack.yaml");
    let text = fs::read_to_string(&path).expect("the pack file");
    fs::write(path, edit(&text)).expect("a file");
    folder
}

fn name(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn both_formats_tell_of_every_service() {
    let mut services =
        tidings_rules::Pack::from_files(tidings_rules::packs::viet_nam()).expect("the pack").services;
    // What is new from a later day on is not told of yet.
    services.retain(|_, service| service.is_valid("2026-11-24".parse().expect("a day")));
    assert!(services.len() > 100);
    let turtle = printed(&["--as-of", "2026-11-24"]);
    assert!(turtle.starts_with("@prefix "), "Turtle is what there is without a format");
    assert_eq!(turtle, printed(&["--as-of", "2026-11-24", "--format", "ttl"]), "byte by byte");
    for id in services.keys() {
        assert!(turtle.contains(&format!("\nservice:{id} a cpsv:PublicService ;")), "{id}");
    }
    let document: Json =
        serde_json::from_str(&printed(&["--as-of", "2026-11-24", "--format", "jsonld"])).expect("JSON");
    let nodes = document["@graph"].as_array().expect("a graph");
    let told = nodes.iter().filter(|node| node["@type"] == "cpsv:PublicService");
    assert_eq!(told.count(), services.len());
}

#[test]
fn the_day_and_the_base_are_the_callers_to_say() {
    let ended = "rule:birth-registration a cpsv:Rule";
    assert!(printed(&["--as-of", "2027-02-28"]).contains(ended), "the last day of the law");
    assert!(!printed(&["--as-of", "2027-03-01"]).contains(ended), "the day after");
    let based = printed(&["--base", "https://moved.example/#"]);
    assert!(based.contains("@prefix service: <https://moved.example/#service/> ."));
    refused(&["--base", "moved"], "`moved` is no base for IRIs");
    refused(&["--as-of", "2027-02-29"], "2027-02-29");
    refused(&["--format", "rdfxml"], "possible values: ttl, jsonld");
}

#[test]
fn a_pack_that_says_nothing_of_publishing_is_asked_for_a_base() {
    let silent = pack(|text| {
        let (before, after) = text.split_once("catalogue:").expect("it says how it is published");
        let (_, roles) = after.split_once("\nroles:").expect("roles come behind");
        format!("{before}\nroles:{roles}")
    });
    let silent = name(silent.path());
    refused(&[silent], "add `catalogue` to pack.yaml");
    assert!(printed(&[silent, "--base", "https://x.example/"]).contains("cpsv:PublicService"));
    refused(&["no-such-folder"], "the folder cannot be read");
}
