use std::collections::BTreeMap;

use super::*;
use crate::Pack;
use crate::pack::tests::{good_files, load};

const BIRTH: &str = "life_events/birth.yaml";
const SERVICE: &str = "
    title: {vi: \"Thử\", en: \"Test\"}
    authority: {vi: \"Công an cấp xã\", en: \"Commune police\"}
    channel: {vi: \"Tại trụ sở.\", en: \"In person.\"}
    cost: {vi: \"Không thu phí.\", en: \"Free of charge.\"}
    cost_as_of: \"2026-07-18\"
    source: \"https://example.vn\"
";

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// The good pack with a third service that nothing tells of, a fourth that nobody has said anything about, and a
/// list of four members, two of them dated.
fn files() -> BTreeMap<String, String> {
    let mut files = good_files();
    let reason = "    not_proactive: {vi: \"Chỉ theo ý muốn.\", en: \"By wish alone.\"}\n";
    let services =
        format!("services:\n  wish:{SERVICE}{reason}  open:{SERVICE}    valid_from: \"2026-06-01\"\n");
    files.insert("services/more.yaml".to_owned(), services);
    let member = |number: u32, services: &str, days: &str| {
        format!(
            "      - {{number: {number}, title: {{vi: \"M\", en: \"M\"}}, services: [{services}], {days}}}\n"
        )
    };
    let list = [
        "lists:\n  test:\n    title: {vi: \"Thử\", en: \"Test\"}\n    basis: \"Quyết định thử\"\n",
        "    target: {share: 50, by: \"2030-12-31\", basis: \"Chương trình thử\"}\n",
        "    source: \"https://example.vn\"\n    certainty: found\n    members:\n",
        &member(2, "wish, open", "from: \"2025-01-01\""),
        &member(1, "wish, residence", "from: \"2025-01-01\""),
        &member(3, "insurance", "from: \"2025-01-01\", to: \"2026-05-31\""),
        &member(4, "wish", "from: \"2026-06-01\""),
    ];
    files.insert("lists.yaml".to_owned(), list.concat());
    files
}

fn edited(from: &str, to: &str) -> Pack {
    let mut files = files();
    let text = files.get_mut(BIRTH).expect("the birth");
    assert!(text.contains(from), "no {from}");
    *text = text.replace(from, to);
    load(files)
}

fn english(text: &str) -> BTreeMap<String, String> {
    [("en".to_owned(), text.to_owned()), ("vi".to_owned(), "Chỉ theo ý muốn.".to_owned())].into()
}

#[test]
fn services_count_at_the_highest_level_of_a_rule_in_force() {
    let pack = load(files());
    let found = coverage(&pack, day("2026-06-01"));
    assert_eq!(found.services, Share { of: 4, by_level: [2, 0, 0] });
    assert_eq!(coverage(&pack, day("2026-05-31")).services.of, 3, "one cannot be used yet");
    assert_eq!(coverage(&pack, day("2024-12-31")).services.proactive(), 0, "no rule is in force yet");
    assert_eq!(coverage(&pack, day("2030-12-31")).services.proactive(), 2, "the last day of one rule");
    assert_eq!(coverage(&pack, day("2031-01-01")).services.proactive(), 1);
    let raised = edited(
        "service: residence\n    class: duty\n    level: 1",
        "service: insurance\n    class: duty\n    level: 3",
    );
    let found = coverage(&raised, day("2026-06-01"));
    assert_eq!(found.services, Share { of: 4, by_level: [0, 0, 1] }, "of two rules, the higher");
    assert_eq!(
        coverage(&raised, day("2031-01-01")).services,
        Share { of: 4, by_level: [1, 0, 0] },
        "of one that has ended, nothing"
    );
}

#[test]
fn a_member_is_proactive_with_one_of_its_services() {
    let pack = load(files());
    let on = |text| coverage(&pack, day(text)).lists.remove(0);
    let list = on("2026-05-31");
    let levels: Vec<_> = list.members.iter().map(|member| (member.number, member.level)).collect();
    assert_eq!(levels, [(1, Some(1)), (2, None), (3, Some(1))], "in the order of their numbers");
    assert_eq!(list.target.map(|target| target.missing), Some(0), "two of three are half and more");
    let list = on("2026-06-01");
    let levels: Vec<_> = list.members.iter().map(|member| (member.number, member.level)).collect();
    assert_eq!(levels, [(1, Some(1)), (2, None), (4, None)], "one left the list and one came");
    assert_eq!((list.share.of, list.share.proactive()), (3, 1));
    assert_eq!(list.target.map(|target| target.missing), Some(1), "half of three is two");
}

#[test]
fn what_is_silent_says_why() {
    let why = |pack: &Pack, on: &str, service: &str| {
        let found = coverage(pack, day(on)).silent.into_iter().find(|silent| silent.service == service);
        found.map(|silent| silent.why)
    };
    let pack = load(files());
    assert_eq!(why(&pack, "2026-06-01", "wish"), Some(Why::Reason(english("By wish alone."))));
    assert_eq!(why(&pack, "2026-06-01", "open"), Some(Why::Unsaid));
    assert_eq!(why(&pack, "2026-06-01", "residence"), None, "it is told");
    assert_eq!(why(&pack, "2024-12-31", "residence"), Some(Why::From(day("2025-01-01"))));
    assert_eq!(why(&pack, "2031-01-01", "residence"), Some(Why::Until(day("2030-12-31"))));
    let told = edited("service: residence", "service: open");
    let list = coverage(&told, day("2026-05-31")).lists.remove(0);
    let open = list.members[1].silent.iter().find(|silent| silent.service == "open");
    assert_eq!(open.map(|silent| &silent.why), Some(&Why::Opens(day("2026-06-01"))), "not to be used before");
    assert_eq!(list.members[1].level, None);
}

#[test]
fn shares_are_rounded_down() {
    assert_eq!(Share::tenths(1, 3), Some(333));
    assert_eq!(Share::tenths(2, 3), Some(666), "two thirds are not 66.7 yet");
    assert_eq!(Share::tenths(0, 0), None);
}
