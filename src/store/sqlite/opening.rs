//! Opens a ledger, for the daemon or for a verb beside it, and closes it.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{Access, connect};
use super::database::{Care, Sqlite};
use super::hints;
use super::lock::{self, Lock};
use super::log::{self, WriteAheadLog};
use super::origin::{self, LedgerOrigin, NO_TABLES};
use super::payloads::Payloads;
use super::presence::Presence;
use super::reader::Reader;
use super::statements::Statements;
use super::unindexed::Indexes;
use crate::clock::{Clock, millis};
use crate::config;
use crate::store::{Damage, StoreError};

/// How long a stop waits for reads that are under way.
const LONGEST_READ: Duration = Duration::from_secs(3);

impl Sqlite {
    /// Opens the ledger. Also says whether it was made just now.
    pub fn open(settings: &config::Store, clock: Clock, exclusive: bool) -> Result<(Sqlite, bool), StoreError> {
        let path = Sqlite::place(settings);
        let place = path.display().to_string();
        let cannot = |cause: String| StoreError::Open { place: place.clone(), cause };
        let size = lock::is_file(&path).map_err(cannot)?;
        if exclusive {
            let lost = lock::traces(&path);
            let lock = Lock::take(&path).map_err(cannot)?;
            return Sqlite::open_locked(settings, &path, lock, lost, clock);
        }
        match size {
            None => return Err(cannot("there is none yet; it is made when the daemon first runs".to_owned())),
            Some(0) => return Err(cannot(NO_TABLES.to_owned())),
            Some(_) => match origin::origin_of(&path).map_err(cannot)? {
                LedgerOrigin::Nothing => return Err(cannot(NO_TABLES.to_owned())),
                LedgerOrigin::Ledger => {}
            },
        }
        let mut connection = connect(&path, Access::Write).map_err(|error| cannot(error.to_string()))?;
        origin::migrate(&mut connection, false).map_err(cannot)?;
        let engine = Sqlite::new(connection, &path, clock, None);
        Ok((engine, false))
    }

    /// Turns the locked file into a ledger of this version, for the daemon.
    fn open_locked(
        settings: &config::Store,
        path: &Path,
        mut lock: Lock,
        lost: Option<String>,
        clock: Clock,
    ) -> Result<(Sqlite, bool), StoreError> {
        let cannot = |cause: String| StoreError::Open { place: path.display().to_string(), cause };
        if let Err(cause) = prepare(path, &lock, lost, clock.wall_ms()) {
            lock.give_up(path);
            return Err(cannot(cause));
        }
        let opened = |error: rusqlite::Error| cannot(hints::of_database(&error));
        let mut connection = match connect(path, Access::Write) {
            Ok(connection) => connection,
            Err(error) => {
                lock.give_up(path);
                return Err(opened(error));
            }
        };
        let is_new = origin::migrate(&mut connection, true).map_err(cannot)?;
        lock.leave_mark(path);
        let log = WriteAheadLog::keep(path, settings.log_limit).map_err(opened)?;
        let presence =
            Presence::of(path, lock, &connection).map_err(|error| cannot(format!("{error}; is store.url right?")))?;
        let mut engine = Sqlite::new(connection, path, clock, Some(Care { log, presence }));
        engine.begin_instance()?;
        if !is_new && engine.was_emptied(settings.retention)? {
            tracing::error!(
                "the ledger {} holds no event, though by its cursors or its audit it did: were rows deleted? What was \
                 acknowledged and not yet answered is gone",
                path.display()
            );
        }
        engine.make_own_secret()?;
        engine.make_identity()?;
        engine.count_payloads()?;
        Ok((engine, is_new))
    }

    fn new(connection: Connection, path: &Path, clock: Clock, care: Option<Care>) -> Sqlite {
        Sqlite {
            connection,
            path: path.to_owned(),
            reader: Reader::new(path.to_owned()),
            pages: None,
            instance: None,
            version: 0,
            file_bytes: 0,
            indexes: Indexes::default(),
            payloads: Payloads::default(),
            last_lane: Vec::new(),
            clock,
            care,
        }
    }

    /// Whether rows were removed by something else than pruning: there are none although there were some, and traces of
    /// them are younger than what pruning empties.
    fn was_emptied(&mut self, retention: Duration) -> Result<bool, StoreError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM ledger) AND EXISTS (SELECT 1 FROM lane)
             AND (EXISTS (SELECT 1 FROM cursor WHERE at > ?1)
                 OR EXISTS (SELECT 1 FROM audit WHERE event IS NOT NULL AND at > ?1))";
        Ok(self.connection.value(sql, [self.clock.wall_ms() - millis(retention)])?)
    }

    /// Checks the files a last time. If they are not as they were, none of them is closed: SQLite would remove the log
    /// by its name, which may belong to another ledger by now.
    pub fn check_last(mut self) -> Result<Sqlite, Damage> {
        match self.check() {
            Ok(()) => Ok(self),
            Err(damage) => {
                self.save(damage);
                std::mem::forget(self);
                Err(damage)
            }
        }
    }

    /// Closes the ledger. The last connection to close removes the log, so the writer's goes last, and the lock after
    /// it.
    pub fn close(self) {
        let Sqlite { connection, reader, care, .. } = self;
        let presence = match care {
            Some(Care { log, presence }) => {
                log.close();
                Some(presence)
            }
            None => None,
        };
        reader.close(LONGEST_READ);
        if presence.is_some()
            && let Err(error) = log::cut(&connection, LONGEST_READ)
        {
            tracing::warn!(%error, "the write-ahead log could not be taken back; the next start does");
        }
        if let Err((_, error)) = connection.close() {
            tracing::warn!(%error, "the ledger did not close cleanly; its next start recovers it");
        }
    }
}

/// Checks that the locked file is a ledger or empty, and makes it private.
fn prepare(path: &Path, lock: &Lock, lost: Option<String>, now_ms: i64) -> Result<(), String> {
    match lock::is_file(path)? {
        Some(1..) => {
            origin::origin_of(path)?;
            lock.look_for_older(path)?;
        }
        Some(0) | None => {
            let aside = lock::put_aside(path, now_ms)?.map(|aside| format!(", and is now {aside}"));
            if let Some(trace) = lost {
                tracing::error!(
                    "the ledger {} is new, though there was one before: {trace}{}. What that held is gone with it, \
                     also what was acknowledged and not yet answered",
                    path.display(),
                    aside.unwrap_or_default()
                );
            }
        }
    }
    lock.make_private(path);
    Ok(())
}
