//! From a pack to a graph.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use oxrdf::vocab::rdf;
use oxrdf::{Literal, NamedNode, Term};

use super::graph::{self, Graph, Kind};
use super::vocabulary::{Name, adms, cpsv, cv, dcat, dct, eli, foaf, skos};
use super::{ExportError, names, read};
use crate::Pack;
use crate::pack::format::{Class, Texts};
use crate::pack::model::{Basis, LifeEvent, Rule, Service};
use crate::pack::publication::{Publication, is_base_iri, is_web_iri};

/// The name of what there is one of.
const ONLY: &str = "all";
/// What stands beside facts that nobody has checked. A note to those who harvest, so in one language.
const UNCHECKED: (&str, &str) = ("en", "Not yet checked against the text in force.");

/// The graph of a pack on a day.
pub(super) fn graph(pack: &Pack, on: NaiveDate, base: Option<&str>) -> Result<Graph, ExportError> {
    let own = pack.publication.as_ref().map(|publication| publication.base.as_str());
    let base = base.or(own).ok_or(ExportError::NoBase)?;
    if !is_base_iri(base) {
        return Err(ExportError::BadBase(base.to_owned()));
    }
    let graph = Graph::new(base.to_owned());
    let mut mapper = Mapper { pack, on, graph, area: None, languages: Vec::new(), dataset: None };
    mapper.shared()?;
    for (life_event, rule) in read::rules(pack, on) {
        mapper.rule(life_event, rule)?;
    }
    for service in read::services(pack, on) {
        mapper.service(service)?;
    }
    Ok(mapper.graph)
}

struct Mapper<'a> {
    pack: &'a Pack,
    on: NaiveDate,
    graph: Graph,
    /// The area that authorities cover.
    area: Option<NamedNode>,
    /// The languages in which services are offered.
    languages: Vec<NamedNode>,
    dataset: Option<NamedNode>,
}

impl Mapper<'_> {
    /// What the pack says of all services at once. A pack that does not say where its authorities are has an area of
    /// its own, of which nothing more is known: CPSV-AP wants one.
    fn shared(&mut self) -> Result<(), ExportError> {
        let Some(publication) = &self.pack.publication else {
            let area = self.graph.node(Kind::Area, ONLY, dct::LOCATION)?;
            self.area = Some(area.subject.clone());
            return Ok(());
        };
        self.area = Some(self.graph.foreign(&publication.area, dct::LOCATION)?);
        for language in &publication.languages {
            self.languages.push(self.graph.foreign(language, dct::LINGUISTIC_SYSTEM)?);
        }
        self.dataset = Some(self.dataset(publication)?);
        Ok(())
    }

    fn dataset(&mut self, publication: &Publication) -> Result<NamedNode, ExportError> {
        let publisher = self.organisation(&publication.publisher, foaf::AGENT)?;
        let (version, on) = (&self.pack.version, self.on);
        let dataset = self.graph.node(Kind::Catalogue, &self.pack.name, dcat::DATASET)?;
        dataset
            .word(dct::IDENTIFIER, &self.pack.name)
            .texts(dct::TITLE, &publication.title)?
            .texts(dct::DESCRIPTION, &publication.description)?
            .add(dct::PUBLISHER, publisher)
            .word(dcat::VERSION, version)
            .day(dct::DATE, on);
        Ok(dataset.subject.clone())
    }

    /// Somebody who is known by name alone.
    fn organisation(&mut self, name: &Texts, class: Name) -> Result<NamedNode, ExportError> {
        let local = names::of(self.official(name));
        let node = self.graph.node(Kind::Organisation, &local, class)?;
        node.word(dct::IDENTIFIER, &local).texts(dct::TITLE, name)?;
        Ok(node.subject.clone())
    }

    /// An organisation is an agent to those who infer, and agents have an identifier and a title; so it has both, and
    /// the label beside.
    fn authority(&mut self, name: &Texts) -> Result<NamedNode, ExportError> {
        self.organisation(name, cv::PUBLIC_ORGANISATION)?;
        let local = names::of(self.official(name));
        let node = self.graph.node(Kind::Organisation, &local, cv::PUBLIC_ORGANISATION)?;
        node.texts(skos::PREF_LABEL, name)?.links(dct::SPATIAL, self.area.clone());
        Ok(node.subject.clone())
    }

    /// The text in the language of the pack's law, its first.
    fn official<'t>(&self, texts: &'t Texts) -> &'t str {
        let first = self.pack.languages.first().and_then(|language| texts.get(language));
        first.or_else(|| texts.values().next()).map_or("", String::as_str)
    }

    fn service(&mut self, service: &Service) -> Result<(), ExportError> {
        let authority = self.authority(read::authority(service, self.on))?;
        let channel =
            self.part(Kind::Channel, service, cv::CHANNEL, dct::DESCRIPTION, read::channel(service))?;
        let (cost, known) = read::cost(service, self.on);
        let cost = self.part(Kind::Cost, service, cv::COST, dct::DESCRIPTION, cost)?;
        if cost.is_some() {
            self.graph.node(Kind::Cost, &service.id, cv::COST)?.day(dct::DATE, known);
        }
        let evidence =
            self.part(Kind::Evidence, service, cv::EVIDENCE, dct::TITLE, read::evidence(service))?;
        let procedure = self.procedure(service)?;
        let theme = self.theme(service)?;
        let lists = self.lists(service)?;
        let sources = read::sources(service).map(source).collect::<Vec<_>>();
        let description = read::description(self.pack, service, self.on);
        let node = self.graph.node(Kind::Service, &service.id, cpsv::PUBLIC_SERVICE)?;
        node.word(dct::IDENTIFIER, &service.id)
            .links(adms::IDENTIFIER, procedure)
            .texts(dct::TITLE, &service.title)?
            .texts(dct::DESCRIPTION, &description)?
            .add(cv::HAS_COMPETENT_AUTHORITY, authority)
            .links(cv::HAS_CHANNEL, channel)
            .links(cv::HAS_COST, cost)
            .links(cpsv::HAS_INPUT, evidence)
            .links(cv::THEMATIC_AREA, theme)
            .links(cv::IS_CLASSIFIED_BY, lists)
            .links(dct::LANGUAGE, self.languages.clone())
            .links(dct::SPATIAL, self.area.clone())
            .links(dct::IS_PART_OF, self.dataset.clone());
        for source in sources {
            node.add(dct::SOURCE, source);
        }
        if service.review {
            node.text(skos::EDITORIAL_NOTE, UNCHECKED.0, UNCHECKED.1)?;
        }
        self.followed(service)
    }

    /// Something of a service that is one sentence; none where the pack says nothing.
    fn part(
        &mut self,
        kind: Kind,
        service: &Service,
        class: Name,
        property: Name,
        texts: &Texts,
    ) -> Result<Option<NamedNode>, ExportError> {
        if texts.values().all(|text| text.trim().is_empty()) {
            return Ok(None);
        }
        let node = self.graph.node(kind, &service.id, class)?;
        node.word(dct::IDENTIFIER, &service.id).texts(property, texts)?;
        Ok(Some(node.subject.clone()))
    }

    fn procedure(&mut self, service: &Service) -> Result<Option<NamedNode>, ExportError> {
        let Some(code) = &service.procedure_code else { return Ok(None) };
        let node = self.graph.node(Kind::Procedure, &service.id, adms::IDENTIFIER_CLASS)?;
        node.word(skos::NOTATION, code);
        Ok(Some(node.subject.clone()))
    }

    fn theme(&mut self, service: &Service) -> Result<Option<NamedNode>, ExportError> {
        let theme = service.theme.as_ref().and_then(|id| self.pack.themes.get_key_value(id));
        let Some((id, theme)) = theme else { return Ok(None) };
        let node = self.graph.node(Kind::Theme, id, skos::CONCEPT)?;
        node.texts(skos::PREF_LABEL, &theme.title)?;
        if let Some(code) = &theme.code {
            node.word(skos::NOTATION, code);
        }
        Ok(Some(node.subject.clone()))
    }

    fn lists(&mut self, service: &Service) -> Result<Vec<NamedNode>, ExportError> {
        let mut lists = Vec::new();
        for (id, list) in read::lists(self.pack, service, self.on) {
            let node = self.graph.node(Kind::List, id, skos::CONCEPT)?;
            node.texts(skos::PREF_LABEL, &list.title)?;
            lists.push(node.subject.clone());
        }
        Ok(lists)
    }

    /// The rules of a service, their moments and their law, and the services that one of them stands for.
    fn followed(&mut self, service: &Service) -> Result<(), ExportError> {
        let mine = |(_, rule): &(&LifeEvent, &Rule)| rule.service == service.id;
        let covered: BTreeMap<&str, &str> =
            read::rules(self.pack, self.on).map(|(_, rule)| (&*rule.root, &*rule.service)).collect();
        for (life_event, rule) in read::rules(self.pack, self.on).filter(mine) {
            let moment = self.graph.iri(Kind::LifeEvent, &life_event.name)?;
            let followed = self.graph.iri(Kind::Rule, &rule.root)?;
            let laws = rule.basis.iter().map(|basis| self.law(basis)).collect::<Result<Vec<_>, _>>()?;
            let covers = rule.covers.iter().filter_map(|root| covered.get(root.as_str()));
            let covers = covers.filter(|other| **other != service.id);
            let related =
                covers.map(|other| self.graph.iri(Kind::Service, other)).collect::<Result<Vec<_>, _>>()?;
            let node = self.graph.node(Kind::Service, &service.id, cpsv::PUBLIC_SERVICE)?;
            node.add(cv::IS_GROUPED_BY, moment)
                .add(cpsv::FOLLOWS, followed)
                .links(cv::HAS_LEGAL_RESOURCE, laws)
                .links(cv::RELATED_SERVICE, related);
        }
        Ok(())
    }

    fn rule(&mut self, life_event: &LifeEvent, rule: &Rule) -> Result<(), ExportError> {
        // A life event is one to CPSV-AP when a service belongs to it; a checker that infers nothing must see that
        // it is an event.
        let moment = self.graph.node(Kind::LifeEvent, &life_event.name, cv::LIFE_EVENT)?;
        moment
            .add(rdf::TYPE, cv::EVENT.into_owned())
            .word(dct::IDENTIFIER, &life_event.name)
            .texts(dct::TITLE, &life_event.title)?;
        let articles = rule.basis.iter().map(|basis| self.article(basis)).collect::<Result<Vec<_>, _>>()?;
        let class = self.class(rule.class)?;
        let title = read::rule_title(self.pack, life_event, rule);
        let description = read::rule_description(self.pack, life_event, rule);
        let node = self.graph.node(Kind::Rule, &rule.root, cpsv::RULE)?;
        node.word(dct::IDENTIFIER, &rule.key)
            .texts(dct::TITLE, &title)?
            .texts(dct::DESCRIPTION, &description)?
            .add(dct::TYPE, class)
            .links(cpsv::IMPLEMENTS, articles)
            .add(dct::VALID, Literal::new_typed_literal(read::period(rule), dct::PERIOD))
            .word(rdf::VALUE, rule.when_text.trim());
        if rule.review {
            node.text(skos::EDITORIAL_NOTE, UNCHECKED.0, UNCHECKED.1)?;
        }
        Ok(())
    }

    fn class(&mut self, class: Class) -> Result<NamedNode, ExportError> {
        let name = match class {
            Class::Duty => "duty",
            Class::Entitlement => "entitlement",
            Class::Suggestion => "suggestion",
        };
        let node = self.graph.node(Kind::RuleClass, name, skos::CONCEPT)?;
        node.word(skos::NOTATION, name);
        Ok(node.subject.clone())
    }

    fn law(&mut self, basis: &Basis) -> Result<NamedNode, ExportError> {
        let language = self.pack.languages.first().map_or("und", String::as_str);
        let node = self.graph.node(Kind::Law, &names::of(&basis.law), eli::LEGAL_RESOURCE)?;
        node.text(dct::TITLE, language, &basis.law)?;
        Ok(node.subject.clone())
    }

    /// The article; the law itself where none was found.
    fn article(&mut self, basis: &Basis) -> Result<NamedNode, ExportError> {
        let law = self.law(basis)?;
        if self.pack.is_gap(&basis.article) {
            return Ok(law);
        }
        let language = self.pack.languages.first().map_or("und", String::as_str);
        let title = format!("{}, {}", basis.law, basis.article);
        let node = self.graph.node(Kind::Law, &names::of(&title), eli::LEGAL_RESOURCE)?;
        node.add(rdf::TYPE, eli::LEGAL_RESOURCE_SUBDIVISION.into_owned())
            .text(dct::TITLE, language, &title)?
            .add(eli::PART_OF, law);
        Ok(node.subject.clone())
    }
}

/// A source is a page where it is one, and what it says of itself elsewhere.
fn source(text: &str) -> Term {
    let page = if is_web_iri(text) { graph::iri(text).ok() } else { None };
    page.map_or_else(|| Literal::new_simple_literal(text).into(), Into::into)
}
