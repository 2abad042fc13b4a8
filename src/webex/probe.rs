//! Calls a URL of our own as Webex would: one `POST`, no redirect followed, and never with the token.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use url::Url;

use super::connection::{client_builder, http_client, public_tls, system_tls};
use crate::clock;
use crate::config;

/// The longest wait for an answer. Webex is said to wait for ten to fifteen seconds, so a later answer is useless.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// The most bytes of an answer that are read. Our own answers are far shorter.
const MOST_BYTES: usize = 4096;

/// Posts to one URL. It has no token, so none can reach a stranger who answers there.
pub(crate) struct Probe {
    http: reqwest::Client,
    url: Url,
}

/// The answer to a probe.
#[derive(Debug)]
#[allow(missing_docs)]
pub(crate) struct ProbeAnswer {
    pub status: u16,
    /// The beginning of the body, which has room for any answer of our own.
    pub body: Vec<u8>,
    /// Where a redirect leads.
    pub leads_to: Option<Url>,
    pub took: Duration,
}

/// Why there was no answer. In words it is a clause about the address.
#[derive(Debug)]
pub(crate) enum Unreached {
    /// The host name is not known.
    Name,
    /// Nobody listens at the port.
    Refused,
    /// The certificate cannot be trusted.
    Certificate(String),
    /// The other end does not speak TLS, or not with us.
    Tls(String),
    /// There was no answer in time.
    Timeout(Duration),
    /// Another error, in the words of the system.
    Other(String),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreached::Name => f.write_str("cannot be reached: its name is not known"),
            Unreached::Refused => f.write_str("cannot be reached: the connection is refused"),
            Unreached::Certificate(problem) => write!(f, "has a certificate that is not trusted: {problem}"),
            Unreached::Tls(problem) => write!(f, "does not answer with TLS: {problem}"),
            Unreached::Timeout(waited) => write!(f, "does not answer within {:.1} s", waited.as_secs_f64()),
            Unreached::Other(problem) => write!(f, "cannot be reached: {problem}"),
        }
    }
}

impl Probe {
    /// A probe for a URL. It trusts the public roots, as Webex does. With `company_roots`, it trusts this system's
    /// roots and `webex.ca_file` in their place.
    ///
    /// # Errors
    /// TLS cannot be set up on this system.
    pub(crate) fn new(settings: &config::Webex, url: Url, company_roots: bool) -> anyhow::Result<Probe> {
        let settings = config::Webex {
            api_url: url.clone(),
            token: None,
            room_id: None,
            timeout: settings.timeout.min(LONGEST_WAIT),
            retries: 0,
            ca_file: settings.ca_file.clone().filter(|_| company_roots),
            secrets: settings.secrets.clone(),
            agent: settings.agent.clone(),
        };
        let tls = if company_roots { system_tls(&settings)? } else { public_tls()? };
        Ok(Probe { http: http_client(&settings, tls)?, url })
    }

    /// Posts this body with these further headers.
    pub(crate) async fn post(&self, body: &str, headers: &[(&str, &str)]) -> Result<ProbeAnswer, Unreached> {
        self.post_as("application/json;charset=UTF-8", body.into(), headers).await
    }

    /// Posts this body of this type with these further headers.
    pub(crate) async fn post_as(
        &self,
        content_type: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<ProbeAnswer, Unreached> {
        let started = clock::instant();
        let mut request = self.http.post(self.url.clone()).header(CONTENT_TYPE, content_type);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = request.body(body).send().await;
        let response = sent.map_err(|error| unreached(error, started.elapsed()))?;
        let took = started.elapsed();
        let leads_to = response.headers().get(LOCATION).and_then(|value| self.url.join(value.to_str().ok()?).ok());
        Ok(ProbeAnswer { status: response.status().as_u16(), leads_to, took, body: beginning(response).await })
    }
}

/// The beginning of a body. It does not matter whether the body breaks off or is not ours.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let left = MOST_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(left)]);
        if body.len() == MOST_BYTES {
            break;
        }
    }
    body
}

fn unreached(error: reqwest::Error, took: Duration) -> Unreached {
    if error.is_timeout() {
        return Unreached::Timeout(took);
    }
    if error.is_dns() {
        return Unreached::Name;
    }
    let connecting = error.is_connect();
    // The library's own message names the URL, whose query may contain a secret.
    let error = error.without_url();
    let mut cause: &(dyn std::error::Error + 'static) = &error;
    let mut kind = None;
    while let Some(deeper) = within(cause) {
        cause = deeper;
        kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(kind);
    }
    let words = cause.to_string();
    match kind {
        Some(ErrorKind::ConnectionRefused) => Unreached::Refused,
        // An error of this kind comes from the TLS library, and its message says which one it is.
        Some(ErrorKind::InvalidData) if connecting => match words.split_once("invalid peer certificate: ") {
            Some((_, problem)) => Unreached::Certificate(problem.to_owned()),
            None => Unreached::Tls(words),
        },
        Some(ErrorKind::UnexpectedEof) if connecting => Unreached::Tls(words),
        _ => Unreached::Other(words),
    }
}

/// The next cause. An error of the system that wraps another one does not give it as its source.
fn within<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// The roots that connections to Webex trust, in words.
pub(crate) fn roots(settings: &config::Webex) -> String {
    // Decided as in the client: if the system has no roots, Mozilla's are used.
    let systems = client_builder().build().is_ok();
    let roots = if systems { "the roots of this system" } else { "the bundled Mozilla roots" };
    match settings.ca_file {
        Some(_) => format!("{roots} and webex.ca_file"),
        None => roots.to_owned(),
    }
}
