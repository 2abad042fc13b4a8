//! The connections to Webex: their proxy, their trusted roots, and the hosts that never get the token.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder};
use rustls::crypto::{CryptoProvider, ring};

use crate::config::{self, ConfigError};

/// The builder that every client of this crate begins with. reqwest is compiled without a crypto provider and uses the
/// one installed for the process. That is ring, unless the program that uses this library installed another one before.
pub(crate) fn client_builder() -> ClientBuilder {
    if CryptoProvider::get_default().is_none() {
        // This fails only if another thread has just installed one.
        let _ = ring::default_provider().install_default();
    }
    reqwest::Client::builder()
}

/// A client that follows no redirect, uses the environment's proxy, and trusts the system's roots.
pub(super) fn http_client(
    settings: &config::Webex,
    adjust: impl Fn(ClientBuilder) -> ClientBuilder,
) -> anyhow::Result<reqwest::Client> {
    let builder = || {
        let mut builder = client_builder()
            .user_agent(user_agent(settings))
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
            // The token is sent to the configured host and to no other.
            .redirect(Policy::none());
        if settings.api_url.scheme() == "http" {
            // Plain http is allowed only on this machine, where no proxy applies and no certificate is checked.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        adjust(builder)
    };
    let Some(path) = &settings.ca_file else {
        // A container usually has no CA store. Then Mozilla's roots are used.
        return builder()
            .build()
            .or_else(|_| builder().tls_certs_only(bundled_roots()).build())
            .context("cannot set up TLS");
    };
    let wrong = |problem: String| ConfigError::one(format!("webex.ca_file: {problem}"));
    let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot read {}: {error}", path.display())))?;
    let extra = Certificate::from_pem_bundle(&pem)
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| wrong(format!("{} holds no PEM certificate", path.display())))?;
    builder()
        .tls_certs_merge(extra.clone())
        .build()
        .or_else(|_| builder().tls_certs_only(bundled_roots().into_iter().chain(extra)).build())
        .context("webex.ca_file: cannot set up TLS with it")
}

/// Names the library, and then the program built on it.
fn user_agent(settings: &config::Webex) -> String {
    let library = concat!("switchboard/", env!("CARGO_PKG_VERSION"));
    settings.agent.as_ref().map_or_else(|| library.to_owned(), |agent| format!("{library} {agent}"))
}

/// A client for our own public URL. It trusts what Webex trusts: the public roots and no others.
pub(super) fn public_client(settings: &config::Webex) -> anyhow::Result<reqwest::Client> {
    http_client(settings, |builder| match settings.api_url.scheme() {
        "https" => builder.tls_certs_only(bundled_roots()),
        _ => builder,
    })
}

fn bundled_roots() -> Vec<Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
}
