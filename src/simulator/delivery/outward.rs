//! The cloud's own requests to other servers. Webhooks are delivered to any address. Files that a message names by URL
//! are fetched from public addresses only, unless an option allows others.

use std::io;
use std::sync::{Arc, OnceLock};

use reqwest::{Client, ClientBuilder};

use super::reach::PublicOnly;
use crate::webex::client_builder;

/// The clients for deliveries and for files. None follows redirects.
pub(crate) struct Outward {
    deliveries: Clients,
    /// None if files may be fetched from anywhere.
    files: Option<Clients>,
    /// Whether files are fetched at all.
    pub(crate) fetches: bool,
}

/// A client for each scheme.
struct Clients {
    is_public_only: bool,
    plain: Client,
    /// The client for HTTPS. It is made when it is first needed, since reading the system's root certificates takes a
    /// while.
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

    /// The client for an address. On a machine without root certificates, the client for HTTPS trusts no certificate.
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
