//! `services.yaml`.

use std::collections::BTreeMap;

use super::{Cx, Place};
use crate::pack::diagnostic::Code;
use crate::pack::format::{ServicesFile, Texts};
use crate::pack::load::Doc;
use crate::pack::model::Service;

pub(super) fn check(doc: &Doc<ServicesFile>, cx: &Cx<'_>) -> BTreeMap<String, Service> {
    let root = Place::of(doc).then("services");
    let mut services = BTreeMap::new();
    for (id, entry) in &doc.value.services {
        let place = root.then(id);
        cx.id(&place.clone().key(), id);
        let texts = [
            ("title", &entry.title),
            ("authority", &entry.authority),
            ("channel", &entry.channel),
            ("cost", &entry.cost),
            ("bring", &entry.bring),
        ];
        for (key, texts) in texts {
            // A service that needs nothing brought says nothing about it.
            if key != "bring" || !texts.is_empty() {
                cx.texts(&place.then(key), texts);
            }
            plain(&place.then(key), texts, cx);
        }
        cx.not_blank(&place.then("source"), &entry.source);
        if entry.review {
            cx.review(format!("service `{id}`: its facts need a check against the text in force"));
        }
        // A service whose date is wrong is there all the same: nothing that names it is wrong too.
        let cost_as_of = cx.date(&place.then("cost_as_of"), &entry.cost_as_of).unwrap_or_default();
        let service = Service {
            id: id.clone(),
            title: entry.title.clone(),
            authority: entry.authority.clone(),
            channel: entry.channel.clone(),
            cost: entry.cost.clone(),
            cost_as_of,
            bring: entry.bring.clone(),
            procedure_code: entry.procedure_code.clone(),
            never_push: entry.never_push,
            review: entry.review,
        };
        services.insert(id.clone(), service);
    }
    services
}

/// What a service says is inserted as it stands.
fn plain(place: &Place<'_>, texts: &Texts, cx: &Cx<'_>) {
    for (language, text) in texts {
        if ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
            cx.fault(
                &place.then(language),
                Code::Template,
                "the texts of a service are plain, not templates",
            );
        }
    }
}
