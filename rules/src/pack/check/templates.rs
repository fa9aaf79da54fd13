//! Sentences: every name in them exists, can be printed, and is there when it is printed.

use tidings_domain::value::ValueType;

use super::{Cx, Place};
use crate::expr::{ColumnRef, RowKind, Scope};
use crate::pack::diagnostic::{Code, did_you_mean};
use crate::pack::scope::Names;
use crate::wording::{Builder, Template, TemplateFault, Use, read};
use crate::yaml::Position;

/// Parts of a service that a sentence may print.
const SERVICE: [&str; 6] = ["authority", "bring", "channel", "cost", "cost_as_of", "title"];

/// What a template can see.
#[derive(Clone, Copy)]
pub(super) enum Sees<'a> {
    /// The neutral text of open channels: nothing.
    Nothing,
    /// The frame of a message.
    Frame,
    /// The reason of a life event.
    Reason(Names<'a>),
    /// A sentence of a rule; the flag says whether the rule has a deadline.
    Say(Names<'a>, bool),
}

/// A column that something reads, and where.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) column: ColumnRef,
    pub(super) value_type: ValueType,
    pub(super) file_position: Position,
    /// Whether it is printed without asking whether it is known.
    pub(super) bare: bool,
}

/// What a name stands for.
enum Means {
    Value(ValueType),
    /// A value that may be absent for anybody.
    Optional(ValueType),
    Column(ColumnRef, ValueType),
}

/// Reads a template, and reports all that is wrong with it.
pub(super) fn check(
    place: &Place<'_>,
    text: &str,
    sees: Sees<'_>,
    cx: &Cx<'_>,
) -> Option<(Template, Vec<Read>)> {
    cx.not_blank(place, text);
    let template = match read(text) {
        Ok(template) => template,
        Err(faults) => {
            faults.into_iter().for_each(|fault| report(place, fault, cx));
            return None;
        }
    };
    if let (Some((line, column)), Sees::Reason(_) | Sees::Say(..)) = (template.figure, sees) {
        let hint = "figures and dates come from evidence or the catalogue: `{{ deadline }}`, \
                    `{{ event.FIELD }}`, \
                    `{{ service.cost }}`, `{{ law }}`";
        let fault = (Code::Figure, "a figure is typed into the sentence".to_owned(), Some(hint.to_owned()));
        cx.at(place.file, place.within(line, column), fault);
    }
    let mut reads = Vec::new();
    let mut sound = true;
    for used in &template.uses {
        let at = place.within(used.line, used.column);
        match means(used, sees) {
            Ok(Means::Value(kind)) => sound &= printable(place, used, kind, cx),
            Ok(Means::Optional(kind)) => {
                sound &= printable(place, used, kind, cx) & asked_first(place, used, cx);
            }
            Ok(Means::Column(column, value_type)) => {
                sound &= printable(place, used, value_type, cx);
                reads.push(Read {
                    column,
                    value_type,
                    file_position: at,
                    bare: used.printed && !used.guarded,
                });
            }
            Err((message, hint)) => {
                sound = false;
                if !is_reported(used, sees, cx) {
                    cx.at(place.file, at, (Code::UnknownName, message, hint));
                }
            }
        }
    }
    sound.then_some((template, reads))
}

/// Compiles a template into the wording.
pub(super) fn add(
    place: &Place<'_>,
    (language, name): (&str, String),
    template: Template,
    wording: &mut Builder,
    cx: &Cx<'_>,
) {
    if let Err(fault) = wording.add(language, name, template) {
        report(place, fault, cx);
    }
}

fn report(place: &Place<'_>, fault: TemplateFault, cx: &Cx<'_>) {
    let at = place.within(fault.line, fault.column);
    cx.at(place.file, at, (Code::Template, fault.message, fault.hint));
}

fn means(used: &Use, sees: Sees<'_>) -> Result<Means, (String, Option<String>)> {
    let path: Vec<&str> = used.path.iter().map(String::as_str).collect();
    let (frame, say) = (matches!(sees, Sees::Frame), matches!(sees, Sees::Say(..)));
    let text = Ok(Means::Value(ValueType::Text));
    match (path.as_slice(), sees) {
        (_, Sees::Nothing) => Err((
            format!("`{}` in the neutral text, which is the same for everybody", used.path.join(".")),
            None,
        )),
        (["name"], _) => Ok(Means::Optional(ValueType::Text)),
        (["address" | "life_event"], _) => text,
        (["date"], _) => Ok(Means::Value(ValueType::Date)),
        (["law"], _) if frame || say => text,
        (["services"], _) if frame => text,
        (["service", "cost_as_of"], _) if frame || say => Ok(Means::Value(ValueType::Date)),
        (["service", part], _) if (frame || say) && SERVICE.contains(part) => text,
        (["deadline"], Sees::Say(_, true)) => Ok(Means::Value(ValueType::Date)),
        (["deadline"], Sees::Say(_, false)) => Err(("`deadline` in a rule that has none".to_owned(), None)),
        ([row, _, ..], Sees::Reason(names) | Sees::Say(names, _)) if row_of(row).is_some() => {
            let row = row_of(row).unwrap_or(RowKind::Event);
            let column = ColumnRef { row, path: used.path[1..].to_vec() };
            match names.resolve(&column) {
                Ok(value_type) => Ok(Means::Column(column, value_type)),
                Err(unresolved) => Err((unresolved.message, unresolved.hint)),
            }
        }
        _ => Err(unknown(used, sees)),
    }
}

/// Whether what is wrong with a name is reported elsewhere.
fn is_reported(used: &Use, sees: Sees<'_>, cx: &Cx<'_>) -> bool {
    let open = matches!(sees, Sees::Reason(names) | Sees::Say(names, _) if names.open);
    let event = used.path.first().is_some_and(|first| *first == RowKind::Event.to_string());
    open && event || used.path.iter().any(|part| cx.broken.contains(part))
}

fn row_of(name: &str) -> Option<RowKind> {
    RowKind::ALL.into_iter().find(|kind| kind.to_string() == name)
}

fn unknown(used: &Use, sees: Sees<'_>) -> (String, Option<String>) {
    let wrong = used.path.join(".");
    let mut names = ["name", "address", "life_event", "date"].map(str::to_owned).to_vec();
    if matches!(sees, Sees::Frame | Sees::Say(..)) {
        names.push("law".to_owned());
        names.extend(SERVICE.map(|part| format!("service.{part}")));
    }
    match sees {
        Sees::Frame => names.push("services".to_owned()),
        Sees::Say(_, true) => names.push("deadline".to_owned()),
        _ => {}
    }
    let hint = did_you_mean(&wrong, names.iter().map(String::as_str));
    let hint = hint.or_else(|| Some(format!("here a text may use `{}`", names.join("`, `"))));
    (format!("no `{wrong}` here"), hint)
}

fn printable(place: &Place<'_>, used: &Use, kind: ValueType, cx: &Cx<'_>) -> bool {
    if !used.printed {
        return true;
    }
    let name = used.path.join(".");
    let wrong = match kind {
        ValueType::Citizen => Some(format!("`{name}` is a person, and people are not printed")),
        ValueType::Bool => Some(format!("`{name}` is true or false: ask with `if` instead of printing it")),
        ValueType::Text | ValueType::Int | ValueType::Date => used.filters.iter().find_map(|filter| {
            let wanted = if filter == "iso" { ValueType::Date } else { ValueType::Text };
            (kind != wanted).then(|| format!("the filter `{filter}` is for {wanted}, and `{name}` is {kind}"))
        }),
    };
    if let Some(message) = &wrong {
        let at = place.within(used.line, used.column);
        cx.at(place.file, at, (Code::WrongType, message.clone(), None));
    }
    wrong.is_none()
}

/// A name that may be absent for anybody must be asked about before it is printed, or a message could not go
/// out.
fn asked_first(place: &Place<'_>, used: &Use, cx: &Cx<'_>) -> bool {
    if !used.printed || used.guarded {
        return true;
    }
    let name = used.path.join(".");
    let hint = Some(format!("write `{{% if {name} %}}{{{{ {name} }}}}{{% endif %}}`"));
    let at = place.within(used.line, used.column);
    cx.at(place.file, at, (Code::Template, format!("`{name}` may not be known"), hint));
    false
}
