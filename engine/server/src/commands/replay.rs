//! `tidings replay`: the stored events, run again, must give the same opportunities.

use std::process::ExitCode;
use std::sync::Arc;

use tidings_domain::ids::Pseudonymiser;
use tidings_models::PackOrder;
use tidings_pipeline::engine::{Engine, Limits};
use tidings_pipeline::open::Parts;
use tidings_pipeline::replay::Replayed;
use tidings_rules::Pack;
use tidings_stores::{EmbeddedStore, FileKeyRing, Options, create_master_key, load_master_key};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::out::{Out, Usage, exit, grouped};
use crate::{app, clock};

/// Replays the configured store into a temporary one.
pub(super) fn run(config: &Config, out: Out) -> anyhow::Result<ExitCode> {
    let (engine, _) = app::open(config, clock::wall())?;
    let bar = out.progress(None, "replaying");
    let found = replay(&engine, |done| bar.set_position(done))?;
    bar.finish_and_clear();
    out.value(&found)?;
    for one in &found.differences {
        out.say(format!(
            "{} {} of citizen {}: stored {}, replayed {}",
            one.rule,
            one.opportunity,
            one.citizen,
            one.stored.as_deref().unwrap_or("-"),
            one.replayed.as_deref().unwrap_or("-"),
        ));
    }
    out.say(format!(
        "{} events replayed for {} citizens: {} opportunities equal, {} different",
        grouped(found.events),
        grouped(found.citizens),
        grouped(found.equal),
        grouped(found.different),
    ));
    if found.forgotten > 0 {
        out.say(format!(
            "{} rest on events of people who were forgotten, and cannot be had again",
            grouped(found.forgotten)
        ));
    }
    Ok(if found.different == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::FINDINGS) })
}

/// Replays a store into one in a temporary folder, so that memory does not grow with the number of events.
pub(super) fn replay(engine: &Engine, progress: impl FnMut(u64)) -> anyhow::Result<Replayed> {
    let folder = tempfile::tempdir()?;
    let master = folder.path().join("master.key");
    create_master_key(&master)?;
    let store = EmbeddedStore::open(folder.path().join("store"), Options::new(engine.store.shards()))?;
    let ring = FileKeyRing::open(folder.path().join("keys.ring"), &load_master_key(&master)?)?;
    let files = engine.active().pack.files.clone();
    let pack = Pack::from_files(files).map_err(|found| Usage(app::mistakes(&found)))?;
    // Events are pseudonymised already: no national number is seen, so any key will do.
    let people = Pseudonymiser::new(&Zeroizing::new(vec![0; Pseudonymiser::MIN_KEY_BYTES]));
    let parts = Parts {
        store: Arc::new(store),
        ring: Arc::new(ring),
        people: people.ok_or_else(|| Usage("no pseudonymiser".to_owned()))?,
        model: Arc::new(PackOrder),
        channels: Vec::new(),
        limits: Limits::default(),
    };
    let (target, _) = Engine::open(parts, pack, clock::wall())?;
    Ok(engine.replay(&target, progress)?)
}
