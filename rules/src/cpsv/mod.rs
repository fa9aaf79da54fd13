//! The catalogue as linked data: a pack's services in the Core Public Service Vocabulary Application Profile
//! (CPSV-AP) 3.2.0, <https://semiceu.github.io/CPSV-AP/releases/3.2.0/>, for other catalogues to harvest.
//!
//! | pack | CPSV-AP |
//! | --- | --- |
//! | service | `cpsv:PublicService` with `dct:title`, `dct:description` (the pack's own sentences on where, cost and what to bring) |
//! | authority | `cv:PublicOrganisation`, one for each name, with `dct:spatial` |
//! | channel, cost, what to bring | `cv:Channel`, `cv:Cost` (a sentence, and `dct:date`: the day it was known), `cv:Evidence` |
//! | theme, list | `skos:Concept`, as `cv:thematicArea` and `cv:isClassifiedBy` |
//! | source | `dct:source` |
//! | procedure code | `adms:Identifier` |
//! | life event that a rule starts from | `cv:LifeEvent` |
//! | rule in force | `cpsv:Rule`: `dct:description` is its advice, `rdf:value` its condition, `dct:type` its class, `dct:valid` its time |
//! | legal basis | `eli:LegalResource` for the law, and for the article as a part of it |
//! | `covers` | `cv:relatedService` |
//! | `catalogue` of `pack.yaml` | `dcat:Dataset` |
//! | `review` | `skos:editorialNote` |
//!
//! Left out, because a pack does not hold it as CPSV-AP wants it: `cpsv:produces`, `cv:hasValue` and `cv:currency` of a
//! cost (it is a sentence), the types of channels and life events, and `cv:processingTime` (a sentence too, and working
//! days are no `xsd:duration`). Services that nobody can use yet on the day are left out with their rules.
//!
//! Every node has an IRI made of the base and the ids of the pack, so that a service keeps its own from export to
//! export. The same pack, day and base give the same bytes.

mod graph;
mod jsonld;
mod map;
mod names;
mod read;
#[cfg(test)]
mod tests;
mod turtle;
mod vocabulary;

use chrono::NaiveDate;

use crate::Pack;

/// How the graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RDF 1.1 Turtle.
    Turtle,
    /// JSON-LD 1.1 with its context inside.
    JsonLd,
}

/// What is exported.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The day whose law and catalogue are told.
    pub on: NaiveDate,
    /// In place of the base IRI of the pack.
    pub base: Option<&'a str>,
    /// How it is written.
    pub format: Format,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Neither the pack nor the request says what IRIs begin with.
    #[error(
        "the pack has no base IRI to name its services under: add `catalogue` to pack.yaml, or give a base"
    )]
    NoBase,
    /// A base to which no names can be added.
    #[error(
        "`{0}` is no base for IRIs: an absolute IRI over http or https that ends in `/` or `#` is wanted"
    )]
    BadBase(String),
    /// Something is no IRI.
    #[error("`{iri}` is no IRI: {why}")]
    BadIri {
        /// What was to be one.
        iri: String,
        /// What is wrong with it.
        why: String,
    },
    /// A language of the pack is no language tag.
    #[error("the language `{0}` of the pack is no language tag of BCP 47")]
    BadLanguage(String),
    /// A text could not be written.
    #[error("the graph cannot be written: {0}")]
    Write(String),
}

/// Writes the catalogue of a pack.
///
/// # Errors
/// See [`ExportError`].
pub fn export(pack: &Pack, request: Request<'_>) -> Result<String, ExportError> {
    let graph = map::graph(pack, request.on, request.base)?;
    match request.format {
        Format::Turtle => turtle::write(&graph),
        Format::JsonLd => jsonld::write(&graph),
    }
}
