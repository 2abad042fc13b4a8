//! `[webex]`: how Webex is reached.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::check::{Check, DAY};
use super::values::{encrypted_or_loopback, url};

pub(super) const MISSING_TOKEN: &str = "webex.token is missing: set WEBEX_BOT_TOKEN, or give token or token_file under \
     [webex] in bot.toml (the token is shown once when the bot is created at developer.webex.com)";

/// `[webex]`
#[derive(Clone, Debug, Deserialize)]
pub struct Webex {
    /// Base of every call, with or without a path.
    #[serde(deserialize_with = "url")]
    pub api_url: Url,
    /// The bot's access token; never printed.
    pub token: Option<SecretString>,
    /// The space `send` writes to if none is given.
    pub room_id: Option<String>,
    /// How long one request may take.
    pub timeout: Duration,
    /// How many times a failed request is repeated at once, if it may be repeated.
    pub retries: u32,
    /// A root certificate to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The secrets of every section. They are removed from every answer of Webex, or of a proxy in its place.
    #[serde(skip)]
    pub(crate) secrets: Vec<SecretString>,
    /// What the program adds to the `User-Agent` of its calls.
    #[serde(skip)]
    pub(crate) agent: Option<String>,
}

impl Webex {
    pub(super) fn check(&self, check: &mut Check) {
        let (api, token) = (&self.api_url, self.token.as_ref());
        check.must(
            "webex.api_url",
            encrypted_or_loopback(api),
            "must be https (plain http only on loopback), such as https://webexapis.com/v1: the token travels with every call",
        );
        check.must(
            "webex.api_url",
            !is_webex(api) || api.path().trim_end_matches('/') == "/v1",
            &format!("must end in /v1: write https://{}/v1", api.host_str().unwrap_or_default()),
        );
        let has_login = !api.username().is_empty() || api.password().is_some();
        check.must(
            "webex.api_url",
            api.query().is_none() && api.fragment().is_none() && !has_login,
            "must be a base without a login, a query or a fragment, such as https://webexapis.com/v1",
        );
        check.number("webex.retries", self.retries, 0..=100);
        check.duration("webex.timeout", self.timeout, DAY);
        check.plain("webex.token", token);
        check.must(
            "webex.token",
            token.is_none_or(|token| token.expose_secret().trim().chars().all(is_in_token)),
            "holds characters that no token has: give the token alone, without quotes and without \"Bearer\"",
        );
    }
}

/// Whether this is one of the hosts of Webex's own API.
pub(super) fn is_webex(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_api = host.starts_with("webexapis.") || host.starts_with("api") || host.contains(".api");
    host == "webexapis.com"
        || (is_api && [".webex.com", ".webexapis.com", ".ciscospark.com"].iter().any(|domain| host.ends_with(domain)))
}

fn is_in_token(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '\'')
}
