//! Turtle, as `oxttl` writes it, with the prefixes in order and a line between two subjects.

use oxttl::TurtleSerializer;

use super::ExportError;
use super::graph::{Graph, Kind};
use super::vocabulary::PREFIXES;

/// What the serialiser puts behind a subject when the next one begins.
const END: &str = " .\n";
/// What a line that declares a prefix begins with.
const PREFIX: &str = "@prefix ";

pub(super) fn write(graph: &Graph) -> Result<String, ExportError> {
    let failed = |error: &dyn std::fmt::Display| ExportError::Write(error.to_string());
    let mut serializer = TurtleSerializer::new();
    for (name, iri) in PREFIXES {
        serializer = serializer.with_prefix(name, iri).map_err(|error| failed(&error))?;
    }
    for kind in Kind::ALL {
        let iri = graph.prefix(kind);
        serializer = serializer.with_prefix(kind.folder(), iri).map_err(|error| failed(&error))?;
    }
    let mut serializer = serializer.low_level();
    let mut text = String::new();
    for node in graph.nodes() {
        let mut piece = Vec::new();
        for triple in node.triples() {
            serializer.serialize_triple(&triple, &mut piece).map_err(|error| failed(&error))?;
        }
        let piece = String::from_utf8(piece).map_err(|error| failed(&error))?;
        match piece.strip_prefix(END) {
            Some(node) => text = text + END + "\n" + node,
            None => text += &prelude_in_order(&piece),
        }
    }
    let mut end = Vec::new();
    serializer.finish(&mut end).map_err(|error| failed(&error))?;
    Ok(text + &String::from_utf8(end).map_err(|error| failed(&error))?)
}

/// The first piece begins with the prefixes, longest IRI first; here, by name.
fn prelude_in_order(piece: &str) -> String {
    let mut prefixes: Vec<&str> = piece.split_inclusive('\n').take_while(|line| line.starts_with(PREFIX)).collect();
    let (_, node) = piece.split_at(prefixes.iter().map(|line| line.len()).sum());
    prefixes.sort_unstable();
    format!("{}\n{node}", prefixes.concat())
}
