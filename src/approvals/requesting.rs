//! A command that needs the approval of others: what is asked for is put before them and nothing runs. What they press is
//! in `voting`.

use super::{Approvals, wording};
use crate::access::Quorum;
use crate::card::{Sealing, Venue};
use crate::clock;
use crate::desk::{EventEnd, Outcome, ReplyTo};
use crate::event;
use crate::handler::{Command, Context, Outgoing, Reply};
use crate::store::{ApprovalRequest, ApprovalStep, Claimed, Effect};
use crate::text::{is_unseen, minute, trim};
use crate::verdict::Verdict;
use crate::webex::{MessageId, RoomType};

/// Of one person, and of one space: more that wait at one time are a mistake or mischief, and nobody reads them.
const MOST_OF_PERSON: u64 = 10;
const MOST_OF_SPACE: u64 = 50;

/// What people approve they have to see whole, and a card has room for about 15 kB.
const MOST_ASKED: usize = 1000;
const MOST_LINES: usize = 30;

impl Approvals {
    /// Puts a command before those who may approve it, or says why that cannot be.
    pub async fn request(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        command: &Command,
        quorum: &Quorum,
        context: &Context,
        rule: &'static str,
    ) -> Outcome {
        let name = command.name();
        let decline = |(reason, says): (&'static str, String)| {
            self.desk.reply(row, to, EventEnd::of(to, Verdict::Declined, reason).command(name), Reply::text(says))
        };
        if let Some(refusal) = self.unaskable(to, name, quorum, asked(context)) {
            return decline(refusal);
        }
        match self.desk.services.store.open_approvals(&to.sender.id.local(), to.room.as_str()).await {
            Ok((own, all)) => {
                if let Some(refusal) = too_many(own, all) {
                    return decline(refusal);
                }
            }
            Err(error) => return self.desk.without_ledger(row, &error),
        }
        let thread = to.thread.clone().unwrap_or_else(|| context.origin().message().clone());
        let request = request(row, to, name, quorum, context, &thread);
        let to = &ReplyTo { thread: Some(thread), ..to.clone() };
        let Some(card) = self.card(&request, quorum, to) else {
            let says = "I cannot put that before those who approve it. Please tell whoever runs me.";
            return decline(("its card cannot be made", says.to_owned()));
        };
        self.desk.services.metrics.approval("requested");
        let (needed, until) = (wording::approvals(quorum), minute(request.expires_at));
        let letter = self.desk.letter(row, to, request.card, card, Some(name));
        EventEnd::of(to, Verdict::Awaiting, rule)
            .command(name)
            .audited(format!("{needed} until {until}; {rule}"))
            .then([letter])
            .with(Effect::Approval(ApprovalStep::Ask(Box::new(request))))
            .into()
    }

    /// Why nobody could approve this, and what whoever asks is told.
    fn unaskable(&self, to: &ReplyTo, command: &str, quorum: &Quorum, text: &str) -> Option<(&'static str, String)> {
        let needs = format!("{command} runs only once other people have approved it");
        if to.room_type == RoomType::Direct {
            let said = format!("{needs}, and nobody else is here. Please ask me in a space where they are.");
            return Some(("needs approval, and was asked for where nobody can give it", said));
        }
        if self.desk.services.cards.as_ref().is_none_or(|cards| !cards.clicks_arrive()) {
            let said = format!("{needs} on a card, and I have no cards to press here. Please tell whoever runs me.");
            return Some(("needs approval, and there are no buttons: cards.enabled or delivery.mode", said));
        }
        if !self.desk.services.policy.can_do_without(quorum, &to.sender.id, &to.sender.email) {
            let said = format!("{needs}, and without you there are too few who may. Please let somebody else ask.");
            return Some(("needs approval, and whoever asks is one of those it takes", said));
        }
        if text.chars().count() > MOST_ASKED || text.lines().count() > MOST_LINES {
            let said = format!(
                "{needs}, and they have to see it whole. Please say it in {MOST_ASKED} characters and {MOST_LINES} lines or \
                 fewer."
            );
            return Some(("needs approval, and is too long to be shown whole", said));
        }
        // What cannot be seen, or turns the direction of reading, shows people something else than what would run.
        if let Some(unseen) = text.chars().find(|c| *c != '\n' && is_unseen(*c)) {
            let sign = format!("U+{:04X}", u32::from(unseen));
            let said = format!("{needs}, and they could not see the sign {sign} in it. Please type it without that.");
            return Some(("needs approval, and would be shown as something else than it is", said));
        }
        None
    }

    /// The card to be pressed.
    fn card(&self, request: &ApprovalRequest, quorum: &Quorum, to: &ReplyTo) -> Option<Outgoing> {
        let (cards, me) = (self.desk.services.cards.as_ref()?, self.desk.identity.get()?);
        let mut asking = wording::asking(request, quorum)?;
        let (room, asker, command) = (&to.room, &to.sender.id, request.command.as_str());
        let venue = Venue::Room { room, asker };
        let (card, now) = (request.card, request.requested_at);
        let sealing = Sealing { bot: &me.id, venue, card, command, actions: &[], now };
        match cards.seal_votes(&asking.card.take()?, &sealing) {
            Ok(attachment) => asking.message.attachments.push(attachment?),
            Err(error) => {
                tracing::error!(command, %error, "a card that asks for approval is wrong");
                return None;
            }
        }
        Some(asking)
    }
}

/// Why no further request is taken, and what whoever asks is told.
fn too_many(own: u64, all: u64) -> Option<(&'static str, String)> {
    let (reason, what) = if own >= MOST_OF_PERSON {
        ("too much of the person waits for approval", "Too much of what you asked for")
    } else if all >= MOST_OF_SPACE {
        ("too much waits for approval in the space", "Too much")
    } else {
        return None;
    };
    Some((reason, format!("{what} waits for approval already. Let it be decided, or withdraw some of it.")))
}

/// What is shown, and run.
fn asked(context: &Context) -> &str {
    trim(&context.text)
}

fn request(
    row: &Claimed,
    to: &ReplyTo,
    command: &str,
    quorum: &Quorum,
    context: &Context,
    thread: &MessageId,
) -> ApprovalRequest {
    let now = clock::wall_ms();
    ApprovalRequest {
        card: event::reply_id(row.id, 0),
        event: row.id,
        command: command.to_owned(),
        asked: asked(context).to_owned(),
        person: to.sender.id.local(),
        person_id: to.sender.id.to_string(),
        email: to.sender.email.clone(),
        room: to.room.to_string(),
        thread: thread.to_string(),
        message: context.origin().message().to_string(),
        files: context.files.clone(),
        requested_at: now,
        expires_at: now.saturating_add(i64::try_from(quorum.within().as_millis()).unwrap_or(i64::MAX)),
    }
}
