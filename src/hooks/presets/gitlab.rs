//! `gitlab`: what GitLab's webhooks post. Newer hooks sign as Standard Webhooks has it. The older secret token is not a
//! signature: `auth` checks its header.

use serde_json::Value;

use super::payload::{Payload, Preset, Proof, Signal, State, dotted, either, items, link, safe, text};
use crate::signature::SignatureForm;

pub(super) const PRESET: Preset = Preset {
    name: "gitlab",
    signature: Some(SignatureForm::standard_webhooks),
    proof: Proof::Header("x-gitlab-token"),
    setup: include_str!("setup/gitlab.txt"),
    hidden: &[],
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    let kind = payload.text("/object_kind");
    let (id, says) = match kind {
        "push" => (payload.text("/ref").to_owned(), push(payload)),
        "pipeline" => (payload.number("/object_attributes/id"), pipeline(payload)),
        "merge_request" => (payload.number("/object_attributes/iid"), thing(payload, '!')),
        "issue" => (payload.number("/object_attributes/iid"), thing(payload, '#')),
        _ => (String::new(), None),
    };
    let how = payload.first(&["/object_attributes/action", "/object_attributes/status"]);
    let source = payload.text("/project/path_with_namespace");
    let last = payload.list("/commits").last().unwrap_or(&Value::Null);
    let title = either(payload.first(&["/object_attributes/title", "/commit/title"]), text(last, "/message"));
    let url = either(payload.text("/object_attributes/url"), text(last, "/url"));
    Signal {
        event: dotted(kind, how),
        key: if id.is_empty() { id } else { format!("{source} {kind} {id}") },
        title: either(title.lines().next().unwrap_or_default(), kind).to_owned(),
        state: match (kind, how) {
            ("pipeline", "failed") => State::Firing,
            ("pipeline", "success") => State::Ok,
            _ => State::Info,
        },
        subject: match kind {
            "pipeline" => format!("{source} {}", payload.text("/object_attributes/ref")),
            _ => String::new(),
        },
        is_recovery: (kind, how) == ("pipeline", "success"),
        source: source.to_owned(),
        actor: payload.first(&["/user/username", "/user_username", "/user/name", "/user_name"]).to_owned(),
        url: either(url, payload.text("/project/web_url")).to_owned(),
        at: payload.time("/object_attributes/finished_at").or_else(|| payload.time("/object_attributes/updated_at")),
        delivery: payload.id("webhook-id").or_else(|| payload.id("idempotency-key")),
        says,
        ..Signal::default()
    }
}

/// A push to the default branch. The payload lists only some of many commits, but has their number.
fn push(payload: &Payload<'_>) -> Option<String> {
    let branch = payload.text("/ref").strip_prefix("refs/heads/")?;
    let commits = payload.list("/commits");
    let last = commits.last().filter(|_| branch == payload.text("/project/default_branch"))?;
    let count =
        payload.body["total_commits_count"].as_u64().and_then(|count| count.try_into().ok()).unwrap_or(commits.len());
    let commits_of = if count == 1 { "commit" } else { "commits" };
    let messages = commits.iter().rev().map(|commit| text(commit, "/message"));
    let (place, by) = (place(payload, branch), safe(payload.first(&["/user_username", "/user_name"])));
    Some(format!("{place}: {count} {commits_of} by {by} {}{}", link(text(last, "/url")), items(messages, count)))
}

/// A pipeline that failed, and the jobs that made it fail; or that works again.
fn pipeline(payload: &Payload<'_>) -> Option<String> {
    let is_cause = |job: &&Value| text(job, "/status") == "failed" && job["allow_failure"] != true;
    let jobs: Vec<_> = payload.list("/builds").iter().filter(is_cause).map(|job| text(job, "/name")).collect();
    let how = match payload.text("/object_attributes/status") {
        "failed" => "**pipeline failed**",
        "success" => "pipeline works again",
        _ => return None,
    };
    let place = place(payload, payload.text("/object_attributes/ref"));
    let (title, url) = (payload.safe("/commit/title"), link(payload.text("/object_attributes/url")));
    Some(format!("{place}: {how}: {title} {url}{}", items(jobs.iter().copied(), jobs.len())))
}

/// A merge request or an issue, and what happened to it. Nothing is told of what only some members may see.
fn thing(payload: &Payload<'_>, sigil: char) -> Option<String> {
    let what = match payload.text("/object_attributes/action") {
        "open" => "opened",
        "close" => "closed",
        "reopen" => "reopened",
        "merge" => "merged",
        "approved" => "approved",
        "unapproved" => "no longer approved",
        _ => return None,
    };
    (payload.body.pointer("/object_attributes/confidential") != Some(&Value::Bool(true))).then(|| {
        let (title, url) = (payload.safe("/object_attributes/title"), link(payload.text("/object_attributes/url")));
        let by = safe(payload.first(&["/user/username", "/user/name"]));
        let (place, id) = (payload.safe("/project/path_with_namespace"), payload.number("/object_attributes/iid"));
        format!("{place} \\{sigil}{}: {what} by {by}: {title} {url}", safe(&id))
    })
}

fn place(payload: &Payload<'_>, branch: &str) -> String {
    format!("{} {}", payload.safe("/project/path_with_namespace"), safe(branch))
}
