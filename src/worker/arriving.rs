//! Whether a message arrived whose post was never answered. A bot can read its own messages in direct spaces alone, so
//! only there it looks; in a group space a doubtful message is posted again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::outbox::Outbox;
use crate::clock;
use crate::handler::Letter;
use crate::store::{Claimed, Doubt};
use crate::webex::{Error, Fault, Message, MessageId, RoomId, RoomType};

/// Messages that are looked through at most. All that were said since the post are.
const MOST_LOOKED_AT: usize = 10_000;

/// How well Webex's time is known from its answers, which name seconds.
const CLOCK_IS_GOOD_TO: i64 = 2000;

/// How far back a message is looked for where a ledger from before does not say when it was posted first.
const SKEW: i64 = 120_000;

/// Posts that are remembered; those of a message that was dropped by hand are forgotten beyond that.
const MOST_POSTS: usize = 4096;

/// What a look for an earlier post came to.
pub(super) enum Look {
    /// The message is there.
    Arrived(Box<Message>),
    /// It is not there and will not be.
    Absent,
    /// It is not there, and Webex may still be carrying the post out for so long.
    Pending(Duration),
}

/// When this process posted a message last, and since when it lives.
pub struct Posts {
    started: Instant,
    at: Mutex<HashMap<Uuid, Instant>>,
}

impl Default for Posts {
    fn default() -> Self {
        Posts { started: clock::instant(), at: Mutex::default() }
    }
}

impl Posts {
    /// A post of this row begins.
    pub(super) fn begin(&self, row: Uuid, longest: Duration) {
        let mut posts = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if posts.len() >= MOST_POSTS {
            posts.retain(|_, at| at.elapsed() < longest);
        }
        posts.insert(row, clock::instant());
    }

    /// The row is settled.
    pub(super) fn forget(&self, row: Uuid) {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).remove(&row);
    }

    /// For how long a post may still be carried out that takes at most so long: by our monotonic clock if it was made by
    /// this process; else by Webex's clock, or by how long this process lives, whichever shows first that it is over.
    /// The clock on the wall has no part in it.
    fn left(&self, row: Uuid, doubt: Doubt, webex_time: Option<i64>, longest: Duration) -> Duration {
        let made = self.at.lock().unwrap_or_else(PoisonError::into_inner).get(&row).copied();
        if let Some(made) = made {
            return longest.saturating_sub(made.elapsed());
        }
        let by_life = longest.saturating_sub(self.started.elapsed());
        let by_webex = doubt.at.zip(webex_time).map(|(at, now)| {
            let past = Duration::from_millis((now - at - CLOCK_IS_GOOD_TO).max(0).unsigned_abs());
            longest.saturating_sub(past)
        });
        by_webex.map_or(by_life, |by_webex| by_webex.min(by_life))
    }
}

impl Outbox {
    /// The longest that Webex may take until a post shows.
    pub(super) fn longest_post(&self) -> Duration {
        self.timeout + self.settings.visible_within
    }

    /// Looks for a message that may have been posted before.
    pub(super) async fn look(&self, row: &Claimed, letter: &Letter, doubt: Doubt) -> Result<Look, Error> {
        let (RoomType::Direct, Some(room)) = (letter.room_type, &letter.message.room_id) else {
            return Ok(Look::Absent);
        };
        // Asked before the look: what is not seen then was not there at this time.
        let left = self.posts.left(row.id, doubt, self.webex.webex_time(), self.longest_post());
        let arrived = match self.arrived(row, letter, room, doubt).await {
            Ok(arrived) => arrived,
            // A space that stays unreadable shows nothing: what becomes of the message, the post itself says.
            Err(error)
                if matches!(error.fault(), Fault::NotFound | Fault::Final)
                    && super::tries(row) + 1 >= self.settings.max_attempts =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        Ok(match arrived {
            Some(message) => Look::Arrived(Box::new(message)),
            None if left.is_zero() => Look::Absent,
            None => Look::Pending(left),
        })
    }

    async fn arrived(
        &self,
        row: &Claimed,
        letter: &Letter,
        room: &RoomId,
        doubt: Doubt,
    ) -> Result<Option<Message>, Error> {
        let me = self.identity.known().await;
        // Sends are in order, so it can only be newer than the last one that is known to have arrived, and than its post.
        let last = row.mark.as_deref().map(MessageId::from);
        let lead = self.webex.clock_lead().unwrap_or_default();
        let since = doubt.from.map_or(row.accepted_at - lead - SKEW, |from| from - CLOCK_IS_GOOD_TO);
        let is_before = |message: &Message| {
            Some(&message.id) == last.as_ref()
                || message.created.is_some_and(|created| created.as_millisecond() < since)
        };
        let more = |listed: &[Message]| !listed.iter().any(is_before);
        let newest = self.webex.messages_while(room, MOST_LOOKED_AT, more).await?;
        let newer = newest.into_iter().take_while(|message| !is_before(message));
        for message in newer.filter(|message| message.person_id == me.id && same_content(message, letter)) {
            if self.same_file(&message, letter).await? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Whether the file of a message is the letter's, by name and size. Where Webex does not show them, as while it scans
    /// the file that has just been sent, that there is one has to do.
    async fn same_file(&self, found: &Message, letter: &Letter) -> Result<bool, Error> {
        let (Some(sent), Some(address)) = (&letter.file, found.files.first()) else { return Ok(true) };
        let Some(content) = self.webex.content_id(address) else { return Ok(true) };
        match self.webex.content_info(&content, true).await {
            Ok(info) => Ok(info.name == sent.name && (info.size.is_none() || info.size == sent.size)),
            Err(Error::Locked { .. }) => Ok(true),
            Err(error) => match error.fault() {
                // Infected, gone or kept from us: for good, and no reason to give up the reply.
                Fault::NotFound | Fault::Final => Ok(true),
                Fault::Wait(_) | Fault::Away | Fault::Refused | Fault::Broken => Err(error),
            },
        }
    }
}

/// Webex gives back the markdown or text that was posted, with its edges trimmed, and an address for each file.
fn same_content(found: &Message, letter: &Letter) -> bool {
    let sent = &letter.message;
    let said = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    // What answers a message that was deleted is sent beside it.
    (found.parent_id == sent.parent_id || found.parent_id.is_none())
        && found.files.len() == sent.files.len() + usize::from(letter.file.is_some())
        && if sent.markdown.is_some() {
            said(&found.markdown) == said(&sent.markdown)
        } else {
            said(&found.text) == said(&sent.text)
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(40);

    #[test]
    fn a_post_of_this_process_is_waited_for_by_its_own_clock() {
        let (posts, row) = (Posts::default(), Uuid::from_u128(1));
        posts.begin(row, LONGEST);
        let old = Doubt { from: Some(0), at: Some(0) };
        assert!(posts.left(row, old, Some(i64::MAX / 2), LONGEST) > LONGEST / 2, "whatever other clocks say");
        assert_eq!(posts.left(row, old, None, Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_post_of_an_earlier_process_is_over_when_webexs_clock_or_the_age_of_this_one_shows_it() {
        let (posts, row) = (Posts::default(), Uuid::from_u128(1));
        let at = |at| Doubt { from: Some(0), at };
        assert!(posts.left(row, at(None), Some(i64::MAX / 2), LONGEST) > LONGEST / 2, "nobody knows when it was made");
        assert!(posts.left(row, at(Some(1_000)), None, LONGEST) > LONGEST / 2);
        assert_eq!(posts.left(row, at(Some(1_000)), Some(1_000 + 42_000), LONGEST), Duration::ZERO);
        assert_eq!(posts.left(row, at(Some(1_000)), Some(1_000 + 22_000), LONGEST), LONGEST / 2);
        let left = posts.left(row, at(Some(1_000)), Some(0), LONGEST);
        assert!(left > LONGEST / 2 && left <= LONGEST, "a time that cannot be shortens nothing: {left:?}");
        let started = Instant::now().checked_sub(LONGEST).unwrap();
        let old = Posts { started, ..Posts::default() };
        assert_eq!(old.left(row, at(None), None, LONGEST), Duration::ZERO);
    }
}
