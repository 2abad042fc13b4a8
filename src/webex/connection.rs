//! How Webex is reached: the trusted roots, the proxy of the environment, and the limits of a connection.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::ClientBuilder;
use reqwest::redirect::Policy;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::config::{self, ConfigError};

/// How the library names itself.
const LIBRARY: &str = concat!("switchboard/", env!("CARGO_PKG_VERSION"));

/// The builder that every client of this crate begins with. reqwest is compiled without a crypto provider and uses the
/// one installed for the process.
pub(crate) fn client_builder() -> ClientBuilder {
    crypto_provider();
    reqwest::Client::builder()
}

/// The crypto provider of the process. That is ring, unless the program that uses this library installed another one
/// before.
fn crypto_provider() -> Arc<CryptoProvider> {
    if CryptoProvider::get_default().is_none() {
        // This fails only if another thread has just installed one.
        let _ = ring::default_provider().install_default();
    }
    CryptoProvider::get_default().map_or_else(|| Arc::new(ring::default_provider()), Arc::clone)
}

/// Whom a client trusts that calls others than Webex.
pub(crate) struct Trust(ClientConfig);

impl Trust {
    /// Trusts the system's roots and those in this file.
    ///
    /// # Errors
    /// The file cannot be read or is no certificate, or TLS cannot be set up on this system.
    pub(crate) fn of_system(ca_file: Option<&Path>) -> anyhow::Result<Trust> {
        let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
        Ok(Trust(tls_of_system(extra)?))
    }

    /// The builder of a client that follows no redirect and uses no proxy.
    pub(crate) fn client_builder(&self) -> ClientBuilder {
        let builder = client_builder().user_agent(LIBRARY).redirect(Policy::none()).no_proxy();
        builder.tls_backend_preconfigured(self.0.clone())
    }
}

/// A client that follows no redirect, uses the environment's proxy, and trusts what `tls` does.
pub(super) fn http_client(settings: &config::Webex, tls: ClientConfig) -> anyhow::Result<reqwest::Client> {
    let builder = client_builder()
        .user_agent(user_agent(settings))
        .timeout(settings.timeout)
        .connect_timeout(connect_timeout(settings))
        // The token is sent to the configured host and to no other.
        .redirect(Policy::none())
        .tls_backend_preconfigured(tls);
    // Plain http is allowed only on this machine, where no proxy applies.
    let builder = if settings.api_url.scheme() == "http" { builder.no_proxy() } else { builder };
    builder.build().context("cannot set up TLS")
}

/// The longest time that making a connection may take.
pub(super) fn connect_timeout(settings: &config::Webex) -> Duration {
    settings.timeout.min(Duration::from_secs(10))
}

/// Whether calls of this host go through a proxy. It is decided by the same code as in reqwest.
pub(super) fn is_proxied(settings: &config::Webex, host: &Uri) -> bool {
    settings.api_url.scheme() != "http" && Matcher::from_system().intercept(host).is_some()
}

/// Trusts the system's roots and `webex.ca_file`.
///
/// # Errors
/// `webex.ca_file` cannot be read or is no certificate, or TLS cannot be set up on this system.
pub(super) fn system_tls(settings: &config::Webex) -> anyhow::Result<ClientConfig> {
    let (extra, problem) = match &settings.ca_file {
        None => (Vec::new(), "cannot set up TLS"),
        Some(path) => (certificates(path)?, "webex.ca_file: cannot set up TLS with it"),
    };
    if settings.api_url.scheme() == "http" {
        // Plain http is allowed only on this machine, where no certificate is checked.
        return tls_with_roots([]).context(problem);
    }
    tls_of_system(extra).context(problem)
}

/// Trusts the system's roots and these.
fn tls_of_system(extra: Vec<CertificateDer<'static>>) -> anyhow::Result<ClientConfig> {
    let provider = crypto_provider();
    let Ok(verifier) = Verifier::new_with_extra_roots(extra.clone(), Arc::clone(&provider)) else {
        // A container usually has no CA store. Then Mozilla's roots are used.
        return Ok(tls_with_roots(bundled_roots().chain(extra))?);
    };
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let tls = tls.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    Ok(for_http1(tls))
}

/// Trusts what Webex trusts when it calls our own public URL: the public roots and no others.
pub(super) fn public_tls() -> anyhow::Result<ClientConfig> {
    tls_with_roots(bundled_roots()).context("cannot set up TLS")
}

fn tls_with_roots(roots: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let mut store = RootCertStore::empty();
    roots.into_iter().try_for_each(|root| store.add(root))?;
    let tls = ClientConfig::builder_with_provider(crypto_provider()).with_safe_default_protocol_versions()?;
    Ok(for_http1(tls.with_root_certificates(store).with_no_client_auth()))
}

/// The upgrade to a websocket is possible only with HTTP/1.1.
fn for_http1(mut tls: ClientConfig) -> ClientConfig {
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls
}

/// The certificates in a PEM file.
fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let wrong = |problem: String| ConfigError::one(format!("webex.ca_file: {problem}"));
    let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot read {}: {error}", path.display())))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.ok().filter(|certificates| !certificates.is_empty());
    Ok(found.ok_or_else(|| wrong(format!("{} holds no PEM certificate", path.display())))?)
}

fn bundled_roots() -> impl Iterator<Item = CertificateDer<'static>> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned()
}

/// Names the library, and then the program built on it.
pub(super) fn user_agent(settings: &config::Webex) -> String {
    settings.agent.as_ref().map_or_else(|| LIBRARY.to_owned(), |agent| format!("{LIBRARY} {agent}"))
}
