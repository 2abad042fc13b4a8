//! Checks that one field alone cannot make. Each finding says which key, what is wrong and what to do.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::people::{ADMINS, DIRECT, is_person, is_room};
use super::{Approve, Config, Mode, approve_problem};

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
const MOST_EXPIRE: u64 = 366 * 86_400;

/// Who comes back to it later does not know any more what was asked, and what they then say is meant otherwise.
pub(crate) const LONGEST_QUESTION: Duration = Duration::from_secs(7 * 86_400);

/// What nobody tries through.
const SHORTEST_SECRET: usize = 16;

/// What nobody ever will.
const GOOD_SECRET: usize = 32;

/// The longest duration that means anything: ten years.
const LONGEST: u64 = 3650 * 86_400;

const MILLION: u64 = 1_000_000;

/// A key and what is wrong with it; the place is added where the layers are known.
type Findings = Vec<(String, String)>;

/// What holds for every verb.
pub(super) fn always(config: &Config) -> Findings {
    let mut wrong = Findings::new();
    let mut must = |key: &str, holds: bool, problem: &str| {
        if !holds {
            wrong.push((key.to_owned(), problem.to_owned()));
        }
    };
    let Config { webex, webhook, websocket, worker, store, access, audit, files, cards, .. } = config;
    must(
        "webex.api_url",
        encrypted_or_loopback(&webex.api_url),
        "must be https (plain http only on loopback), such as https://webexapis.com/v1: the token travels with every call",
    );
    must(
        "webex.api_url",
        !is_webex(&webex.api_url) || webex.api_url.path().trim_end_matches('/') == "/v1",
        &format!("must end in /v1: write https://{}/v1", webex.api_url.host_str().unwrap_or_default()),
    );
    must(
        "webex.api_url",
        webex.api_url.query().is_none() && webex.api_url.fragment().is_none() && !has_login(&webex.api_url),
        "must be a base without a login, a query or a fragment, such as https://webexapis.com/v1",
    );
    must(
        "webhook.public_url",
        webhook.target_url().is_none_or(|url| Url::parse(url).is_ok_and(|url| encrypted_or_loopback(&url))),
        "must be a whole https URL (plain http only on loopback), such as https://bot.example.org/webex/webhook: Webex calls \
         it over the internet",
    );
    let path = &webhook.path;
    must(
        "webhook.path",
        path.starts_with('/')
            && path.len() > 1
            && !path.contains(|c: char| "{}*?#:".contains(c) || c.is_whitespace() || c.is_control()),
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
        worker.lease.is_zero() || worker.deadline.saturating_add(Duration::from_secs(1)) <= worker.lease,
        "must be shorter than worker.lease by a second or more: the message is read within the same lease",
    );
    must(
        "log.level",
        is_log_filter(&config.log.level),
        "must be error, warn, info, debug or trace, or a filter such as info,switchboard::webex=debug",
    );
    must("worker.backoff", worker.backoff <= worker.backoff_max, "must not be longer than worker.backoff_max");
    must("store.log_limit", store.log_limit >= SHORTEST_LOG, "must be 1048576 bytes or more");
    must(
        "files.largest",
        (1..=LARGEST_FILE).contains(&files.largest),
        "must be from 1 to 104857600 bytes: Webex takes no file above 100 MB",
    );
    must("files.waiting", files.waiting >= files.largest, "must not be less than files.largest");
    for (key, value, least, most) in numbers(config) {
        let must_be = match value < least && most >= MILLION {
            true => format!("must be at least {least}"),
            false => format!("must be from {least} to {most}"),
        };
        must(key, (least..=most).contains(&value), &must_be);
    }
    for (key, value, is_positive, most) in durations(config) {
        must(key, !is_positive || value >= Duration::from_millis(1), "must be longer than 0");
        must(key, value <= Duration::from_secs(most), &format!("must be at most {}", in_words(most)));
    }
    let (public, operators) = (config.server.listen, config.admin.listen);
    must(
        "admin.listen",
        operators.is_none_or(|operators| !clash(public, operators)),
        "has the port of server.listen; give each a port of its own",
    );
    must(
        "pairing.per_hour",
        (1..=100_000).contains(&config.pairing.per_hour),
        "must be from 1 to 100000; so that nobody can ask, set access.dm_policy to \"allowlist\"",
    );
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
            must(
                &format!("{key}.{index}"),
                false,
                "names nobody: give an email, a person id, or *@domain for a mail domain",
            );
        }
    }
    // No switch turns the audit off: one would be the first thing that whoever fears it looks for.
    must(
        "audit.retention",
        audit.retention >= SHORTEST_AUDIT,
        "must be 1d or longer: an audit that forgets at once is none",
    );
    for (index, rule) in config.command.iter().enumerate() {
        let name = &rule.name;
        let mut wrong = |problem: &str| must(&format!("command.{index}"), false, &format!("({name}) {problem}"));
        if config.command[..index].iter().any(|other| other.name == *name) {
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
        ("cards.secret", cards.secret.as_slice(), "can press any button", ", or leave it out"),
        ("cards.previous_secrets", &cards.previous_secrets, "can press any button", ", or leave it out"),
        ("audit.key", audit.key.as_slice(), "can make the audit anew", ", or leave it out"),
        ("audit.old_key", audit.old_key.as_slice(), "can make the audit anew", ", or leave it out"),
        // An empty one is none at all, which is said where one is needed.
        ("webhook.secret", not_blank(webhook.secret.as_ref()), "can pose as Webex", ""),
    ];
    for (key, secrets, can, or) in sealing {
        must(
            key,
            secrets.iter().all(|secret| length(secret) >= SHORTEST_SECRET),
            &format!(
                "must be {SHORTEST_SECRET} characters or more (make one with `openssl rand -hex 32`{or}): whoever guesses \
                 it {can}"
            ),
        );
    }
    for (key, secrets) in
        [("webex.token", webex.token.as_slice())].into_iter().chain(sealing.map(|(key, secrets, ..)| (key, secrets)))
    {
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

/// Numbers, each with the least and the most that means anything.
fn numbers(config: &Config) -> [(&'static str, u64, u64, u64); 14] {
    let Config { webex, delivery, polling, server, worker, store, files, flood, .. } = config;
    let size = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    [
        ("webex.retries", webex.retries.into(), 0, 100),
        ("delivery.catch_up_limit", size(delivery.catch_up_limit), 1, 100 * MILLION),
        ("polling.concurrency", size(polling.concurrency), 1, 256),
        ("polling.rate", polling.rate.into(), 1, MILLION),
        ("server.body_limit", size(server.body_limit), 1024, LARGEST_FILE),
        ("server.header_limit", size(server.header_limit), 1024, MILLION),
        ("server.connections", size(server.connections), 1, MILLION),
        ("worker.max_attempts", worker.max_attempts.into(), 1, 1000),
        ("worker.concurrency", size(worker.concurrency), 0, 4096),
        ("store.waiting", size(store.waiting), 1, MILLION),
        ("files.waiting", files.waiting, 1, 1 << 50),
        ("flood.person", flood.person.into(), 0, MILLION),
        ("flood.space", flood.space.into(), 0, MILLION),
        ("flood.burst", flood.burst.into(), 1, 1000),
    ]
}

/// Durations, each with whether it must be longer than 0, and the most that means anything, in seconds.
fn durations(config: &Config) -> [(&'static str, Duration, bool, u64); 28] {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    let Config { webex, delivery, webhook, polling, websocket, server, store, worker, files, .. } = config;
    [
        ("webex.timeout", webex.timeout, true, DAY),
        ("delivery.catch_up", delivery.catch_up, false, LONGEST),
        ("delivery.reconcile", delivery.reconcile, true, 30 * DAY),
        ("delivery.canary_interval", delivery.canary_interval, true, 30 * DAY),
        ("delivery.canary_within", delivery.canary_within, true, DAY),
        ("webhook.check_interval", webhook.check_interval, true, 30 * DAY),
        ("polling.interval", polling.interval, true, DAY),
        ("websocket.ping_interval", websocket.ping_interval, true, DAY),
        ("websocket.pong_timeout", websocket.pong_timeout, true, DAY),
        ("websocket.backoff_max", websocket.backoff_max, true, DAY),
        ("server.timeout", server.timeout, true, DAY),
        ("server.header_timeout", server.header_timeout, true, DAY),
        ("store.retention", store.retention, true, LONGEST),
        ("store.dedupe", store.dedupe, true, LONGEST),
        ("store.missing_for", store.missing_for, false, DAY),
        ("instance.renew", config.instance.renew, true, DAY),
        ("worker.deadline", worker.deadline, true, 7 * DAY),
        ("worker.lease", worker.lease, true, 30 * DAY),
        ("worker.backoff", worker.backoff, true, DAY),
        ("worker.backoff_max", worker.backoff_max, true, 30 * DAY),
        ("worker.visible_within", worker.visible_within, false, DAY),
        ("worker.give_up", worker.give_up, true, LONGEST),
        ("files.scan_wait", files.scan_wait, false, DAY),
        ("cards.expire", config.cards.expire, true, MOST_EXPIRE),
        ("conversations.within", config.conversations.within, true, LONGEST_QUESTION.as_secs()),
        ("pairing.expires", config.pairing.expires, true, LONGEST),
        ("pairing.quiet", config.pairing.quiet, false, LONGEST),
        ("audit.retention", config.audit.retention, false, 10 * LONGEST),
    ]
}

/// As the settings write it.
fn in_words(seconds: u64) -> String {
    if seconds.is_multiple_of(86_400) { format!("{}d", seconds / 86_400) } else { format!("{}h", seconds / 3600) }
}

/// The secrets that are long enough to be taken, and shorter than they ought to be.
pub(super) fn short_secrets(config: &Config) -> Vec<&'static str> {
    let mut secrets = vec![("cards.secret", config.cards.secret.as_ref()), ("audit.key", config.audit.key.as_ref())];
    match config.delivery.mode {
        Mode::Webhook | Mode::Both => secrets.insert(0, ("webhook.secret", config.webhook.secret.as_ref())),
        Mode::Polling | Mode::Websocket => {}
    }
    let is_short = |secret: &SecretString| length(secret) < GOOD_SECRET;
    secrets.into_iter().filter(|(_, secret)| secret.is_some_and(is_short)).map(|(key, _)| key).collect()
}

/// Blanks around it do not make it longer.
fn length(secret: &SecretString) -> usize {
    secret.expose_secret().trim().chars().count()
}

fn not_blank(secret: Option<&SecretString>) -> &[SecretString] {
    secret.filter(|secret| length(secret) > 0).map_or(&[], std::slice::from_ref)
}

/// What the daemon cannot start without, by its key.
pub(super) fn missing(config: &Config) -> Vec<(&'static str, &'static str)> {
    let mut missing = Vec::new();
    if is_blank(config.webex.token.as_ref()) {
        missing.push(("webex.token", MISSING_TOKEN));
    }
    match config.delivery.mode {
        Mode::Polling | Mode::Websocket => {}
        Mode::Webhook | Mode::Both => {
            if is_blank(config.webhook.secret.as_ref()) {
                missing.push(("webhook.secret", MISSING_SECRET));
            }
        }
    }
    missing
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

/// Whether this is one of the hosts of Webex's own API.
pub(super) fn is_webex(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_api = host.starts_with("webexapis.") || host.starts_with("api") || host.contains(".api");
    host == "webexapis.com"
        || (is_api && [".webex.com", ".webexapis.com", ".ciscospark.com"].iter().any(|domain| host.ends_with(domain)))
}

fn has_login(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether one of these addresses takes the port of the other.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let is_same = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && is_same
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
