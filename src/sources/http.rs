//! Fetches by HTTP what an address from outside names. Nobody can use it to reach an inner address: a name is resolved
//! first, its addresses are checked, and the connection is made to one of those that were checked. Each redirect is
//! checked in the same way.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use tokio::sync::OnceCell;
use url::{Host, Url};

use super::address;
use crate::config;
use crate::redact::one_line;
use crate::webex::{Lost, Trust, UNKNOWN_TYPE, named};

/// The longest time that making a connection may take.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// The most bytes of the system's words that an error repeats.
const LONGEST_CAUSE: usize = 200;

/// The client. It uses no proxy of the environment: a proxy would resolve the name once more, and nobody could know
/// whether it calls the address that was checked.
pub struct HttpSource {
    settings: config::Sources,
    ca_file: Option<PathBuf>,
    /// Read when it is first needed.
    trust: OnceCell<Trust>,
}

/// What was fetched.
#[derive(Debug)]
pub struct Fetched {
    pub bytes: Bytes,
    /// The media type, as the server gave it.
    pub content_type: String,
    /// The name that the server gave, if any.
    pub name: Option<String>,
    /// The address of it, after all redirects.
    pub url: Url,
}

/// Why something was not fetched. No error quotes a body, or an address beyond its host.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Only http and https can be fetched, from a host.
    #[error("it is no http or https address")]
    NotHttp,
    /// The address is an inner one.
    #[error("{host} has the address {address}, which is {why}; `sources.allow_addresses` lets the bot call it")]
    Inner {
        /// The name of the host.
        host: String,
        /// Its address.
        address: IpAddr,
        /// What kind of address it is.
        why: &'static str,
    },
    /// There are more redirects than the settings allow.
    #[error("it leads through more than {0} redirects, which is sources.redirects")]
    TooManyRedirects(usize),
    /// The body is larger than the settings allow.
    #[error("{host} sends more than {most} bytes, which is sources.max_bytes")]
    TooLarge {
        /// The name of the host.
        host: String,
        /// The limit.
        most: u64,
    },
    /// The server answered with another status than 200.
    #[error("{host} answers {status}")]
    Status {
        /// The name of the host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The body did not come in time.
    #[error("it does not come within {}s, which is sources.timeout", .0.as_secs_f64())]
    Slow(Duration),
    /// There was no answer, or it ended too early.
    #[error("{host} cannot be reached: {cause}")]
    Unreachable {
        /// The name of the host.
        host: String,
        /// The innermost reason.
        cause: String,
    },
    /// TLS cannot be set up on this system.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl FetchError {
    /// Whether the same fetch may succeed later.
    pub fn is_passing(&self) -> bool {
        match self {
            FetchError::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            FetchError::Slow(_) | FetchError::Unreachable { .. } => true,
            FetchError::NotHttp
            | FetchError::Inner { .. }
            | FetchError::TooManyRedirects(_)
            | FetchError::TooLarge { .. }
            | FetchError::Tls(_) => false,
        }
    }
}

impl HttpSource {
    /// A client with the limits of these settings. It trusts the system's roots and this certificate.
    pub fn new(settings: &config::Sources, ca_file: Option<PathBuf>) -> HttpSource {
        HttpSource { settings: settings.clone(), ca_file, trust: OnceCell::new() }
    }

    /// Fetches what is at an address. Hosts that the settings themselves name, given as `named`, may be inner ones.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn get(&self, url: Url, named: &[&str]) -> Result<Fetched, FetchError> {
        let limit = self.settings.timeout;
        tokio::time::timeout(limit, self.follow(url, named)).await.unwrap_or(Err(FetchError::Slow(limit)))
    }

    async fn follow(&self, mut url: Url, named: &[&str]) -> Result<Fetched, FetchError> {
        for _ in 0..=self.settings.redirects {
            let response = self.call(&url, named).await?;
            match next(&url, &response) {
                Some(next) => url = next,
                None => return self.read(url, response).await,
            }
        }
        Err(FetchError::TooManyRedirects(self.settings.redirects))
    }

    /// Makes one call, to an address that was checked. Follows no redirect.
    async fn call(&self, url: &Url, named: &[&str]) -> Result<Response, FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::NotHttp);
        }
        let host = url.host().ok_or(FetchError::NotHttp)?;
        let is_named = named.contains(&url.host_str().unwrap_or_default());
        let port = url.port_or_known_default().unwrap_or_default();
        let found = addresses(&host, port).await?;
        let refused = |address: &SocketAddr| address::refusal(address.ip(), &self.settings.allow_addresses);
        let fine: Vec<_> = found.iter().copied().filter(|address| is_named || refused(address).is_none()).collect();
        if fine.is_empty() {
            let inner = found.iter().find_map(|address| Some((address.ip(), refused(address)?)));
            return Err(match inner {
                Some((address, why)) => FetchError::Inner { host: host.to_string(), address, why },
                None => unreachable(url, "its name has no address"),
            });
        }
        let trust = self.trust.get_or_try_init(async || Trust::of_system(self.ca_file.as_deref())).await;
        let trust = trust.map_err(|error| FetchError::Tls(format!("{error:#}")))?;
        let builder = trust.client_builder().connect_timeout(self.settings.timeout.min(LONGEST_CONNECT));
        // The client asks nobody for the name's addresses: it has them.
        let builder = match host {
            Host::Domain(name) => builder.resolve_to_addrs(name, &fine),
            Host::Ipv4(_) | Host::Ipv6(_) => builder,
        };
        let client = builder.build().map_err(|error| FetchError::Tls(error.to_string()))?;
        client.get(url.clone()).send().await.map_err(|error| lost(url, error))
    }

    async fn read(&self, url: Url, mut response: Response) -> Result<Fetched, FetchError> {
        let (host, most) = (host_of(&url), self.settings.max_bytes);
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status { host, status: response.status().as_u16() });
        }
        if response.content_length().is_some_and(|length| length > most) {
            return Err(FetchError::TooLarge { host, most });
        }
        let mut bytes = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&url, error))? {
            if (bytes.len() + chunk.len()) as u64 > most {
                return Err(FetchError::TooLarge { host, most });
            }
            bytes.extend_from_slice(&chunk);
        }
        let headers = response.headers();
        let name = headers.get(CONTENT_DISPOSITION).and_then(|value| named(value.as_bytes()));
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or(UNKNOWN_TYPE).to_owned();
        Ok(Fetched { bytes: bytes.freeze(), content_type, name, url })
    }
}

/// Looks at an address whose host is written as a number. Which addresses a name has is known only when it is called.
///
/// # Errors
/// It is an inner one, which the settings do not allow.
pub fn check_literal(url: &str, settings: &config::Sources) -> Result<(), FetchError> {
    let url = Url::parse(url).map_err(|_| FetchError::NotHttp)?;
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address),
        Some(Host::Ipv6(address)) => IpAddr::from(address),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    match address::refusal(literal, &settings.allow_addresses) {
        Some(why) => Err(FetchError::Inner { host: host_of(&url), address: literal, why }),
        None => Ok(()),
    }
}

/// The addresses of a host.
async fn addresses(host: &Host<&str>, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
    match host {
        Host::Ipv4(address) => Ok(vec![SocketAddr::new((*address).into(), port)]),
        Host::Ipv6(address) => Ok(vec![SocketAddr::new((*address).into(), port)]),
        Host::Domain(name) => match tokio::net::lookup_host((*name, port)).await {
            Ok(found) => Ok(found.collect()),
            Err(error) => {
                let cause = one_line(&error.to_string(), LONGEST_CAUSE);
                Err(FetchError::Unreachable { host: (*name).to_owned(), cause })
            }
        },
    }
}

/// Where a redirect leads. A name and password in an address are not carried to another host.
fn next(url: &Url, response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut next = url.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()?;
    if next.origin() != url.origin() {
        // These fail only for an address that has no host, which is refused.
        let _ = next.set_username("");
        let _ = next.set_password(None);
    }
    Some(next)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn unreachable(url: &Url, cause: &str) -> FetchError {
    FetchError::Unreachable { host: host_of(url), cause: one_line(cause, LONGEST_CAUSE) }
}

/// The connection was not made in time, or it broke.
fn lost(url: &Url, error: reqwest::Error) -> FetchError {
    let is_late = error.is_timeout();
    let Lost { cause, .. } = error.into();
    unreachable(url, if is_late { "no connection in time" } else { &cause })
}
