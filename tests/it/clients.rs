//! Clients of Webex that this project did not write work against the simulated cloud unchanged.

use std::path::PathBuf;
use std::process::Command;

use switchboard::simulator::{Cloud, Options};

use crate::harness::skipped;

/// The interpreter that `tests/clients/setup` made; none where it was not run, which CI does not accept.
fn python() -> Option<PathBuf> {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/clients/bin/python");
    if python.exists() {
        return Some(python);
    }
    skipped("no webexpythonsdk in target/clients; tests/clients/setup gets it");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn webexpythonsdk_works_against_the_simulated_cloud() {
    let Some(python) = python() else { return };
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (alice, bob) = (cloud.person("alice@example.com").administers(), cloud.person("bob@example.com"));
    let grant = bob.authorises();
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/webexpythonsdk_test.py"))
        .env("SIMULATOR_URL", cloud.api_url())
        .env("SIMULATOR_BOT", cloud.bot().token)
        .env("SIMULATOR_ALICE", &alice.account().token)
        .env("SIMULATOR_BOB", &bob.account().token)
        .env("SIMULATOR_GRANT", [grant.client_id, grant.client_secret, grant.refresh_token].join(" "))
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert_eq!(printed.matches("ok ").count(), 12, "{printed}");
}
