//! Letting strangers in: the request they make by writing to the bot, what they and the admins are told of it, and the
//! decision, in the chat or at the command line.

use std::time::Duration;

use jiff::SignedDuration;

use crate::access::{Addressee, Sender, Standing};
use crate::card::{Card, Submit, Text};
use crate::clock;
use crate::event;
use crate::outbox::{Destination, Letter, Post};
use crate::store::{AuditEntry, Entry, Pairing, PairingQuery, PairingRequest, PairingState, Store, StoreError};
use crate::text::{code_block, cut, escape, quoted, unmarked};
use crate::webex::{Attachment, NewMessage, RoomId, RoomType, local_part};

/// The command whose actions the buttons of an admin's card call, each by the word of its verdict.
pub const COMMAND: &str = "pairing";

/// What such a button holds: the code of the request.
pub const CODE: &str = "code";

/// So many bytes of what a stranger wrote are kept: enough to see what they want, and a crowd fills nothing with it.
const MOST_ASKED: usize = 500;

/// How often a decision is made anew because another one came in between.
const TRIES: usize = 3;

/// What an admin reads who presses a button of a card whose time is over.
pub const EXPIRED: &str = "That request has expired. If they write to me again, you get a new card.";

const APPROVED: &str = "You are let in: from now on I answer you here. What you wrote before was not worked on, so please \
    say it again; say help to see what I can do.";
const DENIED: &str = "I am sorry, but I may not answer you. If you think that this is a mistake, please speak to whoever \
    runs me.";

/// What is decided on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingDecision {
    /// They may speak to the bot, and are told so.
    Approve,
    /// They may not, and are told so once.
    Deny,
    /// As if they had never asked. They are not told.
    Revoke,
}

impl PairingDecision {
    /// What somebody says for it.
    pub fn word(self) -> &'static str {
        match self {
            PairingDecision::Approve => "approve",
            PairingDecision::Deny => "deny",
            PairingDecision::Revoke => "revoke",
        }
    }
}

/// What a decision may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whatever is known of somebody: whoever names them may change what was decided.
    Anything,
    /// Only a request that waits: whoever presses a button sees what was, and not what has been decided since.
    Waiting,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Nobody fits.
    #[error("nobody asked to be let in with the code, the email or the id \"{0}\"")]
    Unknown(String),
    /// There is a newer request.
    #[error("the code {0} counts no more: {1} has asked again since")]
    Superseded(String, String),
    /// The request waited for too long.
    #[error("the code {0} has expired; if {1} writes to the bot again, they get a new one")]
    Expired(String, String),
    /// There is nothing to revoke.
    #[error("{0} was neither let in nor denied; there is nothing to revoke")]
    Undecided(String),
    /// Somebody else was faster.
    #[error("{email} {} already, by {by}", if *.approved { "was let in" } else { "was denied" })]
    Decided {
        /// On whom.
        email: String,
        /// How.
        approved: bool,
        /// Who.
        by: String,
    },
    /// What was revoked has to be asked for anew.
    #[error("{0} has to ask again: what they asked before was revoked")]
    Revoked(String),
    /// The ledger is in the way.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A request after a decision.
#[derive(Debug)]
pub struct Decided {
    /// The request.
    pub pairing: Pairing,
    /// How it is now.
    pub state: PairingState,
    /// Whether it was otherwise before.
    pub changed: bool,
}

/// How somebody stands, by the newest request of theirs. `quiet` is how long a denial counts.
pub fn standing(newest: Option<&Pairing>, now: i64, quiet: Duration) -> Standing {
    let Some(pairing) = newest else { return Standing::Unknown };
    match pairing.state {
        PairingState::Approved => Standing::Approved,
        PairingState::Pending if now < pairing.request.expires_at => Standing::Pending,
        PairingState::Denied if now < later(pairing.decided_at.unwrap_or_default(), quiet) => Standing::Denied,
        PairingState::Pending | PairingState::Denied | PairingState::Revoked => Standing::Unknown,
    }
}

/// The word for how a request stands.
pub fn state(pairing: &Pairing, now: i64) -> &'static str {
    match pairing.state {
        PairingState::Pending if pairing.request.expires_at <= now => "expired",
        PairingState::Pending => "pending",
        PairingState::Approved => "approved",
        PairingState::Denied => "denied",
        PairingState::Revoked => "revoked",
    }
}

/// What a stranger asks for who wrote `text`.
pub fn request(event: uuid::Uuid, sender: &Sender, room: &RoomId, text: &str, expires: Duration) -> PairingRequest {
    let now = clock::wall_ms();
    PairingRequest {
        code: event::code(),
        person: sender.id.local(),
        person_id: sender.id.to_string(),
        email: sender.email.to_ascii_lowercase(),
        room: room.to_string(),
        event,
        asked: text[..cut(text, MOST_ASKED)].to_owned(),
        requested_at: now,
        expires_at: later(now, expires),
    }
}

/// What the stranger reads.
pub fn greeting(request: &PairingRequest) -> String {
    let (code, good) = (&request.code, good_for(request));
    format!(
        "I don't know you yet, so I can't answer you. To be let in, please give the code {code} to whoever runs me; it is \
         good for {good}, and you will hear from me."
    )
}

/// What each admin who can be written to gets, as rows of the outbox: a text, and a card if `sealed` can make one of that
/// id for the admin, who is named by email or person id.
pub fn notices(
    request: &PairingRequest,
    admins: &[Addressee],
    sealed: impl Fn(&Card, uuid::Uuid, &str) -> Result<Attachment, String>,
) -> Vec<Entry> {
    let card = card(request);
    let notice = |(nth, admin): (u32, &Addressee)| {
        let id = event::notice_id(request.event, nth);
        let (to, name, subject) = match admin {
            Addressee::Person(person) => (Destination::Person(person.clone()), person.to_string(), person.local()),
            Addressee::Email(email) => (Destination::Email(email.clone()), email.clone(), email.clone()),
        };
        let (attachments, without_card) = match sealed(&card, id, &name) {
            Ok(card) => (vec![card], None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let message = NewMessage { attachments, ..notice(request) };
        Letter::from(Post { without_card, ..Post::of(request.event, to, message) }).into_entry(id, &subject)
    };
    (0..).zip(admins).map(notice).collect()
}

/// What an admin sees: who asks, and a button for each verdict, for as long as the code is good.
fn card(request: &PairingRequest) -> Card {
    let PairingRequest { code, email, asked, .. } = request;
    let wrote = match quoted(asked) {
        nothing if nothing.is_empty() => Text::new("They wrote no text.").subtle(),
        asked => Text::foreign(&format!("They wrote: {asked}")),
    };
    let good = Text::new(format!("The code is {code}; it is good for {}.", good_for(request))).subtle();
    let button = |title, verdict: PairingDecision| Submit::new(title, verdict.word()).argument(CODE, code);
    Card::new()
        .with(Text::foreign(&format!("{email} asks to be let in.")).large())
        .with(wrote)
        .with(good)
        .lives(Duration::from_millis((request.expires_at - clock::wall_ms()).max(0).unsigned_abs()))
        .action(button("Approve", PairingDecision::Approve).positive())
        .action(button("Deny", PairingDecision::Deny).destructive())
}

/// What an admin reads where cards are not shown, or their buttons do nothing.
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

/// Decides on the request of whoever has this code, email or id, and has them told. Deciding the same again changes
/// nothing, and tells nobody. `audit` says by which way it is decided.
///
/// # Errors
/// Why nothing was decided.
pub async fn decide(
    store: &Store,
    who: &str,
    verdict: PairingDecision,
    scope: Scope,
    by: &str,
    audit: AuditEntry,
) -> Result<Decided, Refusal> {
    for _ in 0..TRIES {
        let pairing = find(store, who).await?;
        let (state, says) = match verdict {
            PairingDecision::Approve => (PairingState::Approved, Some(APPROVED)),
            PairingDecision::Deny => (PairingState::Denied, Some(DENIED)),
            PairingDecision::Revoke => (PairingState::Revoked, None),
        };
        // A button that is worked on again, since the process ended before its click was settled, has decided already.
        let is_own = pairing.decided_by.as_deref() == Some(by);
        if pairing.state == state && (scope == Scope::Anything || is_own) {
            return Ok(Decided { pairing, state, changed: false });
        }
        allowed(&pairing, verdict, scope)?;
        let entries = says.map(|says| told(&pairing, says)).into_iter().collect();
        let (action, reason) = (format!("pairing {}", verdict.word()), format!("about {}", pairing.request.email));
        let audit = AuditEntry { action, reason, verdict: crate::verdict::Verdict::Done, ..audit.clone() };
        if store.decide_pairing(&pairing, state, by, entries, audit).await? {
            tracing::info!(person = pairing.request.email, ?state, by, "a request to be let in was decided");
            return Ok(Decided { pairing, state, changed: true });
        }
    }
    Err(StoreError::Busy.into())
}

/// Whether this can be decided now.
fn allowed(pairing: &Pairing, verdict: PairingDecision, scope: Scope) -> Result<(), Refusal> {
    let (code, email) = (pairing.request.code.clone(), pairing.request.email.clone());
    match (pairing.state, verdict) {
        (PairingState::Pending, PairingDecision::Revoke) => Err(Refusal::Undecided(email)),
        (PairingState::Pending, _) if pairing.request.expires_at <= clock::wall_ms() => {
            Err(Refusal::Expired(code, email))
        }
        (PairingState::Revoked, _) => Err(Refusal::Revoked(email)),
        (PairingState::Approved | PairingState::Denied, _) if scope == Scope::Waiting => Err(Refusal::Decided {
            email,
            approved: pairing.state == PairingState::Approved,
            by: pairing.decided_by.clone().unwrap_or_else(|| "somebody".to_owned()),
        }),
        (PairingState::Pending | PairingState::Approved | PairingState::Denied, _) => Ok(()),
    }
}

async fn find(store: &Store, who: &str) -> Result<Pairing, Refusal> {
    let code = event::canonical(who);
    let wanted =
        |who: &str| PairingQuery { code: code.clone(), email: who.to_ascii_lowercase(), person: local_part(who) };
    // Of an address nothing is left out but what stands around the whole of it: who looks alike may be somebody else.
    let (spelt, meant) = (wanted(who.trim()), wanted(unmarked(who)));
    let (wanted, found) = match store.find_pairing(&spelt).await? {
        None => {
            let found = store.find_pairing(&meant).await?;
            (meant, found)
        }
        found => (spelt, found),
    };
    let found = found.ok_or_else(|| Refusal::Unknown(quoted(who)))?;
    let request = &found.request;
    if request.code != code && request.email != wanted.email && request.person != wanted.person {
        return Err(Refusal::Superseded(code, request.email.clone()));
    }
    Ok(found)
}

/// The message that tells of a decision, in the space where they asked.
fn told(pairing: &Pairing, says: &str) -> Entry {
    let request = &pairing.request;
    let space = Destination::Space(request.room.as_str().into(), RoomType::Direct);
    let message = NewMessage::text(says);
    let letter = Letter::from(Post::of(request.event, space, message));
    letter.into_entry(event::decision_id(request.event, pairing.decisions), &request.email)
}

fn later(ms: i64, span: Duration) -> i64 {
    ms.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// How long a code is good, to the minute or, if that is none, to the second.
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
