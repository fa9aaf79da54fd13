//! From files to a checked [`Pack`](model::Pack), with every mistake found at once.

mod cases;
mod check;
mod diagnostic;
mod folder;
pub mod format;
pub mod law;
mod load;
pub mod model;
mod period;
pub mod publication;
mod schema;
mod scope;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod worlds;

pub use cases::{
    CaseResult, Gap, RuleCoverage, RuleMutation, Survivor, Witness, coverage, law_of_day, mutation, run_cases,
};
pub use check::{UnknownDesigner, foreign_edits};
pub use diagnostic::{Code, Diagnostic, Review, ReviewKind};
pub use folder::read_folder;
pub use load::{MAX_FILE_BYTES, MAX_FILES};
pub use schema::{FileKind, schema};
pub use scope::{DATE, OPENS, TIME};
