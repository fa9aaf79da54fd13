//! Turtle, as `oxttl` writes it, laid out for people: prefixes in order, a line between two subjects, each value of
//! several on its own line.

use std::fmt::Display;

use oxttl::TurtleSerializer;

use super::ExportError;
use super::graph::{Graph, Kind};
use super::vocabulary::PREFIXES;

/// What the serialiser puts before a triple, by what it has in common with the one before: nothing, and its subject and
/// property.
const NEXT_SUBJECT: &str = " .\n";
const NEXT_VALUE: &str = " , ";
/// What a line that declares a prefix begins with.
const PREFIX: &str = "@prefix ";

pub(super) fn write(graph: &Graph) -> Result<String, ExportError> {
    let mut serializer = TurtleSerializer::new();
    let own = Kind::ALL.into_iter().map(|kind| (kind.folder(), graph.prefix(kind)));
    for (name, iri) in PREFIXES.into_iter().map(|(name, iri)| (name, iri.to_owned())).chain(own) {
        serializer = serializer.with_prefix(name, iri).map_err(|error| failed(&error))?;
    }
    let mut serializer = serializer.low_level();
    let mut text = String::new();
    let mut piece = Vec::new();
    for triple in graph.nodes().flat_map(|node| node.triples().collect::<Vec<_>>()) {
        serializer.serialize_triple(&triple, &mut piece).map_err(|error| failed(&error))?;
        text += &laid_out(std::str::from_utf8(&piece).map_err(|error| failed(&error))?);
        piece.clear();
    }
    serializer.finish(&mut piece).map_err(|error| failed(&error))?;
    text += std::str::from_utf8(&piece).map_err(|error| failed(&error))?;
    Ok(text)
}

fn failed(error: &dyn Display) -> ExportError {
    ExportError::Write(error.to_string())
}

/// One triple with what stands before it.
fn laid_out(piece: &str) -> String {
    if let Some(node) = piece.strip_prefix(NEXT_SUBJECT) {
        format!("{NEXT_SUBJECT}\n{node}")
    } else if let Some(value) = piece.strip_prefix(NEXT_VALUE) {
        format!(" ,\n\t\t{value}")
    } else {
        prelude_in_order(piece)
    }
}

/// The first piece begins with the prefixes, longest IRI first; here, by name.
fn prelude_in_order(piece: &str) -> String {
    let lines = piece.split_inclusive('\n');
    let mut prefixes: Vec<&str> = lines.take_while(|line| line.starts_with(PREFIX)).collect();
    if prefixes.is_empty() {
        return piece.to_owned();
    }
    let (_, node) = piece.split_at(prefixes.iter().map(|line| line.len()).sum());
    prefixes.sort_unstable();
    format!("{}\n{node}", prefixes.concat())
}
