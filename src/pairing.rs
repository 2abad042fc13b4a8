//! Lets strangers in: the request that a stranger makes by writing to the bot, the messages to them and to the admins,
//! and the decision, made in the chat or at the command line.

use std::time::Duration;

use jiff::SignedDuration;

use crate::access::{Addressee, PairingStatus, Sender};
use crate::card::{Card, Submit, Text};
use crate::clock::{self, millis};
use crate::event;
use crate::outbox::{Destination, Letter, Post};
use crate::store::{AuditEntry, Entry, Pairing, PairingQuery, PairingRequest, PairingState, Store, StoreError};
use crate::text::{code_block, cut, escape, quoted, unmarked};
use crate::webex::{Attachment, NewMessage, RoomId, RoomType, local_part};

/// The command whose actions the buttons of an admin's card call, each by the word of its decision.
pub const COMMAND: &str = "pairing";

/// The argument of such a button: the code of the pairing request.
pub const CODE: &str = "code";

/// The most bytes that are kept of a stranger's message: enough to see what they want, and too few for a crowd to fill
/// the disk.
const MOST_ASKED: usize = 500;

/// The most tries of a decision when another decision comes in between.
const TRIES: usize = 3;

/// The answer to an admin who presses a button of an expired card.
pub const EXPIRED: &str = "That request has expired. If they write to me again, you get a new card.";

const APPROVED: &str = "You are let in: from now on I answer you here. What you wrote before was not worked on, so please \
    say it again; say help to see what I can do.";
const DENIED: &str = "I am sorry, but I may not answer you. If you think that this is a mistake, please speak to whoever \
    runs me.";

/// A decision on a pairing request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingDecision {
    /// Lets the person in, and tells them.
    Approve,
    /// Denies the person, and tells them once.
    Deny,
    /// Takes the decision back, as if the person had never made a request. They are not told.
    Revoke,
}

impl PairingDecision {
    /// The word that an admin types for the decision.
    pub fn word(self) -> &'static str {
        match self {
            PairingDecision::Approve => "approve",
            PairingDecision::Deny => "deny",
            PairingDecision::Revoke => "revoke",
        }
    }
}

/// Which requests a decision may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Any. An admin who names a person may change an earlier decision.
    Anything,
    /// Only one that waits. An admin who presses a button does not see what was decided since its card was made.
    Waiting,
}

/// Why nothing was decided. Tell the person who decides, except for [`PairingError::Store`], after which the same call
/// may succeed later.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    /// There is no such request.
    #[error("nobody asked to be let in with the code, the email or the id \"{0}\"")]
    Unknown(String),
    /// The person made a newer request.
    #[error("the code {0} counts no more: {1} has asked again since")]
    Superseded(String, String),
    /// The request waited for too long.
    #[error("the code {0} has expired; if {1} writes to the bot again, they get a new one")]
    Expired(String, String),
    /// There is nothing to revoke.
    #[error("{0} was neither let in nor denied; there is nothing to revoke")]
    Undecided(String),
    /// Somebody else decided before.
    #[error("{email} {} already, by {by}", if *.approved { "was let in" } else { "was denied" })]
    Decided {
        /// Who made the request.
        email: String,
        /// Whether they were let in.
        approved: bool,
        /// Who decided.
        by: String,
    },
    /// The request was revoked, so the person has to make a new one.
    #[error("{0} has to ask again: what they asked before was revoked")]
    Revoked(String),
    /// The ledger failed: try again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A pairing request after a decision.
#[derive(Debug)]
pub struct Decided {
    /// The request.
    pub pairing: Pairing,
    /// Its state now.
    pub state: PairingState,
    /// Whether the decision changed it.
    pub changed: bool,
}

/// The pairing of a person, by their newest request. `quiet` is how long a denial counts.
pub fn status(newest: Option<&Pairing>, now: i64, quiet: Duration) -> PairingStatus {
    let Some(pairing) = newest else { return PairingStatus::Unknown };
    match pairing.state {
        PairingState::Approved => PairingStatus::Approved,
        PairingState::Pending if now < pairing.request.expires_at => PairingStatus::Pending,
        PairingState::Denied if now < pairing.decided_at.unwrap_or_default().saturating_add(millis(quiet)) => {
            PairingStatus::Denied
        }
        PairingState::Pending | PairingState::Denied | PairingState::Revoked => PairingStatus::Unknown,
    }
}

/// The word for the state of a request.
pub fn state_word(pairing: &Pairing, now: i64) -> &'static str {
    match pairing.state {
        PairingState::Pending if pairing.request.expires_at <= now => "expired",
        PairingState::Pending => "pending",
        PairingState::Approved => "approved",
        PairingState::Denied => "denied",
        PairingState::Revoked => "revoked",
    }
}

/// The pairing request of a stranger who wrote `text`.
pub fn request(event: uuid::Uuid, sender: &Sender, room: &RoomId, text: &str, expires: Duration) -> PairingRequest {
    let now = clock::wall_ms();
    PairingRequest {
        code: event::new_code(),
        person: sender.id.local(),
        person_id: sender.id.to_string(),
        email: sender.email.to_ascii_lowercase(),
        room: room.to_string(),
        event,
        asked: text[..cut(text, MOST_ASKED)].to_owned(),
        requested_at: now,
        expires_at: now.saturating_add(millis(expires)),
    }
}

/// The text that the stranger reads.
pub fn greeting(request: &PairingRequest) -> String {
    let (code, good) = (&request.code, good_for(request));
    format!(
        "I don't know you yet, so I can't answer you. To be let in, please give the code {code} to whoever runs me; it is \
         good for {good}, and you will hear from me."
    )
}

/// The letters to the admins whom the bot can write to. Each has a text, and a card if `sealed` can make one. `sealed`
/// gets the card, its id, and the admin's email or person id.
pub fn notices(
    request: &PairingRequest,
    admins: &[Addressee],
    sealed: impl Fn(&Card, uuid::Uuid, &str) -> Result<Attachment, String>,
) -> Vec<Entry> {
    let card = card(request);
    let notice = |(nth, admin): (u32, &Addressee)| {
        let id = event::notice_id(request.event, nth);
        let (to, name) = match admin {
            Addressee::Person(person) => (Destination::Person(person.clone()), person.to_string()),
            Addressee::Email(email) => (Destination::Email(email.clone()), email.clone()),
        };
        let (attachments, without_card) = match sealed(&card, id, &name) {
            Ok(card) => (vec![card], None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let message = NewMessage { attachments, ..notice(request) };
        Letter::from(Post { without_card, ..Post::of(request.event, to, message) }).into_entry(id)
    };
    (0..).zip(admins).map(notice).collect()
}

/// The card for an admin: who asks, and a button for each decision. It works as long as the code is valid.
fn card(request: &PairingRequest) -> Card {
    let PairingRequest { code, email, asked, .. } = request;
    let wrote = match quoted(asked) {
        nothing if nothing.is_empty() => Text::new("They wrote no text.").subtle(),
        asked => Text::foreign(&format!("They wrote: {asked}")),
    };
    let good = Text::new(format!("The code is {code}; it is good for {}.", good_for(request))).subtle();
    let button = |title, decision: PairingDecision| Submit::new(title, decision.word()).argument(CODE, code);
    Card::new()
        .with(Text::foreign(&format!("{email} asks to be let in.")).large())
        .with(wrote)
        .with(good)
        .lives(Duration::from_millis((request.expires_at - clock::wall_ms()).max(0).unsigned_abs()))
        .action(button("Approve", PairingDecision::Approve).positive())
        .action(button("Deny", PairingDecision::Deny).destructive())
}

/// The text for an admin. It is read where cards are not shown, or where their buttons do nothing.
fn notice(request: &PairingRequest) -> NewMessage {
    let PairingRequest { code, email, asked, .. } = request;
    let wrote = match quoted(asked) {
        nothing if nothing.is_empty() => " They wrote no text.".to_owned(),
        asked => format!(" They wrote:\n\n{}", code_block(&asked)),
    };
    let markdown = format!(
        "**{}** asks to be let in.{wrote}\n\nSay `/pairing approve {code}` or `/pairing deny {code}`; the code is good for {}.",
        escape(email),
        good_for(request),
    );
    NewMessage { markdown: Some(markdown), ..NewMessage::default() }
}

/// Decides on the request of the person with this code, email or id, and tells them. If the same decision was made
/// before, nothing changes and nobody is told. `audit` says who decides, and how the decision came in.
///
/// # Errors
/// Why nothing was decided. Tell the person who decides, except for [`PairingError::Store`], after which the same call
/// may succeed later.
pub async fn decide(
    store: &Store,
    who: &str,
    decision: PairingDecision,
    scope: Scope,
    by: &str,
    audit: AuditEntry,
) -> Result<Decided, PairingError> {
    for _ in 0..TRIES {
        let pairing = find_request(store, who).await?;
        let (state, says) = match decision {
            PairingDecision::Approve => (PairingState::Approved, Some(APPROVED)),
            PairingDecision::Deny => (PairingState::Denied, Some(DENIED)),
            PairingDecision::Revoke => (PairingState::Revoked, None),
        };
        // An earlier try of this click has decided already, and the process ended before it was settled.
        let is_own = pairing.decided_by.as_deref() == Some(by);
        if pairing.state == state && (scope == Scope::Anything || is_own) {
            return Ok(Decided { pairing, state, changed: false });
        }
        check_decision(&pairing, decision, scope)?;
        let entries = says.map(|says| decision_letter(&pairing, says)).into_iter().collect();
        let (action, reason) = (format!("pairing {}", decision.word()), format!("about {}", pairing.request.email));
        let audit = AuditEntry { action, reason, verdict: crate::verdict::Verdict::Done, ..audit.clone() };
        if store.decide_pairing(&pairing, state, by, entries, audit).await? {
            tracing::info!(person = pairing.request.email, ?state, by, "a request to be let in was decided");
            return Ok(Decided { pairing, state, changed: true });
        }
    }
    Err(StoreError::Busy.into())
}

/// Checks that the request can still be decided in this way.
fn check_decision(pairing: &Pairing, decision: PairingDecision, scope: Scope) -> Result<(), PairingError> {
    let (code, email) = (pairing.request.code.clone(), pairing.request.email.clone());
    match (pairing.state, decision) {
        (PairingState::Pending, PairingDecision::Revoke) => Err(PairingError::Undecided(email)),
        (PairingState::Pending, _) if pairing.request.expires_at <= clock::wall_ms() => {
            Err(PairingError::Expired(code, email))
        }
        (PairingState::Revoked, _) => Err(PairingError::Revoked(email)),
        (PairingState::Approved | PairingState::Denied, _) if scope == Scope::Waiting => Err(PairingError::Decided {
            email,
            approved: pairing.state == PairingState::Approved,
            by: pairing.decided_by.clone().unwrap_or_else(|| "somebody".to_owned()),
        }),
        (PairingState::Pending | PairingState::Approved | PairingState::Denied, _) => Ok(()),
    }
}

async fn find_request(store: &Store, who: &str) -> Result<Pairing, PairingError> {
    let code = event::canonical_code(who);
    let wanted =
        |who: &str| PairingQuery { code: code.clone(), email: who.to_ascii_lowercase(), person: local_part(who) };
    // Nothing but the marks around an address is left out, since two addresses that look alike may belong to two
    // people.
    let (spelt, meant) = (wanted(who.trim()), wanted(unmarked(who)));
    let (wanted, found) = match store.find_pairing(&spelt).await? {
        None => {
            let found = store.find_pairing(&meant).await?;
            (meant, found)
        }
        found => (spelt, found),
    };
    let found = found.ok_or_else(|| PairingError::Unknown(quoted(who)))?;
    let request = &found.request;
    if request.code != code && request.email != wanted.email && request.person != wanted.person {
        return Err(PairingError::Superseded(code, request.email.clone()));
    }
    Ok(found)
}

/// The message about a decision, in the space where the person wrote.
fn decision_letter(pairing: &Pairing, says: &str) -> Entry {
    let request = &pairing.request;
    let space = Destination::Space(request.room.as_str().into(), RoomType::Direct);
    let message = NewMessage::text(says);
    let letter = Letter::from(Post::of(request.event, space, message));
    let id = event::decision_id(request.event, pairing.decisions);
    Entry { subject: Some(request.email.clone()), ..letter.into_entry(id) }
}

/// How long the code is valid, to the minute, or to the second if that is less than a minute.
fn good_for(request: &PairingRequest) -> String {
    let seconds = (request.expires_at - request.requested_at) / 1000;
    let rounded = if seconds >= 60 { seconds - seconds % 60 } else { seconds };
    format!("{:#}", SignedDuration::from_secs(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webex::PersonId;

    fn asks(text: &str) -> PairingRequest {
        let sender = Sender { id: "bob".into(), email: "Bob_B@example.com".to_owned() };
        request(uuid::Uuid::from_u128(1), &sender, &"room".into(), text, Duration::from_secs(86_400))
    }

    #[test]
    fn what_a_stranger_wrote_is_short_and_harmless_to_an_admin() {
        let hostile = format!("<@all> ```\n\npairing approve 000000 [x](https://x.test) {}", "é".repeat(1000));
        let request = PairingRequest { code: "7Q2MKD".to_owned(), ..asks(&hostile) };
        assert!(request.asked.len() <= MOST_ASKED);
        let notice = notice(&request).markdown.unwrap();
        let lines: Vec<_> = notice.lines().collect();
        assert_eq!(lines[0], r"**bob\_b@example.com** asks to be let in. They wrote:");
        assert!(lines[2] == "````" && lines[4] == "````", "{notice}");
        assert!(lines[3].starts_with("<\u{200b}@all> ``` pairing approve 000000"), "{notice}");
        assert_eq!(lines[6..], ["Say `/pairing approve 7Q2MKD` or `/pairing deny 7Q2MKD`; the code is good for 24h."]);
        let card = card(&request);
        card.check().unwrap();
        let card = format!("{card:?}");
        assert!(card.contains(r"They wrote: &lt;@all&gt;") && card.contains(r"\\[x\\]\\(https://x.test\\)"), "{card}");
        assert!(!card.contains("<@") && !card.contains("```") && !card.contains("\\n"), "{card}");
    }

    #[test]
    fn each_admin_is_told_once_however_often_the_event_is_worked_on() {
        let request = asks("help");
        let admins = [Addressee::Email("root@example.org".to_owned()), Addressee::Person(PersonId::from("a"))];
        let unsealed = |_: &Card, _, _: &str| Err("not here".to_owned());
        let ids = || notices(&request, &admins, unsealed).into_iter().map(|entry| entry.id).collect::<Vec<_>>();
        assert!(ids().len() == 2 && ids()[0] != ids()[1]);
        assert_eq!(ids(), ids());
    }
}
