//! Checks that the ledger's files are still the ones that are open. SQLite goes on writing into a file that was
//! removed, moved or replaced, and its commits there are lost when the process ends. So the writer checks around every
//! commit.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::lock::{Lock, id, index_of, log_of};
use super::log::{self, FRAME_HEAD};
use super::statements::Statements;
use crate::store::error::{Damage, LedgerPart};

/// The first bytes of every SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The offset of the number that SQLite leaves to the user, `PRAGMA user_version`. A ledger has a stamp there, which
/// changes at each start and each hour. So a copy that is written over the ledger is recognised.
const STAMP: usize = 60;

/// The first bytes of a write-ahead log. The last bit of the fourth byte is the byte order of its checksums.
const LOG_MAGIC: [u8; 4] = [0x37, 0x7f, 0x06, 0x82];

/// The bytes of a write-ahead log before its first frame.
const LOG_HEAD: u64 = 32;

/// The files as they were opened.
pub(super) struct Presence {
    /// Its descriptor stays open as long as SQLite has the ledger open. Closing any descriptor would drop SQLite's
    /// locks on the ledger.
    lock: Lock,
    log: File,
    names: [(LedgerPart, PathBuf, (u64, u64)); 3],
    page_size: u64,
    /// The stamp that was written last, and the one before it until the file has the new one.
    stamp: i32,
    last_stamp: Option<i32>,
    /// The ledger never becomes smaller than this, unless somebody vacuums it.
    size: u64,
    /// The log never becomes smaller than this, unless somebody copies it back.
    log_size: u64,
    /// The index never becomes smaller than this. If it is cut off, touching the missing part ends the process.
    index_size: u64,
}

/// A file that is smaller than it was.
enum LockDoubt {
    Ledger(u64),
    Log(u64),
}

impl Presence {
    /// Remembers the files of the ledger that this connection has open.
    pub(super) fn of(path: &Path, lock: Lock, connection: &Connection) -> std::io::Result<Presence> {
        let page_size: i64 = connection.value("PRAGMA page_size", ()).map_err(std::io::Error::other)?;
        let stamp = write_stamp(connection).map_err(std::io::Error::other)?;
        log::cut(connection, Duration::ZERO).map_err(std::io::Error::other)?;
        let found = read_stamp(&lock.ledger)?;
        let (log_name, index_name) = (log_of(path), index_of(path));
        let (of_ledger, of_log, of_index) =
            (lock.ledger.metadata()?, std::fs::metadata(&log_name)?, std::fs::metadata(&index_name)?);
        Ok(Presence {
            log: File::open(&log_name)?,
            lock,
            names: [
                (LedgerPart::Ledger, path.to_owned(), id(&of_ledger)),
                (LedgerPart::Log, log_name, id(&of_log)),
                (LedgerPart::Index, index_name, id(&of_index)),
            ],
            page_size: page_size.unsigned_abs(),
            stamp,
            last_stamp: found.filter(|found| *found != stamp),
            size: of_ledger.len(),
            log_size: of_log.len(),
            index_size: of_index.len(),
        })
    }

    /// The size of the write-ahead log when it was last checked.
    pub(super) fn log_size(&self) -> u64 {
        self.log_size
    }

    /// Checks that all files are there and whole. `pages` is how many the ledger had before the last commit, if there
    /// was one since the last check.
    pub(super) fn check(&mut self, connection: &Connection, pages: Option<i64>) -> Result<(), Damage> {
        // There are two kinds of doubt, and each can be resolved once. Then none is left.
        for _ in 0..3 {
            match self.look()? {
                None => return Ok(()),
                Some(LockDoubt::Ledger(size)) => self.size = self.vacuumed(connection, size, pages)?,
                Some(LockDoubt::Log(size)) => self.log_size = self.taken_back(connection, size)?,
            }
        }
        Ok(())
    }

    /// Compares names and sizes. These calls do not wait for the disk, since their answers are in memory while the file
    /// is open. A thread for them would take ten times as long.
    fn look(&mut self) -> Result<Option<LockDoubt>, Damage> {
        let mut sizes = [0; 3];
        for ((part, name, known), size) in self.names.iter().zip(&mut sizes) {
            match std::fs::metadata(name) {
                Ok(found) if id(&found) == *known => *size = found.len(),
                Ok(_) | Err(_) => return Err(Damage::Moved(*part)),
            }
        }
        let [size, log_size, index_size] = sizes;
        if index_size < self.index_size {
            return Err(Damage::Truncated(LedgerPart::Index));
        }
        if size < self.size {
            return Ok(Some(LockDoubt::Ledger(size)));
        }
        if log_size < self.log_size {
            return Ok(Some(LockDoubt::Log(log_size)));
        }
        match read_stamp(&self.lock.ledger) {
            Ok(Some(stamp)) if stamp == self.stamp => self.last_stamp = None,
            Ok(stamp @ Some(_)) if stamp == self.last_stamp => {}
            Ok(_) | Err(_) => return Err(Damage::Truncated(LedgerPart::Ledger)),
        }
        let mut head = [0; 4];
        if log_size > 0 {
            let read = self.log.read_exact_at(&mut head, 0);
            head[3] &= !1;
            if read.is_err() || head != LOG_MAGIC {
                return Err(Damage::Truncated(LedgerPart::Log));
            }
        }
        (self.index_size, self.size, self.log_size) = (index_size, size, log_size);
        Ok(None)
    }

    /// Gives the ledger a new stamp, unless the last one has not reached the file yet.
    pub(super) fn stamp(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.last_stamp.is_none() {
            self.last_stamp = Some(std::mem::replace(&mut self.stamp, write_stamp(connection)?));
        }
        Ok(())
    }

    /// The ledger's size, if it was vacuumed: then the file has all its pages. If the last commit added pages, those from
    /// before suffice.
    fn vacuumed(&self, connection: &Connection, size: u64, before: Option<i64>) -> Result<u64, Damage> {
        let now: Result<i64, _> = connection.value("PRAGMA page_count", ());
        let damage = Damage::Truncated(LedgerPart::Ledger);
        let now = now.map_err(|_| damage)?;
        let pages = before.map_or(now, |before| before.min(now)).unsigned_abs();
        if pages > 0 && size >= pages * self.page_size { Ok(size) } else { Err(damage) }
    }

    /// The log's size, if all its frames are in it: then another process copied it back.
    fn taken_back(&self, connection: &Connection, size: u64) -> Result<u64, Damage> {
        let damage = Damage::Truncated(LedgerPart::Log);
        let needed = match log::frames(connection).map_err(|_| damage)? {
            0 => 0,
            frames => LOG_HEAD + frames * (FRAME_HEAD + self.page_size),
        };
        if size >= needed { Ok(size) } else { Err(damage) }
    }
}

fn write_stamp(connection: &Connection) -> rusqlite::Result<i32> {
    let stamp = fastrand::i32(1..);
    connection.pragma_update(None, "user_version", stamp)?;
    Ok(stamp)
}

/// The stamp in a file. None if the file is no database.
fn read_stamp(ledger: &File) -> std::io::Result<Option<i32>> {
    let mut head = [0; STAMP + 4];
    ledger.read_exact_at(&mut head, 0)?;
    let (before, stamp) = head.split_at(STAMP);
    Ok(before.starts_with(MAGIC).then(|| stamp.iter().fold(0, |stamp, byte| stamp << 8 | i32::from(*byte))))
}

#[cfg(test)]
mod tests {
    use super::super::connection::{Access, connect};
    use super::*;

    #[test]
    fn a_ledger_is_stamped_anew_and_a_copy_of_before_is_told_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let lock = Lock::take(&path).unwrap();
        let connection = connect(&path, Access::Write).unwrap();
        let mut presence = Presence::of(&path, lock, &connection).unwrap();
        for _ in 0..2 {
            assert_eq!(presence.check(&connection, None), Ok(()));
            let copied = std::fs::read(&path).unwrap();
            presence.stamp(&connection).unwrap();
            assert_eq!(presence.check(&connection, None), Ok(()), "before it is in the file");
            presence.stamp(&connection).unwrap();
            assert!(log::cut(&connection, Duration::ZERO).unwrap());
            assert_eq!(presence.check(&connection, None), Ok(()), "one at a time");
            let stamped = std::fs::read(&path).unwrap();
            std::fs::write(&path, copied).unwrap();
            assert_eq!(presence.check(&connection, None), Err(Damage::Truncated(LedgerPart::Ledger)));
            std::fs::write(&path, stamped).unwrap();
        }
        assert_eq!(presence.check(&connection, None), Ok(()));
        drop(presence);
    }
}
