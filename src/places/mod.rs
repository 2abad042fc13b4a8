//! The spaces that the settings name by their titles. A title is looked up once among the spaces that the bot is in, and
//! the space it means is pinned by its id in the ledger: a new title does not change that, nor does a new space that
//! takes the old title.

mod choosing;
mod place;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use choosing::{Unplaced, choose};
pub use place::Place;

use crate::clock;
use crate::outbox::Destination;
use crate::store::{Pin, Store, StoreError};
use crate::webex::{Client, Error, Room, RoomId, RoomType};
use choosing::pin_of;

/// How long a space that was found is used without another look at it.
const FRESH: Duration = Duration::from_secs(30);

/// For how long it is believed that a title means no space, if somebody asks who may ask at any rate. Each look reads all
/// spaces of the bot.
const MISSED: Duration = Duration::from_secs(5);

/// How long Webex may take to say whether a pinned space is still there. After that it is taken to be.
const PATIENCE: Duration = Duration::from_secs(5);

/// Finds the spaces that titles mean. Cheap to clone.
#[derive(Clone)]
pub struct Places(Arc<Inner>);

struct Inner {
    webex: Client,
    store: Store,
    /// By title. Whoever looks for one title holds up nobody who needs another.
    found: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Lookup>>>>>,
}

/// The result of the last look for a title. It is good for everybody who asked before this time.
struct Lookup {
    at: Instant,
    found: Result<RoomId, PlaceError>,
}

/// Why a place is not known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PlaceError {
    /// The settings have to name it in another way, or the bot has to be added to a space.
    #[error("{0}")]
    Unplaced(Unplaced),
    /// Webex does not say which spaces there are. Try again.
    #[error(transparent)]
    Webex(#[from] Error),
    /// The ledger does not answer. Try again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Places {
    /// Asks this client for spaces, and keeps in this ledger which were found.
    pub fn new(webex: &Client, store: &Store) -> Places {
        Places(Arc::new(Inner { webex: webex.clone(), store: store.clone(), found: Mutex::default() }))
    }

    /// The destination that a place means now.
    ///
    /// # Errors
    /// A title means no space, or it is not known whether it does.
    pub async fn resolve(&self, place: &Place) -> Result<Destination, PlaceError> {
        self.find(place, Duration::ZERO).await
    }

    /// The same, for somebody who may ask at any rate: that a title means no space may be known for a few seconds.
    ///
    /// # Errors
    /// A title means no space, or did so just now, or it is not known whether it does.
    pub async fn resolve_lately(&self, place: &Place) -> Result<Destination, PlaceError> {
        self.find(place, MISSED).await
    }

    async fn find(&self, place: &Place, missed: Duration) -> Result<Destination, PlaceError> {
        match place {
            Place::Known(destination) => Ok(destination.clone()),
            Place::Titled(title) => {
                self.space(title, missed).await.map(|room| Destination::Space(room, RoomType::Group))
            }
        }
    }

    /// The pins of the spaces that had this title when they were last seen. Webex is not asked.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn last_seen(&self, title: &str) -> Result<Vec<Pin>, StoreError> {
        let mut pins = self.0.store.pins().await?;
        pins.retain(|pin| pin.seen.trim() == title.trim());
        Ok(pins)
    }

    /// The space that a title means. Callers who ask at one time share one look. `missed` is how long it is believed that
    /// there is none.
    async fn space(&self, title: &str, missed: Duration) -> Result<RoomId, PlaceError> {
        let asked = clock::instant();
        let of_title = Arc::clone(
            self.0.found.lock().unwrap_or_else(PoisonError::into_inner).entry(title.to_owned()).or_default(),
        );
        let mut last = of_title.lock().await;
        if let Some(Lookup { at, found }) = &*last {
            let good_for = match found {
                Ok(_) => FRESH,
                Err(PlaceError::Unplaced(_)) => missed,
                Err(PlaceError::Webex(_) | PlaceError::Store(_)) => Duration::ZERO,
            };
            let is_fresh = asked.saturating_duration_since(*at) < good_for;
            if is_fresh || *at >= asked {
                return found.clone();
            }
        }
        let began = clock::instant();
        let found = self.look(title).await;
        let at = match &found {
            Ok(_) | Err(PlaceError::Unplaced(_)) => began,
            // Whoever waited for this look would fail in the same way.
            Err(PlaceError::Webex(_) | PlaceError::Store(_)) => clock::instant(),
        };
        *last = Some(Lookup { at, found: found.clone() });
        found
    }

    /// Looks for the space that a title means.
    async fn look(&self, title: &str) -> Result<RoomId, PlaceError> {
        let pin = self.0.store.pinned(title).await?;
        let room = match &pin {
            None => self.choose(title, None).await?,
            Some(pin) => match tokio::time::timeout(PATIENCE, self.0.webex.room(&pin.room.as_str().into())).await {
                Ok(Ok(room)) => Ok(room),
                // The bot is no longer in it, or it has another id.
                Ok(Err(Error::Status { status: 403 | 404, .. })) => self.choose(title, Some(pin)).await?,
                // What is sent there waits in the outbox until Webex is back.
                Ok(Err(_)) | Err(_) => return Ok(pin.room.as_str().into()),
            },
        };
        let room = room.map_err(PlaceError::Unplaced)?;
        self.keep(title, pin, &room).await?;
        Ok(room.id)
    }

    /// The space that the title means among all that the bot is in.
    async fn choose(&self, title: &str, pin: Option<&Pin>) -> Result<Result<Room, Unplaced>, Error> {
        let rooms = self.0.webex.rooms(Some(RoomType::Group)).await?;
        Ok(choose(title, pin, &rooms).cloned())
    }

    /// Writes down which space was found, unless that is known.
    async fn keep(&self, title: &str, pin: Option<Pin>, room: &Room) -> Result<(), StoreError> {
        let new = pin_of(title, room);
        if pin.as_ref() == Some(&new) {
            return Ok(());
        }
        match &pin {
            None => tracing::info!(title, room = new.room, "the title of the settings means this space from now on"),
            Some(old) if old.room == new.room => {
                tracing::info!(title, room = new.room, now = new.seen, "a space has another title; it is still meant");
            }
            Some(old) => {
                let (was, room) = (&old.room, &new.room);
                tracing::warn!(title, was, room, "a space moved, or is gone; the title of the settings means another");
            }
        }
        self.0.store.pin(new).await
    }
}
