//! Who may edit which part of a pack.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::collections::BTreeMap;

use tidings_rules::Pack;
use tidings_rules::pack::foreign_edits;
use tidings_tests::viet_nam_files_with;

const BIRTH: &str = "life_events/01-birth.yaml";
const HEALTH: &str = "services/health.yaml";
const PROVINCE: &str = "overlays/01.yaml";
const DESIGNERS: &str = "designers.yaml";
const EVERYBODY: [&str; 4] = ["owner", "social-insurance", "province-01", "births"];

fn files() -> BTreeMap<String, String> {
    viet_nam_files_with(&[
        ("parameters.yaml", include_str!("../packs/parameters.yaml")),
        ("life_events/93-birth-law.yaml", include_str!("../packs/law.yaml")),
        (PROVINCE, include_str!("../packs/overlay-province.yaml")),
        (DESIGNERS, include_str!("../packs/designers.yaml")),
    ])
}

fn edited(file: &str, from: &str, to: &str) -> BTreeMap<String, String> {
    let mut files = files();
    let text = files.get_mut(file).expect("a file");
    assert!(text.contains(from), "{file} has no {from}");
    *text = text.replacen(from, to, 1);
    files
}

/// The designers who may make an edit, and what the others are told.
fn may(edit: &BTreeMap<String, String>) -> (Vec<&'static str>, Vec<String>) {
    let pack = tidings_tests::load(files());
    Pack::from_files(edit.clone()).expect("the edit loads");
    let (mut may, mut told) = (Vec::new(), Vec::new());
    for designer in EVERYBODY {
        let found = foreign_edits(&pack, edit, designer).expect("known");
        if found.is_empty() {
            may.push(designer);
        }
        told.extend(found.iter().map(ToString::to_string));
    }
    (may, told)
}

#[test]
fn a_rule_is_for_those_who_provide_its_service_and_those_who_keep_its_life_event() {
    // One rule tells of a service of social security, the other of the commune's.
    let (maternity, _) = may(&edited(BIRTH, "subject.employed AND ", "subject.employed = TRUE AND "));
    assert_eq!(maternity, ["owner", "social-insurance", "births"]);
    let (linked, told) = may(&edited(BIRTH, "amount: 30, unit: days", "amount: 31, unit: days"));
    assert_eq!(linked, ["owner", "births"]);
    let line = "`social-insurance` may not edit the rule `birth-linked` [P067]";
    assert!(told.iter().any(|one| one.starts_with(BIRTH) && one.contains(line)), "{told:#?}");
}

#[test]
fn a_service_is_for_its_authority_before_and_after() {
    let theirs = edited(HEALTH, "cost_as_of: \"2026-07-18\"", "cost_as_of: \"2026-07-19\"");
    assert_eq!(may(&theirs).0, ["owner", "social-insurance"]);
    let school = "vi: \"Nhà trường và cơ quan bảo hiểm xã hội\"";
    let taken = edited(HEALTH, school, "vi: \"Cơ quan bảo hiểm xã hội (thuộc Bộ Tài chính)\"");
    assert_eq!(may(&taken).0, ["owner"], "nobody takes another authority's service");
}

#[test]
fn an_overlay_is_for_its_designer() {
    let edit = edited(PROVINCE, "value: 100,", "value: 110,");
    assert_eq!(may(&edit).0, ["owner", "province-01"]);
    let mut gone = files();
    gone.remove(PROVINCE);
    assert_eq!(may(&edited_designers(gone)).0, ["owner"], "to take it away takes it from the list as well");
}

/// Without an overlay, the designer of it names nothing.
fn edited_designers(mut files: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let text = files.get_mut(DESIGNERS).expect("a file");
    *text = text.replace("overlays: [province-01]", "overlays: []");
    files
}

#[test]
fn nobody_gives_themselves_leave() {
    let edit = edited(DESIGNERS, "    overlays: [province-01]", "    all: true");
    let (may, told) = may(&edit);
    assert_eq!(may, ["owner"]);
    assert!(told.iter().any(|one| one.contains("`province-01` may not edit designers.yaml")), "{told:#?}");
}

#[test]
fn comments_and_layout_are_free_and_the_rest_of_the_pack_is_its_owners() {
    assert_eq!(may(&edited(BIRTH, "    class:", "    # Why it is so.\n    class:")).0, EVERYBODY);
    assert_eq!(may(&edited("pack.yaml", "per_week: 3", "per_week: 4")).0, ["owner"]);
}

#[test]
fn a_designer_that_is_not_there_is_told_who_is() {
    let pack = tidings_tests::load(files());
    let told = foreign_edits(&pack, &files(), "province-1").expect_err("nobody").to_string();
    assert!(told.contains("did you mean `province-01`?"), "{told}");
}

#[test]
fn leave_is_for_what_there_is_and_somebody_may_edit_everything() {
    let faults = |from: &str, to: &str| {
        let found = Pack::from_files(edited(DESIGNERS, from, to)).expect_err("does not load");
        found.iter().map(|one| format!("{one}\n")).collect::<String>()
    };
    let unknown = faults("overlays: [province-01]", "overlays: [province-1]");
    assert!(unknown.contains("no overlay `province-1` [P030]; did you mean `province-01`?"), "{unknown}");
    let nobody = faults("    all: true\n", "");
    assert!(nobody.contains("nobody may edit everything"), "{nobody}");
}
