//! `[webhook]`: what Webex posts to us.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::check::{Check, DAY, not_blank};
use super::values::encrypted_or_loopback;

pub(super) const MISSING_SECRET: &str = "webhook.secret is missing: set WEBEX_WEBHOOK_SECRET, or give secret or secret_file under \
     [webhook] in bot.toml (make one with `openssl rand -hex 32`); without it anybody could pose as Webex";

/// `[webhook]`
#[derive(Clone, Debug, Deserialize)]
pub struct Webhook {
    /// The path at which this daemon receives webhooks.
    pub path: String,
    /// The whole URL as registered with Webex, to the letter.
    #[serde(default)]
    pub public_url: Option<String>,
    /// The key of the signatures; never printed.
    pub secret: Option<SecretString>,
    /// How often our webhooks are looked at and mended.
    pub check_interval: Duration,
}

impl Webhook {
    /// The URL to register, if one is set.
    pub fn target_url(&self) -> Option<&str> {
        self.public_url.as_deref().filter(|url| !url.is_empty())
    }

    /// The path of that URL.
    pub(crate) fn public_path(&self) -> Option<String> {
        Url::parse(self.target_url()?).ok().map(|url| url.path().to_owned())
    }

    /// The beginning of the URLs of hooks: what stands before `webhook.path` in the public URL, without a password.
    pub(crate) fn public_base(&self) -> Option<String> {
        let mut url = Url::parse(self.target_url()?).ok()?;
        let before = url.path().strip_suffix(self.path.as_str()).unwrap_or_default().to_owned();
        url.set_path(&before);
        url.set_query(None);
        url.set_fragment(None);
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        Some(url.as_str().trim_end_matches('/').to_owned())
    }

    pub(super) fn check(&self, check: &mut Check) {
        check.must(
            "webhook.public_url",
            self.target_url().is_none_or(|url| Url::parse(url).is_ok_and(|url| encrypted_or_loopback(&url))),
            "must be a whole https URL (plain http only on loopback), such as https://bot.example.org/webex/webhook: Webex calls \
             it over the internet",
        );
        let path = &self.path;
        let is_odd = |c: char| "{}*?#:".contains(c) || c.is_whitespace() || c.is_control();
        check.must(
            "webhook.path",
            path.starts_with('/') && path.len() > 1 && !path.contains(is_odd),
            "must be a plain path such as /webex/webhook",
        );
        check.must(
            "webhook.path",
            !["/healthz", "/readyz"].contains(&path.as_str()) && !path.starts_with("/hooks/"),
            "is taken by a health check or by hooks; choose another",
        );
        check.duration("webhook.check_interval", self.check_interval, 30 * DAY);
        check.secrets("webhook.secret", not_blank(self.secret.as_ref()), "can pose as Webex", "");
    }
}
