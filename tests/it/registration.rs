//! The bot's webhooks at Webex.

use reqwest::Method;
use switchboard::Bot;
use switchboard::simulator::{Cloud, Fault, Options, WebhookDraft, WebhookStatus};

use crate::harness::{Harness, arrived, get};

fn writes(cloud: &Cloud) -> usize {
    let is_write = |method: &Method| [Method::POST, Method::PUT, Method::DELETE].contains(method);
    cloud.calls().iter().filter(|call| call.path.starts_with("/webhooks") && is_write(&call.method)).count()
}

fn draft(name: &str, resource: &str, target: &str, secret: Option<&str>) -> WebhookDraft {
    WebhookDraft {
        name: Some(name.to_owned()),
        target_url: Some(target.to_owned()),
        resource: Some(resource.to_owned()),
        event: Some("created".to_owned()),
        secret: secret.map(str::to_owned),
        ..WebhookDraft::default()
    }
}

fn ours(cloud: &Cloud) -> Vec<(String, String, String)> {
    let mut ours: Vec<_> = cloud
        .webhooks()
        .into_iter()
        .filter(|webhook| webhook.name.starts_with("switchboard "))
        .map(|webhook| (webhook.name, webhook.resource, webhook.target_url))
        .collect();
    ours.sort();
    ours
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhooks_are_made_once_and_an_unchanged_start_writes_none() {
    let bot = Harness::start().await;
    let resources: Vec<_> = ours(&bot.cloud).into_iter().map(|(_, resource, target)| (resource, target)).collect();
    let target = format!("{}/webex/webhook", bot.url);
    assert_eq!(
        resources,
        ["attachmentActions", "memberships", "messages"].map(|resource| (resource.to_owned(), target.clone()))
    );
    assert_eq!(writes(&bot.cloud), 3);
    let port = bot.url.rsplit(':').next().unwrap().parse().unwrap();
    let (cloud, folder) = bot.stop().await;
    let daemon = crate::harness::Daemon::start(&cloud, folder.path(), port, &[("SWITCHBOARD_LOG__LEVEL", "debug")]);
    arrived(&cloud, Method::GET, "/webhooks", 2).await;
    daemon.terminate();
    assert!(daemon.wait().success());
    assert_eq!(writes(&cloud), 3);
    let asked = cloud.calls().iter().filter(|call| call.path == "/people/me").count();
    assert_eq!(asked, 2, "once for each start");
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_mended_and_foreign_webhooks_are_never_touched() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let foreign = draft("somebody else's", "messages", "http://127.0.0.1:9/", Some("theirs"));
    let foreign = cloud.add_webhook(foreign).unwrap();
    let drifted = |name: &str, resource: &str, secret: &str| {
        draft(&format!("switchboard {name}"), resource, "http://127.0.0.1:9/old", Some(secret))
    };
    let url = cloud.add_webhook(drifted("messages", "messages", crate::harness::SECRET)).unwrap();
    cloud.add_webhook(drifted("messages", "messages", "old")).unwrap();
    cloud.set_webhook_status(&url.id, WebhookStatus::Inactive);
    cloud.add_webhook(drifted("memberships", "rooms", "old")).unwrap();
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "", Bot::builder()).await;
    bot.ready().await;
    assert_eq!(ours(&bot.cloud).len(), 3);
    let webhooks = bot.cloud.webhooks();
    let kept = webhooks.iter().find(|webhook| webhook.id == url.id).expect("the first was mended, not made anew");
    assert_eq!((kept.status, &kept.target_url), (WebhookStatus::Active, &format!("{}/webex/webhook", bot.url)));
    assert!(webhooks.iter().all(
        |webhook| webhook.name.starts_with("somebody") || webhook.secret.as_deref() == Some(crate::harness::SECRET)
    ));
    let theirs = webhooks.iter().find(|webhook| webhook.id == foreign.id).unwrap();
    assert_eq!((theirs.secret.as_deref(), theirs.target_url.as_str()), (Some("theirs"), "http://127.0.0.1:9/"));
    bot.cloud.person("alice@example.com").says("help status");
    assert_eq!(bot.transcript().await.matches("bot:").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_webhooks_is_read() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    for nth in 0..250 {
        cloud.add_webhook(draft(&format!("foreign {nth}"), "rooms", "http://127.0.0.1:9/", None)).unwrap();
    }
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "", Bot::builder()).await;
    bot.ready().await;
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, "", Bot::builder()).await;
    bot.ready().await;
    assert_eq!(ours(&bot.cloud).len(), 3, "found behind the first page, so not made again");
    assert_eq!(bot.cloud.webhooks().len(), 253);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inactive_webhook_is_revived_while_the_bot_runs() {
    let bot = Harness::with("[webhook]\ncheck_interval = \"20ms\"", Bot::builder()).await;
    let ours = bot.cloud.webhooks().into_iter().find(|webhook| webhook.resource == "messages").unwrap();
    bot.cloud.set_webhook_status(&ours.id, WebhookStatus::Inactive);
    arrived(&bot.cloud, Method::PUT, "/webhooks/", 1).await;
    let looks = bot.cloud.calls().iter().filter(|call| call.path == "/webhooks" && call.method == Method::GET).count();
    arrived(&bot.cloud, Method::GET, "/webhooks", looks + 1).await;
    let now = bot.cloud.webhooks().into_iter().find(|webhook| webhook.id == ours.id).unwrap();
    assert_eq!(now.status, WebhookStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn webex_away_at_the_start_is_said_and_waited_for() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    cloud.fault(Fault::on(Method::GET, "/people/me").answer(401, &[], ""));
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "", Bot::builder()).await;
    arrived(&bot.cloud, Method::GET, "/people/me", 1).await;
    let ready = format!("{}/readyz", bot.url);
    assert_eq!(get(&ready).await.status(), 503);
    assert_eq!(get(format!("{}/healthz", bot.url)).await.status(), 200);
    bot.ready().await;
    assert_eq!(get(&ready).await.status(), 200);
}
