//! One `send()` for all calls: timeouts, retries of calls that may be repeated, the status before the body, tracking
//! ids, and no leaked secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use url::Url;

use super::absent::Absent;
use super::answer::{Expects, foreign_refusal, foreign_success, refusal};
use super::call::{ApiAnswer, ApiCall};
use super::error::Error;
use super::governor::{Governor, LONGEST_WAIT, Priority};
use super::jitter::jittered;
use super::lenient::{self, Read};
use super::oddities::Oddities;
use super::time::WebexTime;
use super::wire::Wire;
use crate::clock;
use crate::config;
use crate::redact::Redactor;
use crate::telemetry::Metrics;

/// A client of the Webex API with one token. Cheap to clone; all clones share one budget of calls.
#[derive(Clone)]
pub struct Client(Arc<Inner>, Priority);

struct Inner {
    wire: Wire,
    base: Url,
    retries: u32,
    metrics: Metrics,
    /// In microseconds; 0 before the first answer.
    last_latency: AtomicU64,
    webex_time: WebexTime,
    governor: Arc<Governor>,
    oddities: Oddities,
    absent: Absent,
    redactor: Redactor,
}

impl Client {
    /// Builds the client from its settings; nothing is called yet.
    ///
    /// # Errors
    /// The token cannot be put into a header, or `webex.ca_file` cannot be read or is no certificate. Change the
    /// settings.
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
        let redactor = Redactor::default().with(token.expose_secret(), "[token]");
        let redactor =
            settings.secrets.iter().fold(redactor, |known, secret| known.with(secret.expose_secret(), "[secret]"));
        let governor = Arc::new(Governor::default());
        let asked = Arc::clone(&governor);
        metrics.pace_from(move || asked.pace());
        let inner = Inner {
            wire: Wire::new(settings, authorization)?,
            base,
            retries: settings.retries,
            last_latency: AtomicU64::new(0),
            webex_time: WebexTime::default(),
            oddities: Oddities::new(metrics.clone()),
            absent: Absent::default(),
            redactor,
            metrics,
            governor,
        };
        Ok(Client(Arc::new(inner), Priority::Reply))
    }

    /// The same client for calls of this priority. At first a client makes calls that somebody waits for.
    #[must_use]
    pub fn at(&self, priority: Priority) -> Client {
        Client(Arc::clone(&self.0), priority)
    }

    /// Limits polling, in calls a minute.
    pub(crate) fn poll_at_most(self, per_minute: u32) -> Client {
        self.0.governor.poll_at_most(per_minute);
        self
    }

    /// Forgets the pauses that Webex asked for, and the pace learned from its refusals.
    pub(crate) fn forget_limits(&self) {
        self.0.governor.forget();
    }

    /// Waits until a message could soon be read or posted. Gives how many could, so that callers take on no more work
    /// than that.
    pub(crate) async fn room_for_messages(&self) -> usize {
        self.0.governor.room("messages", self.1).await
    }

    /// A client that makes each call only once, and repeats none.
    ///
    /// # Errors
    /// The same errors as [`Client::new`].
    pub(crate) fn impatient(settings: &config::Webex, token: &secrecy::SecretString) -> anyhow::Result<Client> {
        Client::new(&config::Webex { retries: 0, ..settings.clone() }, token, Metrics::default())
    }

    /// How long the last call with an answer took.
    pub fn last_latency(&self) -> Option<Duration> {
        let micros = self.0.last_latency.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros))
    }

    /// The time by Webex's clock, in milliseconds since 1970, from the last answer. It is exact to a second or two. A
    /// change of our own clock does not affect it.
    pub fn webex_time(&self) -> Option<i64> {
        self.0.webex_time.now()
    }

    /// How many milliseconds our clock is ahead of Webex's, from the last answer. It is exact to a second or two.
    pub fn clock_lead(&self) -> Option<i64> {
        Some(clock::wall_ms() - self.webex_time()?)
    }

    /// For calls that are not made by `send`.
    pub(super) fn wire(&self) -> &Wire {
        &self.0.wire
    }

    /// Counts a call that is not made by `send`.
    pub(super) fn count(&self, endpoint: &'static str, status: &str) {
        self.0.metrics.api_request(endpoint, status);
    }

    /// The URL of an endpoint. Each segment is escaped.
    pub(super) fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.0.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // Ids are foreign text. One that would lead up the path is turned into one that Webex does not know.
            let within = segments.iter().map(|segment| match *segment {
                "" | "." | ".." => "-",
                segment => segment,
            });
            path.pop_if_empty().extend(within);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The address of an endpoint without a query, as `url` gives it.
    pub(super) fn address(&self, segments: &[&str]) -> String {
        let needs_no_escape = |segment: &&str| {
            segment.bytes().any(|b| b != b'.')
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~=".contains(&b))
        };
        if segments.iter().all(needs_no_escape) {
            format!("{}{}", self.0.base, segments.join("/"))
        } else {
            self.url(segments, &[]).into()
        }
    }

    pub(super) async fn json<T: DeserializeOwned>(&self, call: ApiCall) -> Result<T, Error> {
        let endpoint = call.endpoint;
        let answer = self.send(call).await?;
        self.understood(endpoint, &answer, lenient::read(&answer.body))
    }

    pub(super) async fn empty(&self, call: ApiCall) -> Result<(), Error> {
        self.send(ApiCall { expects: Expects::Nothing, ..call }).await.map(drop)
    }

    /// The value that was read from an answer. Oddities of the answer are counted.
    pub(super) fn understood<T>(
        &self,
        endpoint: &'static str,
        answer: &ApiAnswer,
        read: Result<Read<T>, lenient::Unreadable>,
    ) -> Result<T, Error> {
        match read {
            Ok(read) => {
                let odd: Vec<_> = read.odd.iter().map(|field| self.0.redactor.sanitized(field)).collect();
                self.0.oddities.note(endpoint, &odd, read.passed_over);
                Ok(read.value)
            }
            Err(error) => {
                let cause = self.0.redactor.sanitized(&error.to_string());
                Err(match answer.is_signed() {
                    true => Error::Unreadable { endpoint, cause },
                    false => Error::NotWebex { endpoint, status: 200, cause },
                })
            }
        }
    }

    /// The lists that this Webex does not have for now.
    pub(super) fn absent(&self) -> &Absent {
        &self.0.absent
    }

    /// Whether an address belongs to the configured Webex. The token is sent to no other.
    pub(super) fn is_at_home(&self, url: &Url) -> bool {
        url.origin() == self.0.base.origin()
    }

    /// Makes the call. After a temporary failure it is repeated, if it may be.
    pub(super) async fn send(&self, call: ApiCall) -> Result<ApiAnswer, Error> {
        let mut attempt = 0;
        loop {
            // A gateway may quote the request in its error.
            let error = match self.once(&call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error.sanitized(&self.0.redactor),
            };
            let pause = match &error {
                Error::RateLimited { retry_after, .. } => *retry_after,
                error if error.is_no_route() => return Err(error.clone()),
                Error::Status { status: 500.., .. } | Error::Unreachable { .. } | Error::NotWebex { .. } => {
                    backoff(attempt)
                }
                Error::Locked { .. } | Error::Status { .. } | Error::Unreadable { .. } | Error::Unsendable { .. } => {
                    return Err(error);
                }
            };
            if !call.repeatable || attempt >= self.0.retries || pause > LONGEST_WAIT {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes the call once, when its turn comes.
    async fn once(&self, call: &ApiCall) -> Result<ApiAnswer, Error> {
        let endpoint = call.endpoint;
        match self.0.governor.admit(endpoint, self.1).await {
            Ok(Duration::ZERO) => {}
            Ok(waited) => self.0.metrics.api_wait(self.1.label(), waited),
            Err(retry_after) => {
                return Err(Error::RateLimited { now: false, endpoint, retry_after, tracking_id: None });
            }
        }
        let started = clock::instant();
        let (status, answer) = self.exchange(call).await?;
        let foreign = match status.is_success() {
            true => foreign_success(call.expects, &answer.headers, &answer.body),
            false => foreign_refusal(status, &answer.headers, &answer.body),
        };
        if let Some(cause) = foreign {
            self.0.metrics.api_request(endpoint, "not_webex");
            return Err(Error::NotWebex { endpoint, status: status.as_u16(), cause });
        }
        let took = started.elapsed();
        self.0.last_latency.store(took.as_micros().try_into().unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        self.0.webex_time.note_answer(&answer.headers, took);
        self.0.metrics.api_request(endpoint, status.as_str());
        if status.is_success() {
            self.0.governor.taken();
            return Ok(answer);
        }
        let error = refusal(endpoint, status, &answer.headers, &String::from_utf8_lossy(&answer.body));
        match &error {
            Error::RateLimited { retry_after, .. } => self.0.governor.refused(endpoint, *retry_after),
            Error::Locked { .. }
            | Error::Status { .. }
            | Error::Unreachable { .. }
            | Error::NotWebex { .. }
            | Error::Unreadable { .. }
            | Error::Unsendable { .. } => self.0.governor.taken(),
        }
        Err(error)
    }

    /// Sends the request and reads the answer, whoever it is from.
    async fn exchange(&self, call: &ApiCall) -> Result<(StatusCode, ApiAnswer), Error> {
        self.0.wire.exchange(call).await.map_err(|lost| {
            self.0.metrics.api_request(call.endpoint, if lost.is_timeout { "timeout" } else { "unreachable" });
            Error::Unreachable { endpoint: call.endpoint, is_sent: lost.is_sent, cause: lost.cause }
        })
    }

    /// Makes foreign text fit for logs and people: without secrets, on one line, short.
    pub(crate) fn sanitized(&self, text: &str) -> String {
        self.0.redactor.sanitized(text)
    }

    /// Removes our secrets from foreign text, and nothing else.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.0.redactor.without_secrets(text)
    }

    /// The redactor with the secrets of this client.
    pub(super) fn redactor(&self) -> &Redactor {
        &self.0.redactor
    }
}

/// The pause before a repeat: 100 ms, doubled each time, and drawn at random from half to all of that.
fn backoff(attempt: u32) -> Duration {
    let whole = Duration::from_millis(100) * 2_u32.saturating_pow(attempt.min(6));
    jittered(whole).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::config::Config;

    #[test]
    fn an_address_is_the_url_as_text() {
        let settings = Config::from_parts("[webex]\napi_url = \"https://example.com/v1\"", &[]).unwrap().webex;
        let client = Client::new(&settings, &SecretString::from("t"), Metrics::default()).unwrap();
        for id in ["Y2lz-_==", "a.b", "~", "...", "", ".", "..", "%2e", "a/b", "a?b", "a#b", "ä", "a b", "a\\b", "@:"]
        {
            let segments = ["messages", id];
            assert_eq!(client.address(&segments), client.url(&segments, &[]).as_str(), "{id:?}");
        }
        assert_eq!(client.address(&["messages", ".."]), "https://example.com/v1/messages/-");
    }
}
