//! Putting the parts together: everything is built before anything is served.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tidings_channels::outbox::OutboxFolder;
use tidings_domain::channel::Channel;
use tidings_domain::ids::Pseudonymiser;
use tidings_domain::store::AnyStore;
use tidings_domain::time::Timestamp;
use tidings_models::PackOrder;
use tidings_pipeline::Activation;
use tidings_pipeline::engine::{Engine, Limits};
use tidings_pipeline::open::Parts;
use tidings_rules::Pack;
use tidings_rules::pack::Diagnostic;
use tidings_sources::signature::{SourceKeys, Validity};
use tidings_stores::{EmbeddedStore, FileKeyRing, Options, load_master_key};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::out::Usage;

/// The pack that a folder holds; every mistake in it is in the error.
pub(crate) fn load_pack(folder: &Path) -> anyhow::Result<Pack> {
    Pack::load(folder).map_err(|found| Usage(mistakes(&found)).into())
}

/// The Viet Nam pack that is built in.
pub(crate) fn built_in_pack() -> anyhow::Result<Pack> {
    Pack::from_files(tidings_rules::packs::viet_nam()).map_err(|found| Usage(mistakes(&found)).into())
}

/// The configured pack, or the one that is built in.
pub(crate) fn configured_pack(config: &Config) -> anyhow::Result<Pack> {
    config.pack.as_deref().map_or_else(built_in_pack, load_pack)
}

/// Mistakes of a pack, a line each.
pub(crate) fn mistakes(found: &[Diagnostic]) -> String {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    format!("the rule pack does not load:\n{}", lines.join("\n"))
}

/// Opens the engine over the configured store.
pub(crate) fn open(config: &Config, now: Timestamp) -> anyhow::Result<(Engine, Activation)> {
    let pack = configured_pack(config)?;
    let deployment = key("keys.deployment", &config.keys.deployment)?;
    let people = Pseudonymiser::new(&deployment)
        .ok_or_else(|| Usage(key_help("keys.deployment", &config.keys.deployment)))?;
    let master = key("keys.master", &config.keys.master)?;
    let store = EmbeddedStore::open(&config.store, Options::new(config.shards))?;
    let ring = FileKeyRing::open(&config.keys.ring, &master)?;
    let mut channels: Vec<Arc<dyn Channel>> = Vec::new();
    if let Some(folder) = &config.outbox {
        channels.push(Arc::new(OutboxFolder::open(folder)?));
    }
    let parts = Parts {
        store: Arc::new(store) as Arc<dyn AnyStore>,
        ring: Arc::new(ring),
        people,
        model: Arc::new(PackOrder),
        channels,
        limits: Limits {
            commit: config.batch,
            attempts: config.retry.attempts,
            backoff: config.retry.backoff,
            ..Limits::default()
        },
    };
    Ok(Engine::open(parts, pack, now)?)
}

/// The key in a file that the configuration names; it is for the caller to put right.
fn key(name: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Usage> {
    load_master_key(path).map_err(|error| Usage(format!("{}: {error}", key_help(name, path))))
}

fn key_help(name: &str, path: &Path) -> String {
    format!(
        "{name}: {} must be a key file of at least 32 bytes that only its owner may read; `tidings init` makes one",
        path.display()
    )
}

/// The keys with which sources sign over HTTP.
pub(crate) fn source_keys(config: &Config) -> anyhow::Result<SourceKeys> {
    let mut keys = SourceKeys::new();
    for (source, list) in &config.sources {
        for key in list {
            let name = format!("sources.{source}.keys.{}", key.id);
            let secret = self::key(&name, &key.file)?;
            let validity = Validity { not_before: key.not_before, not_after: key.not_after };
            keys.insert(source, &key.id, secret, validity).with_context(|| key_help(&name, &key.file))?;
        }
    }
    Ok(keys)
}
