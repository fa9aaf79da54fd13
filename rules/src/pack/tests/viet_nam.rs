//! The catalogue of the pack that ships.

use chrono::NaiveDate;
use unicode_normalization::is_nfc;

use super::load;
use crate::Pack;
use crate::catalogue::coverage;
use crate::packs::viet_nam;

fn pack() -> Pack {
    load(viet_nam())
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

#[test]
fn all_120_services_are_there_and_say_where_they_were_read() {
    let pack = pack();
    assert_eq!(pack.services.len(), 120);
    for service in pack.services.values() {
        let id = &service.id;
        assert!(service.certainty.is_some(), "{id}: how its facts are known");
        assert!(service.source.starts_with("https://"), "{id}: where it was read");
        assert!(
            service.theme.as_ref().is_some_and(|theme| pack.themes.contains_key(theme)),
            "{id}: its theme"
        );
        assert!(!service.bring.is_empty(), "{id}: what to bring");
    }
    assert_eq!(pack.themes.len(), 22);
}

#[test]
fn every_text_is_in_nfc() {
    for (file, text) in viet_nam() {
        let line = text.lines().position(|line| !is_nfc(line));
        assert_eq!(line, None, "{file} has letters in pieces");
    }
}

#[test]
fn a_time_or_fee_that_is_only_recalled_is_not_stated() {
    let pack = pack();
    for id in ["nuoi-con-nuoi", "thanh-lap-ho-kinh-doanh", "gplx-quoc-te", "bien-dong-thong-tin-dat"] {
        assert!(pack.services[id].processing_time.is_empty(), "{id}");
    }
    let abroad = &pack.services["gplx-quoc-te"].cost(day("2026-11-24")).text["vi"];
    assert!(!abroad.contains(|char: char| char.is_ascii_digit()), "{abroad}");
}

#[test]
fn the_list_of_25_is_whole_and_the_list_of_28_is_not_claimed() {
    let pack = pack();
    assert_eq!(pack.lists.keys().collect::<Vec<_>>(), ["de-an-06-25"]);
    let list = &pack.lists["de-an-06-25"];
    assert_eq!(
        list.members.iter().map(|member| member.number).collect::<Vec<_>>(),
        (1..=25).collect::<Vec<_>>()
    );
    assert_eq!(list.target.as_ref().map(|target| target.share), Some(50));
    for (file, text) in viet_nam() {
        assert!(!text.contains("422/"), "{file} names the decision whose list was not found");
    }
}

#[test]
fn the_fee_of_an_identity_card_changes_with_the_year() {
    let pack = pack();
    let fee = |id: &str, on: &str| pack.services[id].cost(day(on)).text["vi"].clone();
    for (id, half, whole) in [
        ("can-cuoc-doi-theo-tuoi", "25.000", "50.000 đồng."),
        ("can-cuoc-doi-thong-tin", "25.000", "50.000 đồng;"),
        ("can-cuoc-cap-lai", "35.000", "70.000 đồng."),
    ] {
        assert!(fee(id, "2026-12-31").starts_with(&format!("Lệ phí {half}")), "{id}");
        assert!(fee(id, "2027-01-01").starts_with(&format!("Lệ phí {whole}")), "{id}");
        assert!(
            fee(id, "2025-06-30").starts_with("Lệ phí ") && !fee(id, "2025-06-30").contains(half),
            "{id}"
        );
    }
}

#[test]
fn authorities_moved_on_the_first_of_march_2025() {
    let pack = pack();
    let who = |id: &str, on: &str| pack.services[id].authority(day(on))["en"].clone();
    for (id, before, after) in [
        ("doi-gplx", "Ministry of Transport", "Ministry of Public Security"),
        ("phieu-ly-lich-tu-phap", "Ministry of Justice", "Ministry of Public Security"),
        ("tro-cap-that-nghiep", "Ministry of Labour", "Home Affairs"),
    ] {
        assert!(who(id, "2025-02-28").contains(before), "{id}");
        assert!(who(id, "2025-03-01").contains(after), "{id}");
    }
}

/// Each service is told of, or says why not, or stands on the list of what is still to be said.
#[test]
fn silence_is_never_silent() {
    let pack = pack();
    let told: Vec<_> = pack.life_events.iter().flat_map(|one| &one.rules).map(|rule| &rule.service).collect();
    for service in pack.services.values().filter(|service| !told.contains(&&service.id)) {
        let unsaid = format!("service `{}`: no rule tells of it", service.id);
        let listed = pack.reviews.iter().any(|review| review.message.starts_with(&unsaid));
        assert_eq!(listed, service.not_proactive.is_empty(), "{}", service.id);
    }
}

/// Level 2 is a file made ready (Decree 224/2026, article 16), and nothing here makes one.
#[test]
fn no_rule_claims_a_level_that_is_not_served() {
    let pack = pack();
    let levels = pack.life_events.iter().flat_map(|one| &one.rules).map(|rule| rule.level);
    assert_eq!(levels.max(), Some(1));
    assert_eq!(coverage(&pack, day("2026-11-24")).services.by_level[1..], [0, 0]);
}

#[test]
fn it_loads_as_it_was_known_on_any_day() {
    let rules = |known: &str| {
        let pack = Pack::as_known(crate::packs::viet_nam(), Some(day(known)));
        let pack = pack.unwrap_or_else(|found| panic!("as known on {known}: {}", found[0]));
        pack.life_events.iter().map(|life_event| life_event.rules.len()).sum::<usize>()
    };
    // The newest law is left out first; of a law known to nobody yet, nothing is left.
    let counts =
        ["1900-01-01", "2016-06-01", "2024-01-01", "2025-06-01", "2026-03-09", "2026-09-01"].map(rules);
    assert!(counts.is_sorted(), "{counts:?}");
    assert!(counts[0] == 0 && counts[2] > 0 && counts[2] < counts[5], "{counts:?}");
}

#[test]
fn what_ends_a_need_holds_values_that_can_be() {
    let wrong = |with: &str| {
        let mut files = viet_nam();
        let birth = files.get_mut("life_events/01-birth.yaml").expect("a file");
        let before = "where: {service: [thai-san-me]}";
        assert!(birth.contains(before));
        *birth = birth.replacen(before, with, 1);
        let found = Pack::from_files(files).err().unwrap_or_default();
        found.iter().map(|one| format!("{one}\n")).collect::<String>()
    };
    assert_eq!(wrong("where: {service: [thai-san-me, khai-sinh]}"), "");
    assert!(
        wrong("where: {servise: [a]}")
            .contains("no field of `service-filed` `servise` [P030]; did you mean `service`?")
    );
    assert!(wrong("where: {filed_on: [a]}").contains("`filed_on` is date, not text [P040]"));
    assert!(wrong("where: {service: []}").contains("no value would ever end the need [P061]"));
}
