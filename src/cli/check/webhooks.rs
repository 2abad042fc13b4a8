//! Compares our webhooks at Webex with those that the bot needs.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::report::{CheckFinding, CheckState};
use crate::cli::webex::without_secrets;
use crate::config::Config;
use crate::event::Subscription;
use crate::instance::Mark;
use crate::receiver::registration;
use crate::text::one_line;
use crate::webex::{Error, Webhook, WebhookSpec};

const MEND_HINT: &str = "`switchboard webhooks sync` mends it, and so does the daemon when it looks after them";
const SCOPE_HINT: &str = "`switchboard webhooks sync` makes it, or says why Webex does not: the token needs a scope for its resource; \
     a running daemon tries it at each look";
const REVIVE_HINT: &str = "Webex does that after 100 failed deliveries in five minutes, and leaves it so: see that the public \
     URL answers, then `switchboard webhooks sync`; a running daemon does it too";
const DEAD_BUTTONS_HINT: &str =
    "set webhook.public_url, register one for attachmentActions yourself, or set cards.enabled = false";
const SHARED_TOKEN_HINT: &str = "`switchboard webhooks sync` mends it; if it comes back, another installation uses the same token: \
     give each a bot of its own";

/// The webhooks that differ from what is wanted, each with what mends it.
pub(super) fn compare(
    config: &Config,
    others: &[Subscription],
    found: &Result<Vec<Webhook>, Error>,
) -> Vec<CheckFinding> {
    if let Some(finding) = CheckFinding::not_needed("webhooks", config.delivery.mode) {
        return vec![finding];
    }
    let (Some(url), Some(secret)) = (config.webhook.target_url(), &config.webhook.secret) else {
        let unset = config.missing_url().into_iter();
        let mut findings: Vec<_> = unset.map(|doubt| CheckFinding::warn("webhooks", doubt.says, &doubt.hint)).collect();
        // Somebody may have registered webhooks by hand. Without one for clicks, only this finding shows that buttons
        // do nothing.
        if config.cards.enabled && found.as_ref().is_ok_and(|found| !registration::tells_of_clicks(found)) {
            let says = "none tells of clicks on cards, so their buttons do nothing";
            findings.push(CheckFinding::warn("webhooks", says, DEAD_BUTTONS_HINT));
        }
        return findings;
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            return vec![CheckFinding::unless_asked_to_wait("webhooks", error.to_string(), error.hint(), error)];
        }
    };
    let foreign: Vec<_> = found.iter().filter(|webhook| is_foreign(webhook)).collect();
    let (here, elsewhere): (Vec<_>, Vec<_>) = foreign.into_iter().partition(|webhook| calls(webhook, url));
    let here = here.into_iter().map(|webhook| calls_us(webhook, secret));
    if !found.iter().any(registration::is_ours) {
        let hint = "the daemon makes them when it starts; `switchboard webhooks sync` makes them now";
        return here.chain([CheckFinding::warn("webhooks", "none yet", hint)]).collect();
    }
    let wanted = registration::wanted(url, secret, others);
    here.chain(compare_ours(&wanted, found, elsewhere.len())).collect()
}

/// Compares the bot's webhooks with those it wants. `foreign` counts those of other programs that do not call the bot.
fn compare_ours(wanted: &[WebhookSpec], found: &[Webhook], foreign: usize) -> Vec<CheckFinding> {
    let compared: Vec<_> = wanted.iter().map(|spec| (spec, compare_one(spec, found))).collect();
    // A missing webhook of an event handler is no failure: the bot works on everything else.
    let is_odd =
        |(spec, findings): &&(&WebhookSpec, Vec<_>)| !findings.is_empty() && !registration::is_of_the_bot(&spec.name);
    let registered = match compared.iter().filter(is_odd).count() {
        0 => format!("all {}", wanted.len()),
        odd => format!("{} of {}", wanted.len() - odd, wanted.len()),
    };
    let mut findings: Vec<_> = compared.into_iter().flat_map(|(_, findings)| findings).collect();
    if findings.iter().all(|finding| finding.state() != CheckState::Fail) {
        let foreign = match foreign {
            0 => String::new(),
            count => format!("; {count} of other programs on this token, left alone"),
        };
        findings.push(CheckFinding::ok("webhooks", format!("{registered} are registered and active{foreign}")));
    }
    findings
}

/// Whether somebody else made this webhook. Ours are those for events, and the marks of daemons.
fn is_foreign(webhook: &Webhook) -> bool {
    !registration::is_ours(webhook) && Mark::read(&webhook.name).is_none()
}

/// Whether this webhook calls `url`, however the URL is spelled.
fn calls(webhook: &Webhook, url: &str) -> bool {
    let same = match (Url::parse(&webhook.target_url), Url::parse(url)) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        _ => webhook.target_url == url,
    };
    same && webhook.status.as_deref().is_none_or(|status| status == "active")
}

fn calls_us(webhook: &Webhook, secret: &SecretString) -> CheckFinding {
    let Webhook { id, name, resource, event, .. } = webhook;
    let is_signed = webhook.secret.as_ref().is_some_and(|theirs| theirs.expose_secret() == secret.expose_secret());
    let effect = match is_signed {
        true => "what it tells of comes twice",
        false => "what it tells of also comes without our signature, is refused, and is counted as forged",
    };
    let says = format!(
        "\"{}\" for {resource}/{event} is not ours and calls our URL: {effect}; its id is {id}",
        one_line(name)
    );
    let hint = format!(
        "`switchboard webhooks delete {id}` deletes it; if another program on this token needs it, have that program be called \
         at a URL of its own"
    );
    CheckFinding::warn("webhooks", says, &hint)
}

fn compare_one(spec: &WebhookSpec, found: &[Webhook]) -> Vec<CheckFinding> {
    let name = &spec.name;
    let is_of_the_bot = registration::is_of_the_bot(name);
    let fail = |says: String, hint| match is_of_the_bot {
        true => CheckFinding::fail("webhooks", format!("{name} {says}"), hint),
        false => CheckFinding::warn("webhooks", format!("{name} {says}, so its handler of events is not called"), hint),
    };
    let same_name: Vec<_> = found.iter().filter(|webhook| webhook.name == *name).collect();
    let Some(kept) = same_name.iter().find(|webhook| spec.can_become(webhook)) else {
        return match same_name.first() {
            None => vec![fail("is missing".to_owned(), if is_of_the_bot { MEND_HINT } else { SCOPE_HINT })],
            Some(other) => {
                let filter = other.filter.as_ref().map_or_else(String::new, |filter| format!(" if {filter}"));
                vec![fail(
                    format!("tells of {}/{}{filter}, which is something else", other.resource, other.event),
                    MEND_HINT,
                )]
            }
        };
    };
    let mut findings = Vec::new();
    if let Some(status) = kept.status.as_deref().filter(|status| *status != "active") {
        findings.push(fail(format!("is {status}: Webex tells of nothing through it"), REVIVE_HINT));
    }
    if kept.target_url != spec.target_url {
        let target = without_secrets(&kept.target_url);
        findings.push(fail(format!("calls {target} and not webhook.public_url"), SHARED_TOKEN_HINT));
    }
    if findings.is_empty() && !spec.is_met_by(kept) {
        let says =
            if kept.secret.is_some() { "signs with another secret than webhook.secret" } else { "signs nothing" };
        findings.push(fail(says.to_owned(), SHARED_TOKEN_HINT));
    }
    if same_name.len() > 1 {
        let says = format!("{name} is there {} times, and each event comes as often", same_name.len());
        findings.push(CheckFinding::warn("webhooks", says, "`switchboard webhooks sync` deletes the surplus"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_of_a_handler_that_is_missing_is_only_warned_of() {
        let handled = Subscription { resource: "meetings".to_owned(), event: "created".to_owned() };
        let secret = SecretString::from("s");
        for spec in registration::wanted("https://bot.example.org/", &secret, &[handled]) {
            let findings = compare_one(&spec, &[]);
            let is_handlers = spec.name == "switchboard meetings created";
            let expected = if is_handlers { CheckState::Warn } else { CheckState::Fail };
            assert!(findings.len() == 1 && findings[0].state() == expected, "{}", spec.name);
        }
    }
}
