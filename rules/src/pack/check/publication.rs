//! `catalogue` in `pack.yaml`.

use super::{Cx, Place};
use crate::pack::diagnostic::Code;
use crate::pack::publication::{Publication, is_base_iri, is_web_iri};

pub(super) fn check(publication: &Publication, place: &Place<'_>, cx: &Cx<'_>) {
    if !is_base_iri(&publication.base) {
        let message = format!("`{}` is no IRI that names can be put behind", publication.base);
        let hint = Some("an absolute IRI over http or https that ends in `/` or `#`".to_owned());
        cx.hinted(&place.then("base"), Code::NotAllowed, message, hint);
    }
    let texts = [
        ("title", &publication.title),
        ("description", &publication.description),
        ("publisher", &publication.publisher),
    ];
    for (key, texts) in texts {
        cx.texts(&place.then(key), texts);
    }
    let languages = publication.languages.iter().enumerate();
    let languages = languages.map(|(index, iri)| (place.then("languages").then(index), iri));
    for (place, iri) in languages.chain([(place.then("area"), &publication.area)]) {
        if !is_web_iri(iri) {
            let hint = Some("an absolute IRI over http or https".to_owned());
            cx.hinted(&place, Code::NotAllowed, format!("`{iri}` is no IRI"), hint);
        }
    }
}
