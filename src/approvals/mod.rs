//! Commands that others have to approve: the request, the votes on it, and how it ends.

mod ending;
mod requesting;
mod voting;
mod wording;

use std::sync::Arc;

use uuid::Uuid;

pub use ending::asker;
pub use voting::PressedVote;

use crate::access::{Act, Decision, EventPlace, decide};
use crate::desk::Desk;
use crate::store::{Approval, StoreError};
use crate::webex::{Error, Fault, Person, PersonId, RoomId};

/// Puts commands before those who approve them.
pub struct Approvals {
    desk: Arc<Desk>,
}

impl Approvals {
    /// Ends its events at this desk.
    pub fn new(desk: &Arc<Desk>) -> Approvals {
        Approvals { desk: Arc::clone(desk) }
    }

    /// The request under this card.
    ///
    /// # Errors
    /// When the ledger does not give it.
    pub async fn find(&self, card: Uuid) -> Result<Option<Approval>, StoreError> {
        self.desk.services.store.approval(card).await
    }

    /// Somebody as they are called now, if they are in the space: an address may have been given to somebody else.
    ///
    /// # Errors
    /// When Webex does not say.
    pub async fn member(&self, id: &PersonId, room: &RoomId) -> Result<Option<Person>, Error> {
        let webex = &self.desk.services.webex;
        let found = async { Ok::<_, Error>((webex.person(id).await?, webex.is_member(room, id).await?)) };
        match self.desk.fetch(found).await {
            Ok((person, is_member)) => Ok(is_member.then_some(person)),
            Err(error) if error.fault() == Fault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the bot answers somebody in spaces, by the settings as they are now.
    pub fn is_answered(&self, me: &Person, id: &PersonId, email: &str) -> bool {
        let place = EventPlace::Group { mentioned: true };
        matches!(decide(&self.desk.services.policy, &me.id, id, email, place, Act::Text), Decision::Allow(_))
    }
}
