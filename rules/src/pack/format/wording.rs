//! `wording.yaml`: the frame of every message.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `wording.yaml`: the frame of every message, by language.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WordingFile {
    /// Frames by language code.
    pub frames: BTreeMap<String, Frame>,
}

/// The frame of a message in one language. Its templates see `address` (form of address), `life_event`,
/// `law`, `date` (today), `services` (all titles), `service.title`, `service.authority`, `service.channel`,
/// `service.cost`, `service.cost_as_of` and `service.bring` (of the first service; in labels, of the one
/// being told), and `name`, which may not be known and so is asked about first: `{% if name %}{{ name }}{%
/// endif %}`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Subject line.
    pub subject: String,
    /// Subject line of a reminder.
    pub subject_reminder: String,
    /// Subject line of a correction.
    pub subject_correction: String,
    /// Greeting.
    pub greeting: String,
    /// Between two services.
    pub transition: String,
    /// First sentence of a reminder.
    pub reminder: String,
    /// Added to a reminder when a source that could have reported the step done has not caught up.
    pub unless_done: String,
    /// Body of a correction.
    pub correction: String,
    /// Added to a duty sent again because its first sending has an unknown outcome.
    pub sent_again: String,
    /// Label before the cost, the place, what to bring and the law.
    pub labels: Labels,
    /// How to stop such messages.
    pub stop: String,
    /// The line that says that the text was composed automatically.
    pub automatic: String,
    /// The one neutral text of open channels: no name, event or link.
    pub neutral: String,
    /// Date format, as chrono's strftime writes it.
    pub date_format: String,
    /// Form of address by sex and completed age.
    pub address: Vec<Address>,
    /// Form of address when sex or age is not known.
    pub address_default: String,
}

/// Labels of a message's parts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// Before the cost.
    pub cost: String,
    /// Before where to apply.
    pub channel: String,
    /// Before what to bring.
    pub bring: String,
    /// Before the law.
    pub law: String,
    /// Before the reason.
    pub why: String,
}

/// One form of address.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// `M` or `F`.
    pub sex: String,
    /// Completed years from which it applies.
    pub from_age: u32,
    /// The form.
    pub form: String,
}
