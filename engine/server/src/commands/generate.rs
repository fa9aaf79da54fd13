//! `tidings generate`: writes a synthetic province.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use tidings_world::{Config, World};

use crate::cli::GenerateArgs;
use crate::out::{Out, Usage, grouped};

/// Generates, and writes what was asked for.
pub(super) fn run(args: &GenerateArgs, out: Out) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.population {
        return crate::simulate::generate(args, path, out);
    }
    if args.people.is_none() && args.events.is_none() {
        return Err(Usage(
            "say where to write: --people FILE, --events FILE or both, or --population FILE".to_owned(),
        )
        .into());
    }
    let config = Config {
        seed: args.seed,
        citizens: args.citizens,
        months: args.months,
        start: args.start,
        ..Config::default()
    };
    config.check().map_err(|error| Usage(error.to_string()))?;
    let world = World::generate(&config);
    let mut written = serde_json::Map::new();
    if let Some(path) = &args.people {
        let file = create(path)?;
        let rows = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => world.write_people_csv(file)?,
            Some("ndjson" | "jsonl") => world.write_people_ndjson(file)?,
            _ => return Err(Usage("--people takes a .csv or .ndjson file".to_owned()).into()),
        };
        written.insert("people".to_owned(), rows.into());
    }
    if let Some(path) = &args.events {
        if path == Path::new("-") {
            for line in world.lines() {
                out.raw(line);
            }
            return Ok(ExitCode::SUCCESS);
        }
        let lines = world.write_events(create(path)?)?;
        written.insert("events".to_owned(), lines.into());
    }
    for (what, count) in &written {
        out.say(format!("{} {what} written", grouped(count.as_u64().unwrap_or(0))));
    }
    out.value(&written)?;
    Ok(ExitCode::SUCCESS)
}

fn create(path: &Path) -> anyhow::Result<impl Write + use<>> {
    Ok(BufWriter::new(File::create(path).with_context(|| format!("{} cannot be made", path.display()))?))
}
