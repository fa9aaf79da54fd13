//! Where records are kept. [`EmbeddedStore`] keeps them in one directory of this machine, [`MemoryStore`] in memory
//! for tests and trials; [`FileKeyRing`] and [`MemoryKeyRing`] keep the data keys apart from them.
//!
//! Both stores are one engine (`engine.rs`: versions, leases, fencing) over two ways to hold rows, and pass one
//! contract suite ([`contract`]).

mod embedded;
mod engine;
mod keyring;
mod leases;
mod memory;
mod versions;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use embedded::{Durability, EmbeddedStore, Options};
pub use keyring::{FileKeyRing, MemoryKeyRing, create_master_key, load_master_key};
pub use memory::{Fault, Faults, MemoryStore};
