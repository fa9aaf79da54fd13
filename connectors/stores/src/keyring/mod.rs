//! Key rings: one data key for each citizen, apart from the data.

mod cache;
mod file;
mod master;
mod memory;

pub use file::FileKeyRing;
pub use master::{create_master_key, load_master_key};
pub use memory::MemoryKeyRing;

use chacha20poly1305::aead::rand_core::TryRng;
use rand::rngs::SysRng;
use tidings_domain::keys::KeyError;

/// Random bytes from the operating system.
fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| KeyError::Unavailable(error.to_string()))?;
    Ok(bytes)
}

fn unavailable(error: std::io::Error) -> KeyError {
    KeyError::Unavailable(error.to_string())
}
