//! The cloud's own requests to other servers: deliveries of webhooks, and files that a message names by URL.

use std::io;
use std::sync::OnceLock;

use reqwest::{Client, ClientBuilder};

use crate::webex::client_builder;

/// The clients for both schemes. Neither follows a redirect.
pub(super) struct Outward {
    plain: Client,
    /// Made for the first HTTPS address: it takes a while to read the roots of the system.
    secure: OnceLock<Client>,
}

impl Outward {
    pub(super) fn new() -> io::Result<Outward> {
        let plain = builder().tls_certs_only([]).build().map_err(io::Error::other)?;
        Ok(Outward { plain, secure: OnceLock::new() })
    }

    /// The client for this address. On a machine without roots it is one that trusts no certificate.
    pub(super) fn to(&self, address: &str) -> &Client {
        let is_secure = address.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        match is_secure {
            true => self.secure.get_or_init(|| builder().build().unwrap_or_else(|_| self.plain.clone())),
            false => &self.plain,
        }
    }
}

fn builder() -> ClientBuilder {
    client_builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}
