//! Commands that others have to approve: the approval request, the votes on it, and how it ends.

mod ending;
mod requesting;
mod voting;
mod wording;

use std::sync::Arc;

pub use ending::requester;
pub use requesting::Requested;
pub use voting::PressedVote;

use crate::access::{Act, Decision, EventPlace, decide};
use crate::desk::Desk;
use crate::webex::{Error, Fault, Person, PersonId, RoomId};

/// Asks people to approve commands, and counts their votes.
pub struct Approvals {
    desk: Arc<Desk>,
}

impl Approvals {
    /// Approvals that close their events at this desk.
    pub fn new(desk: &Arc<Desk>) -> Approvals {
        Approvals { desk: Arc::clone(desk) }
    }

    /// A person with their current address, if they are in the space. Their old address may be somebody else's by now.
    ///
    /// # Errors
    /// Webex does not say who the person is. Try again later.
    pub async fn member(&self, id: &PersonId, room: &RoomId) -> Result<Option<Person>, Error> {
        let webex = &self.desk.services.webex;
        let found = async { Ok::<_, Error>((webex.person(id).await?, webex.is_member(room, id).await?)) };
        match self.desk.fetch(found).await {
            Ok((person, is_member)) => Ok(is_member.then_some(person)),
            Err(error) if error.fault() == Fault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the settings, as they are now, let the bot answer this person in spaces.
    pub fn is_answered(&self, me: &Person, id: &PersonId, email: &str) -> bool {
        let place = EventPlace::Group { mentioned: true };
        matches!(decide(&self.desk.services.policy, &me.id, id, email, place, Act::Text), Decision::Allow(_))
    }
}
