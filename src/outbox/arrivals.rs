//! Finds out whether a message arrived although its post was never answered. A bot can read its own messages only in
//! direct spaces, so the search is made only there. In a group space such a message is posted again.

use std::time::Duration;

use super::posts::Posts;
use super::{Destination, Post};
use crate::config::Config;
use crate::identity::Identity;
use crate::store::{Claimed, UncertainTries};
use crate::webex::{Client, Error, Fault, Message, MessageId, NewMessage, RoomId, RoomType, TIME_IS_GOOD_TO};

/// The most messages that are searched. They must reach back to the post.
const MOST_LOOKED_AT: usize = 10_000;

/// How far before the row's acceptance the search begins, if an older ledger does not say when the message was first
/// posted.
const SKEW: i64 = 120_000;

/// What became of an earlier post.
pub(super) enum EarlierPost {
    /// The message is there.
    Arrived(Box<Message>),
    /// It is not there and will not be.
    Absent,
    /// It is not there, and Webex may still carry the post out within this time.
    Pending(Duration),
}

/// Finds messages whose posts were not answered.
pub(super) struct Arrivals {
    webex: Client,
    /// The bot, whose messages are looked for.
    identity: Identity,
    pub(super) posts: Posts,
}

impl Arrivals {
    pub(super) fn new(config: &Config, webex: &Client, identity: &Identity) -> Arrivals {
        Arrivals {
            webex: webex.clone(),
            identity: identity.clone(),
            posts: Posts::new(config.webex.timeout + config.worker.visible_within, config.worker.lease),
        }
    }

    /// Looks for a message that may have been posted before. At the last try of the row, a space that cannot be read
    /// counts as one without the message.
    pub(super) async fn find_earlier_post(
        &self,
        row: &Claimed,
        post: &Post,
        root: Option<&MessageId>,
        is_last: bool,
    ) -> Result<EarlierPost, Error> {
        let Some(doubt) = row.doubt else { return Ok(EarlierPost::Absent) };
        // Taken before the look: a message that the look does not find was not there at this time.
        let left = self.posts.time_left(row.id, doubt, self.webex.webex_time());
        let room = match &post.to {
            Destination::Space(_, RoomType::Group) => return Ok(EarlierPost::Absent),
            Destination::Space(room, RoomType::Direct) => room,
            // Only the answer to the post names the space, so there is no space to search, and waiting is all that
            // helps.
            Destination::Person(_) | Destination::Email(_) if left.is_zero() => return Ok(EarlierPost::Absent),
            Destination::Person(_) | Destination::Email(_) => return Ok(EarlierPost::Pending(left)),
        };
        let arrived = match self.arrived(row, post, root, room, doubt).await {
            Ok(arrived) => arrived,
            // The next post will show whether one is possible at all.
            Err(error) if is_last && matches!(error.fault(), Fault::NotFound | Fault::Final) => None,
            Err(error) => return Err(error),
        };
        Ok(match arrived {
            Some(message) => EarlierPost::Arrived(Box::new(message)),
            None if left.is_zero() => EarlierPost::Absent,
            None => EarlierPost::Pending(left),
        })
    }

    async fn arrived(
        &self,
        row: &Claimed,
        post: &Post,
        root: Option<&MessageId>,
        room: &RoomId,
        doubt: UncertainTries,
    ) -> Result<Option<Message>, Error> {
        let me = self.identity.known().await;
        // Posts are in order: the message is newer than the last one known to have arrived, and newer than its first
        // try.
        let last = row.mark.as_deref().map(MessageId::from);
        let lead = self.webex.clock_lead().unwrap_or_default();
        let since = doubt.from.map_or(row.accepted_at - lead - SKEW, |from| from - TIME_IS_GOOD_TO);
        let is_before = |message: &Message| {
            Some(&message.id) == last.as_ref()
                || message.created.is_some_and(|created| created.as_millisecond() < since)
        };
        let more = |listed: &[Message]| !listed.iter().any(is_before);
        let newest = self.webex.messages_while(room, MOST_LOOKED_AT, more).await?;
        let newer = newest.into_iter().take_while(|message| !is_before(message));
        for message in newer.filter(|message| message.person_id == me.id && same_content(message, post, root)) {
            if self.same_file(&message, post).await? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Whether a message has the post's file, by name and size. While Webex does not show these, as during its scan,
    /// any file counts.
    async fn same_file(&self, found: &Message, post: &Post) -> Result<bool, Error> {
        let (Some(sent), Some(address)) = (&post.file, found.files.first()) else { return Ok(true) };
        let Some(content) = self.webex.content_id(address) else { return Ok(true) };
        match self.webex.content_info(&content, true).await {
            Ok(info) => Ok(info.name == sent.name && (info.size.is_none() || info.size == sent.size)),
            Err(Error::Locked { .. }) => Ok(true),
            Err(error) => match error.fault() {
                // The file is infected, gone or hidden for good. That is no reason to give up the reply.
                Fault::NotFound | Fault::Final => Ok(true),
                Fault::Wait(_) | Fault::Away | Fault::Refused | Fault::Broken => Err(error),
            },
        }
    }
}

/// Whether a message is the one that was posted in the thread of this root.
fn same_content(found: &Message, post: &Post, root: Option<&MessageId>) -> bool {
    let files = post.message.files.len() + usize::from(post.file.is_some());
    // A picture that could not be had at one try may be had at another.
    let has_files = found.files.len() == files || (post.picture.is_some() && found.files.len() <= 1);
    // An answer to a deleted message is posted outside of the thread.
    (found.parent_id.as_ref() == root || found.parent_id.is_none()) && has_files && same_text(found, &post.message)
}

/// Whether both have the same text. Webex returns the markdown or text as it was posted, but trimmed.
pub(super) fn same_text(found: &Message, sent: &NewMessage) -> bool {
    let said = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    if sent.markdown.is_some() {
        said(&found.markdown) == said(&sent.markdown)
    } else {
        said(&found.text) == said(&sent.text)
    }
}
