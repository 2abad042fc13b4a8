//! The cloud's own requests to other servers: deliveries of webhooks, which go anywhere, and files that a message names
//! by URL, which come from public addresses only unless it was said otherwise.

use std::io;
use std::sync::{Arc, OnceLock};

use reqwest::{Client, ClientBuilder};

use super::reach::PublicOnly;
use crate::webex::client_builder;

/// The clients of both kinds. None follows a redirect.
pub(crate) struct Outward {
    deliveries: Clients,
    /// None where files may be fetched from anywhere.
    files: Option<Clients>,
    /// Whether files are fetched at all.
    pub(crate) fetches: bool,
}

/// The clients for both schemes.
struct Clients {
    is_public_only: bool,
    plain: Client,
    /// Made for the first HTTPS address: it takes a while to read the roots of the system.
    secure: OnceLock<Client>,
}

impl Outward {
    pub(crate) fn new(fetches: bool, fetch_private: bool) -> io::Result<Outward> {
        let files = if fetch_private { None } else { Some(Clients::new(true)?) };
        Ok(Outward { deliveries: Clients::new(false)?, files, fetches })
    }

    /// The client that delivers to this address.
    pub(crate) fn delivering(&self, address: &str) -> &Client {
        self.deliveries.to(address)
    }

    /// The client that fetches from this address.
    pub(crate) fn fetching(&self, address: &str) -> &Client {
        self.files.as_ref().unwrap_or(&self.deliveries).to(address)
    }

    pub(crate) fn fetches_private(&self) -> bool {
        self.files.is_none()
    }
}

impl Clients {
    fn new(is_public_only: bool) -> io::Result<Clients> {
        let plain = builder(is_public_only).tls_certs_only([]).build().map_err(io::Error::other)?;
        Ok(Clients { is_public_only, plain, secure: OnceLock::new() })
    }

    /// On a machine without roots the client for HTTPS is one that trusts no certificate.
    fn to(&self, address: &str) -> &Client {
        let is_secure = address.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        let secure = || builder(self.is_public_only).build().unwrap_or_else(|_| self.plain.clone());
        if is_secure { self.secure.get_or_init(secure) } else { &self.plain }
    }
}

fn builder(is_public_only: bool) -> ClientBuilder {
    let builder = client_builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    if is_public_only { builder.dns_resolver(Arc::new(PublicOnly)) } else { builder }
}
