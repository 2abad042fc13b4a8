//! Calls the program's handler for an event that is no message, click or membership.

use std::sync::Arc;

use super::Inbox;
use crate::desk::{EventEnd, Outcome};
use crate::event::{self, Other, Subscription};
use crate::handler::{CommandError, Elsewhere, EventContext, Reply};
use crate::store::Claimed;
use crate::text::quoted;
use crate::verdict::Verdict;
use crate::webex::Person;

/// The labels in metrics if the handler of the event is no longer there.
const NO_HANDLER: [&str; 2] = ["none", "none"];

impl Inbox {
    pub(super) async fn call_handler(&self, row: &Claimed, other: &Other, me: &Person) -> Outcome {
        // The door did not know who the bot is until Webex had said so.
        if other.actor.as_ref() == Some(&me.id) {
            return EventEnd::unaudited(Verdict::Own, "the bot did it").into();
        }
        let kind = other.kind();
        let handler = self.events.iter().find(|handler| handler.subscription.covers(other));
        let labels = handler.map_or(NO_HANDLER, |_| other.labels());
        let end = |verdict, reason| EventEnd::of_event(labels, other.actor.as_ref(), verdict, reason).action(&kind);
        let Some(handler) = handler else {
            return end(Verdict::Ignored, "no handler takes it any more").into();
        };
        let Other { resource, event, actor, data, .. } = other.clone();
        let context = EventContext {
            subscription: Subscription { resource, event },
            actor,
            reference: event::reference(row.id),
            services: Arc::clone(&self.services),
            elsewhere: Elsewhere::default(),
        };
        let ran = match self.guard(row, handler.run(context, data)).await {
            Ok(reply) => self.check_said(&reply).await.map(|()| reply).map_err(CommandError::Internal),
            Err(error) => Err(error),
        };
        match ran {
            Ok(mut reply) => {
                let said = self.desk.elsewhere(row, other.actor.as_ref(), None, reply.take_elsewhere());
                end(Verdict::Done, "its handler took it").then(said).into()
            }
            Err(CommandError::User(text) | CommandError::Usage(text)) => {
                end(Verdict::Ignored, "its handler declined it").noted(quoted(&text)).into()
            }
            Err(CommandError::Internal(error)) => {
                let log = |error: &str| tracing::warn!(kind, error, "the handler of an event failed; trying again");
                match self.try_again(row, &error, log).await {
                    Ok(again) => again,
                    Err(error) => {
                        tracing::error!(kind, error, "the handler of an event failed for good");
                        end(Verdict::Failed, "its handler failed").noted(error).dead().into()
                    }
                }
            }
        }
    }

    /// Checks that the bot can send what a handler said. No person is there to read why not. So after a failure the
    /// event is tried again, and in the end becomes a dead letter.
    async fn check_said(&self, reply: &Reply) -> anyhow::Result<()> {
        reply.check_all_elsewhere()?;
        self.desk.check_files(reply).await.map_err(|error| anyhow::anyhow!("{error}"))
    }
}
