//! One `send()`: timeouts, retries where a call may be repeated, status before body, tracking ids, no leaked token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, Method, Response, StatusCode, multipart};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::File;
use super::error::{Error, retry_after};
use crate::config::{self, ConfigError};
use crate::telemetry::Metrics;

/// A page or a long list is far smaller; more is not read into memory.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A pause longer than this is left to the caller, who can wait without holding anything.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A client of the Webex API with one token. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    retries: u32,
    metrics: Metrics,
    /// Microseconds; 0 before the first answer.
    last_latency: AtomicU64,
    /// Endpoints that Webex asked to leave alone, and until when: a limit is the token's, whichever space a call is for.
    paused: Mutex<HashMap<&'static str, Instant>>,
}

/// A call as the endpoints describe it.
pub(super) struct Call {
    /// Its name in metrics and errors: the path with ids left out.
    pub endpoint: &'static str,
    pub method: Method,
    pub url: Url,
    pub body: Body,
    /// Whether it may be made twice.
    pub repeatable: bool,
}

pub(super) enum Body {
    None,
    Json(Value),
    /// A file upload with its other fields.
    Form(Vec<(&'static str, String)>, File),
}

impl Client {
    /// Builds the client from its settings; nothing is called yet.
    ///
    /// # Errors
    /// When the token cannot be a header, or `webex.ca_file` cannot be read or is no certificate.
    pub(crate) fn new(
        settings: &config::Webex,
        token: &secrecy::SecretString,
        metrics: Metrics,
    ) -> anyhow::Result<Client> {
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", token.expose_secret().trim())).map_err(|_| {
                anyhow::anyhow!("webex.token holds characters that no token has; was more than the value pasted?")
            })?;
        authorization.set_sensitive(true);
        let mut base = settings.api_url.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Client(Arc::new(Inner {
            http: http_client(settings, |builder| builder)?,
            base,
            authorization,
            retries: settings.retries,
            metrics,
            last_latency: AtomicU64::new(0),
            paused: Mutex::default(),
        })))
    }

    /// The same client for a question that is asked once: nothing is repeated.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub(crate) fn impatient(settings: &config::Webex, token: &secrecy::SecretString) -> anyhow::Result<Client> {
        Client::new(&config::Webex { retries: 0, ..settings.clone() }, token, Metrics::default())
    }

    /// How long the last answered call took.
    pub fn last_latency(&self) -> Option<Duration> {
        let micros = self.0.last_latency.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros))
    }

    /// What proves who calls. It is marked as sensitive, so nothing prints it.
    pub(super) fn authorization(&self) -> &HeaderValue {
        &self.0.authorization
    }

    /// Counts a call that is not made by `send`.
    pub(super) fn count(&self, endpoint: &'static str, status: &str) {
        self.0.metrics.api_request(endpoint, status);
    }

    /// The URL of an endpoint; each segment is escaped.
    pub(super) fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.0.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let endpoint = call.endpoint;
        let (_, body) = self.send(call).await?;
        parse(endpoint, &body)
    }

    pub(super) async fn empty(&self, call: Call) -> Result<(), Error> {
        self.send(call).await.map(drop)
    }

    /// Follows `Link: rel="next"` to the end, or until `most` items. A page may be empty and yet have a next.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        first: Url,
        most: usize,
    ) -> Result<Vec<T>, Error> {
        #[derive(Deserialize)]
        struct Page<T> {
            items: Vec<T>,
        }
        let mut items = Vec::new();
        let mut seen = Vec::new();
        let mut next = Some(first);
        while let Some(url) = next.take().filter(|url| !seen.contains(url)) {
            seen.push(url.clone());
            let call = Call { endpoint, method: Method::GET, url, body: Body::None, repeatable: true };
            let (headers, body) = self.send(call).await?;
            let page: Page<T> = parse(endpoint, &body)?;
            items.extend(page.items);
            if items.len() >= most {
                items.truncate(most);
                break;
            }
            let link = headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok()).find_map(next_link);
            // The token goes to the configured host and nowhere else.
            match link {
                Some(link) if link.origin() != self.0.base.origin() => {
                    tracing::warn!(endpoint, "the next page is said to be on another host; this list is not complete");
                }
                link => next = link,
            }
        }
        Ok(items)
    }

    /// Makes the call, again where it failed in passing and may be repeated.
    async fn send(&self, call: Call) -> Result<(HeaderMap, Bytes), Error> {
        let mut attempt = 0;
        loop {
            let error = match self.once(&call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = match &error {
                Error::RateLimited { retry_after, .. } => *retry_after,
                Error::Status { status: 500.., .. } | Error::Unreachable { .. } => jittered(attempt),
                Error::Status { .. } | Error::Unreadable { .. } => return Err(error),
            };
            if !call.repeatable || attempt >= self.0.retries || pause > LONGEST_WAIT {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn once(&self, call: &Call) -> Result<(HeaderMap, Bytes), Error> {
        let endpoint = call.endpoint;
        if let Some(retry_after) = self.pause(endpoint) {
            return Err(Error::RateLimited { endpoint, retry_after, tracking_id: None });
        }
        let started = Instant::now();
        let request = self
            .0
            .http
            .request(call.method.clone(), call.url.clone())
            .header(AUTHORIZATION, self.0.authorization.clone());
        let request = match &call.body {
            Body::None => request,
            Body::Json(value) => request.json(value),
            Body::Form(fields, file) => request.multipart(form(fields, file)?),
        };
        let answer = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok((status, headers, read(response).await?))
        };
        let (status, headers, body) = answer.await.map_err(|error: reqwest::Error| {
            self.0.metrics.api_request(endpoint, if error.is_timeout() { "timeout" } else { "unreachable" });
            Error::Unreachable { endpoint, cause: innermost(error) }
        })?;
        self.0
            .last_latency
            .store(started.elapsed().as_micros().try_into().unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        self.0.metrics.api_request(endpoint, status.as_str());
        if status.is_success() {
            return Ok((headers, body));
        }
        let error = refusal(endpoint, status, &headers, &self.without_token(&body));
        if let Error::RateLimited { retry_after, .. } = &error {
            let until = Instant::now() + *retry_after;
            self.0.paused.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint, until);
        }
        Err(error)
    }

    /// What is left of the pause that Webex asked for.
    fn pause(&self, endpoint: &'static str) -> Option<Duration> {
        let mut paused = self.0.paused.lock().unwrap_or_else(PoisonError::into_inner);
        let left = paused.get(endpoint)?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        if left.is_none() {
            paused.remove(endpoint);
        }
        left
    }

    /// A gateway may repeat the request in its complaint.
    pub(super) fn without_token(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        match self.0.authorization.to_str().ok().and_then(|header| header.strip_prefix("Bearer ")) {
            Some(token) if !token.is_empty() => text.replace(token, "[token]"),
            _ => text.into_owned(),
        }
    }
}

/// The connections: to no host that a redirect names, through the proxy of the environment, trusting the system's roots.
pub(super) fn http_client(
    settings: &config::Webex,
    adjust: impl Fn(ClientBuilder) -> ClientBuilder,
) -> anyhow::Result<reqwest::Client> {
    use anyhow::Context;
    let builder = || {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("switchboard/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
            // The token goes to the configured host and nowhere else.
            .redirect(Policy::none());
        if settings.api_url.scheme() == "http" {
            // Plain http is loopback only, which no proxy can reach and where no certificate is looked at.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        adjust(builder)
    };
    let Some(path) = &settings.ca_file else {
        // An image without a CA store is the usual container: bring the Mozilla roots instead.
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

fn bundled_roots() -> Vec<Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
}

pub(super) async fn read(mut response: Response) -> Result<Bytes, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MOST_BYTES {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

fn form(fields: &[(&'static str, String)], file: &File) -> Result<multipart::Form, Error> {
    let part = multipart::Part::stream(file.bytes.clone())
        .file_name(file.name.clone())
        .mime_str(&file.content_type)
        .map_err(|error| Error::Unreadable { endpoint: "messages", cause: error.to_string() })?;
    let form = multipart::Form::new().part("files", part);
    Ok(fields.iter().fold(form, |form, (name, value)| form.text(*name, value.clone())))
}

fn parse<T: DeserializeOwned>(endpoint: &'static str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Unreadable { endpoint, cause: error.to_string() })
}

/// The body of a refusal is JSON, HTML or nothing; the header may carry the tracking id where the body does not.
pub(super) fn refusal(endpoint: &'static str, status: StatusCode, headers: &HeaderMap, body: &str) -> Error {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Explanation {
        message: Option<String>,
        tracking_id: Option<String>,
    }
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let said: Explanation = serde_json::from_str(body).unwrap_or_default();
    let tracking_id = said.tracking_id.or_else(|| header("trackingid").map(str::to_owned));
    if status == StatusCode::TOO_MANY_REQUESTS {
        let pause = retry_after(header(RETRY_AFTER.as_str()), jiff::Timestamp::now());
        return Error::RateLimited { endpoint, retry_after: pause, tracking_id };
    }
    let message = said.message.unwrap_or_else(|| {
        let words = status.canonical_reason().unwrap_or("no explanation");
        match header(CONTENT_TYPE.as_str()) {
            Some(kind) if !body.is_empty() => format!("{words} (the body is {kind})"),
            _ => words.to_owned(),
        }
    });
    Error::Status { endpoint, status: status.as_u16(), message, tracking_id }
}

/// `<https://...>; rel="next"`, possibly among others. A URL may hold commas, but no angle brackets.
fn next_link(header: &str) -> Option<Url> {
    header.split('<').skip(1).find_map(|link| {
        let (url, parameters) = link.split_once('>')?;
        let is_next = parameters.split([';', ',']).any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then(|| Url::parse(url).ok())?
    })
}

/// 100 ms doubling, between half and all of it.
fn jittered(attempt: u32) -> Duration {
    let whole = Duration::from_millis(100) * 2_u32.saturating_pow(attempt.min(6));
    whole.mul_f64(0.5 + fastrand::f64() / 2.0).min(LONGEST_WAIT)
}

/// The library's own text names the URL; the cause at the bottom is what a person can act on.
pub(super) fn innermost(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer within webex.timeout".to_owned();
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        let header = r#"<https://x.test/a?max=1>; rel="first", <https://x.test/a?max=1&before=2,3>; rel="next""#;
        assert_eq!(next_link(header).unwrap().as_str(), "https://x.test/a?max=1&before=2,3");
        assert_eq!(next_link(r#"<https://x.test/a>; rel="first""#), None);
    }

    #[test]
    fn an_html_refusal_keeps_its_status_and_tracking_id() {
        let mut headers = HeaderMap::new();
        headers.insert("trackingid", HeaderValue::from_static("ROUTER_1"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        let error = refusal("messages", StatusCode::BAD_GATEWAY, &headers, "<html>oops</html>");
        assert_eq!(
            error.to_string(),
            "Webex answered 502 to messages: Bad Gateway (the body is text/html) (tracking id ROUTER_1)"
        );
    }
}
