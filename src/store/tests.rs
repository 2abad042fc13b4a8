//! The promises of a ledger. Each case uses [`Store`] alone, so every engine has to pass it.
//!
//! The cases run against the engine of `TEST_STORE_URL`. In this URL `{folder}` stands for a folder of the case's own
//! and `{name}` for a name that no other case has. Without the variable they run against SQLite. Promises that only
//! SQLite makes, such as those about its files, have tests of their own.

mod activity;
mod approvals;
pub(super) mod audit;
mod coverage;
mod files;
mod lanes;
mod letters;
mod pairing;
mod processes;
mod pruning;
mod questions;
mod settling;
mod standing;

use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Claimed, Closing, Effect, Entry, Queue, Settlement, SettlementStep, Store, StoreError, Writer};
use crate::clock;
use crate::config::{self, Config};
use crate::verdict::Verdict;

/// Adds an effect to a settlement, as the desk does.
pub(super) trait With {
    fn with(self, effect: Effect) -> Self;
}

impl With for Settlement {
    fn with(mut self, effect: Effect) -> Settlement {
        if let SettlementStep::Close { closing, .. } = &mut self.step {
            closing.effects.push(effect);
        }
        self
    }
}

/// The place of one case's ledger.
pub(super) struct LedgerPlace {
    _folder: TempDir,
    pub(super) settings: config::Store,
}

impl LedgerPlace {
    pub(super) fn new() -> LedgerPlace {
        std::env::var("TEST_STORE_URL").map_or_else(|_| LedgerPlace::of_sqlite(), |engine| LedgerPlace::of(&engine))
    }

    pub(super) fn of_sqlite() -> LedgerPlace {
        LedgerPlace::of("sqlite:{folder}/ledger.db")
    }

    fn of(engine: &str) -> LedgerPlace {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("case_{}", Uuid::new_v4().simple());
        let url = engine.replace("{folder}", folder.path().to_str().unwrap()).replace("{name}", &name);
        LedgerPlace { _folder: folder, settings: settings(url) }
    }
}

pub(super) fn settings(url: String) -> config::Store {
    config::Store { url: SecretString::from(url), ..Config::from_parts("", &[]).unwrap().store }
}

pub(super) fn keys(key: Option<&str>, old: Option<&str>) -> config::Audit {
    let secret = |key: Option<&str>| key.map(SecretString::from);
    config::Audit { key: secret(key), old_key: secret(old), ..Config::from_parts("", &[]).unwrap().audit }
}

/// A ledger that a daemon has open.
pub(super) struct Ledger {
    pub(super) store: Store,
    pub(super) place: LedgerPlace,
    stop: oneshot::Sender<()>,
    writer: tokio::task::JoinHandle<Result<(), StoreError>>,
}

impl Ledger {
    pub(super) async fn new() -> Ledger {
        Ledger::open(LedgerPlace::new(), Duration::from_secs(60)).await
    }

    pub(super) async fn open(place: LedgerPlace, lease: Duration) -> Ledger {
        let (store, writer) =
            Store::open(&place.settings, &keys(None, None), lease, clock::Clock::of_system()).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let writer = tokio::spawn(writer.run(async {
            let _ = stopped.await;
        }));
        Ledger { store, place, stop, writer }
    }

    pub(super) async fn close(self) -> LedgerPlace {
        let _ = self.stop.send(());
        self.writer.await.unwrap().unwrap();
        self.place
    }

    pub(super) async fn put(&self, name: &str, lane: &str) -> bool {
        self.store.put(entry(Queue::Inbox, name, lane)).await.unwrap()
    }

    pub(super) async fn claim(&self, most: usize) -> Vec<Claimed> {
        self.store.claim(Queue::Inbox, [most, usize::MAX], || None, Duration::ZERO).await.unwrap()
    }

    pub(super) async fn claimed_names(&self, most: usize) -> Vec<String> {
        self.claim(most).await.into_iter().map(|row| row.body).collect()
    }
}

/// Opens a daemon's ledger with these keys, does something with it, and closes it.
pub(super) async fn with_daemon<T>(
    settings: &config::Store,
    keys: &config::Audit,
    work: impl AsyncFnOnce(&Store) -> T,
) -> T {
    served(Store::open(settings, keys, Duration::from_secs(60), clock::Clock::of_system()).await.unwrap(), work).await
}

/// Does the same beside the daemon, as verbs do.
pub(super) async fn beside<T>(
    settings: &config::Store,
    keys: &config::Audit,
    work: impl AsyncFnOnce(&Store) -> T,
) -> T {
    served(Store::open_beside(settings, keys).await.unwrap(), work).await
}

async fn served<T>((store, writer): (Store, Writer), work: impl AsyncFnOnce(&Store) -> T) -> T {
    let work = async move { work(&store).await };
    tokio::join!(work, writer.run(std::future::pending())).0
}

pub(super) fn entry(queue: Queue, name: &str, lane: &str) -> Entry {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
    Entry { id, queue, lane: lane.to_owned(), accepted_at: clock::wall_ms(), body: name.to_owned(), ..Entry::default() }
}

pub(super) fn done(row: Claimed) -> Settlement {
    row.done(Closing { verdict: Verdict::Answered, ..Closing::default() })
}
