//! `github`: what GitHub's webhooks post.

use serde_json::Value;

use super::payload::{Payload, Preset, Proof, Signal, State, dotted, either, items, link, safe, text};
use crate::signature::SignatureForm;

pub(super) const PRESET: Preset = Preset {
    name: "github",
    signature: Some(signature),
    proof: Proof::Signature,
    setup: include_str!("setup/github.txt"),
    hidden: &[],
    read,
};

/// Where to read on, the closest first.
const URLS: [&str; 6] = [
    "/pull_request/html_url",
    "/issue/html_url",
    "/workflow_run/html_url",
    "/release/html_url",
    "/compare",
    "/repository/html_url",
];

/// How many lines of the notes of a release are shown, and how long each may be, in characters.
const RELEASE_LINES: usize = 10;
const LINE: usize = 60;

fn signature() -> SignatureForm {
    let (header, prefix) = ("x-hub-signature-256".to_owned(), "sha256=".to_owned());
    SignatureForm { header, prefix, ..SignatureForm::default() }
}

fn read(payload: &Payload<'_>) -> Signal {
    let event = payload.header("x-github-event");
    let (key, says) = match event {
        "push" => (payload.text("/ref").to_owned(), push(payload)),
        "pull_request" => (payload.number("/number"), pull_request(payload)),
        "issues" => (payload.number("/issue/number"), issue(payload)),
        "workflow_run" => (payload.number("/workflow_run/id"), workflow_run(payload)),
        "deployment_status" => (payload.number("/deployment/id"), deployment(payload)),
        "release" => (payload.text("/release/tag_name").to_owned(), release(payload)),
        _ => (String::new(), None),
    };
    // Of a status of a deployment, the action is always that it was created.
    let action = payload.first(&["/deployment_status/state", "/action"]);
    Signal {
        event: dotted(event, action),
        key: if key.is_empty() { key } else { format!("{} {event} {key}", payload.text("/repository/full_name")) },
        title: title(payload, event),
        state: state(payload),
        subject: subject(payload, event),
        is_recovery: event == "workflow_run" && state(payload) == State::Ok,
        source: payload.text("/repository/full_name").to_owned(),
        actor: payload.text("/sender/login").to_owned(),
        url: payload.first(&URLS).to_owned(),
        delivery: payload.id("x-github-delivery"),
        says,
        ..Signal::default()
    }
}

fn title(payload: &Payload<'_>, event: &str) -> String {
    let places = [
        "/pull_request/title",
        "/issue/title",
        "/workflow_run/name",
        "/release/name",
        "/head_commit/message",
        "/deployment_status/environment",
    ];
    either(payload.first(&places), event).lines().next().unwrap_or_default().to_owned()
}

/// How a run of a workflow or a deployment ended; nothing else has a state.
fn state(payload: &Payload<'_>) -> State {
    match payload.first(&["/workflow_run/conclusion", "/deployment_status/state"]) {
        "failure" | "timed_out" | "startup_failure" | "error" => State::Firing,
        "success" => State::Ok,
        _ => State::Info,
    }
}

/// What a state is of: the runs of a workflow on a branch, or an environment.
fn subject(payload: &Payload<'_>, event: &str) -> String {
    let source = payload.text("/repository/full_name");
    let run = |part: &str| payload.number(&format!("/workflow_run/{part}"));
    match event {
        "workflow_run" => {
            format!("{source} {} {}", run("workflow_id"), run("head_branch"))
        }
        "deployment_status" => format!("{source} {}", payload.text("/deployment_status/environment")),
        _ => String::new(),
    }
}

/// A push to the default branch.
fn push(payload: &Payload<'_>) -> Option<String> {
    let branch = payload.text("/ref").strip_prefix("refs/heads/")?;
    if branch != payload.text("/repository/default_branch") || payload.body["deleted"] == true {
        return None;
    }
    let commits = payload.list("/commits");
    let count = match commits.len() {
        0 if payload.body["forced"] != true => return None,
        1 => "1 commit".to_owned(),
        count => format!("{count} commits"),
    };
    let forced = if payload.body["forced"] == true { ", **forced**" } else { "" };
    let (place, by) = (place(payload, branch), payload.safe("/pusher/name"));
    let commits = items(commits.iter().map(|commit| text(commit, "/message")), commits.len());
    Some(format!("{place}: {count} by {by}{forced} {}{commits}", link(payload.text("/compare"))))
}

fn pull_request(payload: &Payload<'_>) -> Option<String> {
    let what = match payload.text("/action") {
        "closed" if payload.body["pull_request"]["merged"] == true => "merged",
        "ready_for_review" => "ready for review",
        "review_requested" => "waits for a review",
        action @ ("opened" | "reopened" | "closed") => action,
        _ => return None,
    };
    Some(thing(payload, "/pull_request", &payload.number("/number"), what))
}

fn issue(payload: &Payload<'_>) -> Option<String> {
    let action = payload.text("/action");
    let is_told = matches!(action, "opened" | "closed" | "reopened");
    is_told.then(|| thing(payload, "/issue", &payload.number("/issue/number"), action))
}

/// A run of a workflow that failed, or worked again.
fn workflow_run(payload: &Payload<'_>) -> Option<String> {
    let run = &payload.body["workflow_run"];
    if payload.text("/action") != "completed" {
        return None;
    }
    let how = match state(payload) {
        State::Firing => format!("ended with {}", safe(text(run, "/conclusion"))),
        State::Ok => "works again".to_owned(),
        State::Info => return None,
    };
    let (place, name) = (place(payload, text(run, "/head_branch")), safe(text(run, "/name")));
    Some(format!("{place}: **{name}** {how} {}", link(text(run, "/html_url"))))
}

/// A deployment that ended.
fn deployment(payload: &Payload<'_>) -> Option<String> {
    let status = &payload.body["deployment_status"];
    let how = match state(payload) {
        State::Firing => format!("**{}**", safe(text(status, "/state"))),
        State::Ok => "success".to_owned(),
        State::Info => return None,
    };
    let (to, what) = (safe(text(status, "/environment")), safe(payload.text("/deployment/ref")));
    let place = payload.safe("/repository/full_name");
    let url = payload.first(&["/deployment_status/environment_url", "/deployment_status/log_url", URLS[5]]);
    Some(format!("{place}: deployment of {what} to {to}: {how} {}", link(url)))
}

fn release(payload: &Payload<'_>) -> Option<String> {
    let release = &payload.body["release"];
    (payload.text("/action") == "published").then(|| {
        let (place, tag) = (payload.safe("/repository/full_name"), safe(text(release, "/tag_name")));
        let lines = text(release, "/body").lines().map(str::trim).filter(|line| !line.is_empty());
        let notes: String = lines.take(RELEASE_LINES).map(|line| format!("\n> {}", short(line))).collect();
        let notes = if notes.is_empty() { notes } else { format!("\n{notes}") };
        let (name, url) = (safe(text(release, "/name")), link(text(release, "/html_url")));
        format!("{place}: released **{tag}** {name} {url}{notes}")
    })
}

/// A pull request or an issue, and what happened to it.
fn thing(payload: &Payload<'_>, at: &str, number: &str, what: &str) -> String {
    let empty = Value::Null;
    let of = payload.body.pointer(at).unwrap_or(&empty);
    let (title, by) = (safe(text(of, "/title")), payload.safe("/sender/login"));
    let place = payload.safe("/repository/full_name");
    format!("{place} \\#{}: {what} by {by}: {title} {}", safe(number), link(text(of, "/html_url")))
}

/// The beginning of a line, harmless in markdown.
fn short(line: &str) -> String {
    safe(&line.chars().take(LINE).collect::<String>())
}

fn place(payload: &Payload<'_>, branch: &str) -> String {
    format!("{} {}", payload.safe("/repository/full_name"), safe(branch))
}
