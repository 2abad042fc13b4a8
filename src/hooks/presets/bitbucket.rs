//! `bitbucket`: what webhooks of Bitbucket Cloud post, and those of Bitbucket Data Center on pushes and pull requests.

use serde_json::Value;

use super::payload::{Payload, Preset, Proof, Signal, State, either, items, link, safe, text};
use crate::signature::SignatureForm;

pub(super) const PRESET: Preset = Preset {
    name: "bitbucket",
    signature: Some(signature),
    proof: Proof::Signature,
    setup: include_str!("setup/bitbucket.txt"),
    hidden: &[],
    read,
};

const ACTORS: [&str; 3] = ["/actor/display_name", "/actor/displayName", "/actor/name"];
const NUMBERS: [&str; 2] = ["/pullrequest/id", "/pullRequest/id"];
const TITLES: [&str; 3] = ["/pullrequest/title", "/pullRequest/title", "/commit_status/name"];
const URLS: [&str; 3] = ["/pullrequest/links/html/href", "/pullRequest/links/self/0/href", "/commit_status/url"];

fn signature() -> SignatureForm {
    let (header, prefix) = ("x-hub-signature".to_owned(), "sha256=".to_owned());
    SignatureForm { header, prefix, ..SignatureForm::default() }
}

fn read(payload: &Payload<'_>) -> Signal {
    let event = payload.header("x-event-key");
    let change = change(payload);
    let (kind, id, says) = match event {
        "repo:push" | "repo:refs_changed" => ("push", branch(change).to_owned(), push(payload, change)),
        "repo:commit_status_created" | "repo:commit_status_updated" => {
            ("build", payload.text("/commit_status/url").to_owned(), commit_status(payload))
        }
        _ => ("pullrequest", number(payload), pull_request(payload, event)),
    };
    let message = either(text(change, "/commits/0/message"), text(change, "/toCommit/message"))
        .lines()
        .next()
        .unwrap_or_default();
    Signal {
        event: event.to_owned(),
        key: if id.is_empty() { id } else { format!("{} {kind} {id}", source(payload)) },
        title: either(payload.first(&TITLES), message).to_owned(),
        state: match payload.text("/commit_status/state") {
            "FAILED" => State::Firing,
            "SUCCESSFUL" => State::Ok,
            _ => State::Info,
        },
        source: source(payload),
        actor: payload.first(&ACTORS).to_owned(),
        url: either(payload.first(&URLS), text(change, "/links/html/href")).to_owned(),
        delivery: payload.id("x-request-uuid").or_else(|| payload.id("x-request-id")),
        says,
        ..Signal::default()
    }
}

/// The repository. That of Data Center has its name in parts.
fn source(payload: &Payload<'_>) -> String {
    let at = ["/repository", "/pullRequest/toRef/repository"].into_iter().find_map(|at| payload.body.pointer(at));
    let at = at.unwrap_or(&Value::Null);
    match text(at, "/full_name") {
        "" => [text(at, "/project/key"), text(at, "/slug")].join("/").trim_matches('/').to_owned(),
        name => name.to_owned(),
    }
}

/// The change of a push that is told: that of the default branch. Most payloads do not say which one that is, and then
/// it is the one with a usual name.
fn change<'a>(payload: &'a Payload<'_>) -> &'a Value {
    let default = payload.text("/repository/mainbranch/name");
    let is_default = |name: &str| if default.is_empty() { matches!(name, "main" | "master") } else { name == default };
    let is_told = |change: &&Value| {
        let kind = either(text(change, "/new/type"), text(change, "/ref/type"));
        kind.eq_ignore_ascii_case("branch")
            && !text(change, "/type").eq_ignore_ascii_case("delete")
            && is_default(branch(change))
    };
    let mut changes = payload.list("/push/changes").iter().chain(payload.list("/changes"));
    changes.find(is_told).unwrap_or(&Value::Null)
}

fn branch(change: &Value) -> &str {
    either(text(change, "/new/name"), text(change, "/ref/displayId"))
}

fn push(payload: &Payload<'_>, change: &Value) -> Option<String> {
    let commits = change["commits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let more = if change["truncated"] == true { " or more" } else { "" };
    let pushed = match commits.len() {
        // Most versions of Data Center list no commits.
        0 if change["toHash"].is_string() => "pushed".to_owned(),
        0 => return None,
        1 if more.is_empty() => "1 commit".to_owned(),
        count => format!("{count}{more} commits"),
    };
    let forced = if change["forced"] == true { ", **forced**" } else { "" };
    let (place, by) = (safe(&format!("{} {}", source(payload), branch(change))), safe(payload.first(&ACTORS)));
    let messages = items(commits.iter().map(|commit| text(commit, "/message")), commits.len());
    let head = format!("{place}: {pushed} by {by}{forced} {}", link(text(change, "/links/html/href")));
    Some(format!("{}{messages}", head.trim_end()))
}

fn pull_request(payload: &Payload<'_>, event: &str) -> Option<String> {
    let what = match event {
        "pullrequest:created" | "pr:opened" => "opened",
        "pullrequest:fulfilled" | "pr:merged" => "merged",
        "pullrequest:rejected" | "pr:declined" => "declined",
        "pullrequest:approved" => "approved",
        "pullrequest:unapproved" => "no longer approved",
        _ => return None,
    };
    let (place, number, by) = (safe(&source(payload)), safe(&number(payload)), safe(payload.first(&ACTORS)));
    let (title, url) = (safe(payload.first(&TITLES)), link(payload.first(&URLS)));
    Some(format!("{place} \\#{number}: {what} by {by}: {title} {url}"))
}

fn number(payload: &Payload<'_>) -> String {
    NUMBERS.map(|place| payload.number(place)).concat()
}

/// A build that failed.
fn commit_status(payload: &Payload<'_>) -> Option<String> {
    (payload.text("/commit_status/state") == "FAILED").then(|| {
        let place = safe(&format!("{} {}", source(payload), payload.text("/commit_status/refname")));
        let (name, url) = (payload.safe("/commit_status/name"), link(payload.text("/commit_status/url")));
        format!("{place}: **{name} failed** {url}")
    })
}
