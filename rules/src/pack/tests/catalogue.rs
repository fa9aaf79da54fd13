//! The catalogue in several files, dated texts, lists.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{good_files, lines, load};
use crate::Pack;
use crate::pack::format::Certainty;

const RESIDENCE: &str = "  residence:";
const MORE: &str = "services/more.yaml";

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// The good pack with its second service moved to a file of its own.
fn split() -> BTreeMap<String, String> {
    let mut files = good_files();
    let text = files.get_mut("services.yaml").expect("a file");
    let second = text.split_off(text.find(RESIDENCE).expect("two services"));
    files.insert(MORE.to_owned(), format!("services:\n{second}"));
    files
}

/// What is wrong once a text of the split pack is replaced.
fn faults(file: &str, from: &str, to: &str) -> String {
    let mut files = split();
    let text = files.get_mut(file).expect("a file");
    assert!(text.contains(from), "{file} has no {from}");
    *text = text.replacen(from, to, 1);
    lines(&Pack::from_files(files).err().unwrap_or_default())
}

fn reviews(from: &str, to: &str) -> String {
    let mut files = split();
    let text = files.get_mut(MORE).expect("a file");
    *text = text.replacen(from, to, 1);
    super::reviews(&load(files))
}

#[test]
fn services_may_stand_in_several_files() {
    let pack = load(split());
    assert_eq!(pack.services.keys().collect::<Vec<_>>(), ["insurance", "residence"]);
    let mut alone = split();
    let all = good_files().remove("services.yaml").expect("a file");
    alone.remove("services.yaml");
    alone.insert(MORE.to_owned(), all);
    assert_eq!(load(alone).services.len(), 2, "and none needs to be `services.yaml`");
}

#[test]
fn a_name_in_two_files_is_told_with_both_places() {
    let mut files = split();
    let first = files["services.yaml"].replace("  insurance:", RESIDENCE);
    files.get_mut("services.yaml").expect("a file").push_str(&first.replace("services:\n", ""));
    let found = lines(&Pack::from_files(files).err().unwrap_or_default());
    let line = "services/more.yaml:2:3: the service `residence` is in services.yaml:10 already [P031]\n";
    assert_eq!(found, line);
}

#[test]
fn a_file_of_services_that_cannot_be_read_makes_no_other_mistakes() {
    let found = faults(MORE, "services:", "services: [");
    assert!(found.contains("services/more.yaml"), "{found}");
    assert!(!found.contains("life_events"), "the rules that name its services are not wrong: {found}");
}

#[test]
fn dated_texts_take_turns() {
    let mut files = split();
    let text = files.get_mut(MORE).expect("a file");
    let dated = "authority:
      - text: {vi: \"Công an huyện\", en: \"District police\"}
      - {from: \"2025-03-01\", text: {vi: \"Công an cấp xã\", en: \"Commune police\"}, basis: \"Luật thử\"}
    ";
    *text = text.replace("authority: {vi: \"Công an cấp xã\", en: \"Commune police\"}\n    ", dated);
    let cost = "cost:
      - {from: \"2026-01-01\", text: {vi: \"5.000 đồng.\", en: \"5,000 dong.\"}, as_of: \"2026-01-02\"}
      - {from: \"2027-01-01\", text: {vi: \"10.000 đồng.\", en: \"10,000 dong.\"}}
    ";
    *text = text.replace("cost: {vi: \"Lệ phí 10.000 đồng.\", en: \"10,000 dong.\"}\n    ", cost);
    let pack = load(files);
    let service = &pack.services["residence"];
    let authority = |on| service.authority(day(on))["en"].as_str();
    assert_eq!(authority("2025-02-28"), "District police");
    assert_eq!(authority("2025-03-01"), "Commune police");
    let cost = |on| (service.cost(day(on)).text["en"].as_str(), service.cost(day(on)).as_of);
    assert_eq!(cost("2026-12-31"), ("5,000 dong.", day("2026-01-02")));
    assert_eq!(cost("2027-01-01"), ("10,000 dong.", day("2026-07-18")), "as_of is the service's own");
    assert_eq!(cost("2025-01-01").0, "5,000 dong.", "before the first, the oldest that is known");
}

#[test]
fn mistakes_in_dated_texts_have_their_places() {
    let cost = "cost: {vi: \"Lệ phí 10.000 đồng.\", en: \"10,000 dong.\"}";
    let text = "text: {vi: \"A\", en: \"A\"}";
    for (to, wanted) in [
        ("cost: []".to_owned(), "6:11: a list of dated texts has at least one [P023]"),
        (format!("cost: [{{{text}}}, {{{text}}}]"), "6:40: `from` is missing"),
        (
            format!("cost: [{{from: \"2026-01-01\", {text}}}, {{from: \"2026-01-01\", {text}}}]"),
            "the days of dated texts grow",
        ),
        (format!("cost: [{{from: \"2026-02-30\", {text}}}]"), "`2026-02-30` is not a date [P042]"),
        (format!("cost: [{{as_of: \"tomorrow\", {text}}}]"), "`tomorrow` is not a date [P042]"),
        ("cost: [{text: {vi: \"A\"}}]".to_owned(), "the text in `en` is missing [P070]"),
        ("cost: [{text: {vi: \"{{ a }}\", en: \"A\"}}]".to_owned(), "plain, not templates [P071]"),
        (
            "cost: [{txt: {vi: \"A\", en: \"A\"}}]".to_owned(),
            "no key `txt` here [P020]; did you mean `text`?",
        ),
    ] {
        let found = faults(MORE, cost, &to);
        assert!(found.contains(wanted), "{to}: {found}");
    }
}

#[test]
fn what_is_recalled_is_reviewed() {
    let recalled = "    review: true\n    certainty: mixed\n";
    assert_eq!(
        lines(&Pack::from_files(split_with("    review: true\n", recalled)).err().unwrap_or_default()),
        ""
    );
    let found = faults(MORE, "    review: true\n", "    certainty: recalled\n");
    assert!(
        found.contains("what is recalled, whole or in part, needs a check [P023]; add `review: true`"),
        "{found}"
    );
    assert_eq!(faults(MORE, "    review: true\n", "    certainty: found\n"), "");
    let pack = load(split_with("    review: true\n", recalled));
    assert_eq!(pack.services["residence"].certainty, Some(Certainty::Mixed));
    let by = reviews("    review: true\n", "    review_by: \"2027-02-28\"\n");
    assert!(by.contains("service `residence`: check its facts again by 2027-02-28"), "{by}");
}

fn split_with(from: &str, to: &str) -> BTreeMap<String, String> {
    let mut files = split();
    let text = files.get_mut(MORE).expect("a file");
    *text = text.replacen(from, to, 1);
    files
}

#[test]
fn a_service_without_a_rule_says_why_and_one_with_a_rule_does_not() {
    let why = "    not_proactive: {vi: \"Chỉ theo ý muốn.\", en: \"By wish alone.\"}\n";
    let found = faults(MORE, "    review: true\n", why);
    let line = "services/more.yaml:9:5: a rule tells of `residence`, and this says why none does [P061]\n";
    assert_eq!(found, line);
    let copy = |why: &str| {
        let mut files = split();
        let more = files[MORE].replace(RESIDENCE, "  alone:").replace("    review: true\n", why);
        files.insert("services/alone.yaml".to_owned(), more);
        super::reviews(&load(files))
    };
    let unsaid = "service `alone`: no rule tells of it, and no `not_proactive` says why";
    assert!(copy("").contains(unsaid));
    assert!(!copy(why).contains(unsaid));
}

#[test]
fn a_theme_that_nothing_declares_is_unknown() {
    let theme = "    review: true\n    theme: co-con-nho\n";
    assert!(faults(MORE, "    review: true\n", theme).contains("no theme `co-con-nho` [P030]"));
    let mut files = split_with("    review: true\n", theme);
    let themes =
        "themes:\n  co-con-nho: {title: {vi: \"Có con nhỏ\", en: \"A young child\"}, code: COCONNHO}\n";
    let text = files.get_mut("services.yaml").expect("a file");
    text.insert_str(0, themes);
    let pack = load(files);
    assert_eq!(pack.services["residence"].theme.as_deref(), Some("co-con-nho"));
    assert_eq!(pack.themes["co-con-nho"].code.as_deref(), Some("COCONNHO"));
}

const LIST: &str = "lists:
  essential:
    title: {vi: \"Thiết yếu\", en: \"Essential\"}
    basis: \"Quyết định thử\"
    target: {share: 50, by: \"2030-12-31\", basis: \"Chương trình thử\"}
    source: \"https://example.vn\"
    certainty: found
    members:
      - {number: 1, title: {vi: \"Thẻ\", en: \"Card\"}, services: [insurance], from: \"2025-10-01\"}
";

#[test]
fn mistakes_in_lists_have_their_places() {
    let with = |from: &str, to: &str| {
        assert!(LIST.contains(from), "no {from}");
        let list = LIST.replacen(from, to, 1);
        let mut files = split();
        files.insert("lists.yaml".to_owned(), list);
        lines(&Pack::from_files(files).err().unwrap_or_default())
    };
    assert_eq!(with("share", "share"), "");
    let twice =
        "      - {number: 1, title: {vi: \"A\", en: \"A\"}, services: [insurance], from: \"2025-10-01\"}\n";
    let members = format!("    members:\n{twice}");
    for (from, to, wanted) in [
        ("[insurance]", "[insurence]", "9:64: no service `insurence` [P030]; did you mean `insurance`?"),
        ("[insurance]", "[]", "a member names at least one service [P023]"),
        ("    members:\n", members.as_str(), "the number 1 stands twice [P031]"),
        ("share: 50", "share: 0", "0 is out of range [P023]"),
        ("share: 50", "share: 101", "101 is out of range [P023]"),
        ("2030-12-31", "2030", "`2030` is not a date [P042]"),
        ("2025-10-01", "2025-13-01", "`2025-13-01` is not a date [P042]"),
        ("\"2025-10-01\"", "\"2025-10-01\", to: \"2025-09-30\"", "ends before it starts [P023]"),
        ("certainty: found", "certainty: mixed", "needs a check [P023]; add `review: true` to the list"),
        ("\"2025-10-01\"", "\"2025-10-01\", certainty: recalled", "member 1: what is recalled"),
        ("en: \"Card\"", "fr: \"Carte\"", "the text in `en` is missing [P070]"),
        ("basis: \"Quyết định thử\"", "basis: \" \"", "an empty text"),
    ] {
        let found = with(from, to);
        assert!(found.contains(wanted), "{from} -> {to}: {found}");
    }
}

#[test]
fn a_list_that_needs_a_check_is_listed() {
    let mut files = split();
    files.insert(
        "lists.yaml".to_owned(),
        LIST.replace("certainty: found", "certainty: mixed\n    review: true"),
    );
    let pack = load(files);
    assert!(
        pack.reviews.iter().any(|review| review.message.starts_with("list `essential`")),
        "{:?}",
        pack.reviews
    );
    assert_eq!(pack.lists["essential"].members[0].services, ["insurance"]);
}
