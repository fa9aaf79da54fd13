//! `tidings catalogue export`: the services of a pack as linked data.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::ExportArgs;
use crate::out::Out;

/// Prints the catalogue of the pack given, configured or built in.
#[cfg(feature = "cpsv")]
pub(super) fn export(args: ExportArgs, configured: Option<PathBuf>, out: Out) -> anyhow::Result<ExitCode> {
    use tidings_rules::cpsv::{Format, Request, export};

    use crate::cli::CatalogueFormat;
    use crate::out::Usage;

    let pack = super::pack::need(args.pack.or(configured).as_deref(), args.days.known)?;
    let request = Request {
        on: args.days.as_of.unwrap_or_else(|| super::pack::today(&pack)),
        base: args.base.as_deref(),
        format: match args.format {
            CatalogueFormat::Ttl => Format::Turtle,
            CatalogueFormat::Jsonld => Format::JsonLd,
        },
    };
    let text = export(&pack, request).map_err(|error| Usage(error.to_string()))?;
    out.raw(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Says what this build lacks.
#[cfg(not(feature = "cpsv"))]
pub(super) fn export(_: ExportArgs, _: Option<PathBuf>, _: Out) -> anyhow::Result<ExitCode> {
    Err(crate::out::Usage(
        "this build of tidings exports no catalogue; build it with the feature `cpsv` (cargo build --release -p tidings)"
            .to_owned(),
    )
    .into())
}
