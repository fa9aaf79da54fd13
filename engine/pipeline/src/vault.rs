//! Sealing: every personal row is encrypted with its citizen's own key before it reaches a store.
//!
//! Row layout: format (1 byte), key slot (8 bytes, little endian), nonce (24 bytes), ciphertext with tag.
//! The associated data is the row's table and key with the header, so that a row cannot stand in for another.

use std::sync::Arc;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tidings_domain::keys::{DataKey, KeyError, KeyRing, Slot};
use tidings_domain::store::RowKey;

/// Format of sealed rows.
const FORMAT: u8 = 1;
const HEADER: usize = 9;
const NONCE: usize = 24;
/// Room for most records, so that writing one does not grow its buffer step by step.
const USUAL_BYTES: usize = 2048;

/// What went wrong with a sealed row. No variant holds what the row said.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The key ring said no.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Altered, cut, moved to another place, or sealed with another key.
    #[error("a row of {table} does not open: altered, or sealed with another key")]
    Damaged {
        /// The table.
        table: String,
    },
    /// Sealed by a newer release.
    #[error("a row of {table} has format {found}, this release reads {FORMAT}")]
    Newer {
        /// The table.
        table: String,
        /// Format found.
        found: u8,
    },
}

/// A key with the slot it came from.
#[derive(Clone)]
pub struct Sealer {
    /// Stands in the row.
    pub slot: Slot,
    key: DataKey,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({:?}, [secret])", self.slot)
    }
}

/// Seals and opens rows.
#[derive(Clone)]
pub struct Vault {
    ring: Arc<dyn KeyRing>,
}

impl Vault {
    /// A vault over a key ring.
    pub fn new(ring: Arc<dyn KeyRing>) -> Self {
        Self { ring }
    }

    /// The key ring.
    pub fn ring(&self) -> &dyn KeyRing {
        &*self.ring
    }

    /// A fresh key. Not durable before [`KeyRing::sync`].
    pub fn create(&self) -> Result<Sealer, KeyError> {
        let (slot, key) = self.ring.create()?;
        Ok(Sealer { slot, key })
    }

    /// The key of a slot.
    pub fn sealer(&self, slot: Slot) -> Result<Sealer, KeyError> {
        Ok(Sealer { slot, key: self.ring.open(slot)? })
    }

    /// Opens a row with the key its header names.
    pub fn open<T: DeserializeOwned>(&self, row: &RowKey, bytes: &[u8]) -> Result<(Sealer, T), VaultError> {
        let sealer = self.sealer(slot_of(row, bytes)?)?;
        let value = open_with(&sealer, row, bytes)?;
        Ok((sealer, value))
    }
}

/// The slot that a sealed row names.
pub fn slot_of(row: &RowKey, bytes: &[u8]) -> Result<Slot, VaultError> {
    match bytes {
        [FORMAT, rest @ ..] if rest.len() >= HEADER - 1 + NONCE => {
            let mut slot = [0; 8];
            slot.copy_from_slice(&rest[..8]);
            Ok(Slot(u64::from_le_bytes(slot)))
        }
        [found, ..] if *found > FORMAT => Err(VaultError::Newer { table: table(row), found: *found }),
        _ => Err(damaged(row)),
    }
}

/// Opens a row with a key at hand.
pub fn open_with<T: DeserializeOwned>(sealer: &Sealer, row: &RowKey, bytes: &[u8]) -> Result<T, VaultError> {
    slot_of(row, bytes)?;
    let (header, rest) = bytes.split_at(HEADER);
    let (nonce, sealed) = rest.split_at(NONCE);
    let nonce = XNonce::try_from(nonce).map_err(|_| damaged(row))?;
    let mut buffer = sealed.to_vec();
    cipher(sealer)
        .decrypt_in_place(&nonce, &associated(row, header), &mut buffer)
        .map_err(|_| damaged(row))?;
    postcard::from_bytes(&buffer).map_err(|_| damaged(row))
}

/// Seals a value for its row.
pub fn seal<T: Serialize>(sealer: &Sealer, row: &RowKey, value: &T) -> Result<Vec<u8>, VaultError> {
    let sealed = begin(sealer, Vec::with_capacity(USUAL_BYTES));
    let sealed = postcard::to_extend(value, sealed).map_err(|_| damaged(row))?;
    end(sealer, row, sealed)
}

/// Seals bytes for their row.
pub fn seal_bytes(sealer: &Sealer, row: &RowKey, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut sealed = begin(sealer, Vec::with_capacity(HEADER + NONCE + plain.len() + 16));
    sealed.extend(plain);
    end(sealer, row, sealed)
}

/// A row's header and nonce; the plain text comes behind them, so that it is sealed where it stands.
fn begin(sealer: &Sealer, mut sealed: Vec<u8>) -> Vec<u8> {
    sealed.push(FORMAT);
    sealed.extend(sealer.slot.0.to_le_bytes());
    sealed.extend(rand::rng().random::<[u8; NONCE]>());
    sealed
}

/// Encrypts what stands behind the nonce.
fn end(sealer: &Sealer, row: &RowKey, mut sealed: Vec<u8>) -> Result<Vec<u8>, VaultError> {
    let (header, rest) = sealed.split_at_mut(HEADER);
    let (nonce, plain) = rest.split_at_mut(NONCE);
    let nonce = XNonce::try_from(&*nonce).map_err(|_| damaged(row))?;
    let aad = associated(row, header);
    let tag = cipher(sealer).encrypt_inout_detached(&nonce, &aad, plain.into()).map_err(|_| damaged(row))?;
    sealed.extend(tag);
    Ok(sealed)
}

fn cipher(sealer: &Sealer) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*sealer.key).into())
}

fn associated(row: &RowKey, header: &[u8]) -> Vec<u8> {
    let mut aad = Vec::with_capacity(header.len() + row.key.len() + 1);
    aad.extend(header);
    aad.push(row.table as u8);
    aad.extend(&row.key);
    aad
}

fn table(row: &RowKey) -> String {
    format!("{:?}", row.table)
}

fn damaged(row: &RowKey) -> VaultError {
    VaultError::Damaged { table: table(row) }
}
