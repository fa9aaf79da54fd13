//! Logs: readable messages, queryable fields, ids only.

use crate::config::{Config, LogFormat};

/// Starts logging to standard error. A second call changes nothing.
pub(crate) fn start(config: &Config) {
    let builder = tracing_subscriber::fmt().with_max_level(config.log.level).with_writer(std::io::stderr);
    let started = match config.log.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.try_init(),
    };
    // Already started, by a test in the same process.
    drop(started);
}
