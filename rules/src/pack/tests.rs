use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

use super::model::Recipient;
use super::*;
use crate::Pack;
use crate::expr::{ColumnRef, RowKind};

mod catalogue;
mod mistakes;
pub(crate) mod table;
mod viet_nam;

/// A small pack without a mistake, which the tests break in one place at a time.
pub(crate) fn good_files() -> BTreeMap<String, String> {
    let files = [
        ("pack.yaml", include_str!("../../tests/pack/pack.yaml")),
        ("sources.yaml", include_str!("../../tests/pack/sources.yaml")),
        ("facts.yaml", include_str!("../../tests/pack/facts.yaml")),
        ("events.yaml", include_str!("../../tests/pack/events.yaml")),
        ("services.yaml", include_str!("../../tests/pack/services.yaml")),
        ("wording.yaml", include_str!("../../tests/pack/wording.yaml")),
        ("life_events/birth.yaml", include_str!("../../tests/pack/life_events/birth.yaml")),
        ("life_events/filed.yaml", include_str!("../../tests/pack/life_events/filed.yaml")),
    ];
    files.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
}

pub(crate) fn load(files: BTreeMap<String, String>) -> Pack {
    Pack::from_files(files).unwrap_or_else(|faults| panic!("{}", lines(&faults)))
}

/// What deserves a look, a line each.
fn reviews(pack: &Pack) -> String {
    pack.reviews.iter().map(|review| format!("{review}\n")).collect()
}

fn lines(faults: &[Diagnostic]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

/// The good pack with one text in one file replaced.
pub(crate) fn with(file: &str, from: &str, to: &str) -> BTreeMap<String, String> {
    let mut files = good_files();
    let text = files.get_mut(file).expect("a file");
    assert!(text.contains(from), "{file} has no {from}");
    *text = text.replacen(from, to, 1);
    files
}

pub(crate) const BIRTH: &str = "life_events/birth.yaml";

fn column(row: RowKind, path: &[&str]) -> ColumnRef {
    ColumnRef { row, path: path.iter().map(|part| (*part).to_owned()).collect() }
}

#[test]
fn the_good_pack_compiles_to_what_the_engine_needs() {
    let pack = load(good_files());
    assert_eq!(pack.life_events.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["birth", "filed"]);
    let (birth, filed) = (&pack.life_events[0], &pack.life_events[1]);
    let columns: Vec<_> = birth.columns.iter().map(|(column, _)| column.to_string()).collect();
    let expected =
        ["event.born_on", "event.place", "subject.birth_date", "subject.employed", "citizen.province"];
    assert_eq!(columns, expected);
    assert_eq!(
        birth.shared_facts.iter().collect::<Vec<_>>(),
        ["birth_date"],
        "not what the subject alone needs"
    );
    assert!(filed.columns.is_empty());
    assert_eq!(filed.audience, [Recipient::Subject].into(), "a life event reaches those whose need it ends");
    assert_eq!(birth.audience, [Recipient::Subject, Recipient::Link("spouse".into())].into());
    assert_eq!(pack.events["birth.registered"].life_events, [0]);
    assert_eq!(pack.rule("insurance-old").map(|(_, rule)| rule.key.as_str()), Some("birth-insurance"));
    let (insurance, residence) = (&birth.rules[0], &birth.rules[1]);
    assert_eq!((insurance.order, residence.order), (0, 1));
    assert_eq!(insurance.covers, ["birth-residence".to_owned()].into());
    assert_eq!(
        residence.deadline.as_ref().map(|it| it.anchor.clone()),
        Some(column(RowKind::Event, &["born_on"]))
    );
    assert_eq!(pack.ranks["registry"], 90);
    assert_eq!(pack.rank("nobody"), 0);
    let reviews = reviews(&pack);
    for note in
        ["service `residence`", "public holidays", "check Luật thử, Điều 5 by 2027-01-01", "birth.yaml:65"]
    {
        assert!(reviews.contains(note), "{note} in {reviews}");
    }
}

#[test]
fn all_cases_of_the_good_pack_pass_and_a_wrong_one_says_why() {
    assert!(run_cases(&load(good_files())).iter().all(|case| case.passed));
    let broken = [
        (
            "employed: true}\n        expect: yes",
            "employed: true}\n        expect: no",
            "expected no, found yes",
        ),
        (
            "expect: unknown\n        missing: [subject.employed]",
            "expect: no",
            "found unknown for want of `subject.employed`",
        ),
        (
            "missing: [subject.employed]",
            "missing: [event.place]",
            "`event.place` is not among what is missing",
        ),
        (
            "deadline: \"2026-03-31\"",
            "deadline: \"2026-04-01\"",
            "expected the deadline 2026-04-01, found 2026-03-31",
        ),
        (
            "province: \"79\"}\n        expect: no",
            "province: \"79\"}\n        expect: yes",
            "because not: citizen.province = '01'",
        ),
    ];
    for (from, to, detail) in broken {
        let results = run_cases(&load(with("life_events/birth.yaml", from, to)));
        let failed: Vec<_> = results.iter().filter(|case| !case.passed).collect();
        assert_eq!(failed.len(), 1, "{results:?}");
        assert!(failed[0].detail.contains(detail), "{} has no {detail}", failed[0].detail);
    }
}

#[test]
fn a_renamed_rule_keeps_its_root() {
    let renamed = with(
        "life_events/birth.yaml",
        "key: birth-insurance\n    formerly: [insurance-old, insurance-older]",
        "key: birth-card\n    formerly: [insurance-old, insurance-older, birth-insurance]",
    );
    let (before, after) = (load(good_files()), load(renamed));
    let (before, after) = (&before.life_events[0].rules[0], &after.life_events[0].rules[0]);
    assert_ne!(before.key, after.key);
    assert_eq!(before.root, after.root);
    let first = with(
        "life_events/birth.yaml",
        "- key: birth-residence",
        "- key: cu-tru\n    formerly: [birth-residence]",
    );
    let first = first
        .into_iter()
        .map(|(name, text)| (name, text.replace("covers: [birth-residence]", "covers: [cu-tru]")));
    let pack = load(first.collect());
    assert_eq!(pack.life_events[0].rules[1].root, "birth-residence");
    assert_eq!(
        pack.life_events[0].rules[0].covers,
        ["birth-residence".to_owned()].into(),
        "covers goes by roots"
    );
}

#[test]
fn the_digest_tells_packs_apart() {
    let digest = |files| load(files).digest;
    assert_eq!(digest(good_files()), digest(good_files()));
    assert_ne!(digest(good_files()), digest(with("pack.yaml", "\"1\"", "\"2\"")));
    let split = |name: &str, text: &str| load::digest(&[(name.to_owned(), text.to_owned())].into());
    assert_ne!(split("ab", "c"), split("a", "bc"));
}

#[test]
fn mistakes_of_all_files_are_told_at_once_and_in_order() {
    let mut files = good_files();
    for (file, from, to) in [
        ("facts.yaml", "type: date", "type: dat"),
        ("services.yaml", "2026-07-18", "2026-07-32"),
        (BIRTH, "subject.employed\n", "subject.employd\n"),
        (BIRTH, "level: 1", "level: one"),
        ("wording.yaml", "{{ services }}", "{{ servces }}"),
    ] {
        let text = files.get_mut(file).expect("a file");
        *text = text.replacen(from, to, 1);
    }
    let faults = Pack::from_files(files).err().unwrap_or_default();
    let places: Vec<_> = faults.iter().map(|fault| format!("{}:{}", fault.file, fault.line)).collect();
    assert_eq!(
        places,
        ["facts.yaml:10", "life_events/birth.yaml:13", "services.yaml:7", "wording.yaml:3"],
        "{}",
        lines(&faults)
    );
    assert!(!lines(&faults).contains("birth_date"), "what a misshapen fact is used for is not wrong too");
}

#[test]
fn a_fact_that_nobody_states_is_refused() {
    let faults =
        Pack::from_files(with("sources.yaml", "province, employed", "employed")).err().unwrap_or_default();
    let line = "facts.yaml:46:3: no source may state `province` [P052]; add it to a source in sources.yaml";
    assert_eq!(lines(&faults), format!("{line}\n"));
}

#[test]
fn a_diagnostic_reads_as_a_line() {
    let faults = Pack::from_files(with(BIRTH, "AND subject.employed", "AND subject.employd"))
        .err()
        .unwrap_or_default();
    let line =
        "life_events/birth.yaml:17:11: no fact `subject.employd` [P060]; did you mean `subject.employed`?";
    assert_eq!(lines(&faults), format!("{line}\n"));
}

#[test]
fn files_that_a_pack_does_not_have_are_refused() {
    let mut files = good_files();
    files.remove("wording.yaml");
    files.insert("fact.yaml".to_owned(), "facts: {}".to_owned());
    files.insert("life_events/deep/er.yaml".to_owned(), String::new());
    let faults = lines(&Pack::from_files(files).err().unwrap_or_default());
    assert!(faults.contains("wording.yaml:1:1: the file is missing [P003]"), "{faults}");
    assert!(
        faults.contains("fact.yaml:1:1: a pack has no such file [P003]; did you mean `facts.yaml`?"),
        "{faults}"
    );
    assert!(faults.contains("life_events/deep/er.yaml:1:1"), "{faults}");
}

#[test]
fn limits_of_size_hold() {
    let mut files = good_files();
    files.insert("pack.yaml".to_owned(), "#".repeat(MAX_FILE_BYTES + 1));
    assert_eq!(Pack::from_files(files).err().unwrap_or_default()[0].code, Code::TooLarge);
    let mut files = good_files();
    files.extend((0..MAX_FILES).map(|number| (format!("life_events/x{number}.yaml"), String::new())));
    assert_eq!(Pack::from_files(files).err().unwrap_or_default()[0].code, Code::TooLarge);
}

#[test]
fn two_cases_are_the_least() {
    let one = with(
        BIRTH,
        "      - name: elsewhere
        on: \"2026-01-31\"
        event: {born_on: \"2026-01-30\"}
        citizen: {province: \"79\"}
        expect: no
",
        "",
    );
    let faults = lines(&Pack::from_files(one).err().unwrap_or_default());
    assert!(
        faults.starts_with("life_events/birth.yaml:71:7: a rule has at least 2 cases [P064]"),
        "{faults}"
    );
}

#[test]
fn a_fold_is_shown_when_its_set_is() {
    let told = with(
        BIRTH,
        "[event.born_on, subject.birth_date]",
        "[event.born_on, subject.birth_date, subject.children_count]",
    );
    assert!(Pack::from_files(told.clone()).is_err());
    let mut shown = told;
    let facts = shown.get_mut("facts.yaml").expect("a file");
    *facts = facts.replace("shows: [birth_date, employed]", "shows: [birth_date, employed, children]");
    let pack = load(shown);
    let shared: Vec<_> = pack.life_events[0].shared_facts.iter().collect();
    assert_eq!(shared, ["birth_date", "children_count"]);
}

#[test]
fn reading_through_a_link_mirrors_the_fact_and_needs_the_link() {
    let through = with(BIRTH, "AND subject.employed", "AND (subject.employed OR citizen.spouse.employed)");
    let through = through.into_iter().map(|(name, text)| {
        let discloses = "    covers: [birth-residence]\n    \
                         discloses: {what: [citizen.spouse.employed], ground: \"Luật thử\"}\n";
        (name, text.replace("    covers: [birth-residence]\n", discloses))
    });
    let pack = load(through.collect());
    assert_eq!(pack.links["spouse"].mirrored, ["employed".to_owned()].into());
    assert_eq!(pack.life_events[0].rules[0].reads_links, [(false, "spouse".to_owned())].into());
}

#[test]
fn a_folder_is_read_and_the_rest_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in good_files() {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    std::fs::write(folder.path().join("README.md"), "for people").expect("a file");
    let pack = Pack::load(folder.path()).unwrap_or_else(|faults| panic!("{}", lines(&faults)));
    assert_eq!(pack.files, good_files());
    assert_eq!(Pack::load(&folder.path().join("none")).err().unwrap_or_default()[0].code, Code::Unreadable);
    std::fs::write(folder.path().join("pack.yaml"), [0xff, 0xfe]).expect("a file");
    assert_eq!(Pack::load(folder.path()).err().unwrap_or_default()[0].code, Code::Unreadable);
}

#[test]
fn every_schema_describes_itself_and_closes_its_objects() {
    for kind in FileKind::ALL {
        let schema = schema(kind);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let definitions = schema["$defs"].as_object().into_iter().flatten().map(|(_, definition)| definition);
        for object in definitions.chain([&schema]).filter(|schema| schema.get("properties").is_some()) {
            assert_eq!(object["additionalProperties"], false, "{object}");
        }
    }
}

/// The pack that ships.
#[test]
fn the_national_pack_loads_and_its_cases_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/vn");
    let pack = Pack::load(&folder).unwrap_or_else(|faults| panic!("{}", lines(&faults)));
    let results = run_cases(&pack);
    assert!(!results.is_empty());
    let failed: Vec<_> = results.into_iter().filter(|case| !case.passed).collect();
    assert_eq!(failed, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_text_never_panics(file in 0_usize..8, text in "(?s).{0,400}") {
        let mut files = good_files();
        let name = files.keys().nth(file).expect("eight files").clone();
        files.insert(name, text);
        let _ = Pack::from_files(files);
    }

    #[test]
    fn arbitrary_structure_never_panics(
        file in 0_usize..8,
        words in prop::collection::vec(
            prop::sample::select(vec![
                "facts", "rules", ": ", "\n", "  ", "- ", "[", "]", "{", "}", "|", ">", "&a ", "*a", "'", "\"",
                "#", "name", "when", "event.born_on", "{{", "}}", "{%", "%}", "if", "1", "~", "\t", "ế", "!!str",
                "---",
            ]),
            0..60,
        ),
    ) {
        let mut files = good_files();
        let name = files.keys().nth(file).expect("eight files").clone();
        files.insert(name, words.concat());
        let _ = Pack::from_files(files);
    }

    #[test]
    fn a_mutated_pack_never_panics(
        file in 0_usize..8,
        cuts in prop::collection::vec((any::<Index>(), 0_usize..12, "[ -~\n]{0,6}"), 1..4),
    ) {
        let mut files = good_files();
        let name = files.keys().nth(file).expect("eight files").clone();
        let mut text: Vec<char> = files[&name].chars().collect();
        for (place, length, insert) in cuts {
            let start = place.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, insert.chars());
        }
        files.insert(name, text.into_iter().collect());
        if let Err(faults) = Pack::from_files(files) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|fault| fault.line >= 1 && fault.column >= 1));
        }
    }
}
