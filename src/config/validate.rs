//! Checks that one field alone cannot make. Each finding says which key, what is wrong and what to do.

use std::net::IpAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{Approve, Config, ConfigError, Findings, Mode, approve_problem};

pub(super) const MISSING_TOKEN: &str = "webex.token is missing: set WEBEX_BOT_TOKEN, or give token or token_file under \
     [webex] in bot.toml (the token is shown once when the bot is created at developer.webex.com)";
const MISSING_SECRET: &str = "webhook.secret is missing: set WEBEX_WEBHOOK_SECRET, or give secret or secret_file under \
     [webhook] in bot.toml (make one with `openssl rand -hex 32`); without it anybody could pose as Webex";

/// Webex's limit, in bytes.
const LARGEST_FILE: u64 = 100 * 1024 * 1024;

/// In a shorter one there is no room for a large message and what is written while it is taken back.
const SHORTEST_LOG: u64 = 1024 * 1024;

/// A day.
const SHORTEST_AUDIT: Duration = Duration::from_secs(86_400);
/// The use of a card is remembered for so long.
const MOST_EXPIRE: Duration = Duration::from_secs(366 * 86_400);

/// Who comes back to it later does not know any more what was asked, and what they then say is meant otherwise.
pub(crate) const LONGEST_QUESTION: Duration = Duration::from_secs(7 * 86_400);

/// What nobody tries through.
const SHORTEST_SECRET: usize = 16;
/// In a command's `allow`: whoever is listed in `access.admins`.
pub(crate) const ADMINS: &str = "admins";

/// In a command's `rooms`: everybody's direct messages.
pub(crate) const DIRECT: &str = "direct";

/// What holds for every verb.
pub(super) fn always(config: &Config) -> Findings {
    let mut wrong = Findings::new();
    let mut must = |key, holds: bool, problem: &str| {
        if !holds {
            wrong.push((key, problem.to_owned()));
        }
    };
    let Config { webex, webhook, websocket, worker, store, access, audit, files, cards, .. } = config;
    must(
        "webex.api_url",
        encrypted_or_loopback(&webex.api_url),
        "must be https (plain http only on loopback): the token travels with every call",
    );
    must(
        "webhook.public_url",
        webhook.target_url().is_none_or(|url| Url::parse(url).is_ok_and(|url| encrypted_or_loopback(&url))),
        "must be a whole https URL (plain http only on loopback): Webex calls it over the internet",
    );
    let path = &webhook.path;
    must(
        "webhook.path",
        path.starts_with('/') && path.len() > 1 && !path.contains(['{', '}', '*', '?', '#', ' ', ':']),
        "must be a plain path such as /webex/webhook",
    );
    must(
        "webhook.path",
        !["/healthz", "/readyz"].contains(&path.as_str()),
        "is taken by a health check; choose another",
    );
    must(
        "websocket.catalog_url",
        encrypted_or_loopback(&websocket.catalog_url),
        "must be https (plain http only on loopback): the token is sent there",
    );
    must(
        "websocket.device",
        !websocket.device.trim().is_empty() && websocket.device.len() <= 64,
        "must be a name of at most 64 bytes, such as switchboard",
    );
    must(
        "worker.deadline",
        worker.deadline + Duration::from_secs(1) <= worker.lease,
        "must be shorter than worker.lease by a second or more: the message is read within the same lease",
    );
    must("delivery.catch_up_limit", config.delivery.catch_up_limit >= 1, "must be at least 1");
    must("polling.concurrency", (1..=256).contains(&config.polling.concurrency), "must be from 1 to 256");
    must("polling.rate", config.polling.rate >= 1, "must be at least 1: nothing could be asked of Webex otherwise");
    must("server.connections", config.server.connections >= 1, "must be at least 1");
    must(
        "log.level",
        is_log_filter(&config.log.level),
        "must be error, warn, info, debug or trace, or a filter such as info,switchboard::webex=debug",
    );
    must("worker.max_attempts", worker.max_attempts >= 1, "must be at least 1");
    must("worker.concurrency", worker.concurrency <= 4096, "must be at most 4096");
    must("worker.backoff", worker.backoff <= worker.backoff_max, "must not be longer than worker.backoff_max");
    must("store.waiting", (1..=1_000_000).contains(&store.waiting), "must be from 1 to 1000000");
    must("store.log_limit", store.log_limit >= SHORTEST_LOG, "must be 1048576 bytes or more");
    must(
        "server.header_limit",
        (1024..=1_048_576).contains(&config.server.header_limit),
        "must be from 1024 to 1048576 bytes: what Webex and a proxy say of a delivery has to fit",
    );
    must("server.body_limit", config.server.body_limit >= 1024, "must be at least 1024 bytes: an envelope has to fit");
    must(
        "files.largest",
        (1..=LARGEST_FILE).contains(&files.largest),
        "must be from 1 to 104857600 bytes: Webex takes no file above 100 MB",
    );
    must("files.waiting", files.waiting >= files.largest, "must not be less than files.largest");
    must("conversations.within", config.conversations.within <= LONGEST_QUESTION, "must be at most 7d");
    must("cards.expire", cards.expire <= MOST_EXPIRE, "must be at most 366d");
    for (key, value) in [
        ("cards.expire", cards.expire),
        ("conversations.within", config.conversations.within),
        ("webex.timeout", webex.timeout),
        ("server.timeout", config.server.timeout),
        ("server.header_timeout", config.server.header_timeout),
        ("webhook.check_interval", webhook.check_interval),
        ("polling.interval", config.polling.interval),
        ("delivery.reconcile", config.delivery.reconcile),
        ("delivery.canary_interval", config.delivery.canary_interval),
        ("delivery.canary_within", config.delivery.canary_within),
        ("websocket.ping_interval", websocket.ping_interval),
        ("websocket.pong_timeout", websocket.pong_timeout),
        ("websocket.backoff_max", websocket.backoff_max),
        ("worker.deadline", worker.deadline),
        ("worker.backoff", worker.backoff),
        ("worker.give_up", worker.give_up),
        ("pairing.expires", config.pairing.expires),
    ] {
        must(key, value >= Duration::from_millis(1), "must be longer than 0");
    }
    must(
        "pairing.per_hour",
        (1..=100_000).contains(&config.pairing.per_hour),
        "must be from 1 to 100000; so that nobody can ask, set access.dm_policy to \"allowlist\"",
    );
    must("flood.burst", (1..=1000).contains(&config.flood.burst), "must be from 1 to 1000");
    let file = store.url.expose_secret().strip_prefix("sqlite:").map(|path| path.trim_start_matches('/'));
    must(
        "store.url",
        file.is_some_and(|file| !file.is_empty() && !file.starts_with(":memory:") && !file.contains('?')),
        "must be sqlite:PATH, such as sqlite:switchboard.db (this version keeps its ledger in an SQLite file)",
    );
    for (key, list) in [
        ("access.allow_from", &access.allow_from),
        ("access.group_allow_from", &access.group_allow_from),
        ("access.admins", &access.admins),
    ] {
        for (index, _) in list.iter().enumerate().filter(|(_, entry)| !is_person(entry)) {
            let nth = index + 1;
            must(
                key,
                false,
                &format!("entry {nth} names nobody: give an email, a person id, or *@domain for a mail domain"),
            );
        }
    }
    // No switch turns the audit off: one would be the first thing that whoever fears it looks for.
    must(
        "audit.retention",
        audit.retention >= SHORTEST_AUDIT,
        "must be 1d or longer: an audit that forgets at once is none",
    );
    for (nth, rule) in (1..).zip(&config.command) {
        let name = &rule.name;
        let mut wrong = |problem: &str| must("command", false, &format!("{nth} ({name}) {problem}"));
        if config.command[..nth - 1].iter().any(|other| other.name == *name) {
            wrong("is there twice; keep one of them");
        }
        if rule.allow.as_ref().is_some_and(Vec::is_empty) {
            wrong("allows nobody; leave allow out for everybody, or give [\"admins\"]");
        }
        if rule.allow.iter().flatten().any(|entry| entry.trim() != ADMINS && !is_person(entry)) {
            wrong("allows nobody with one entry: give an email, a person id, *@domain, or admins");
        }
        if rule.rooms.as_ref().is_some_and(Vec::is_empty) {
            wrong("has no rooms; leave rooms out for all, or give their ids");
        }
        if rule.rooms.iter().flatten().any(|room| room.trim() != DIRECT && !is_room(room)) {
            wrong("has a room that is none: give the id of a space (`switchboard rooms`), or direct");
        }
        if let Some(Approve { by, quorum, within }) = &rule.approve
            && let Some(problem) = approve_problem(by, *quorum, *within, Some(access))
        {
            wrong(&problem);
        }
    }
    let sealing = [
        ("cards.secret", cards.secret.as_slice(), "can press any button"),
        ("cards.previous_secrets", &cards.previous_secrets, "can press any button"),
        ("audit.key", audit.key.as_slice(), "can make the audit anew"),
        ("audit.old_key", audit.old_key.as_slice(), "can make the audit anew"),
    ];
    for (key, secrets, can) in sealing {
        let is_long = |secret: &SecretString| secret.expose_secret().trim().len() >= SHORTEST_SECRET;
        must(
            key,
            secrets.iter().all(is_long),
            &format!(
                "must be {SHORTEST_SECRET} characters or more (make one with `openssl rand -hex 32`, or leave it out): \
                 whoever guesses it {can}"
            ),
        );
    }
    let others = [("webex.token", webex.token.as_slice()), ("webhook.secret", webhook.secret.as_slice())];
    for (key, secrets) in others.into_iter().chain(sealing.map(|(key, secrets, _)| (key, secrets))) {
        must(
            key,
            secrets.iter().all(|secret| !secret.expose_secret().chars().any(char::is_control)),
            "holds a line end or another control character; was more than the value pasted?",
        );
    }
    must(
        "webex.token",
        webex.token.as_ref().is_none_or(|token| token.expose_secret().trim().chars().all(is_in_token)),
        "holds characters that no token has: give the token alone, without quotes and without \"Bearer\"",
    );
    wrong
}

/// What the daemon cannot start without.
pub(super) fn for_run(config: &Config) -> Result<(), ConfigError> {
    let mut wrong = Vec::new();
    if is_blank(config.webex.token.as_ref()) {
        wrong.push(MISSING_TOKEN.to_owned());
    }
    match config.delivery.mode {
        Mode::Polling | Mode::Websocket => {}
        Mode::Webhook | Mode::Both => {
            if is_blank(config.webhook.secret.as_ref()) {
                wrong.push(MISSING_SECRET.to_owned());
            }
        }
    }
    finish(wrong)
}

fn finish(wrong: Vec<String>) -> Result<(), ConfigError> {
    if wrong.is_empty() { Ok(()) } else { Err(ConfigError(wrong)) }
}

fn is_blank(secret: Option<&SecretString>) -> bool {
    secret.is_none_or(|secret| secret.expose_secret().trim().is_empty())
}

/// Whether what is sent to this address can be read by nobody on the way.
pub(crate) fn encrypted_or_loopback(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => IpAddr::V4(address).is_loopback(),
        ("http", Some(Host::Ipv6(address))) => IpAddr::V6(address).is_loopback(),
        _ => false,
    }
}

fn is_in_token(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '\'')
}

/// A bare word would otherwise be taken for a module's name, and switch everything else off.
fn is_log_filter(filter: &str) -> bool {
    let is_level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
    filter.split(',').all(|part| match part.split_once('=') {
        Some((target, level)) => !target.trim().is_empty() && is_level(level.trim()),
        None => is_level(part.trim()),
    })
}

/// An email, `*@domain`, or a Webex id (base64 of `ciscospark://...`, or the bare uuid).
pub(crate) fn is_person(entry: &str) -> bool {
    let entry = entry.trim();
    let plain = |c: char| !c.is_whitespace() && !"<>\"',;[]".contains(c);
    match entry.split_once('@') {
        Some((name, domain)) => {
            let domain_is_whole = !domain.is_empty() && !domain.starts_with('.') && !domain.ends_with('.');
            let one_at = !domain.contains(['@', '*']);
            let name_or_all = name == "*" || (!name.is_empty() && !name.contains('*'));
            entry.chars().all(plain) && domain_is_whole && one_at && name_or_all
        }
        None => is_id(entry),
    }
}

/// The id of a space.
pub(crate) fn is_room(entry: &str) -> bool {
    is_id(entry.trim())
}

fn is_id(entry: &str) -> bool {
    entry.len() >= 32 && entry.chars().all(|c| c.is_ascii_alphanumeric() || "-_+/=".contains(c))
}
