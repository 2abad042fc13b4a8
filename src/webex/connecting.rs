//! Makes a client for a program without a settings file.

use anyhow::Context as _;

use super::Client;
use crate::config::Config;
use crate::telemetry::Metrics;

/// Webex's own API.
const WEBEX: &str = "https://webexapis.com/v1";

impl Client {
    /// Makes a client of Webex with this access token. Nothing is called yet. A command of a bot already has a client,
    /// by [`Context::webex`](crate::Context::webex), which shares the bot's budget of calls.
    ///
    /// # Errors
    /// The token contains characters that no token has: check it. Or TLS cannot be set up on this system.
    pub fn connect(token: &str) -> anyhow::Result<Client> {
        Client::connect_to(WEBEX, token)
    }

    /// Like [`Client::connect`], for another base URL of the API, such as that of a government cloud or of the
    /// simulator.
    ///
    /// ```
    /// use switchboard::simulator::{Cloud, Options};
    /// use switchboard::webex::{Client, NewMessage};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anyhow::Result<()> {
    /// let cloud = Cloud::start(Options::default()).await?;
    /// let space = cloud.space("Kitchen", &["alice@example.com"]);
    ///
    /// let webex = Client::connect_to(&cloud.api_url(), &cloud.bot().token)?;
    /// let hello = NewMessage { room_id: Some(space.into()), markdown: Some("**Hello**".into()), ..NewMessage::default() };
    /// webex.create_message(&hello).await?;
    ///
    /// assert_eq!(cloud.transcript(), "bot in Kitchen: **Hello**\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The same errors as [`Client::connect`]. Also if the base is no URL, or a plain `http` URL of another machine: the token
    /// goes along with every call, so use https.
    pub fn connect_to(api_url: &str, token: &str) -> anyhow::Result<Client> {
        // JSON texts are valid in TOML too.
        let settings = format!(
            "[webex]\napi_url = {}\ntoken = {}",
            serde_json::to_string(api_url)?,
            serde_json::to_string(token)?
        );
        let config = Config::from_parts(&settings, &[]).context("cannot make a client of Webex")?;
        Client::new(&config.webex, config.token()?, Metrics::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_client_can_be_made_of_is_said_without_the_token() {
        let wrong = |api_url: &str, token: &str| format!("{:#}", Client::connect_to(api_url, token).err().unwrap());
        assert!(Client::connect("abc").is_ok());
        assert!(wrong("http://webex.example.org/v1", "abc").contains("webex.api_url must be https"));
        assert!(wrong("webexapis.com", "abc").contains("is not a URL"));
        let refused = wrong(WEBEX, "Bearer abc");
        assert!(refused.contains("webex.token holds characters that no token has") && !refused.contains("Bearer abc"));
        assert!(wrong(WEBEX, " ").contains("webex.token is missing"));
    }
}
