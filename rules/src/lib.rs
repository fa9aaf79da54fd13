//! Rule packs: what parses, checks, compiles, tests and words them.
//!
//! ```text
//! files -> yaml (tree with positions) -> pack::schema (shape) -> pack::check (meaning) -> pack::model::Pack
//!                                                                  |                         |
//!                                                  expr (conditions), wording (templates)    cases, whatif
//! ```
//!
//! Nothing here knows the time, and nothing but `pack::folder` touches a disk.

pub mod analysis;
pub mod calendar;
pub mod catalogue;
#[cfg(feature = "cpsv")]
pub mod cpsv;
pub mod expr;
pub mod pack;
pub mod packs;
pub mod whatif;
pub mod wording;
mod yaml;

pub use pack::model::Pack;
