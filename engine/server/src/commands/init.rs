//! `tidings init`: a folder to start from, with keys that nobody else may read.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use tidings_stores::create_master_key;

use crate::out::{Out, Usage};

/// Makes `tidings.toml` and the two keys; refuses to touch what is there.
pub(super) fn run(folder: &Path, pack: Option<&Path>, out: Out) -> anyhow::Result<ExitCode> {
    let config = folder.join("tidings.toml");
    if config.exists() {
        let message = format!("{} is there already; it is left as it is", config.display());
        return Err(Usage(message).into());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    for key in ["master.key", "deployment.key"] {
        create_master_key(folder.join(key))?;
    }
    let mut text = String::from(
        "# See `tidings config` for every key.\nstore = \"store\"\n\n[keys]\nmaster = \"master.key\"\ndeployment = \"deployment.key\"\nring = \"keys.ring\"\n",
    );
    if let Some(pack) = pack {
        let pack = std::path::absolute(pack)?;
        text = format!("pack = {:?}\n{text}", pack.display().to_string());
    }
    std::fs::write(&config, text)?;
    out.value(&serde_json::json!({ "config": config }))?;
    out.say(format!(
        "{} and two keys are made.\nKeep copies of master.key and deployment.key apart from the store: without them nothing can be read.\nNext: tidings --config {} load ..., then run",
        config.display(),
        config.display(),
    ));
    Ok(ExitCode::SUCCESS)
}
