//! What people read about an approval request and its end. People are named by address, since anybody can take
//! another's name.

use jiff::SignedDuration;

use crate::access::Quorum;
use crate::card::{Card, Element, Submit, Text, Vote};
use crate::event;
use crate::handler::Outgoing;
use crate::store::{Approval, ApprovalRequest, ApprovalState, Approver};
use crate::text::{escape, minute};

/// The card of a request, with a button for each vote.
pub(super) fn request(request: &ApprovalRequest, quorum: &Quorum) -> Outgoing {
    let button = |title, vote: Vote| Submit::new(title, vote.word()).repeatable();
    let mut facts = vec![
        ("Asked for by", escape(&request.email)),
        ("Needs", format!("{} of {}; whoever asks does not count", approvals(quorum), escape(&quorum.whom()))),
        ("Until", format!("{}, {} after it was asked for", minute(request.expires_at), quorum.time())),
    ];
    match request.files.len() {
        0 => {}
        1 => facts.push(("Attached", "1 file".to_owned())),
        files => facts.push(("Attached", format!("{files} files"))),
    }
    let title = format!("{} has to be approved", escape(&request.command));
    let how = format!("One Deny ends it. Only {} can withdraw it.", escape(&request.email));
    let card = with_typed(Card::new().with(Text::new(title).large()), &request.asked)
        .with(Element::facts(facts))
        .with(Text::new(how).subtle())
        .action(button("Approve", Vote::Approve).positive())
        .action(button("Deny", Vote::Deny).destructive())
        .action(button("Withdraw", Vote::Withdraw));
    card.into()
}

/// The card about the outcome, which replaces the card of the request and has no buttons.
pub(super) fn outcome(approval: &Approval) -> Outgoing {
    let request = &approval.request;
    let title = match approval.state {
        ApprovalState::Open => "waits",
        ApprovalState::Running => "was approved and is about to run",
        ApprovalState::Approved => "was approved",
        ApprovalState::Denied => "was denied",
        ApprovalState::Withdrawn => "was withdrawn",
        ApprovalState::Expired => "was not approved in time",
        ApprovalState::Failed => "was approved and failed",
        ApprovalState::Refused => "was approved and not run",
        ApprovalState::Declined => "was approved and not done",
        ApprovalState::Unasked => "could not be put before anybody",
    };
    let title = format!("{} {title}", escape(&request.command));
    let card = with_typed(Card::new().with(Text::new(title).large()), &request.asked).with(Text::new(format!(
        "Asked for by {}. {}",
        escape(&request.email),
        escape(&ended(approval))
    )));
    card.into()
}

/// How a request ended, as plain text.
pub(super) fn ended(approval: &Approval) -> String {
    let (approvers, by) = (list(&approval.approvers), approval.ended_by.as_deref().unwrap_or_default());
    let at = approval.ended_at.map(minute).unwrap_or_default();
    match approval.ends.unwrap_or(approval.state) {
        ApprovalState::Open => "It waits for approval.".to_owned(),
        ApprovalState::Running => format!("Approved by {approvers}; it is about to run."),
        ApprovalState::Declined => format!("Approved by {approvers}; the command would not do it, as it says itself."),
        ApprovalState::Unasked => "Its card was not put before anybody, so nobody could decide.".to_owned(),
        ApprovalState::Approved => format!("Approved by {approvers}; ran at {at}."),
        ApprovalState::Denied => format!("Denied by {by} at {at}."),
        ApprovalState::Withdrawn => format!("Withdrawn by {by} at {at}."),
        ApprovalState::Expired if approval.approvers.is_empty() => {
            format!("Nobody approved it within {}.", within(approval))
        }
        ApprovalState::Expired => format!("Only {approvers} approved it within {}.", within(approval)),
        ApprovalState::Failed => {
            let reference = approval.ended_event.map(event::reference).unwrap_or_default();
            format!("Approved by {approvers}; failed at {at}, reference {reference}.")
        }
        ApprovalState::Refused => {
            let who = &approval.request.email;
            format!("Approved by {approvers}; not run, since {who} may not give it here any more, or not like this.")
        }
    }
}

/// Tells people whose approvals do not count any more, since they may have read a higher count before.
pub(super) fn lapsed_approvals(approvers: &[Approver]) -> String {
    let verb = if approvers.len() == 1 { "does" } else { "do" };
    if approvers.is_empty() { String::new() } else { format!(" {} {verb} not count any more.", list(approvers)) }
}

/// As `2 approvals`.
pub(super) fn approvals(quorum: &Quorum) -> String {
    let needed = quorum.needed();
    if needed == 1 { "1 approval".to_owned() } else { format!("{needed} approvals") }
}

/// Shows what was typed, each line alone. Further blanks of a run become no-break spaces, so that all of them can be seen;
/// the text has no such space of its own.
fn with_typed(card: Card, typed: &str) -> Card {
    typed.split('\n').fold(card, |card, line| {
        let line = if line.is_empty() { " " } else { line };
        let mut last = ' ';
        let seen = line.chars().map(|c| {
            let is_run = c == ' ' && last == ' ';
            last = c;
            if is_run { '\u{a0}' } else { c }
        });
        card.with(Text::foreign(&seen.collect::<String>()))
    })
}

fn within(approval: &Approval) -> String {
    let ms = approval.request.expires_at - approval.request.requested_at;
    format!("{:#}", SignedDuration::from_secs(ms / 1000))
}

/// `a`, `a and b`, `a, b and c`.
fn list(approvers: &[Approver]) -> String {
    let emails: Vec<_> = approvers.iter().map(|approver| approver.email.as_str()).collect();
    match emails.split_last() {
        None => "nobody".to_owned(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}
