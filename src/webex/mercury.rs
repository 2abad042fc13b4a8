//! The HTTP calls that the websocket needs: the list of hosts, a device for the bot, and the upgrade of a request.
//!
//! None of this is documented. It is what Webex's own JavaScript SDK does, and may change at any time.

use std::collections::{BTreeMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{
    AUTHORIZATION, CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use url::Url;

use super::answer::{Expects, MOST_OF_A_REFUSAL, read, refusal};
use super::call::{ApiCall, RequestBody};
use super::lost::Lost;
use super::{Client, Error, Socket, lenient};
use crate::config::{self, encrypted_or_loopback};
use crate::redact::one_line;
use crate::telemetry::Metrics;

/// The longest name in the DNS.
const LONGEST_HOST: usize = 253;

/// The services behind the websocket, for one token.
pub struct Mercury {
    /// Calls are not repeated here, since the caller that opens sockets makes its own pauses.
    client: Client,
    catalog: Url,
    name: String,
}

/// The bot's own device. Its addresses were checked, so the token may be sent there.
#[derive(Clone, Debug)]
pub struct Device {
    url: Url,
    socket: Url,
}

/// A device as Webex sends it, before its addresses are checked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceAnswer {
    #[serde(default)]
    name: String,
    url: String,
    web_socket_url: String,
}

/// The hosts to which the token may be sent: those that the catalog names, and others of the same family.
struct Hosts {
    wdm: Url,
    named: HashSet<String>,
    /// The catalog itself is on this machine and not encrypted, so the rest may be as well.
    plain: bool,
}

impl Mercury {
    /// Makes the client. Nothing is called yet.
    ///
    /// # Errors
    /// The same errors as [`Client::new`].
    pub(crate) fn new(
        webex: &config::Webex,
        settings: &config::Websocket,
        token: &secrecy::SecretString,
        metrics: Metrics,
    ) -> anyhow::Result<Mercury> {
        let catalog = settings.catalog_url.clone();
        let webex = config::Webex { api_url: catalog.clone(), retries: 0, ..webex.clone() };
        Ok(Mercury { client: Client::new(&webex, token, metrics)?, catalog, name: settings.device.clone() })
    }

    /// Asks for the hosts and changes nothing, to find out whether a socket is possible.
    ///
    /// # Errors
    /// The same errors as [`Mercury::device`].
    pub async fn probe(&self) -> Result<(), Error> {
        self.hosts().await.map(drop)
    }

    /// The device with our name. If there is none, it is made.
    ///
    /// # Errors
    /// A call failed, or Webex named a host to which the token may not be sent. Try again after a pause.
    pub async fn device(&self) -> Result<Device, Error> {
        let hosts = self.hosts().await?;
        for told in self.devices(&hosts).await?.into_iter().filter(|told| told.name == self.name) {
            let url = hosts.admit("devices", &told.url)?;
            match self.write_device(&hosts, "devices/{id}", Method::PUT, url).await {
                // The device was listed, but is gone by now.
                Err(Error::Status { status: 404, .. }) => {}
                device => return device,
            }
        }
        self.write_device(&hosts, "devices", Method::POST, hosts.devices()).await
    }

    /// Makes a new device in place of one that no longer works.
    ///
    /// # Errors
    /// The same errors as [`Mercury::device`].
    pub async fn replace(&self, device: &Device) -> Result<Device, Error> {
        let hosts = self.hosts().await?;
        match self.delete(device).await {
            // If the device is gone, that is probably why it does not work.
            Ok(()) | Err(Error::Status { status: 404, .. }) => {}
            Err(error) => return Err(error),
        }
        self.write_device(&hosts, "devices", Method::POST, hosts.devices()).await
    }

    /// Deletes a device, since Webex allows only a limited number.
    pub async fn delete(&self, device: &Device) -> Result<(), Error> {
        self.client.empty(call("devices/{id}", Method::DELETE, device.url.clone(), RequestBody::None)).await
    }

    /// Opens the socket of a device and sends the token. Webex says over the socket whether it accepts the token.
    ///
    /// # Errors
    /// [`Error::Status`] with 404 if Webex no longer knows the device. Replace it then.
    pub async fn connect(&self, device: &Device) -> Result<Socket, Error> {
        const ENDPOINT: &str = "socket";
        // Asks for text frames, and for a first event, which shows that the token was accepted. The JavaScript SDK asks
        // for both.
        let mut url = device.socket.clone();
        url.query_pairs_mut().append_pair("outboundWireFormat", "text").append_pair("bufferStates", "true");
        let key = BASE64.encode(fastrand::u128(..).to_be_bytes());
        let wire = self.client.wire();
        let request = wire
            .http()
            .get(url)
            .header(AUTHORIZATION, wire.authorization().clone())
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let unreachable = |error| {
            self.client.count(ENDPOINT, "unreachable");
            Error::Unreachable { endpoint: ENDPOINT, is_sent: true, cause: Lost::from(error).cause }
        };
        let response = request.send().await.map_err(unreachable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.client.count(ENDPOINT, status.as_str());
        if status.is_success() || status.is_client_error() || status.is_server_error() || status.is_redirection() {
            let body = read(reqwest::Body::from(response), MOST_OF_A_REFUSAL).await.map_err(unreachable)?;
            let refused = refusal(ENDPOINT, status, &headers, &String::from_utf8_lossy(&body));
            return Err(refused.sanitized(self.client.redactor()));
        }
        if status != StatusCode::SWITCHING_PROTOCOLS || !accepts(&headers, &key) {
            let cause = "what answers there does not speak websocket; is a proxy in between?".to_owned();
            return Err(Error::Unreadable { endpoint: ENDPOINT, cause });
        }
        let upgraded = response.upgrade().await.map_err(unreachable)?;
        Socket::authorized(upgraded, self.client.clone()).await
    }

    /// The hosts in the catalog.
    async fn hosts(&self) -> Result<Hosts, Error> {
        let mut url = self.catalog.clone();
        url.query_pairs_mut().append_pair("format", "hostmap");
        let catalog: Catalog = self.client.json(call("catalog", Method::GET, url, RequestBody::None)).await?;
        Hosts::of(&self.catalog, &catalog).map_err(|error| error.sanitized(self.client.redactor()))
    }

    async fn devices(&self, hosts: &Hosts) -> Result<Vec<DeviceAnswer>, Error> {
        #[derive(Deserialize)]
        struct List {
            devices: Vec<Value>,
        }
        match self.client.json::<List>(call("devices", Method::GET, hosts.devices(), RequestBody::None)).await {
            // The devices of other programs may have any form.
            Ok(list) => Ok(list
                .devices
                .into_iter()
                .filter_map(|one| lenient::read_value(one).ok())
                .map(|read| read.value)
                .collect()),
            Err(Error::Status { status: 404, .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Makes a device, or says that it is still in use. The answer to either describes it.
    async fn write_device(
        &self,
        hosts: &Hosts,
        endpoint: &'static str,
        method: Method,
        url: Url,
    ) -> Result<Device, Error> {
        let about = json!({
            "deviceName": self.name,
            "deviceType": "DESKTOP",
            "localizedModel": "switchboard",
            "model": "switchboard",
            "name": self.name,
            "systemName": "switchboard",
            "systemVersion": env!("CARGO_PKG_VERSION"),
        });
        let told: DeviceAnswer =
            self.client.json(call(endpoint, method, url, RequestBody::json(endpoint, &about)?)).await?;
        Ok(Device { url: hosts.admit(endpoint, &told.url)?, socket: hosts.admit(endpoint, &told.web_socket_url)? })
    }
}

fn call(endpoint: &'static str, method: Method, url: Url, body: RequestBody) -> ApiCall {
    ApiCall { endpoint, method, url: url.into(), body, repeatable: false, expects: Expects::Json }
}

/// The part of the catalog that is used here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalog {
    service_links: BTreeMap<String, Value>,
    /// Other places for the same services, by host.
    #[serde(default)]
    host_catalog: BTreeMap<String, Value>,
}

impl Hosts {
    fn of(catalog_url: &Url, catalog: &Catalog) -> Result<Hosts, Error> {
        let unreadable = |cause: &str| Error::Unreadable { endpoint: "catalog", cause: cause.to_owned() };
        let links = catalog.service_links.values().filter_map(Value::as_str).filter_map(|link| Url::parse(link).ok());
        let linked = links.filter_map(|link| link.host_str().map(str::to_owned));
        let elsewhere = catalog.host_catalog.values().filter_map(Value::as_array).flatten();
        let elsewhere = elsewhere.filter_map(|other| other["host"].as_str().map(str::to_owned));
        let named = linked.chain(catalog.host_catalog.keys().cloned()).chain(elsewhere).collect();
        let wdm = catalog.service_links.get("wdm").and_then(Value::as_str).and_then(|wdm| Url::parse(wdm).ok());
        let wdm = wdm.ok_or_else(|| unreadable("it does not say where devices are registered (serviceLinks.wdm)"))?;
        let hosts = Hosts { wdm, named, plain: catalog_url.scheme() == "http" };
        let wdm = hosts.wdm.to_string();
        hosts.admit("catalog", &wdm)?;
        Ok(hosts)
    }

    /// The address at which devices are registered.
    fn devices(&self) -> Url {
        let mut url = self.wdm.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("devices");
        }
        url
    }

    /// An address from Webex, if the token may be sent there. It must be encrypted, and its host must be one that the
    /// catalog names, or of the same family as the one that registers devices, as the hosts of sockets are.
    fn admit(&self, endpoint: &'static str, address: &str) -> Result<Url, Error> {
        let refused = |why: String| Error::Unreadable { endpoint, cause: why };
        // The address of a socket differs from that of its handshake only by the scheme.
        let address = match address.split_once("://") {
            Some(("wss", rest)) => format!("https://{rest}"),
            Some(("ws", rest)) => format!("http://{rest}"),
            Some(_) | None => address.to_owned(),
        };
        let url = Url::parse(&address).map_err(|_| refused("it has an address that is no URL".to_owned()))?;
        let host = url.host_str().unwrap_or_default();
        let is_safe = url.scheme() == "https" || (self.plain && encrypted_or_loopback(&url));
        let is_sister = family(host).is_some_and(|ours| self.wdm.host_str().and_then(family) == Some(ours));
        if !is_safe || !(self.named.contains(host) || is_sister) {
            let host = one_line(host, LONGEST_HOST);
            return Err(refused(format!("the token is not sent to {host}, which the catalog does not name")));
        }
        Ok(url)
    }
}

/// The part of a host's name that all hosts of one operator share: all except the first label, if that is more than a
/// top-level domain.
fn family(host: &str) -> Option<&str> {
    let (_, rest) = host.split_once('.')?;
    let is_name = rest.contains('.') && !host.ends_with(|c: char| c.is_ascii_digit());
    is_name.then_some(rest)
}

/// Whether the other end agreed to begin a websocket.
fn accepts(headers: &HeaderMap, key: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    text(SEC_WEBSOCKET_ACCEPT) == Some(derive_accept_key(key.as_bytes()).as_str())
        && text(UPGRADE).is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(catalog_url: &str, wdm: &str) -> Result<Hosts, Error> {
        let catalog = json!({
            "serviceLinks": {"wdm": wdm, "odd": 7, "files": "https://files.elsewhere.test/v1"},
            "hostCatalog": {"wdm-a.example.org": [{"host": "wdm-b.other.test", "priority": 1}]},
        });
        Hosts::of(&catalog_url.parse().unwrap(), &serde_json::from_value(catalog).unwrap())
    }

    #[test]
    fn the_token_goes_where_the_catalog_says_and_nowhere_else() {
        let hosts = hosts("https://u2c.example.org/catalog", "https://wdm-a.example.org/wdm/api/v1").unwrap();
        let admitted = |address: &str| hosts.admit("devices", address).map(|url| url.to_string());
        for (address, becomes) in [
            ("wss://mercury-a.example.org/v1/x?y=1", "https://mercury-a.example.org/v1/x?y=1"),
            ("https://wdm-a.example.org/wdm/api/v1/devices/1", "https://wdm-a.example.org/wdm/api/v1/devices/1"),
            ("wss://files.elsewhere.test/", "https://files.elsewhere.test/"),
            ("wss://wdm-b.other.test/", "https://wdm-b.other.test/"),
        ] {
            assert_eq!(admitted(address).unwrap(), becomes);
        }
        for address in [
            "wss://evil.test/",
            "wss://example.org.evil.test/",
            "wss://mercury.evil-example.org/",
            "wss://files.elsewhere.test.evil.test/",
            "wss://mercury-a.example.org@evil.test/",
            "ws://mercury-a.example.org/",
            "http://wdm-a.example.org/",
            "ws://127.0.0.1:1/",
            "file:///etc/passwd",
            "nothing",
            "",
        ] {
            assert!(admitted(address).is_err(), "{address}");
        }
        assert_eq!(hosts.devices().as_str(), "https://wdm-a.example.org/wdm/api/v1/devices");
    }

    #[test]
    fn a_catalog_on_this_machine_may_name_this_machine() {
        let hosts = hosts("http://127.0.0.1:1/catalog", "http://127.0.0.1:1/wdm/").unwrap();
        assert_eq!(hosts.admit("devices", "ws://127.0.0.1:2/x").unwrap().as_str(), "http://127.0.0.1:2/x");
        assert!(hosts.admit("devices", "ws://10.0.0.1/x").is_err());
        assert!(hosts.admit("devices", "ws://1.0.0.1/x").is_err(), "numbers have no family");
        assert!(hosts.admit("devices", "ws://files.elsewhere.test/x").is_err(), "not encrypted");
    }

    #[test]
    fn a_catalog_that_names_no_safe_place_for_devices_is_refused() {
        assert!(hosts("https://u2c.example.org/", "http://wdm-a.example.org/").is_err());
        assert!(hosts("https://u2c.example.org/", "nothing").is_err());
    }

    #[test]
    fn a_top_level_is_no_family() {
        assert_eq!(family("wdm-a.wbx2.com"), Some("wbx2.com"));
        assert_eq!([family("wbx2.com"), family("localhost"), family("127.0.0.1")], [None; 3]);
    }
}
