//! Sends what the outbox holds, in order per space: the only place that posts messages.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::arrivals::Arrivals;
use super::posts::Look;
use super::{Delete, Destination, Letter, Post, Receipt};
use crate::config::Config;
use crate::health::Health;
use crate::identity::Identity;
use crate::store::{Again, ApprovalStep, Claimed, Closing, Effect, Queue, Settlement, Store, StoreError};
use crate::telemetry::Metrics;
use crate::verdict::Verdict;
use crate::webex::{Client, Error, Fault, File, FileInfo, Message, MessageId, NewMessage};
use crate::worker::{Retry, Work};

/// Sends one row.
pub struct Outbox {
    webex: Client,
    /// Where the bytes of files are.
    store: Store,
    lease: Duration,
    arrivals: Arrivals,
    retry: Retry,
    metrics: Metrics,
    health: Health,
}

impl Outbox {
    /// Sends from this ledger to Webex, as the settings say. `health` hears of a refused token.
    pub fn new(
        config: &Config,
        webex: &Client,
        store: &Store,
        identity: &Identity,
        metrics: &Metrics,
        health: &Health,
    ) -> Outbox {
        Outbox {
            webex: webex.clone(),
            store: store.clone(),
            lease: config.worker.lease,
            arrivals: Arrivals::new(config, webex, identity),
            retry: Retry::new(&config.worker, webex, health, "reply"),
            metrics: metrics.clone(),
            health: health.clone(),
        }
    }
}

impl Work for Outbox {
    const QUEUE: Queue = Queue::Outbox;
    const MAY_STEP_ASIDE: bool = true;

    fn webex(&self) -> &Client {
        &self.webex
    }

    fn event(row: &Claimed) -> Uuid {
        Letter::read(&row.body).map_or(row.id, |letter| letter.event())
    }

    async fn work(&self, row: Claimed) -> Settlement {
        match Letter::read(&row.body) {
            Ok(Letter::Post(post)) => self.post(row, &post).await,
            Ok(Letter::Delete(delete)) => self.delete(row, &delete).await,
            Err(error) => row.dead(closing(Verdict::Unreadable, error.to_string()), Vec::new()),
        }
    }

    fn panicked(&self, row: Claimed, why: String) -> Settlement {
        let why = self.webex.told(&why);
        tracing::error!(why, "sending a reply failed where it must not");
        self.failed(row, why, true)
    }

    /// The post may have arrived: the next try looks first.
    fn put_back(row: Claimed) -> Settlement {
        row.again(Again { uncertain: true, ..Again::default() })
    }
}

impl Outbox {
    async fn post(&self, row: Claimed, post: &Post) -> Settlement {
        let file = match self.file(&row, post).await {
            Ok(file) => file,
            Err(why) => return self.unprepared(row, why),
        };
        let settlement = self.deliver(row, post, file).await;
        if settlement.closes() {
            self.arrivals.forget(settlement.row_id());
        }
        settlement
    }

    /// Looks for the message if it may be there, posts it if it is not, and settles the row.
    async fn deliver(&self, row: Claimed, post: &Post, file: Option<File>) -> Settlement {
        // A few calls, each with its own timeout; the lease bounds them all.
        let sending = tokio::time::timeout(self.lease.mul_f64(0.9), self.send(&row, post, file));
        let result = sending.await.unwrap_or_else(|_| {
            let cause = "no answer before the lease ends".to_owned();
            Err(Unsent::Failed {
                error: Error::Unreachable { endpoint: "messages", is_sent: true, cause },
                is_posted: true,
            })
        });
        match result {
            Ok(sent) => self.settle_sent(row, post, sent),
            Err(Unsent::Pending(left)) => {
                tracing::info!(
                    pause_ms = left.as_millis(),
                    "the post of a reply was not answered, and Webex may still carry it out; the reply waits, other spaces do not"
                );
                let note = Some("its post was not answered, and Webex may still carry it out".to_owned());
                row.again(Again { after: left, note, ..Again::default() })
            }
            // It was taken, and nobody can read there whether it is there; posting it again would double it.
            Err(Unsent::Failed { error: error @ Error::Unreadable { .. }, is_posted: true })
                if !post.to.is_direct() =>
            {
                tracing::warn!(%error, "reply sent, but Webex's answer to it cannot be read");
                row.done(closing(Verdict::Sent, error.to_string()), Vec::new())
            }
            Err(Unsent::Failed { error, is_posted }) => {
                self.settle_failure(row, &post.to, &error, is_posted, post.file.is_some()).await
            }
        }
    }

    fn settle_sent(&self, row: Claimed, post: &Post, sent: Sent) -> Settlement {
        let Sent { receipt, created } = sent;
        self.health.token(Ok(()));
        self.metrics.reply_sent(row.age());
        tracing::info!(webex_id = receipt.id, "reply sent");
        let closing = closing(Verdict::Sent, receipt.to_string());
        let shown = match (&post.asks, &post.to, created) {
            (Some(person), Destination::Space(room, _), Some(created)) => Some(Effect::Shown {
                room: room.local(),
                person: person.clone(),
                event: post.event,
                at: created.as_millisecond(),
                message: receipt.id.clone(),
            }),
            _ => None,
        };
        // Nobody can press what asks for approval then; of any other card it says nothing.
        let unasked = receipt.without_card.map(|_| Effect::Approval(ApprovalStep::Unasked { card: row.id }));
        let effects = shown.into_iter().chain(unasked).collect();
        row.done(Closing { mark: Some(receipt.id), effects, ..closing }, Vec::new())
    }

    /// The file of a letter that has one, from the ledger.
    async fn file(&self, row: &Claimed, post: &Post) -> Result<Option<File>, String> {
        let Some(FileInfo { name, content_type, .. }) = &post.file else { return Ok(None) };
        let found = self.store.file(row).await.map_err(|error| error.to_string())?;
        let bytes = found.ok_or_else(|| format!("the bytes of {name} are not in the ledger"))?;
        Ok(Some(File { name: name.clone(), content_type: content_type.clone(), bytes }))
    }

    /// Deletes a message of the bot's own, once what takes its place was posted. Deleted already is deleted.
    async fn delete(&self, row: Claimed, delete: &Delete) -> Settlement {
        let (stands, sent) = match (self.sent(delete.successor).await, self.sent(delete.row).await) {
            (Ok(stands), Ok(sent)) => (stands.is_some(), sent),
            (Err(error), _) | (_, Err(error)) => return self.unprepared(row, error.to_string()),
        };
        if !stands {
            return row.dead(
                closing(Verdict::Refused, "what takes its place was not sent, so it stays".to_owned()),
                Vec::new(),
            );
        }
        let mut ids = delete.messages.clone();
        // Where Webex's answer could not be read, the note is why and no id.
        ids.extend(sent.as_deref().and_then(Receipt::read).map(|receipt| receipt.id.as_str().into()));
        let mut gone: Vec<MessageId> = Vec::new();
        for id in ids {
            if gone.contains(&id) {
                continue;
            }
            let deleting = tokio::time::timeout(self.lease.mul_f64(0.2), self.webex.delete_message(&id)).await;
            match deleting {
                Ok(Err(error)) if error.fault() != Fault::NotFound => {
                    return self.settle_failure(row, &delete.to, &error, false, false).await;
                }
                Ok(_) => gone.push(id),
                Err(_) => return self.failed(row, "no answer before the lease ends".to_owned(), true),
            }
        }
        if gone.is_empty() {
            return row.done(
                closing(Verdict::Kept, "nobody knows Webex's id of it, or it was never sent".to_owned()),
                Vec::new(),
            );
        }
        let ids: Vec<_> = gone.iter().map(ToString::to_string).collect();
        row.done(closing(Verdict::Deleted, ids.join(", ")), Vec::new())
    }

    /// What is noted of a row of the outbox that was sent; none when it was not, or nobody knows any more.
    async fn sent(&self, row: Uuid) -> Result<Option<String>, StoreError> {
        let found = self.store.between(row, row).await?;
        let sent = found.into_iter().find(|row| row.verdict == Some(Verdict::Sent));
        Ok(sent.map(|row| row.note.unwrap_or_default()))
    }

    /// Nothing was sent, for a reason of our own.
    fn unprepared(&self, row: Claimed, why: String) -> Settlement {
        tracing::error!(why, "a reply cannot be sent");
        self.failed(row, why, false)
    }

    fn failed(&self, row: Claimed, why: String, uncertain: bool) -> Settlement {
        match self.retry.after_failure(&row, why.clone()) {
            Some(again) => row.again(Again { uncertain, ..again }),
            None => row.dead(closing(Verdict::Failed, why), Vec::new()),
        }
    }

    async fn send(&self, row: &Claimed, post: &Post, file: Option<File>) -> Result<Sent, Unsent> {
        let sent = |message: Message, without_card| Sent {
            receipt: Receipt { id: message.id.to_string(), without_card },
            created: message.created,
        };
        let whole = post.addressed();
        let has_card = !whole.attachments.is_empty();
        if let Some(doubt) = row.doubt {
            match self.arrivals.look(row, post, doubt, self.retry.is_last(row)).await.map_err(Unsent::before)? {
                Look::Arrived(arrived) => {
                    let lost = has_card && arrived.attachments.is_empty();
                    return Ok(sent(*arrived, lost.then(|| "Webex refused it at an earlier try".to_owned())));
                }
                Look::Pending(left) => return Err(Unsent::Pending(left)),
                Look::Absent => {}
            }
        }
        let refusal = match self.call(row, &whole, file.as_ref()).await {
            Err(refusal) if refusal.is_bad_request() => refusal,
            posted => return posted.map(|message| sent(message, None)).map_err(Unsent::posted),
        };
        // Webex does not document how it says that a card is wrong, or that the message which is answered was deleted. That
        // it takes the same message without the one or the other does say so; if it takes none, something
        // else is wrong, and what it says then is what counts.
        let less: &[(bool, bool)] = match (whole.parent_id.is_some(), has_card) {
            (true, true) => &[(false, true), (true, false), (false, false)],
            (true, false) | (false, true) => &[(false, false)],
            (false, false) => &[],
        };
        let mut last = refusal;
        for (keeps_thread, keeps_card) in less.iter().copied() {
            let parent_id = whole.parent_id.clone().filter(|_| keeps_thread);
            let attachments = if keeps_card { whole.attachments.clone() } else { Vec::new() };
            let message = NewMessage { parent_id, attachments, ..whole.clone() };
            match self.call(row, &message, file.as_ref()).await {
                Err(again) if again.is_bad_request() => last = again,
                Err(error) => return Err(Unsent::posted(error)),
                Ok(posted) => {
                    tracing::warn!(error = %last, keeps_thread, keeps_card, "Webex refused a message and took less of it");
                    let lost = has_card && !keeps_card;
                    return Ok(sent(posted, lost.then(|| last.to_string())));
                }
            }
        }
        Err(Unsent::posted(last))
    }

    async fn call(&self, row: &Claimed, message: &NewMessage, file: Option<&File>) -> Result<Message, Error> {
        self.arrivals.expect(row);
        match file {
            None => self.webex.create_message(message).await,
            Some(file) => self.webex.upload(message, file.clone()).await,
        }
    }

    /// What to do about a failed send. An upload without an answer, while Webex answers others, is too large for
    /// `webex.timeout` and this line: that is tried a few times and not for a day.
    async fn fault(&self, row: &Claimed, error: &Error, is_posted: bool, has_file: bool) -> Fault {
        let is_slow_upload = has_file && matches!(error, Error::Unreachable { .. });
        if is_slow_upload && !self.retry.is_outage(row).await {
            return Fault::Broken;
        }
        match error.fault() {
            // A look or a deletion that is refused says nothing of the message, and may be refused in passing.
            Fault::Final | Fault::NotFound if !is_posted => Fault::Broken,
            fault => fault,
        }
    }

    async fn settle_failure(
        &self,
        row: Claimed,
        to: &Destination,
        error: &Error,
        is_posted: bool,
        has_file: bool,
    ) -> Settlement {
        let is_direct = to.is_direct();
        let reason = error.of_message(is_direct);
        let fault = match self.fault(&row, error, is_posted, has_file).await {
            // One 404 may be as passing as one 500.
            Fault::NotFound if !self.retry.is_last(&row) => Fault::Broken,
            fault => fault,
        };
        match self.retry.after_fault(&row, error, fault).await {
            Some(again) => {
                let uncertain = is_posted && error.is_uncertain();
                row.again(Again { uncertain, note: Some(reason), ..again })
            }
            None => {
                let tracking_id = error.tracking_id().unwrap_or("none");
                let hint = error.hint_of_message(is_direct);
                tracing::error!(%error, hint, tracking_id, "a reply is given up; `switchboard outbox list` shows it");
                row.dead(closing(Verdict::Refused, reason), Vec::new())
            }
        }
    }
}

/// What Webex has taken, and when by its clock.
struct Sent {
    receipt: Receipt,
    created: Option<Timestamp>,
}

/// Why a message was not sent, as far as anybody knows.
enum Unsent {
    /// It may be there soon, within so long.
    Pending(Duration),
    /// A call failed; whether that was a post.
    Failed { error: Error, is_posted: bool },
}

impl Unsent {
    fn before(error: Error) -> Unsent {
        Unsent::Failed { error, is_posted: false }
    }

    fn posted(error: Error) -> Unsent {
        Unsent::Failed { error, is_posted: true }
    }
}

fn closing(verdict: Verdict, note: String) -> Closing {
    Closing { verdict, note: Some(note), ..Closing::default() }
}
