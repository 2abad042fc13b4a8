//! `jenkins`: builds, as the Notification plugin posts them in JSON. It signs nothing. A build's parameters and log may
//! hold secrets, so nothing here reads them.

use super::payload::{Payload, Preset, Proof, Signal, State, link, safe, with_detail};

pub(super) const PRESET: Preset = Preset {
    name: "jenkins",
    signature: None,
    proof: Proof::Basic,
    setup: include_str!("setup/jenkins.txt"),
    hidden: &["/build/parameters", "/build/log"],
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    let (job, number) = (job(payload), payload.number("/build/number"));
    let (phase, started) = (payload.text("/build/phase"), payload.number("/build/timestamp"));
    let key = if job.is_empty() || number.is_empty() { String::new() } else { format!("{job}#{number}") };
    let state = match payload.text("/build/status") {
        "FAILURE" | "UNSTABLE" => State::Firing,
        "SUCCESS" => State::Ok,
        _ => State::Info,
    };
    Signal {
        event: phase.to_owned(),
        // A job that is made anew counts from 1 again, so its number alone is not enough.
        delivery: (!key.is_empty() && !phase.is_empty())
            .then(|| format!("{key} {phase} {started}").trim_end().to_owned()),
        title: key.clone(),
        key,
        state,
        // FINALIZED follows with the same result.
        says: (phase == "COMPLETED" && state == State::Firing).then(|| says(payload, &job, &number)),
        source: job,
        url: payload.text("/build/full_url").to_owned(),
        at: payload.time("/build/timestamp"),
        ..Signal::default()
    }
}

/// The path of the job, such as `shop/main` of the address `job/shop/job/main/`; the name alone may be a branch.
fn job(payload: &Payload<'_>) -> String {
    let path = payload.text("/url").strip_prefix("job/").unwrap_or_default().trim_end_matches('/');
    if path.is_empty() { payload.text("/name").to_owned() } else { path.replace("/job/", "/") }
}

fn says(payload: &Payload<'_>, job: &str, number: &str) -> String {
    let (status, link) = (payload.safe("/build/status"), link(payload.text("/build/full_url")));
    let commit: String = payload.text("/build/scm/commit").chars().take(8).collect();
    let at = [payload.safe("/build/scm/branch"), safe(&commit)].join(" ");
    let at = if at.trim().is_empty() { String::new() } else { format!(", {}", at.trim()) };
    let head = format!("{} \\#{}: **{status}**{at} {link}", safe(job), safe(number));
    let (failed, total) = (payload.number("/build/test_summary/failed"), payload.number("/build/test_summary/total"));
    let has_tests = !matches!(failed.as_str(), "" | "0");
    let tests = if has_tests { format!("{} of {} tests failed", safe(&failed), safe(&total)) } else { String::new() };
    with_detail(&head, &tests)
}
