//! Calls the public URL as Webex would. A delivery with a wrong signature has to be refused, and a signed canary has to
//! arrive byte for byte. The canary's resource is one that no handler works on, so it leaves nothing in the inbox.

use std::net::IpAddr;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use url::{Host, Url};
use uuid::Uuid;

use super::report::CheckFinding;
use crate::cli::webex::without_secrets;
use crate::config::Config;
use crate::receiver::CANARY;
use crate::signature::{self, Signer};
use crate::webex::{Probe, ProbeAnswer, Unreached};

/// An answer slower than this is a warning. Webex does not say how long it waits for one.
const SLOW: Duration = Duration::from_secs(2);

/// A forged signature. It has forty digits as a real one, but signs nothing.
const FORGED: &str = "0000000000000000000000000000000000000000";

/// The public URL, and what is needed to name the cause of a failure.
struct PublicUrlCheck<'a> {
    config: &'a Config,
    url: Url,
    /// Whether a daemon runs on the ledger here.
    daemon: bool,
}

pub(super) async fn check_public_url(config: &Config, daemon: bool) -> anyhow::Result<Vec<CheckFinding>> {
    if let Some(finding) = CheckFinding::not_needed("public", config.delivery.mode) {
        return Ok(vec![finding]);
    }
    let url = config.webhook.target_url().and_then(|url| Url::parse(url).ok());
    let (Some(url), Some(secret)) = (url, &config.webhook.secret) else {
        let hint = "set it to the whole URL that Webex is to call";
        return Ok(vec![CheckFinding::warn("public", "webhook.public_url is not set", hint)]);
    };
    let check = PublicUrlCheck { config, url, daemon };
    let mut findings = check.prove(secret).await?;
    findings.extend(check.inner_address().await);
    Ok(findings)
}

impl PublicUrlCheck<'_> {
    async fn prove(&self, secret: &SecretString) -> anyhow::Result<Vec<CheckFinding>> {
        let canary = canary();
        let signer = Signer::new(secret.clone());
        // A header proves that each request is ours, so that the daemon does not count it as a forgery.
        let proof = signer.prove_canary(canary.as_bytes());
        let forged = [(signature::HEADER, FORGED), (signature::CANARY_HEADER, &*proof)];
        let mut findings = Vec::new();
        let mut probe = Probe::new(&self.config.webex, self.url.clone(), false)?;
        let mut answer = probe.post(&canary, &forged).await;
        if matches!(answer, Err(Unreached::Certificate(_))) {
            probe = Probe::new(&self.config.webex, self.url.clone(), true)?;
            answer = probe.post(&canary, &forged).await;
            if answer.is_ok() {
                findings.push(self.warn(
                    "has a certificate that only the roots of this system or webex.ca_file make good",
                    "right if an inspecting proxy stands between here and there; Webex itself does not know that root",
                ));
            }
        }
        let refused = match answer {
            Ok(answer) if answer.is(401, &json!({"error": "invalid signature"})) => answer,
            Ok(answer) => return Ok(vec![self.foreign_answer(&answer)]),
            Err(unreached) => return Ok(vec![self.unreached(&unreached)]),
        };
        let signed = |body: &str| signer.sign(body.as_bytes());
        let accepted = match probe.post(&canary, &[(signature::HEADER, &*signed(&canary))]).await {
            Ok(answer) if answer.is(200, &json!({"received": true})) => answer,
            Ok(answer) if answer.status == 401 => {
                // A proxy that rewrites JSON leaves `{}` as it is. The signature then holds, and the daemon answers 400
                // since it is no envelope.
                let proof = signer.prove_canary(b"{}");
                let headers = [(signature::HEADER, &*signed("{}")), (signature::CANARY_HEADER, &*proof)];
                let plain = probe.post("{}", &headers).await;
                let is_rewritten = plain.is_ok_and(|answer| answer.status == 400);
                return Ok(vec![self.refused(is_rewritten)]);
            }
            Ok(answer) => return Ok(vec![self.foreign_answer(&answer)]),
            Err(unreached) => return Ok(vec![self.unreached(&unreached)]),
        };
        findings.extend(self.proven(&refused, &accepted));
        Ok(findings)
    }

    fn proven(&self, refused: &ProbeAnswer, accepted: &ProbeAnswer) -> Vec<CheckFinding> {
        let name = self.name();
        let ms = accepted.took.as_millis();
        let says = format!("{name} refuses what is not signed and takes a signed canary, in {ms} ms");
        let mut findings = vec![CheckFinding::ok("public", says)];
        let took = refused.took.max(accepted.took);
        if took > SLOW {
            let says = format!("took {:.1} s to answer", took.as_secs_f64());
            let hint =
                "Webex gives up on what is slow: look at the proxy, at TLS, and at the load of the daemon's machine";
            findings.push(self.warn(&says, hint));
        }
        findings
    }

    fn unreached(&self, why: &Unreached) -> CheckFinding {
        let host = self.url.host_str().unwrap_or_default();
        let hint = match why {
            Unreached::Name => format!("make a DNS entry for {host}, or correct webhook.public_url"),
            Unreached::Refused => format!(
                "nothing listens at {host}, port {}: start the proxy or, without one, the daemon on that port ({})",
                self.url.port_or_known_default().unwrap_or_default(),
                self.daemon_is_here()
            ),
            Unreached::Certificate(_) => {
                "have the proxy send a certificate for this name from a public authority, with the whole chain, and renew \
                 it in time"
                    .to_owned()
            }
            Unreached::Tls(_) => {
                "have the proxy speak TLS 1.2 or 1.3 on that port; is it the port of plain http?".to_owned()
            }
            Unreached::Timeout(_) => {
                "a firewall may drop what comes for that port, or what listens there waits for somebody else; from inside a \
                 network its own public address may also be out of reach"
                    .to_owned()
            }
            Unreached::Other(_) => {
                "check the address, the network and HTTPS_PROXY; then look into the log of whatever listens there".to_owned()
            }
        };
        self.fail(&why.to_string(), &hint)
    }

    /// Explains an answer that is not the daemon's own, by its status.
    fn foreign_answer(&self, answer: &ProbeAnswer) -> CheckFinding {
        let (path, status, listen) = (self.url.path(), answer.status, self.config.server.listen);
        let forward = format!("have the proxy hand {path} on to the daemon at server.listen, which is {listen}");
        match status {
            200..=299 => self.fail(
                &format!("answers {status} to anybody, signed or not, and not as Switchboard does"),
                &format!("something else answers there, and Webex would take that for delivered: {forward}"),
            ),
            300..=399 => {
                let host = answer.leads_to.as_ref().and_then(Url::host_str).unwrap_or("nowhere");
                self.fail(
                    &format!("answers {status} and leads to {host}"),
                    "a delivery is not carried on: set webhook.public_url to the address it leads to, to the letter",
                )
            }
            401 | 407 => self.fail(
                &format!("answers {status}, and not as Switchboard does"),
                &format!("a proxy asks for a login, which Webex has not: leave {path} out of that"),
            ),
            403 => self.fail(
                "answers 403",
                &format!("a proxy, firewall or access list refuses: let POST {path} through from anywhere"),
            ),
            404 | 410 => self.fail(
                &format!("answers {status}: this path is not known there"),
                &format!("the daemon listens at webhook.path, which is {}: {forward}", self.config.webhook.path),
            ),
            405 => self.fail(
                "answers 405: POST is not allowed there",
                &format!("a page or another program answers at {path}: {forward}"),
            ),
            408 | 500 | 502 | 503 | 504 => self.fail(
                &format!("answers {status}: the proxy is there, but gets no good answer from behind it"),
                &format!("is the daemon up ({})? then {forward}", self.daemon_is_here()),
            ),
            413 => self.fail(
                &format!("answers {status}: even a small body is too large"),
                &format!("raise the proxy's limit to server.body_limit, which is {}", self.config.server.body_limit),
            ),
            429 => self.fail(
                "answers 429: the proxy limits how often it is called",
                &format!("lift the limit for {path}: Webex calls in bursts and switches off webhooks that fail"),
            ),
            _ => self.fail(
                &format!("answers {status}, and not as Switchboard does"),
                &format!("Webex takes that for a failure: {forward}"),
            ),
        }
    }

    /// A daemon answers there, and does not accept our signature.
    fn refused(&self, is_rewritten: bool) -> CheckFinding {
        if is_rewritten {
            return self.fail(
                "changes the body of a delivery on its way",
                "it knows our secret, but a proxy in between writes JSON or its encoding anew, so no signature of Webex holds: \
                 have it hand on the bytes as they came",
            );
        }
        self.fail(
            "refuses a canary signed with webhook.secret",
            "the daemon there has another secret than this one (was it restarted since it was changed?), or a proxy rewrites \
             every body or drops the header X-Spark-Signature",
        )
    }

    fn daemon_is_here(&self) -> &'static str {
        if self.daemon { "one runs on this ledger" } else { "none runs on this ledger" }
    }

    /// Warns of a URL that leads to an inner address from here: then only the way inside the network is proven.
    async fn inner_address(&self) -> Option<CheckFinding> {
        let port = self.url.port_or_known_default()?;
        let addresses: Vec<_> = match (self.url.host()?, &self.config.webex.api_url.host()?) {
            // A simulated cloud on this machine reaches inner addresses.
            (_, api) if is_this_machine(api) => return None,
            (Host::Domain(name), _) => {
                tokio::net::lookup_host((name, port)).await.ok()?.map(|address| address.ip()).collect()
            }
            (Host::Ipv4(address), _) => vec![address.into()],
            (Host::Ipv6(address), _) => vec![address.into()],
        };
        let inner = addresses.first().filter(|_| addresses.iter().all(|address| !is_public(*address)))?;
        Some(self.warn(
            &format!("is {inner} from here, an address that only the inside can reach"),
            "Webex has to reach it over the internet: see that its public DNS entry and address lead to the same proxy",
        ))
    }

    /// The URL as it may be shown.
    fn name(&self) -> String {
        without_secrets(self.url.as_str())
    }

    fn warn(&self, says: &str, hint: &str) -> CheckFinding {
        CheckFinding::warn("public", format!("{} {says}", self.name()), hint)
    }

    fn fail(&self, says: &str, hint: &str) -> CheckFinding {
        CheckFinding::fail("public", format!("{} {says}", self.name()), hint)
    }
}

impl ProbeAnswer {
    fn is(&self, status: u16, body: &Value) -> bool {
        self.status == status && serde_json::from_slice::<Value>(&self.body).is_ok_and(|found| found == *body)
    }
}

/// An envelope with everything that a proxy might rewrite: odd spacing, order, escapes, numbers and letters.
fn canary() -> String {
    let nonce = Uuid::new_v4();
    format!(
        "{{ \"resource\" :\"{CANARY}\",\n\t\"event\": \"created\" , \"id\":\"{nonce}\",\"name\":\"caf\\u00e9 \
         \\/ é ✓ 😀 < & '\", \"filter\" : null, \"number\":1.0, \"large\":1e2,\r\n \"data\" : {{\"z\":[ ],\"a\":{{ }}}} }}\n"
    )
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // Addresses of carriers (100.64/10), of measurements (198.18/15), and of no single host (224/3 and up).
            let is_reserved =
                (first == 100 && second & 0xc0 == 64) || (first == 198 && second & 0xfe == 18) || first >= 224;
            !(address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_documentation()
                || is_reserved)
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || address.is_unspecified())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_inside_is_told_from_a_public_one() {
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.9",
            "172.16.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "100.64.0.1",
            "198.19.0.1",
            "192.0.2.7",
            "224.0.0.1",
            "ff02::1",
        ] {
            assert!(!is_public(inner.parse().unwrap()), "{inner}");
        }
        for public in ["93.184.216.34", "2606:2800:220:1::1", "172.32.0.1", "100.128.0.1", "198.20.0.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn the_canary_is_json_that_no_writer_would_write_so() {
        let canary = canary();
        let read: Value = serde_json::from_str(&canary).unwrap();
        assert_eq!(read["name"], "café / é ✓ 😀 < & '");
        assert_ne!(read.to_string(), canary);
        assert_ne!(canary, super::canary());
    }
}
