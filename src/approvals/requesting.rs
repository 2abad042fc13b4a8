//! Puts a command before the people who have to approve it. Nothing runs yet; `voting` counts what they press.

use super::{Approvals, wording};
use crate::access::Quorum;
use crate::card::{Sealing, Venue};
use crate::clock;
use crate::desk::{Case, Outcome, ReplyTo, SpokenRefusal};
use crate::event;
use crate::handler::{CommandSpec, Context, Outgoing};
use crate::store::{ApprovalRequest, ApprovalStep, Effect};
use crate::text::{is_unseen, minute, trim};
use crate::verdict::Verdict;
use crate::webex::RoomType;

/// Most requests one person, or one space, may have open at a time.
const MOST_OF_PERSON: u64 = 10;
const MOST_OF_SPACE: u64 = 50;

/// The most characters and lines of a command to approve. People see it whole, and a card has room for about 15 kB.
const MOST_CHARACTERS: usize = 1000;
const MOST_LINES: usize = 30;

/// A command that somebody typed and that needs approval.
#[derive(Clone, Copy)]
pub struct Requested<'a> {
    /// The command.
    pub command: &'a CommandSpec,
    /// The approvals it takes.
    pub quorum: &'a Quorum,
    /// What was typed, and where.
    pub context: &'a Context,
}

impl Requested<'_> {
    /// What people read before they approve it, and what then runs.
    fn typed(&self) -> &str {
        trim(&self.context.text)
    }

    /// Why the text cannot be approved: it is too long to be shown, or not shown as it is.
    fn hidden_part(&self) -> Option<SpokenRefusal> {
        let (typed, needs) = (self.typed(), self.needs());
        if typed.chars().count() > MOST_CHARACTERS || typed.lines().count() > MOST_LINES {
            let says = format!(
                "{needs}, and they have to see it whole. Please say it in {MOST_CHARACTERS} characters and {MOST_LINES} \
                 lines or fewer."
            );
            return Some(SpokenRefusal::declined("needs approval, and is too long to be shown whole", says));
        }
        // An unseen character, or one that turns the direction of reading, would show people something else than what runs.
        let unseen = u32::from(typed.chars().find(|c| *c != '\n' && is_unseen(*c))?);
        let says =
            format!("{needs}, and they could not see the sign U+{unseen:04X} in it. Please type it without that.");
        Some(SpokenRefusal::declined("needs approval, and would be shown as something else than it is", says))
    }

    fn needs(&self) -> String {
        format!("{} runs only once other people have approved it", self.command.name())
    }

    fn to_request(self, case: Case<'_>) -> ApprovalRequest {
        let (now, sender) = (clock::wall_ms(), &case.to.sender);
        ApprovalRequest {
            card: event::reply_id(case.row.id, 0),
            event: case.row.id,
            command: self.command.name().to_owned(),
            asked: self.typed().to_owned(),
            person: sender.id.local(),
            person_id: sender.id.to_string(),
            email: sender.email.clone(),
            room: case.to.room.to_string(),
            thread: case.to.thread.as_ref().unwrap_or(&case.to.message).to_string(),
            message: case.to.message.to_string(),
            files: self.context.files.clone(),
            requested_at: now,
            expires_at: now.saturating_add(clock::millis(self.quorum.within())),
        }
    }
}

impl Approvals {
    /// Asks the people who may approve a command, or tells the requester why that cannot be.
    pub async fn request(&self, case: Case<'_>, requested: Requested<'_>) -> Outcome {
        let name = requested.command.name();
        let refuse = |refusal| self.desk.refuse(case, refusal).command(name).into();
        if let Some(refusal) = self.refuse_request(case.to, requested) {
            return refuse(refusal);
        }
        let ReplyTo { room, sender, .. } = case.to;
        match self.desk.services.store.open_approvals(&sender.id.local(), room.as_str()).await {
            Ok((own, all)) => {
                if let Some(refusal) = refuse_too_many(own, all) {
                    return refuse(refusal);
                }
            }
            Err(error) => return self.desk.retry_on_ledger_error(case.row, &error),
        }
        let (request, quorum) = (requested.to_request(case), requested.quorum);
        let to = &ReplyTo { thread: Some(request.thread.as_str().into()), ..case.to.clone() };
        let Some(card) = self.request_card(&request, quorum, to) else {
            let says = "I can't ask anybody to approve that. Please tell the person who runs me.";
            return refuse(SpokenRefusal::declined("its card cannot be made", says));
        };
        self.desk.services.metrics.approval("requested");
        let (needed, until) = (wording::approvals(quorum), minute(request.expires_at));
        let letter = self.desk.letter(case.row, to, request.card, card, Some(name));
        case.end(Verdict::Awaiting)
            .command(name)
            .audited(format!("{needed} until {until}; {}", case.rule))
            .then([letter])
            .with([Effect::Approval(ApprovalStep::Ask(Box::new(request)))])
            .into()
    }

    /// Why nobody can be asked to approve the command.
    fn refuse_request(&self, to: &ReplyTo, requested: Requested<'_>) -> Option<SpokenRefusal> {
        let needs = requested.needs();
        if to.room_type == RoomType::Direct {
            let says = format!("{needs}, and nobody else is here. Please ask me in a space where they are.");
            return Some(SpokenRefusal::declined("needs approval, and was asked for where nobody can give it", says));
        }
        if self.desk.services.cards.as_ref().is_none_or(|cards| !cards.clicks_arrive()) {
            let says = format!("{needs} on a card, and I have no cards to press here. Please tell whoever runs me.");
            let reason = "needs approval, and there are no buttons: cards.enabled or delivery.mode";
            return Some(SpokenRefusal::declined(reason, says));
        }
        if !self.desk.services.policy.can_do_without(requested.quorum, &to.sender.id, &to.sender.email) {
            let says = format!("{needs}, and without you there are too few who may. Please let somebody else ask.");
            return Some(SpokenRefusal::declined("needs approval, and whoever asks is one of those it takes", says));
        }
        requested.hidden_part()
    }

    /// The card with the buttons to approve, deny and withdraw.
    fn request_card(&self, request: &ApprovalRequest, quorum: &Quorum, to: &ReplyTo) -> Option<Outgoing> {
        let (cards, me) = (self.desk.services.cards.as_ref()?, self.desk.identity.get()?);
        let mut message = wording::request(request, quorum);
        let venue = Venue::Room { room: &to.room, asker: &to.sender.id };
        let (card, now, command) = (request.card, request.requested_at, request.command.as_str());
        let sealing = Sealing { bot: &me.id, venue, card, command, actions: &[], now };
        match cards.seal_votes(&message.card.take()?, &sealing) {
            Ok(attachment) => message.message.attachments.push(attachment?),
            Err(error) => {
                tracing::error!(command, %error, "a card that asks for approval is wrong");
                return None;
            }
        }
        Some(message)
    }
}

/// Why no further request is taken: the requester, or the space, has too many open.
fn refuse_too_many(own: u64, all: u64) -> Option<SpokenRefusal> {
    let (reason, what) = if own >= MOST_OF_PERSON {
        ("too much of the person waits for approval", "Too much of what you asked for")
    } else if all >= MOST_OF_SPACE {
        ("too much waits for approval in the space", "Too much")
    } else {
        return None;
    };
    let says = format!("{what} waits for approval already. Let it be decided, or withdraw some of it.");
    Some(SpokenRefusal::declined(reason, says))
}
