//! `wording.yaml`.

use std::collections::BTreeSet;

use super::templates::{self, Sees};
use super::{Cx, Place};
use crate::pack::diagnostic::Code;
use crate::pack::format::{Frame, WordingFile};
use crate::pack::load::Doc;
use crate::wording::{Builder, is_date_format};

pub(super) fn check(doc: &Doc<WordingFile>, cx: &Cx<'_>) -> Builder {
    let root = Place::of(doc).then("frames");
    cx.languages(&root.clone().key(), &root, &doc.value.frames);
    let mut wording = Builder::default();
    for (language, frame) in &doc.value.frames {
        let place = root.then(language);
        wording.begin(language, frame);
        for (name, text) in texts(frame) {
            let place = match name.split_once('/') {
                Some((_, label)) => place.then("labels").then(label),
                None => place.then(name),
            };
            let sees = if name == "neutral" { Sees::Nothing } else { Sees::Frame };
            if let Some((template, _)) = templates::check(&place, text, sees, cx) {
                templates::add(&place, (language, format!("frame/{name}")), template, &mut wording, cx);
            }
        }
        dates(&place, frame, cx);
        addresses(&place, frame, cx);
    }
    wording
}

/// Every template of a frame, by the name under which it is compiled.
fn texts(frame: &Frame) -> [(&'static str, &str); 17] {
    [
        ("subject", &frame.subject),
        ("subject_reminder", &frame.subject_reminder),
        ("subject_correction", &frame.subject_correction),
        ("greeting", &frame.greeting),
        ("transition", &frame.transition),
        ("reminder", &frame.reminder),
        ("unless_done", &frame.unless_done),
        ("correction", &frame.correction),
        ("sent_again", &frame.sent_again),
        ("stop", &frame.stop),
        ("automatic", &frame.automatic),
        ("neutral", &frame.neutral),
        ("label/cost", &frame.labels.cost),
        ("label/channel", &frame.labels.channel),
        ("label/bring", &frame.labels.bring),
        ("label/law", &frame.labels.law),
        ("label/why", &frame.labels.why),
    ]
}

fn dates(place: &Place<'_>, frame: &Frame, cx: &Cx<'_>) {
    if !is_date_format(&frame.date_format) {
        let hint = Some("parts of a date as chrono's strftime writes them, such as `%d/%m/%Y`".to_owned());
        let message = format!("`{}` prints no date", frame.date_format);
        cx.hinted(&place.then("date_format"), Code::BadDate, message, hint);
    }
}

fn addresses(place: &Place<'_>, frame: &Frame, cx: &Cx<'_>) {
    cx.not_blank(&place.then("address_default"), &frame.address_default);
    let mut seen = BTreeSet::new();
    for (index, address) in frame.address.iter().enumerate() {
        let place = place.then("address").then(index);
        if !matches!(address.sex.as_str(), "M" | "F") {
            let hint = Some("`M` or `F`; everybody else gets `address_default`".to_owned());
            cx.hinted(
                &place.then("sex"),
                Code::NotAllowed,
                format!("`{}` is not allowed here", address.sex),
                hint,
            );
        }
        if !seen.insert((&address.sex, address.from_age)) {
            cx.fault(&place, Code::DuplicateName, "a form for this sex and age stands above already");
        }
        cx.not_blank(&place.then("form"), &address.form);
    }
}
