//! The places that a listener has for connections. If there are too many connections, the one that has waited longest
//! for its client is closed. [`ConnectionTable`] is told the time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config;
use crate::telemetry::Seldom;

/// How long a client always has to begin a request and to send its header.
const GRACE: Duration = Duration::from_millis(250);

/// How long a new connection waits for a place while requests are being worked on over all others.
const PATIENCE: Duration = Duration::from_millis(250);

/// After one connection waited in vain, others are refused at once for this long.
const STALLED_FOR: Duration = Duration::from_secs(1);

/// Places beyond `server.connections`, for the health checks.
const SPARES: usize = 64;

/// The connections of one listener. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections(Arc<Inner>);

struct Inner {
    table: Mutex<ConnectionTable>,
    /// Notified when a place becomes free.
    left: Notify,
}

/// The place of a connection. Dropping it frees the place.
pub(super) struct Seat {
    connections: Connections,
    number: u64,
    /// Whether it is a place beyond `server.connections`.
    pub(super) is_spare: bool,
    /// Cancelled when another connection gets the place.
    pub(super) lost: CancellationToken,
}

impl Connections {
    pub(super) fn new(settings: &config::Server) -> Connections {
        Connections(Arc::new(Inner { table: Mutex::new(ConnectionTable::new(settings)), left: Notify::new() }))
    }

    /// Waits for a place for a connection from this address. `None` if the address has its share.
    pub(super) async fn seat(&self, address: IpAddr) -> Option<Seat> {
        let began = clock::instant();
        loop {
            let admitted = self.table().admit(address, began, clock::instant());
            match admitted {
                Admitted::To { number, is_spare, lost } => {
                    return Some(Seat { connections: self.clone(), number, is_spare, lost });
                }
                Admitted::Refused => return None,
                Admitted::Waits => {
                    let _ = tokio::time::timeout(PATIENCE / 10, self.0.left.notified()).await;
                }
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, ConnectionTable> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Notes the phase of the connection.
    pub(super) fn is_at(&self, phase: Phase) {
        self.connections.table().is_at(self.number, phase, clock::instant());
    }

    /// Notes that bytes came from the client.
    pub(super) fn received(&self) {
        self.connections.table().received(self.number, clock::instant());
    }

    /// How long the client may still take. None while it is not the client that is waited for.
    pub(super) fn time_left(&self) -> Option<Duration> {
        self.connections.table().time_left(self.number, clock::instant())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.table().leave(self.number);
        self.connections.0.left.notify_one();
    }
}

/// The phase of a connection's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was received yet.
    New,
    /// A header has begun.
    Header,
    /// The header has come, but not the body.
    Body,
    /// The request is being worked on.
    Working,
    /// Answered; another request may come.
    Idle,
}

impl Phase {
    fn waits_for_client(self) -> bool {
        match self {
            Phase::New | Phase::Header | Phase::Body | Phase::Idle => true,
            Phase::Working => false,
        }
    }
}

enum Admitted {
    To { number: u64, is_spare: bool, lost: CancellationToken },
    Refused,
    Waits,
}

struct Connection {
    /// The address that the connection counts for, if the address has a limit.
    counts_for: Option<IpAddr>,
    is_spare: bool,
    phase: Phase,
    /// When the request began, or the wait for it.
    since: Instant,
    lost: CancellationToken,
}

struct ConnectionTable {
    most: usize,
    /// The most connections of one address; 0 means no limit.
    most_of_one: usize,
    header_timeout: Duration,
    idle: Duration,
    open: HashMap<u64, Connection>,
    addresses: HashMap<IpAddr, usize>,
    spares: usize,
    next: u64,
    /// Until this time new connections are refused without a wait.
    stalled_until: Option<Instant>,
    short: Seldom,
}

impl ConnectionTable {
    fn new(settings: &config::Server) -> ConnectionTable {
        ConnectionTable {
            most: settings.connections,
            most_of_one: settings.per_address,
            header_timeout: settings.header_timeout,
            idle: settings.timeout,
            open: HashMap::new(),
            addresses: HashMap::new(),
            spares: 0,
            next: 0,
            stalled_until: None,
            short: Seldom::default(),
        }
    }

    /// A place for a connection that has waited since `began`. It gets a spare one only while requests are being worked
    /// on over all others. A client with a spare place is told to come back, and Webex counts that against a webhook.
    fn admit(&mut self, address: IpAddr, began: Instant, now: Instant) -> Admitted {
        let counts_for = Some(address).filter(|_| self.most_of_one > 0).and_then(limited);
        if counts_for.is_some_and(|of| self.addresses.get(&of).is_some_and(|open| *open >= self.most_of_one)) {
            self.tell("one address has as many connections as server.per_address allows");
            // Of the address's own connections, the one that has waited longest gives way.
            if !self.evict(now, Duration::ZERO, |open| open.counts_for == counts_for) {
                return Admitted::Refused;
            }
        }
        if self.open.len() - self.spares < self.most {
            return self.enter(counts_for, false, now);
        }
        self.tell("there are as many connections as server.connections allows");
        if self.evict(now, GRACE, |open| !open.is_spare) {
            return self.enter(counts_for, false, now);
        }
        // That connection will soon have used up its time, or have sent its request.
        if self.open.values().any(|open| !open.is_spare && open.phase.waits_for_client()) {
            return Admitted::Waits;
        }
        let is_stalled = self.stalled_until.is_some_and(|until| now < until);
        if !is_stalled && now.duration_since(began) < PATIENCE {
            return Admitted::Waits;
        }
        self.stalled_until = self.stalled_until.filter(|_| is_stalled).or(Some(now + STALLED_FOR));
        if self.spares >= SPARES && !self.evict(now, Duration::ZERO, |open| open.is_spare) {
            return Admitted::Waits;
        }
        self.enter(counts_for, true, now)
    }

    fn enter(&mut self, counts_for: Option<IpAddr>, is_spare: bool, now: Instant) -> Admitted {
        let (number, lost) = (self.next, CancellationToken::new());
        self.next += 1;
        self.spares += usize::from(is_spare);
        if let Some(of) = counts_for {
            *self.addresses.entry(of).or_default() += 1;
        }
        let connection = Connection { counts_for, is_spare, phase: Phase::New, since: now, lost: lost.clone() };
        self.open.insert(number, connection);
        Admitted::To { number, is_spare, lost }
    }

    /// Frees the place of the connection that has waited longest for its client, if at least this long. `false` if
    /// there is none.
    fn evict(&mut self, now: Instant, at_least: Duration, which: impl Fn(&Connection) -> bool) -> bool {
        let waiting = self.open.iter().filter(|(_, open)| open.phase.waits_for_client() && which(open));
        let longest = waiting.min_by_key(|(_, open)| open.since);
        let Some((number, open)) = longest else { return false };
        if now.saturating_duration_since(open.since) < at_least {
            return false;
        }
        open.lost.cancel();
        let number = *number;
        self.leave(number);
        true
    }

    fn leave(&mut self, number: u64) {
        let Some(Connection { counts_for, is_spare, .. }) = self.open.remove(&number) else { return };
        self.spares -= usize::from(is_spare);
        let Some(of) = counts_for else { return };
        if let Some(open) = self.addresses.get_mut(&of) {
            *open -= 1;
            if *open == 0 {
                self.addresses.remove(&of);
            }
        }
    }

    fn is_at(&mut self, number: u64, phase: Phase, now: Instant) {
        let Some(open) = self.open.get_mut(&number) else { return };
        open.phase = phase;
        if phase == Phase::Idle {
            open.since = now;
        }
    }

    fn received(&mut self, number: u64, now: Instant) {
        let Some(open) = self.open.get_mut(&number) else { return };
        if matches!(open.phase, Phase::New | Phase::Idle) {
            (open.phase, open.since) = (Phase::Header, now);
        }
    }

    fn time_left(&self, number: u64, now: Instant) -> Option<Duration> {
        let open = self.open.get(&number)?;
        let most = match open.phase {
            Phase::New | Phase::Header => self.header_timeout,
            Phase::Idle => self.idle,
            // The time of a request has its own limit.
            Phase::Body | Phase::Working => return None,
        };
        Some(most.saturating_sub(now.saturating_duration_since(open.since)))
    }

    fn tell(&self, what: &str) {
        if let Some(count) = self.short.count() {
            tracing::warn!(count, "{what}: for each new one, the one is closed that waits longest for its client");
        }
    }
}

/// The address that a connection counts for. None if many clients may share the address, as behind a proxy on this
/// machine or in a private network. For IPv6 it is the /64, all of which one client may have.
fn limited(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            // 100.64.0.0/10 is used inside providers' networks, and by many clouds.
            let is_shared = a == 100 && (64..128).contains(&b);
            (!(v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_shared)).then_some(IpAddr::V4(v4))
        }
        IpAddr::V6(v6) => {
            let is_private = v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local();
            (!is_private).then(|| IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Lot {
        table: ConnectionTable,
        start: Instant,
    }

    impl Lot {
        fn new(connections: usize, per_address: usize) -> Lot {
            let toml = format!("[server]\nconnections = {connections}\nper_address = {per_address}");
            let settings = config::Config::from_parts(&toml, &[]).unwrap().server;
            Lot { table: ConnectionTable::new(&settings), start: Instant::now() }
        }

        /// Lets a connection come at this time in milliseconds, and wait for a place as long as it must.
        fn comes(&mut self, from: &str, at: u64) -> Option<(u64, bool)> {
            let began = self.start + Duration::from_millis(at);
            for waited in [Duration::ZERO, GRACE.max(PATIENCE)] {
                match self.table.admit(from.parse().unwrap(), began, began + waited) {
                    Admitted::To { number, is_spare, .. } => return Some((number, is_spare)),
                    Admitted::Refused => return None,
                    Admitted::Waits => {}
                }
            }
            panic!("it waits")
        }

        fn works(&mut self, number: u64) {
            self.table.is_at(number, Phase::Working, self.start);
        }

        fn open(&self) -> Vec<u64> {
            let mut open: Vec<_> = self.table.open.keys().copied().collect();
            open.sort_unstable();
            open
        }
    }

    #[test]
    fn the_one_that_waits_longest_for_its_client_gives_way() {
        let mut lot = Lot::new(3, 0);
        for at in [0, 10, 20] {
            lot.comes("192.0.2.1", at);
        }
        lot.works(0);
        assert_eq!(lot.comes("192.0.2.2", 1000), Some((3, false)));
        assert_eq!(lot.open(), [0, 2, 3], "not the one that is worked on");
        lot.table.received(2, lot.start + Duration::from_millis(1100));
        assert_eq!(lot.comes("192.0.2.2", 1550), Some((4, false)));
        assert_eq!(lot.open(), [0, 2, 4], "a request that has begun counts from its first byte");
    }

    #[test]
    fn while_all_are_worked_on_there_are_spare_places_and_their_number_is_bounded() {
        let mut lot = Lot::new(2, 0);
        for _ in 0..2 {
            let (number, _) = lot.comes("192.0.2.1", 0).unwrap();
            lot.works(number);
        }
        for nth in 0..2 * SPARES as u64 {
            assert_eq!(lot.comes("192.0.2.2", 1000), Some((2 + nth, true)));
        }
        assert_eq!(lot.open().len(), 2 + SPARES);
        lot.table.leave(0);
        let (_, is_spare) = lot.comes("192.0.2.2", 1000).unwrap();
        assert!(!is_spare);
    }

    #[test]
    fn an_address_gives_up_its_own_connections_and_nobody_elses() {
        let mut lot = Lot::new(100, 2);
        for from in ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1"] {
            assert!(lot.comes(from, 0).is_some());
        }
        assert_eq!(lot.open().len(), 3);
        assert!(lot.open().contains(&2) && lot.open().contains(&3));
        for number in lot.open() {
            lot.works(number);
        }
        assert_eq!(lot.comes("::ffff:192.0.2.1", 0), None, "all it has are worked on");
        assert!(lot.comes("192.0.2.3", 0).is_some());
        lot.table.leave(3);
        assert!(lot.comes("192.0.2.1", 0).is_some());
        for _ in 0..10 {
            lot.comes("2001:db8::1", 0);
            lot.comes("2001:db8::2:1", 0);
        }
        assert_eq!(lot.open().len(), 6, "a /64 is one address");
    }

    #[test]
    fn behind_a_proxy_all_have_one_address_and_no_limit() {
        for from in ["127.0.0.1", "127.1.2.3", "10.0.0.1", "172.17.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1"] {
            assert_eq!(limited(from.parse().unwrap()), None, "{from}");
        }
        for from in ["::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"] {
            assert_eq!(limited(from.parse().unwrap()), None, "{from}");
        }
        for from in ["192.0.2.1", "100.128.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(limited(from.parse().unwrap()).is_some(), "{from}");
        }
    }
}
