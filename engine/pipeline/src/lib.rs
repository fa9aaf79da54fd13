//! The three loops: ingest, plan and dispatch. They meet only in the store; none calls another.

pub mod apply;
pub mod clock;
mod compose;
pub mod decode;
pub mod dispatch;
mod due;
pub mod engine;
pub mod explain;
pub mod files;
pub mod forget;
pub mod ingest;
pub mod judge;
mod lane;
pub mod law;
pub mod load;
pub mod open;
pub mod past;
pub mod plan;
pub mod policy;
pub mod queue;
mod records;
pub mod remind;
pub mod reopen;
pub mod replay;
pub mod run;
mod settings;
mod share;
pub mod timers;
pub mod traffic;
pub mod vault;
pub mod view;
pub mod whatif;

pub use settings::Activation;
