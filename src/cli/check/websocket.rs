//! Checks whether a websocket could be opened. It opens none, since that would close the running daemon's.

use super::report::CheckFinding;
use crate::config::{Config, Mode};
use crate::receiver::registration;
use crate::telemetry::Metrics;
use crate::webex::{Error, Mercury, Webhook};

pub(super) async fn check_websocket(
    config: &Config,
    webhooks: &Result<Vec<Webhook>, Error>,
) -> anyhow::Result<Vec<CheckFinding>> {
    match config.delivery.mode {
        Mode::Websocket => {}
        Mode::Webhook | Mode::Polling | Mode::Both => return Ok(Vec::new()),
    }
    let mercury = Mercury::new(&config.webex, &config.websocket, config.token()?, Metrics::default())?;
    let mut findings = vec![match mercury.probe().await {
        Ok(()) => CheckFinding::ok("websocket", "Webex says where sockets are opened"),
        Err(error) => CheckFinding::fail(
            "websocket",
            error.to_string(),
            "check websocket.catalog_url, the network, HTTPS_PROXY, and webex.ca_file behind an inspecting proxy",
        ),
    }];
    if webhooks.as_ref().is_ok_and(|found| found.iter().any(registration::is_ours)) {
        findings.push(CheckFinding::warn(
            "websocket",
            "Webex still calls webhooks of an earlier delivery.mode",
            "`switchboard webhooks delete` takes them away",
        ));
    }
    Ok(findings)
}
