//! Gives a stranger a code, and tells the admins. The stranger's message is stored with the pairing request. It is not
//! worked on.

use super::Inbox;
use super::judging::{Approach, CROWD};
use crate::card::{Card, Venue};
use crate::desk::Outcome;
use crate::pairing;
use crate::store::{Again, Pairing, PairingOutcome};
use crate::verdict::Verdict;
use crate::webex::NewMessage;

const GIVEN_A_CODE: &str = "an unknown person, who was given a code to be let in";

impl Inbox {
    /// `last` is the last pairing request of this person.
    pub(super) async fn greet_stranger(&self, approach: Approach<'_>, text: &str, last: Option<&Pairing>) -> Outcome {
        let Approach { row, to, .. } = approach;
        let request = match last.filter(|_| approach.made(last)) {
            Some(own) => own.request.clone(),
            None => {
                let request = pairing::request(row.id, &to.sender, &to.room, text, self.pairing.expires);
                let store = &self.services.store;
                match store.request_pairing(request.clone(), last, self.pairing.per_hour).await {
                    Ok(PairingOutcome::New) => request,
                    // The code is taken, or somebody decided meanwhile: the event is judged anew.
                    Ok(PairingOutcome::Again) => return Outcome::Again(Again::default()),
                    Ok(PairingOutcome::Crowd) => return approach.case(CROWD).end(Verdict::Crowd).into(),
                    Err(error) => return self.desk.retry_judging(&error),
                }
            }
        };
        let greeting = NewMessage::text(pairing::greeting(&request));
        let seal_for = |card: &Card, id, admin: &str| {
            self.desk.seal_card(card, id, Venue::DirectWith(admin), Some(pairing::COMMAND))
        };
        let notices = pairing::notices(&request, &self.services.policy.admins(), seal_for);
        let case = approach.case(GIVEN_A_CODE);
        self.desk.say(case, case.end(Verdict::Stranger), vec![greeting.into()]).then(notices).into()
    }
}
