//! What the bot fetches from others. `http` is the only client for addresses that come from outside; `address` says
//! which of them it may call.

mod address;
mod http;

pub use http::{FetchError, Fetched, HttpSource, check_literal};
