//! The words and the seams of Tidings. Nothing here does I/O, reads a clock or draws a random number, so that
//! everything that decides can be run again and give the same answer.

pub mod channel;
pub mod event;
pub mod facts;
pub mod ids;
pub mod keys;
pub mod message;
pub mod model;
pub mod record;
pub mod source;
pub mod store;
pub mod time;
pub mod value;
