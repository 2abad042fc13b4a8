//! Posts a message, unless it has arrived already.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

use super::fetch::Unprepared;
use super::{Outbox, closing};
use crate::outbox::arrivals::EarlierPost;
use crate::outbox::{Destination, Post, Thread};
use crate::store::{Again, ApprovalStep, Claimed, Closing, Effect, Receipt, RootText, Settlement, StoreError};
use crate::verdict::Verdict;
use crate::webex::{Client, Error, File, FileInfo, Message, MessageId, NewMessage};
use crate::worker::no_answer;

/// A post with the thread and file that the ledger has for it.
struct Prepared<'a> {
    post: Cow<'a, Post>,
    /// The root of the thread. None if the message begins a thread or is in none.
    root: Option<MessageId>,
    file: Option<File>,
    /// Why it is posted without its picture.
    no_picture: Option<String>,
    instead: Instead,
}

/// What is known of a post in place of an edit.
#[derive(Default)]
pub(super) struct Instead {
    /// Why the edit is impossible, if it was tried.
    pub(super) no_edit: Option<String>,
    /// Whether the message begins the thread of its key anew.
    pub(super) begins: bool,
    /// What the message shows if it is the root, if letters keep that up to date.
    pub(super) shows: Option<RootText>,
}

impl Outbox {
    /// Posts a message. `instead` says what is known if the letter is an edit.
    pub(super) async fn post(&self, row: Claimed, post: &Post, instead: Instead) -> Settlement {
        let prepared = match self.prepare(&row, post, instead).await {
            Ok(prepared) => prepared,
            Err(Unprepared::Again(why)) => return self.unprepared(row, why),
            Err(Unprepared::Never(why)) => return self.unfetched(row, why),
        };
        let settlement = self.deliver(row, &prepared).await;
        if let Some(row) = settlement.closed_row() {
            self.arrivals.posts.forget(row);
        }
        settlement
    }

    /// Finds the file of a letter, and the root of the thread that it joins by a key.
    async fn prepare<'a>(&self, row: &Claimed, post: &'a Post, instead: Instead) -> Result<Prepared<'a>, Unprepared> {
        let told = |error: StoreError| Unprepared::Again(error.to_string());
        let root = match &post.thread {
            None => None,
            Some(Thread::Message(root)) => Some(root.clone()),
            Some(Thread::Key { .. }) if instead.begins => None,
            Some(Thread::Key { key }) => self
                .store
                .thread(row, &post.to.lane(), key)
                .await
                .map_err(told)?
                .map(|root| MessageId::from(root.message)),
        };
        let mut no_picture = None;
        let file = match (&post.file, &post.fetch) {
            (None, None) => match &post.picture {
                None => None,
                Some(address) => self.picture(address).await.map_err(|why| no_picture = Some(why)).ok(),
            },
            (None, Some(address)) => Some(self.fetch(address).await?),
            (Some(FileInfo { name, content_type, .. }), _) => {
                let found = self.store.file(row).await.map_err(told)?;
                let bytes =
                    found.ok_or_else(|| Unprepared::Again(format!("the bytes of {name} are not in the ledger")))?;
                Some(File { name: name.clone(), content_type: content_type.clone(), bytes })
            }
        };
        // A fetched file is looked for as any other is.
        let post = match &file {
            Some(fetched) if post.file.is_none() => Cow::Owned(Post { file: Some(fetched.info()), ..post.clone() }),
            _ => Cow::Borrowed(post),
        };
        Ok(Prepared { post, root, file, no_picture, instead })
    }

    /// Looks for the message if it may have arrived, posts it if it has not, and settles the row.
    async fn deliver(&self, row: Claimed, prepared: &Prepared<'_>) -> Settlement {
        // The lease bounds all calls together. After an edit or a fetch, half of it is used up.
        let has_fetched = prepared.post.fetch.is_some() || prepared.post.picture.is_some();
        let share = if prepared.instead.no_edit.is_some() || has_fetched { 0.45 } else { 0.9 };
        let sending = tokio::time::timeout(self.lease.mul_f64(share), self.send(&row, prepared));
        let result = sending.await.unwrap_or_else(|_| Err(Unsent::Post(no_answer("messages"))));
        let Prepared { post, file, .. } = prepared;
        match result {
            Ok(sent) => self.settle_sent(row, prepared, sent),
            Err(Unsent::Pending(left)) => {
                tracing::info!(
                    pause_ms = left.as_millis(),
                    "the post of a reply was not answered, and Webex may still carry it out; the reply waits, other spaces do not"
                );
                let note = Some("its post was not answered, and Webex may still carry it out".to_owned());
                row.again(Again { after: left, note, ..Again::default() })
            }
            // Webex took it, and a bot cannot look for it in a group space. A second post would double it.
            Err(Unsent::Post(error @ Error::Unreadable { .. })) if !post.to.is_direct() => {
                tracing::warn!(%error, "reply sent, but Webex's answer to it cannot be read");
                row.done(closing(Verdict::Sent, error.to_string()))
            }
            Err(Unsent::Look(error)) => self.settle_failure(row, &post.to, &error, false, file.is_some()).await,
            Err(Unsent::Post(error)) => self.settle_failure(row, &post.to, &error, true, file.is_some()).await,
        }
    }

    fn settle_sent(&self, row: Claimed, prepared: &Prepared<'_>, sent: Sent) -> Settlement {
        let (Prepared { post, root, no_picture, instead, .. }, Sent { receipt, created }) = (prepared, sent);
        self.health.token(Ok(()));
        self.metrics.reply_sent(row.age());
        tracing::info!(webex_id = receipt.message, "reply sent");
        let shown = match (&post.asks, post.event, &post.to, created) {
            (Some(person), Some(event), Destination::Space(room, _), Some(created)) => Some(Effect::Shown {
                room: room.local(),
                person: person.clone(),
                event,
                at: created.as_millisecond(),
                message: receipt.message.clone(),
            }),
            _ => None,
        };
        let is_root = root.is_none() || receipt.without_thread.is_some();
        let thread = match &post.thread {
            Some(Thread::Key { key }) => Some(Effect::Thread {
                key: key.clone(),
                root: is_root.then(|| receipt.message.clone()),
                shows: instead.shows.clone().filter(|_| is_root),
            }),
            Some(Thread::Message(_)) | None => None,
        };
        // A request for approval cannot be decided without its card. For any other card this effect finds no request
        // and does nothing.
        let unasked = receipt.without_card.as_ref().map(|_| Effect::Approval(ApprovalStep::Unasked { card: row.id }));
        let effects = shown.into_iter().chain(thread).chain(unasked).collect();
        let note = instead.no_edit.clone().or_else(|| no_picture.clone());
        let (verdict, mark) = (Verdict::Sent, Some(receipt.message.clone()));
        row.done(Closing { verdict, note, mark, receipt: Some(receipt), effects, ..Closing::default() })
    }

    async fn send(&self, row: &Claimed, prepared: &Prepared<'_>) -> Result<Sent, Unsent> {
        let Prepared { post, root, file, .. } = prepared;
        let whole = post.addressed(root.clone());
        let (has_thread, has_card) = (root.is_some(), !whole.attachments.is_empty());
        let earlier = self.arrivals.find_earlier_post(row, post, root.as_ref(), self.retry.is_last(row)).await;
        match earlier.map_err(Unsent::Look)? {
            EarlierPost::Arrived(arrived) => {
                let refused =
                    |was: bool, is: bool| (was && !is).then(|| "Webex refused it at an earlier try".to_owned());
                let without_card = refused(has_card, !arrived.attachments.is_empty());
                let without_thread = refused(has_thread, arrived.parent_id.is_some());
                return Ok(Sent::new(*arrived, without_card, without_thread));
            }
            EarlierPost::Pending(left) => return Err(Unsent::Pending(left)),
            EarlierPost::Absent => {}
        }
        let webex = self.webex_for(post.urgency);
        let posted = self.call(&webex, row, &whole, file.as_ref()).await;
        let without_secret = |error| match post.secret {
            Some(secret) => secret.take_out(error, self.key.as_ref()),
            None => error,
        };
        let refusal = match posted.map_err(without_secret) {
            Err(refusal) if refusal.is_bad_request() => refusal,
            posted => return posted.map(|message| Sent::new(message, None, None)).map_err(Unsent::Post),
        };
        // Webex does not document how it refuses a wrong card, or an answer to a deleted message. If it takes the
        // message without the card or without the thread, that was the cause. If it takes no version, its last refusal
        // counts.
        let less: &[(bool, bool)] = match (has_thread, has_card) {
            (true, true) => &[(false, true), (true, false), (false, false)],
            (true, false) | (false, true) => &[(false, false)],
            (false, false) => &[],
        };
        let mut last = refusal;
        for (keeps_thread, keeps_card) in less.iter().copied() {
            let parent_id = whole.parent_id.clone().filter(|_| keeps_thread);
            let attachments = if keeps_card { whole.attachments.clone() } else { Vec::new() };
            let message = NewMessage { parent_id, attachments, ..whole.clone() };
            match self.call(&webex, row, &message, file.as_ref()).await {
                Err(again) if again.is_bad_request() => last = again,
                Err(error) => return Err(Unsent::Post(error)),
                Ok(posted) => {
                    tracing::warn!(error = %last, keeps_thread, keeps_card, "Webex refused a message and took less of it");
                    let lost = |had: bool, keeps: bool| (had && !keeps).then(|| last.to_string());
                    return Ok(Sent::new(posted, lost(has_card, keeps_card), lost(has_thread, keeps_thread)));
                }
            }
        }
        Err(Unsent::Post(last))
    }

    async fn call(
        &self,
        webex: &Client,
        row: &Claimed,
        message: &NewMessage,
        file: Option<&File>,
    ) -> Result<Message, Error> {
        self.arrivals.posts.begin(row.id);
        match file {
            None => webex.create_message(message).await,
            Some(file) => webex.upload(message, file.clone()).await,
        }
    }
}

/// The message that Webex has taken, and when by Webex's clock.
struct Sent {
    receipt: Receipt,
    created: Option<Timestamp>,
}

impl Sent {
    fn new(message: Message, without_card: Option<String>, without_thread: Option<String>) -> Sent {
        let receipt = Receipt { message: message.id.to_string(), without_card, without_thread };
        Sent { receipt, created: message.created }
    }
}

/// Why a message was not sent, as far as that is known.
enum Unsent {
    /// It has not arrived, but may within this time.
    Pending(Duration),
    /// The search for it failed.
    Look(Error),
    /// Its post failed.
    Post(Error),
}
