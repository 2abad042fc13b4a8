//! The marks of daemons. Two daemons with one token and two ledgers would answer everything twice. So each leaves a
//! mark at Webex by which the others see it: a webhook whose name has its ledger and the time. The daemon with the
//! oldest ledger answers. The others wait until its mark is no longer renewed. Pure, except for the gate.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::store::LedgerId;

/// The beginning of every mark's name.
const PREFIX: &str = "switchboard ledger ";

/// The end of the mark's name of a daemon that waits.
const WAITS: &str = " waits";

/// A mark is stale after this many missed renewals: its daemon no longer runs.
pub const MISSED: u32 = 4;

/// A daemon, as its mark describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its ledger.
    pub ledger: LedgerId,
    /// When its process began, in milliseconds since 1970. This distinguishes it from a process on a copy of the
    /// ledger.
    pub process: i64,
    /// When the mark was last renewed, by Webex's clock.
    pub at: Timestamp,
    /// Whether the daemon answers nothing and waits.
    pub waits: bool,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mark { ledger: LedgerId { born_at, chance }, process, at, waits } = self;
        let seconds = at.as_second();
        let at = Timestamp::from_second(seconds).unwrap_or(*at);
        write!(f, "{PREFIX}{born_at:x}-{chance:08x} {process:x} {at}{}", if *waits { WAITS } else { "" })
    }
}

impl Mark {
    /// Reads a mark from the name of a webhook. `None` if it is another webhook.
    pub fn read(name: &str) -> Option<Mark> {
        let rest = name.strip_prefix(PREFIX)?;
        let (rest, waits) = match rest.strip_suffix(WAITS) {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let mut words = rest.split(' ');
        let (ledger, process, at) = (words.next()?, words.next()?, words.next()?);
        let (born_at, chance) = ledger.split_once('-')?;
        let number = |text| i64::from_str_radix(text, 16).ok();
        let ledger = LedgerId { born_at: number(born_at)?, chance: u32::from_str_radix(chance, 16).ok()? };
        Some(Mark { ledger, process: number(process)?, at: at.parse().ok()?, waits })
    }

    /// Whether its daemon seems to run: the mark was renewed within `stale`.
    pub fn is_fresh(&self, now: Timestamp, stale: Duration) -> bool {
        now.duration_since(self.at).unsigned_abs() <= stale
    }

    /// Whether its daemon seems to run and to answer.
    pub fn answers(&self, now: Timestamp, stale: Duration) -> bool {
        self.is_fresh(now, stale) && !self.waits
    }

    /// Whether this daemon has priority over the other: the older ledger first, or on copies of one ledger the older
    /// process.
    fn goes_before(&self, other: &Mark) -> bool {
        (self.ledger, self.process) < (other.ledger, other.process)
    }

    /// The daemon that answers in place of this one, if there is one.
    pub fn outranked_by(&self, others: &[Mark], now: Timestamp, stale: Duration) -> Option<Mark> {
        others.iter().copied().find(|other| other.answers(now, stale) && other.goes_before(self))
    }
}

/// Whether this daemon is the one that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonRole {
    /// Not known yet.
    Unknown,
    /// It answers messages said after this time, by Webex's clock in milliseconds since 1970. Another daemon has
    /// answered earlier ones.
    Answers { after: Option<i64> },
    /// Another daemon answers.
    Waits,
}

/// Opens while this daemon is the one that answers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate {
    standing: watch::Receiver<DaemonRole>,
    /// Whether deliveries are taken while the role is unknown.
    early: bool,
}

impl Gate {
    /// A gate, and the sender that sets the role. With `early`, deliveries are taken while the role is unknown.
    pub fn new(standing: DaemonRole, early: bool) -> (watch::Sender<DaemonRole>, Gate) {
        let (sender, standing) = watch::channel(standing);
        (sender, Gate { standing, early })
    }

    /// Whether deliveries are taken now.
    pub fn takes(&self) -> bool {
        match *self.standing.borrow() {
            DaemonRole::Answers { .. } => true,
            DaemonRole::Unknown => self.early,
            DaemonRole::Waits => false,
        }
    }

    /// `None` while the gate is shut. Otherwise, the time up to which another daemon answered.
    pub fn answers(&self) -> Option<Option<i64>> {
        match *self.standing.borrow() {
            DaemonRole::Answers { after } => Some(after),
            DaemonRole::Unknown | DaemonRole::Waits => None,
        }
    }

    /// Waits until the gate is open.
    pub async fn open(&self) {
        self.until(|standing| matches!(standing, DaemonRole::Answers { .. })).await;
    }

    /// Waits until the gate is shut.
    pub async fn shut(&self) {
        self.until(|standing| !matches!(standing, DaemonRole::Answers { .. })).await;
    }

    /// Waits until the role is known. From then on, events that this daemon acknowledged are worked on, whatever the
    /// role.
    pub async fn known(&self) {
        self.until(|standing| standing != DaemonRole::Unknown).await;
    }

    async fn until(&self, holds: impl Fn(DaemonRole) -> bool) {
        let mut standing = self.standing.clone();
        if standing.wait_for(|standing| holds(*standing)).await.is_err() {
            // The sender is gone, since the daemon ends.
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE: Duration = Duration::from_secs(120);

    fn mark(born_at: i64, process: i64, at: i64) -> Mark {
        let at = Timestamp::from_second(at).unwrap();
        Mark { ledger: LedgerId { born_at, chance: 7 }, process, at, waits: false }
    }

    #[test]
    fn a_mark_is_read_from_its_name_and_from_no_other() {
        for waits in [false, true] {
            let mark = Mark { waits, ..mark(1_764_200_000_000, 1_764_300_000_000, 1_764_300_010) };
            assert_eq!(Mark::read(&mark.to_string()), Some(mark), "{mark}");
        }
        for other in [
            "",
            "switchboard messages",
            "switchboard ledger",
            "switchboard ledger x-y z now",
            "switchboard ledger 1-2 3 soon",
        ] {
            assert_eq!(Mark::read(other), None, "{other}");
        }
    }

    #[test]
    fn the_daemon_of_the_older_ledger_goes_before_while_its_mark_is_fresh() {
        let (old, young, now) = (mark(1, 50, 1000), mark(2, 40, 1000), Timestamp::from_second(1100).unwrap());
        assert_eq!(young.outranked_by(&[old], now, STALE), Some(old));
        assert_eq!(old.outranked_by(&[young], now, STALE), None);
        assert_eq!(young.outranked_by(&[Mark { waits: true, ..old }], now, STALE), None);
        assert_eq!(young.outranked_by(&[old], Timestamp::from_second(1121).unwrap(), STALE), None, "its mark is stale");
        assert_eq!(
            young.outranked_by(&[old], Timestamp::from_second(800).unwrap(), STALE),
            None,
            "a time that cannot be"
        );
        let copy = mark(1, 60, 1000);
        assert_eq!((copy.outranked_by(&[old], now, STALE), old.outranked_by(&[copy], now, STALE)), (Some(old), None));
        assert_eq!(old.outranked_by(&[old], now, STALE), None, "its own");
    }
}
