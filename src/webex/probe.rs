//! A look at a URL of ours as Webex would use it: one `POST`, no redirect followed, and never with the token.

use std::io::ErrorKind;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use url::Url;

use super::connection::{client_builder, http_client, public_client};
use crate::clock;
use crate::config;

/// Whatever answers later than this is of no use: Webex is said to wait for ten to fifteen seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Our own answers are far shorter; more of somebody else's is not read.
const MOST_BYTES: usize = 4096;

/// Posts to one URL. It knows no token, so none can reach whoever answers there.
pub(crate) struct Probe {
    http: reqwest::Client,
    url: Url,
}

/// What came back.
#[derive(Debug)]
#[allow(missing_docs)]
pub(crate) struct ProbeAnswer {
    pub status: u16,
    /// As much of it as our own answers have.
    pub body: Vec<u8>,
    /// Where a redirect leads.
    pub leads_to: Option<Url>,
    pub took: Duration,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum Unreached {
    /// The name is not known.
    Name,
    /// Nobody listens at the port.
    Refused,
    /// The certificate is not to be trusted.
    Certificate(String),
    /// What listens there does not speak TLS, or not with us.
    Tls(String),
    /// Nothing came in time.
    Timeout(Duration),
    /// Anything else, in the words of the system.
    Other(String),
}

impl Probe {
    /// For a URL, trusting whom Webex trusts: the public roots. With `company_roots`, those of this system and
    /// `webex.ca_file` instead.
    ///
    /// # Errors
    /// When TLS cannot be set up at all.
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
        let http = if company_roots { http_client(&settings, |builder| builder)? } else { public_client(&settings)? };
        Ok(Probe { http, url })
    }

    /// Posts these bytes with more headers.
    pub(crate) async fn post(&self, body: &str, headers: &[(&str, &str)]) -> Result<ProbeAnswer, Unreached> {
        let started = clock::instant();
        let mut request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json;charset=UTF-8");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = request.body(body.to_owned()).send().await;
        let response = sent.map_err(|error| unreached(error, started.elapsed()))?;
        let took = started.elapsed();
        let leads_to = response.headers().get(LOCATION).and_then(|value| self.url.join(value.to_str().ok()?).ok());
        Ok(ProbeAnswer { status: response.status().as_u16(), leads_to, took, body: beginning(response).await })
    }
}

/// A body that breaks off is as good as one that is not ours.
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
    // The library's own text names the URL, whose query may hold a secret.
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
        // The library of TLS says by this kind that it is its own, and by its text what.
        Some(ErrorKind::InvalidData) if connecting => match words.split_once("invalid peer certificate: ") {
            Some((_, problem)) => Unreached::Certificate(problem.to_owned()),
            None => Unreached::Tls(words),
        },
        Some(ErrorKind::UnexpectedEof) if connecting => Unreached::Tls(words),
        _ => Unreached::Other(words),
    }
}

/// The next cause: an error of the system that wraps another one does not name it as its source.
fn within<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// Which roots the connections to Webex trust, in words.
pub(crate) fn roots(settings: &config::Webex) -> String {
    // As the client decides it: where the system has none, Mozilla's are brought along.
    let systems = client_builder().build().is_ok();
    let roots = if systems { "the roots of this system" } else { "the bundled Mozilla roots" };
    match settings.ca_file {
        Some(_) => format!("{roots} and webex.ca_file"),
        None => roots.to_owned(),
    }
}
