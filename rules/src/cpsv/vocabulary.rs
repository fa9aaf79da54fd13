//! The terms that the export uses, each under the property or class that CPSV-AP 3.2.0 names for it.

use oxrdf::NamedNodeRef;

/// Prefixes of the vocabularies, in the order of their names.
pub(super) const PREFIXES: [(&str, &str); 10] = [
    ("adms", "http://www.w3.org/ns/adms#"),
    ("cpsv", "http://purl.org/vocab/cpsv#"),
    ("cv", "http://data.europa.eu/m8g/"),
    ("dcat", "http://www.w3.org/ns/dcat#"),
    ("dct", "http://purl.org/dc/terms/"),
    ("eli", "http://data.europa.eu/eli/ontology#"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// A class or a property.
pub(super) type Name = NamedNodeRef<'static>;

macro_rules! terms {
    ($module:ident, $namespace:literal, $doc:literal, $($name:ident = $local:literal),+ $(,)?) => {
        #[doc = $doc]
        pub(super) mod $module {
            use super::Name;
            $(pub(in crate::cpsv) const $name: Name = Name::new_unchecked(concat!($namespace, $local));)+
        }
    };
}

terms! { adms, "http://www.w3.org/ns/adms#", "Asset Description Metadata Schema.",
    IDENTIFIER_CLASS = "Identifier",
    IDENTIFIER = "identifier",
}

terms! { cpsv, "http://purl.org/vocab/cpsv#", "Core Public Service Vocabulary.",
    PUBLIC_SERVICE = "PublicService",
    RULE = "Rule",
    FOLLOWS = "follows",
    HAS_INPUT = "hasInput",
    IMPLEMENTS = "implements",
}

terms! { cv, "http://data.europa.eu/m8g/", "Core Vocabularies of the European Union.",
    CHANNEL = "Channel",
    COST = "Cost",
    EVENT = "Event",
    EVIDENCE = "Evidence",
    LIFE_EVENT = "LifeEvent",
    PUBLIC_ORGANISATION = "PublicOrganisation",
    HAS_CHANNEL = "hasChannel",
    HAS_COMPETENT_AUTHORITY = "hasCompetentAuthority",
    HAS_COST = "hasCost",
    HAS_LEGAL_RESOURCE = "hasLegalResource",
    IS_CLASSIFIED_BY = "isClassifiedBy",
    IS_GROUPED_BY = "isGroupedBy",
    RELATED_SERVICE = "relatedService",
    THEMATIC_AREA = "thematicArea",
}

terms! { dcat, "http://www.w3.org/ns/dcat#", "Data Catalog Vocabulary.",
    DATASET = "Dataset",
    VERSION = "version",
}

terms! { dct, "http://purl.org/dc/terms/", "Dublin Core terms.",
    LINGUISTIC_SYSTEM = "LinguisticSystem",
    LOCATION = "Location",
    PERIOD = "Period",
    DATE = "date",
    DESCRIPTION = "description",
    IDENTIFIER = "identifier",
    IS_PART_OF = "isPartOf",
    LANGUAGE = "language",
    PUBLISHER = "publisher",
    SOURCE = "source",
    SPATIAL = "spatial",
    TITLE = "title",
    TYPE = "type",
    VALID = "valid",
}

terms! { eli, "http://data.europa.eu/eli/ontology#", "European Legislation Identifier.",
    LEGAL_RESOURCE = "LegalResource",
    LEGAL_RESOURCE_SUBDIVISION = "LegalResourceSubdivision",
    PART_OF = "is_part_of",
}

terms! { foaf, "http://xmlns.com/foaf/0.1/", "Friend of a Friend.",
    AGENT = "Agent",
}

terms! { skos, "http://www.w3.org/2004/02/skos/core#", "Simple Knowledge Organization System.",
    CONCEPT = "Concept",
    EDITORIAL_NOTE = "editorialNote",
    NOTATION = "notation",
    PREF_LABEL = "prefLabel",
}
