//! Somebody unknown gets a code, and the admins are told. What they wrote is kept with it and not worked on.

use super::Inbox;
use super::judging::CROWD;
use crate::card::{Card, Venue};
use crate::desk::{EventEnd, Outcome, ReplyTo};
use crate::pairing;
use crate::store::{Again, Claimed, Pairing, PairingOutcome};
use crate::verdict::Verdict;
use crate::webex::NewMessage;

impl Inbox {
    /// `known`: the last request of theirs.
    pub(super) async fn greet_stranger(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        text: &str,
        known: Option<&Pairing>,
    ) -> Outcome {
        let own = known.filter(|known| known.request.event == row.id);
        let request = match own {
            Some(known) => known.request.clone(),
            None => pairing::request(row.id, &to.sender, &to.room, text, self.pairing.expires),
        };
        if own.is_none() {
            let store = &self.services.store;
            match store.request_pairing(request.clone(), known, self.pairing.per_hour).await {
                Ok(PairingOutcome::New) => {}
                // With another code, or another standing, it is judged anew.
                Ok(PairingOutcome::Again) => return Outcome::Again(Again::default()),
                Ok(PairingOutcome::Crowd) => return EventEnd::of(to, Verdict::Crowd, CROWD).into(),
                Err(error) => return self.desk.unjudged(&error),
            }
        }
        let greeting = NewMessage::text(pairing::greeting(&request));
        let sealed =
            |card: &Card, id, admin: &str| self.desk.sealed(card, id, Venue::DirectWith(admin), pairing::COMMAND);
        let notices = pairing::notices(&request, &self.services.policy.admins(), sealed);
        let end = EventEnd::of(to, Verdict::Stranger, "an unknown person, who was given a code to be let in");
        self.desk.say(row, to, end, vec![greeting.into()]).then(notices).into()
    }
}
