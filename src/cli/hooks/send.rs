//! Posts a payload to a hook as its sender would.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::cli::output::{Format, print, print_json};
use crate::config::{Config, ConfigError};
use crate::hooks::{Hooks, OwnDelivery};
use crate::text::one_line;
use crate::webex::Probe;

pub(super) async fn run(
    config: &Config,
    hooks: &Hooks,
    (name, payload): (&str, Vec<u8>),
    mut headers: BTreeMap<String, String>,
    public: bool,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let base = match config.webhook.public_base() {
        Some(base) if public => base,
        None if public => return Err(ConfigError::one("webhook.public_url is not set").into()),
        _ => format!("http://{}", reachable(config.server.listen)),
    };
    let id = Uuid::new_v4().to_string();
    let OwnDelivery { path, headers: proof } =
        hooks.own_delivery(name, &payload, &id).map_err(|error| anyhow::anyhow!(error))?;
    let url = Url::parse(&format!("{base}{path}")).context("the address of the hook")?;
    let content_type = headers.remove("content-type").unwrap_or_else(|| "application/json".to_owned());
    let all: Vec<(&str, &str)> = headers
        .iter()
        .chain(proof.iter().map(|(name, value)| (name, value)))
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let probe = Probe::new(&config.webex, url, false)?;
    let answer = match probe.post_as(&content_type, payload, &all).await {
        Ok(answer) => answer,
        Err(error) => anyhow::bail!("{base} {error}; does the daemon run?"),
    };
    let said = serde_json::from_slice::<Value>(&answer.body)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&answer.body).into_owned()));
    let is_taken = answer.status == 202;
    if format.json {
        print_json(&json!({ "status": answer.status, "answer": said }))?;
    } else if let (true, Some(id)) = (is_taken, said["id"].as_str()) {
        print(&format!("202: it is on disk as {id}; `switchboard explain {id}` tells what becomes of it"))?;
    } else {
        print(&format!("{}: {}", answer.status, one_line(&said.to_string())))?;
    }
    Ok(if is_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An address at which this machine reaches its own listener.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        ip if !ip.is_unspecified() => listen,
        IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listen.port()),
        IpAddr::V6(_) => SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), listen.port()),
    }
}
