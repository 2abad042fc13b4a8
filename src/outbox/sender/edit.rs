//! Edits a message, or posts the new text if the edit is impossible and the letter says so.

use uuid::Uuid;

use super::beginning::{digest_of, linked, shows};
use super::keeping::{Keeping, MOST_EDITS, decide};
use super::post::Instead;
use super::{Outbox, closing};
use crate::clock;
use crate::outbox::arrivals::same_text;
use crate::outbox::{Destination, Edit, Edited, Letter, Otherwise, Post, Thread};
use crate::store::{Again, Claimed, Closing, Effect, Receipt, Row, Settlement, StoreError, ThreadText};
use crate::verdict::Verdict;
use crate::webex::{Error, Fault, MessageId};
use crate::worker::no_answer;

/// Why there is no message to edit.
const NOT_SENT: &str = "it was not sent, or nobody knows Webex's id of it";

/// What the ledger knows about the message of an edit or a deletion.
#[derive(Default)]
pub(super) struct FoundMessage {
    /// Webex's id of the message. None if it was not sent.
    pub(super) message: Option<MessageId>,
    /// The letter that posted it.
    letter: Option<Row>,
    /// What it shows, if letters keep that up to date.
    text: Option<ThreadText>,
}

/// The outcome of an edit.
enum EditOutcome {
    /// The message has its new text.
    Made,
    /// The edit is impossible, for this reason. Also the root of the thread to post in, if there is one.
    Impossible(String, Option<MessageId>),
}

impl Outbox {
    /// Changes the text of a message, unless a later edit will.
    pub(super) async fn edit(&self, row: Claimed, edit: &Edit) -> Settlement {
        let looked_up = async {
            let newer = self.newer_edit(&row, edit).await?;
            Ok::<_, StoreError>((self.find(&row, &edit.to, &edit.of).await?, newer))
        };
        let (found, newer) = match looked_up.await {
            Ok(looked_up) => looked_up,
            Err(error) => return self.unprepared(row, error.to_string()),
        };
        // An edit that begins a thread is not folded into a later one: a letter between them may answer its message.
        let is_thread = matches!(edit.of, Edited::Thread(_));
        let begins = is_thread && found.message.is_none() && edit.otherwise != Otherwise::Nothing;
        if let Some(newer) = newer.filter(|_| !begins) {
            let note = format!("row {newer} of the outbox waited too, and edits the same message later");
            return row.done(closing(Verdict::Folded, note));
        }
        let keeping = match (&edit.state, &found.text) {
            (Some(state), Some(shown)) => {
                let edits = found.letter.as_ref().map_or(0, |letter| letter.edits);
                decide(shown, edits, (state, &digest_of(edit)), clock::wall_ms())
            }
            _ => Keeping::Edit,
        };
        let impossible = match keeping {
            Keeping::Leave(why) => return row.done(closing(Verdict::Folded, why.to_owned())),
            Keeping::Wait(after) if edit.waits => return row.again(Again { after, ..Again::default() }),
            Keeping::Wait(_) => return moved(row, edit, true),
            // It goes back among the other letters, whose order it keeps.
            Keeping::Edit | Keeping::Begin(_) if edit.waits => return moved(row, edit, false),
            Keeping::Begin(edits) => Some(format!("it had {edits} edits, of the ten that Webex allows")),
            Keeping::Edit => found.is_impossible(edit).map(str::to_owned),
        };
        let change = match impossible {
            Some(why) => Ok(EditOutcome::Impossible(why, found.message.clone())),
            None => self.change(&row, edit, &found).await,
        };
        self.settle_change(row, edit, found, change).await
    }

    /// The last of the later edits of the same message, if any wait. An edit that falls back to a post is dropped only
    /// for another that does: otherwise neither text would be seen if the message cannot be edited.
    async fn newer_edit(&self, row: &Claimed, edit: &Edit) -> Result<Option<Uuid>, StoreError> {
        let newer = self.store.newer_edits(row, edit.of.target()).await?;
        let is_as_strong = |body: &str| match Letter::read(body) {
            Ok(Letter::Edit(newer)) => newer.otherwise >= edit.otherwise,
            Ok(Letter::Post(_) | Letter::Delete(_)) | Err(_) => false,
        };
        Ok(newer.into_iter().find(|(_, body)| is_as_strong(body)).map(|(id, _)| id))
    }

    /// Finds the message of an edit or a deletion.
    pub(super) async fn find(&self, row: &Claimed, to: &Destination, of: &Edited) -> Result<FoundMessage, StoreError> {
        let (root, letter, text) = match of {
            Edited::Message(message) => {
                return Ok(FoundMessage { message: Some(message.clone()), ..FoundMessage::default() });
            }
            Edited::Letter(letter) => (None, *letter, None),
            Edited::Thread(key) => match self.store.thread(row, &to.lane(), key).await? {
                None => return Ok(FoundMessage::default()),
                Some(root) => (Some(root.message), root.letter, root.text),
            },
        };
        let letter = self.store.row(letter).await?;
        let sent = letter.as_ref().and_then(|letter| Some(letter.receipt.as_ref()?.message.clone()));
        Ok(FoundMessage { message: root.or(sent).map(MessageId::from), letter, text })
    }

    async fn change(&self, row: &Claimed, edit: &Edit, found: &FoundMessage) -> Result<EditOutcome, Error> {
        let Some(message) = &found.message else { return Ok(EditOutcome::Impossible(NOT_SENT.to_owned(), None)) };
        let webex = self.webex_for(edit.urgency);
        let before = found.text.as_ref().and_then(|text| text.before.as_deref());
        let text = linked(&edit.message, before);
        let changing = async {
            if row.doubt.is_some() && same_text(&webex.message(message).await?, &text) {
                return Ok(EditOutcome::Made);
            }
            let room = match &edit.to {
                Destination::Space(room, _) => room.clone(),
                Destination::Person(_) | Destination::Email(_) => webex.message(message).await?.room_id,
            };
            let refusal = match webex.edit_message(message, &room, &text).await {
                Err(refusal) if refusal.is_bad_request() => refusal,
                edited => return edited.map(|_| EditOutcome::Made),
            };
            // An earlier try without an answer may have made the edit, and it may have been the last that Webex allows.
            let shown = webex.message(message).await?;
            if same_text(&shown, &text) {
                return Ok(EditOutcome::Made);
            }
            Ok(EditOutcome::Impossible(refusal.to_string(), Some(shown.parent_id.unwrap_or(shown.id))))
        };
        // Half of the lease is left for a post in its place.
        let changed = tokio::time::timeout(self.lease.mul_f64(0.45), changing).await;
        changed.unwrap_or_else(|_| Err(no_answer("messages/{id}")))
    }

    async fn settle_change(
        &self,
        row: Claimed,
        edit: &Edit,
        found: FoundMessage,
        change: Result<EditOutcome, Error>,
    ) -> Settlement {
        let (why, root) = match change {
            Ok(EditOutcome::Made) => return self.settle_edited(row, edit, found),
            Ok(EditOutcome::Impossible(why, root)) => (why, root),
            Err(error) => match error.fault() {
                // What Webex shows lags behind for a moment, so the message may be there.
                Fault::NotFound if row.failing() < self.visible_within => {
                    let (after, note) = (self.retry.patience(&row), Some(error.to_string()));
                    return row.again(Again { after, note, ..Again::default() });
                }
                Fault::NotFound => (format!("the message was deleted: {error}"), None),
                Fault::Final => (error.of_message(edit.to.is_direct()), found.message.clone()),
                Fault::Wait(_) | Fault::Away | Fault::Refused | Fault::Broken => {
                    return self.settle_failure(row, &edit.to, &error, true, false).await;
                }
            },
        };
        if edit.otherwise == Otherwise::Nothing {
            tracing::error!(why, "a message cannot be edited; `switchboard outbox list` shows the edit");
            return row.dead(closing(Verdict::Refused, why));
        }
        let thread = found.thread(edit, root.clone());
        let post = Post {
            event: edit.event,
            api: edit.api.clone(),
            thread,
            urgency: edit.urgency,
            ..Post::new(edit.to.clone(), edit.message.clone())
        };
        if edit.otherwise == Otherwise::Begin {
            let old = found.message.and(root);
            return self.begin(row, edit, post, why, old).await;
        }
        tracing::info!(why, "a message cannot be edited; its new text is posted");
        let no_edit = Some(format!("posted and not edited: {why}"));
        self.post(row, &post, Instead { no_edit, ..Instead::default() }).await
    }

    fn settle_edited(&self, row: Claimed, edit: &Edit, found: FoundMessage) -> Settlement {
        self.health.token(Ok(()));
        let message = found.message.map(|message| message.to_string()).unwrap_or_default();
        tracing::info!(webex_id = message, "message edited");
        let edited = found.letter.map(|letter| Effect::Edited(letter.id));
        let used = match &edit.of {
            Edited::Thread(key) => Some(Effect::Thread { key: key.clone(), root: None, shows: shows(edit, None) }),
            Edited::Message(_) | Edited::Letter(_) => None,
        };
        let receipt = Some(Receipt { message, without_card: None, without_thread: None });
        let effects = edited.into_iter().chain(used).collect();
        row.done(Closing { verdict: Verdict::Edited, receipt, effects, ..Closing::default() })
    }
}

/// Moves an edit to where it waits for others of its state, or back.
fn moved(row: Claimed, edit: &Edit, waits: bool) -> Settlement {
    let entry = Letter::from(Edit { waits, ..edit.clone() }).into_entry(row.id);
    row.moved(entry)
}

impl FoundMessage {
    /// Why Webex would refuse every edit of the message, as far as the ledger knows.
    fn is_impossible(&self, edit: &Edit) -> Option<&'static str> {
        let letter = self.letter.as_ref()?;
        let is_whole = letter.receipt.as_ref().is_some_and(|receipt| receipt.without_card.is_none());
        let is_beside = letter.receipt.as_ref().is_some_and(|receipt| receipt.without_thread.is_some());
        match self.posted() {
            // A thread's key means its root, not an answer in it.
            Some(_) if is_beside && matches!(edit.of, Edited::Thread(_)) => {
                Some("it was deleted, and an answer to it has begun its thread anew")
            }
            Some(post) if post.has_file() => Some("it has a file"),
            Some(post) if !post.message.attachments.is_empty() && is_whole => Some("it has a card"),
            _ if letter.edits >= MOST_EDITS => Some("it had its ten edits"),
            _ => None,
        }
    }

    fn posted(&self) -> Option<Post> {
        match Letter::read(self.letter.as_ref()?.body.as_deref()?) {
            Ok(Letter::Post(post)) => Some(*post),
            Ok(Letter::Edit(_) | Letter::Delete(_)) | Err(_) => None,
        }
    }

    /// The thread to post in if an edit is impossible: that of its message, or the one that the message began.
    fn thread(&self, edit: &Edit, root: Option<MessageId>) -> Option<Thread> {
        match &edit.of {
            Edited::Thread(key) => Some(Thread::Key { key: key.clone() }),
            Edited::Message(_) | Edited::Letter(_) => {
                self.posted().and_then(|post| post.thread).or(root.map(Thread::Message))
            }
        }
    }
}
