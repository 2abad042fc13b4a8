//! Sends what the outbox holds, in order per space. Nobody else posts, edits or deletes messages.

mod beginning;
mod delete;
mod edit;
mod failure;
mod fetch;
mod keeping;
mod post;

use std::borrow::Cow;
use std::time::Duration;

use uuid::Uuid;

use super::arrivals::Arrivals;
use super::{Letter, Post, Urgency};
use crate::config::Config;
use crate::health::Health;
use crate::identity::Identity;
use crate::signature::SecretKey;
use crate::sources::HttpSource;
use crate::store::{Again, Claimed, Closing, Queue, Settlement, Store};
use crate::telemetry::Metrics;
use crate::verdict::Verdict;
use crate::webex::{Client, Priority};
use crate::worker::{Retry, Work};

/// Sends one row.
pub struct Outbox {
    webex: Client,
    /// Keeps the bytes of files, the receipts of letters and the roots of threads.
    store: Store,
    lease: Duration,
    visible_within: Duration,
    /// Fetches files by their addresses.
    sources: HttpSource,
    arrivals: Arrivals,
    retry: Retry,
    metrics: Metrics,
    health: Health,
    /// What secrets in letters are derived from.
    key: Option<SecretKey>,
}

impl Outbox {
    /// Sends letters from this ledger to Webex, as the settings say. `health` is told if Webex refuses the token.
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
            visible_within: config.worker.visible_within,
            sources: HttpSource::new(&config.sources, config.webex.ca_file.clone()),
            arrivals: Arrivals::new(config, webex, identity),
            retry: Retry::new(&config.worker, webex, health, "reply"),
            metrics: metrics.clone(),
            health: health.clone(),
            key: config.hook_secret().ok().map(SecretKey::new),
        }
    }

    /// The letter with its secret, if it tells one. None if that cannot be derived.
    fn filled<'a>(&self, post: &'a Post) -> Option<Cow<'a, Post>> {
        let Some(secret) = post.secret else { return Some(Cow::Borrowed(post)) };
        let message = secret.fill(&post.message, self.key.as_ref())?;
        Some(Cow::Owned(Post { message, ..post.clone() }))
    }

    /// The client for a letter. If somebody waits for the letter, its calls go first.
    fn webex_for(&self, urgency: Urgency) -> Client {
        self.webex.at(match urgency {
            Urgency::Awaited => Priority::Reply,
            Urgency::Announced => Priority::Notify,
        })
    }
}

impl Work for Outbox {
    const QUEUE: Queue = Queue::Outbox;
    const MAY_STEP_ASIDE: bool = true;

    type Body = Result<Letter, serde_json::Error>;

    fn webex(&self) -> &Client {
        &self.webex
    }

    fn read(row: &Claimed) -> (Uuid, Self::Body) {
        let letter = Letter::read(&row.body);
        (letter.as_ref().ok().and_then(Letter::event).unwrap_or(row.id), letter)
    }

    async fn work(&self, row: Claimed, letter: Self::Body) -> Settlement {
        match letter {
            Ok(Letter::Post(post)) => match self.filled(&post) {
                Some(post) => self.post(row, &post, Default::default()).await,
                None => row.dead(closing(Verdict::Failed, "its secret cannot be derived".to_owned())),
            },
            Ok(Letter::Edit(edit)) => self.edit(row, &edit).await,
            Ok(Letter::Delete(delete)) => self.delete(row, &delete).await,
            Err(error) => row.dead(closing(Verdict::Unreadable, error.to_string())),
        }
    }

    fn panicked(&self, row: Claimed, why: String) -> Settlement {
        let why = self.webex.sanitized(&why);
        tracing::error!(why, "sending a reply failed where it must not");
        self.failed(row, why, true)
    }

    /// Gives a row back whose post may have arrived. The next try looks for the message first.
    fn put_back(row: Claimed) -> Settlement {
        row.again(Again { uncertain: true, ..Again::default() })
    }
}

fn closing(verdict: Verdict, note: String) -> Closing {
    Closing { verdict, note: Some(note), ..Closing::default() }
}
