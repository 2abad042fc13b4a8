//! `azure-devops`: what service hooks of Azure DevOps post. They sign nothing. The settings of a hook there may leave
//! `resource` out, so that its own sentence is all there is.

use super::payload::{Payload, Preset, Proof, Signal, State, items, link, safe, text};

pub(super) const PRESET: Preset = Preset {
    name: "azure-devops",
    signature: None,
    proof: Proof::Basic,
    setup: include_str!("setup/azure-devops.txt"),
    hidden: &[],
    read,
};

const URLS: [&str; 2] = ["/resource/_links/web/href", "/resource/repository/remoteUrl"];
const PROJECTS: [&str; 2] = ["/resource/repository/project/name", "/resource/project/name"];
const PEOPLE: [&str; 2] = ["/resource/pushedBy/displayName", "/resource/requestedFor/displayName"];

/// How a build ended, in newer and in older versions of the resource.
const RESULTS: [&str; 2] = ["/resource/result", "/resource/status"];

fn read(payload: &Payload<'_>) -> Signal {
    let event = payload.text("/eventType");
    let (kind, id, says) = match event {
        "git.push" => ("push", branch(payload).to_owned(), push(payload)),
        "git.pullrequest.created" | "git.pullrequest.updated" => {
            ("pullrequest", payload.number("/resource/pullRequestId"), pull_request(payload, event))
        }
        "build.complete" => ("build", payload.number("/resource/id"), build(payload)),
        _ => ("", String::new(), None),
    };
    let places = ["/resourceContainers/project/id", "/resource/repository/id"].map(|place| payload.text(place));
    let delivery = ["/subscriptionId", "/notificationId", "/id"].map(|part| payload.number(part));
    Signal {
        event: event.to_owned(),
        key: if id.is_empty() { id } else { format!("{} {kind} {id}", places.join(" ").trim()) },
        title: payload.first(&["/resource/title", "/resource/definition/name", "/message/text"]).to_owned(),
        state: match (event, payload.first(&RESULTS)) {
            ("build.complete", "failed" | "partiallySucceeded") => State::Firing,
            ("build.complete", "succeeded") => State::Ok,
            _ => State::Info,
        },
        source: payload.first(&PROJECTS).to_owned(),
        actor: match event {
            "git.pullrequest.created" => payload.text("/resource/createdBy/displayName").to_owned(),
            _ => payload.first(&PEOPLE).to_owned(),
        },
        url: payload.first(&URLS).to_owned(),
        at: payload.time("/createdDate"),
        delivery: Some(delivery.join(" ")).filter(|_| !payload.text("/id").is_empty()),
        says,
        ..Signal::default()
    }
}

fn branch<'a>(payload: &'a Payload<'_>) -> &'a str {
    payload.text("/resource/refUpdates/0/name")
}

/// A push to the default branch.
fn push(payload: &Payload<'_>) -> Option<String> {
    let is_default =
        !branch(payload).is_empty() && branch(payload) == payload.text("/resource/repository/defaultBranch");
    let commits = payload.list("/resource/commits");
    let comments = commits.iter().map(|commit| text(commit, "/comment"));
    is_default.then(|| format!("{}{}", sentence(payload, ""), items(comments, commits.len())))
}

/// A pull request that is new or has ended. Its other changes are many.
fn pull_request(payload: &Payload<'_>, event: &str) -> Option<String> {
    let has_ended = matches!(payload.text("/resource/status"), "completed" | "abandoned");
    let title = items([payload.text("/resource/title")].into_iter().filter(|title| !title.is_empty()), 0);
    let number = format!(" \\!{}", safe(&payload.number("/resource/pullRequestId")));
    (event == "git.pullrequest.created" || has_ended).then(|| format!("{}{title}", sentence(payload, &number)))
}

/// A build that did not succeed, or that may not have.
fn build(payload: &Payload<'_>) -> Option<String> {
    let is_fine = matches!(payload.first(&RESULTS), "succeeded" | "canceled");
    (!is_fine).then(|| sentence(payload, ""))
}

/// The sender's own sentence, behind the place that it leaves out.
fn sentence(payload: &Payload<'_>, number: &str) -> String {
    let names = payload.first(&["/resource/repository/name", "/resource/definition/name"]);
    let place = [payload.first(&PROJECTS), names].map(safe).join(" ");
    let place = if place.trim().is_empty() { String::new() } else { format!("{}{number}: ", place.trim()) };
    let says = safe(payload.first(&["/message/text", "/detailedMessage/text", "/eventType"]));
    format!("{place}{says} {}", link(payload.first(&URLS))).trim_end().to_owned()
}
