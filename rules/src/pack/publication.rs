//! What `pack.yaml` says about publishing the catalogue as linked data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::Texts;

/// `catalogue` in `pack.yaml`: how the services are published as linked data, for other catalogues to harvest.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// What the IRI of every service, rule and law begins with; never changed once published. An absolute IRI
    /// over http or https that ends in `/` or `#`.
    pub base: String,
    /// Name of the catalogue.
    pub title: Texts,
    /// What a reader must know of it.
    pub description: Texts,
    /// Who publishes it.
    pub publisher: Texts,
    /// The area that its authorities cover, as an IRI; for countries, of the Publications Office of the European
    /// Union (`http://publications.europa.eu/resource/authority/country/...`).
    pub area: String,
    /// The languages in which the services themselves are offered, as IRIs
    /// (`http://publications.europa.eu/resource/authority/language/...`).
    #[serde(default)]
    pub languages: Vec<String>,
}

/// Whether the text could be an absolute IRI over http or https: a scheme, a host, and no character that an IRI
/// cannot hold (RFC 3987).
pub fn is_web_iri(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let forbidden = |char: char| {
        char <= ' '
            || char.is_control()
            || matches!(char, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`')
    };
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with(['/', '#', '?']) && !rest.contains(forbidden)
    })
}

/// Whether names can be put behind the text to make IRIs.
pub fn is_base_iri(text: &str) -> bool {
    is_web_iri(text) && text.ends_with(['/', '#'])
}
