//! Reads spaces back: each space with new activity is read from its cursor, and messages that the ledger lacks are put
//! there. Polling works by this, and so does catching up after lost deliveries.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;

use super::Door;
use super::read_back::{ReadBack, ReadBackError, ReadBackSettings};
use super::spaces::SpaceProgress;
use crate::clock::{self, millis};
use crate::event::{Event, Source, is_plausible};
use crate::store::{Beginning, Coverage, Gap, Progress, Store, StoreError};
use crate::telemetry::Received;
use crate::webex::{Client, Error, Fault, Listed, Room, TIME_IS_GOOD_TO, local_part};

/// Reads spaces back, and remembers how far it has come. Cursors use Webex's clock; the complete interval and the gaps
/// use ours.
pub struct Reconciler {
    webex: Client,
    store: Store,
    door: Door,
    settings: ReadBackSettings,
    spaces: HashMap<String, SpaceProgress>,
    /// The cursor for a space that has none yet.
    floor: i64,
    /// The time up to which no message is missing.
    until: i64,
    /// The newest activity that a listing showed.
    newest: Option<i64>,
    listed_whole: Option<Instant>,
    written: Option<Instant>,
}

/// How often all spaces are listed. Other listings stop at the first spaces that have not moved since the last one;
/// this one shows every space, in whatever order Webex lists them.
const WHOLE_EVERY: Duration = Duration::from_secs(600);

/// How often the time up to which no message is missing is stored, if nothing else changes.
const WRITE_EVERY: Duration = Duration::from_secs(30);

/// The number of spaces after which progress is stored.
const WRITTEN_TOGETHER: usize = 64;

/// The result of reading one space.
enum SpaceOutcome {
    Read {
        at: Instant,
        newest: Option<i64>,
        missed: usize,
        gap: Option<Gap>,
    },
    /// Webex does not show this space, or not all of it. Only the list of spaces says whether the bot has left it.
    Unread {
        at: Instant,
        error: Error,
        missed: usize,
        /// The time of the oldest message that was put into the ledger, if any was.
        read_back_to: Option<i64>,
    },
}

impl Reconciler {
    /// Continues where the last process stopped, as the ledger says. On the very first start, and with `from_now`, it
    /// begins with what is said from now on. `after` is there if another daemon answered everything up to that time, by
    /// Webex's clock.
    pub async fn begin(
        webex: Client,
        store: Store,
        door: Door,
        settings: ReadBackSettings,
        from_now: bool,
        after: Option<i64>,
    ) -> Result<Reconciler, ReadBackError> {
        let mut known = store.coverage().await?;
        if let Some(after) = after
            && known.as_ref().is_none_or(|known| known.complete_until < after)
        {
            let from = after + webex.clock_lead().unwrap_or_default();
            store.begin_coverage(Beginning { floor: after, from, gap: None }).await?;
            known = store.coverage().await?;
        }
        let coverage = match known {
            Some(coverage) if !from_now => coverage,
            before => begin_coverage(&webex, &store, before, from_now).await?,
        };
        let spaces = store.cursors().await?.into_iter().map(|(room, at)| (room, SpaceProgress::at(at))).collect();
        Ok(Reconciler {
            webex,
            store,
            door,
            settings,
            spaces,
            floor: coverage.floor,
            until: coverage.complete_until,
            newest: None,
            listed_whole: None,
            written: None,
        })
    }

    /// Reads every space that moved. The messages it finds go into the ledger with this `source`. After an error, the
    /// spaces read so far still count as read.
    pub async fn read_back(&mut self, source: Source) -> Result<ReadBack, ReadBackError> {
        let (started, started_at) = (clock::instant(), clock::wall_ms());
        let rooms = self.moved(started).await?;
        let earliest = started_at - millis(self.settings.reach);
        let mut look = ReadBack::default();
        for rooms in rooms.chunks(WRITTEN_TOGETHER) {
            let (outcomes, failure) =
                self.read_all(source, rooms, self.to_webex_time(earliest) - TIME_IS_GOOD_TO).await;
            let mut progress = Progress::default();
            for (key, outcome) in outcomes {
                self.account(&key, outcome, started_at, &mut look, &mut progress);
            }
            self.write(progress).await?;
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        let gaps: Vec<_> = self.out_of_reach(earliest).into_iter().collect();
        look.gaps.extend(gaps.iter().cloned());
        let until = Some(self.complete_until(started, started_at));
        self.write(Progress { until, gaps, ..Progress::default() }).await?;
        Ok(look)
    }

    /// Whether a space must be read once more before everything it showed is certainly in the ledger.
    pub fn is_unsettled(&self) -> bool {
        self.spaces.values().any(|space| space.unsettled().is_some())
    }

    /// Adds the result of a space to the log, the ledger and the plan of the next read-back.
    fn account(&mut self, key: &str, outcome: SpaceOutcome, now: i64, look: &mut ReadBack, progress: &mut Progress) {
        let (ReadBackSettings { lag, give_up, .. }, until) = (self.settings, self.until);
        let lead = self.webex.clock_lead().unwrap_or_default();
        let Some(space) = self.spaces.get_mut(key) else { return };
        look.read += 1;
        let gap = match outcome {
            SpaceOutcome::Read { at, newest, missed, gap } => {
                look.missed += missed;
                if let Some(cursor) = space.was_read(at, newest, lag) {
                    progress.cursors.push((key.to_owned(), cursor));
                }
                gap
            }
            SpaceOutcome::Unread { at, error, missed, read_back_to } => {
                look.missed += missed;
                let failing = space.has_failed(at);
                if failing.is_zero() {
                    tracing::warn!(%error, hint = error.hint(), "a space cannot be read back; trying again");
                }
                let (patience, why) = match error.fault() {
                    // A single answer of this kind may be a passing error. If it lasts longer than Webex's lag, it is
                    // believed.
                    Fault::NotFound | Fault::Final | Fault::Refused => {
                        (lag, "Webex does not let the bot read one of its spaces")
                    }
                    Fault::Broken | Fault::Away | Fault::Wait(_) => {
                        (give_up, "Webex fails to show one of the bot's spaces")
                    }
                };
                let from = space.gap_until().unwrap_or(until);
                (failing > patience && space.pass_over(now)).then(|| {
                    tracing::error!(%error, hint = error.hint(), "a space cannot be read back; it is still asked now and then");
                    Gap { from, until: read_back_to.map_or(now, |at| at + lead), why: why.to_owned() }
                })
            }
        };
        look.gaps.extend(gap.clone());
        progress.gaps.extend(gap);
    }

    /// The spaces to read: those with new activity, and those that were read before Webex was sure to show it.
    async fn moved(&mut self, now: Instant) -> Result<Vec<Room>, Error> {
        let (floor, lag) = (self.floor, self.settings.lag);
        let unsettled = || self.spaces.values().filter_map(SpaceProgress::unsettled);
        // A listing of the spaces that moved does not include one that has stayed unsettled for long.
        let is_stuck = unsettled().any(|(seen, _)| now.duration_since(seen) > 4 * lag);
        let again = if is_stuck { WHOLE_EVERY.min(4 * lag) } else { WHOLE_EVERY };
        let is_whole = self.listed_whole.is_none_or(|at| now.duration_since(at) >= again);
        let oldest = unsettled().map(|(_, latest)| latest).min();
        let known = self.newest.filter(|_| !is_whole).map(|newest| oldest.unwrap_or(newest).min(newest) - millis(lag));
        let since = known.and_then(|known| Timestamp::from_millisecond(known).ok());
        let listing = self.webex.rooms_since(since).await;
        // An item that cannot be read may be any space. So no space is taken as left.
        let is_legible = listing.passed_over == 0;
        let mut rooms = listing.all()?;
        if is_whole {
            self.listed_whole = Some(now);
        }
        if is_whole && is_legible {
            let listed: HashSet<_> = rooms.iter().map(|room| local_part(room.id.as_str())).collect();
            self.spaces.iter_mut().filter(|(key, _)| !listed.contains(*key)).for_each(|(_, space)| space.leave());
        }
        let webex_now = self.to_webex_time(clock::wall_ms());
        self.newest = rooms.iter().filter_map(|room| activity(room, webex_now)).max().max(self.newest);
        rooms.retain(|room| {
            // A space without a time may have moved. It is read with every whole listing.
            let Some(activity) = activity(room, webex_now).or(is_whole.then_some(webex_now)) else { return false };
            let key = local_part(room.id.as_str());
            match self.spaces.get_mut(&key) {
                Some(space) => space.is_due(activity, now, lag),
                None if activity <= floor => false,
                None => self.spaces.entry(key).or_insert_with(|| SpaceProgress::at(floor)).is_due(activity, now, lag),
            }
        });
        // The spaces that have waited longest come first.
        rooms.sort_by_key(|room| activity(room, webex_now));
        Ok(rooms)
    }

    /// Reads several spaces at one time. After a failure that the next space would meet as well, no further one is
    /// read.
    async fn read_all(
        &self,
        source: Source,
        rooms: &[Room],
        earliest: i64,
    ) -> (Vec<(String, SpaceOutcome)>, Option<ReadBackError>) {
        let reading = rooms.iter().map(|room| {
            let read = self.read(source, room, earliest);
            async move { (local_part(room.id.as_str()), read.await) }.boxed()
        });
        let reading: Vec<_> = reading.collect();
        let mut reading = futures_util::stream::iter(reading).buffer_unordered(self.settings.concurrency);
        let mut outcomes = Vec::new();
        while let Some((key, result)) = reading.next().await {
            match result {
                Ok(outcome) => outcomes.push((key, outcome)),
                Err(failure) => return (outcomes, Some(failure)),
            }
        }
        (outcomes, None)
    }

    /// Reads a space back to its cursor, and puts what the ledger misses there, oldest first.
    async fn read(&self, source: Source, room: &Room, earliest: i64) -> Result<SpaceOutcome, ReadBackError> {
        let at = clock::instant();
        let space = self.spaces.get(&local_part(room.id.as_str()));
        let since = space.map_or(self.floor, SpaceProgress::cursor).max(earliest);
        let since_time = Timestamp::from_millisecond(since).unwrap_or(Timestamp::UNIX_EPOCH);
        let most = self.settings.most;
        let listing = self.webex.messages_since(room, since_time, most.saturating_add(1)).await;
        let mut listed = listing.items;
        let broke = match listing.broke {
            Some(error) if self.is_everywhere(&error).await => return Err(error.into()),
            // The whole space may be readable a moment later, and then in order.
            Some(error)
                if space.and_then(|space| space.failing(at)).is_none_or(|failing| failing < self.settings.lag) =>
            {
                return Ok(SpaceOutcome::Unread { at, error, missed: 0, read_back_to: None });
            }
            broke => broke,
        };
        let time = |message: Option<&Listed>| message?.created.map(Timestamp::as_millisecond);
        let left_out = time(listed.get(most));
        listed.truncate(most);
        let (begins, newest) = (time(listed.last()).unwrap_or(since), time(listed.first()));
        let mut missed = 0;
        for Listed { id, person_id, created } in listed.into_iter().rev() {
            let event = Event::of_message(&id, room.id.clone(), room.kind, person_id, created);
            if self.door.take(source, &event, None).await? == Received::Accepted {
                missed += 1;
            }
        }
        if let Some(error) = broke {
            return Ok(SpaceOutcome::Unread { at, error, missed, read_back_to: newest.map(|_| begins) });
        }
        // Messages beyond the limit are missing, except those that an earlier read found.
        let read_through = space.map_or(self.floor, SpaceProgress::read_through).max(since);
        let gap = left_out.is_some_and(|left_out| left_out > read_through).then(|| Gap {
            from: self.to_our_time(read_through),
            until: self.to_our_time(begins),
            why: format!("more than {most} messages (delivery.catch_up_limit) in one space"),
        });
        Ok(SpaceOutcome::Read { at, newest, missed, gap })
    }

    /// Whether every other space would meet the same error.
    async fn is_everywhere(&self, error: &Error) -> bool {
        match error.fault() {
            Fault::Wait(_) | Fault::Refused => true,
            // One slow space must not hold up the others.
            Fault::Away => self.webex.probe().await.is_err(),
            Fault::NotFound | Fault::Broken | Fault::Final => false,
        }
    }

    /// The gap before `earliest`, if the bot was away for too long to read everything back.
    fn out_of_reach(&self, earliest: i64) -> Option<Gap> {
        (self.until < earliest).then(|| Gap {
            from: self.until,
            until: earliest,
            why: "the bot was away for longer than delivery.catch_up".to_owned(),
        })
    }

    /// The time up to which all messages in all spaces are in the ledger: the start of this read-back, or of the oldest
    /// read that is not settled, less Webex's lag.
    fn complete_until(&self, started: Instant, started_at: i64) -> i64 {
        let unsettled = self.spaces.values().filter_map(SpaceProgress::unsettled).map(|(seen, _)| seen).min();
        let back = unsettled.map_or(Duration::ZERO, |since| started.saturating_duration_since(since));
        started_at - millis(back) - millis(self.settings.lag)
    }

    /// Converts a time by our clock into Webex's.
    fn to_webex_time(&self, at: i64) -> i64 {
        at - self.webex.clock_lead().unwrap_or_default()
    }

    /// Converts a time by Webex's clock into ours.
    fn to_our_time(&self, at: i64) -> i64 {
        at + self.webex.clock_lead().unwrap_or_default()
    }

    async fn write(&mut self, progress: Progress) -> Result<(), StoreError> {
        self.until = progress.until.map_or(self.until, |until| until.max(self.until));
        let idle = progress.cursors.is_empty() && progress.gaps.is_empty();
        if idle && (progress.until.is_none() || self.written.is_some_and(|written| written.elapsed() < WRITE_EVERY)) {
            return Ok(());
        }
        self.store.progress(progress).await?;
        self.written = Some(clock::instant());
        Ok(())
    }
}

/// Begins the coverage now, or at the last event if an older ledger recorded no coverage.
async fn begin_coverage(
    webex: &Client,
    store: &Store,
    before: Option<Coverage>,
    from_now: bool,
) -> Result<Coverage, ReadBackError> {
    let rooms = webex.rooms(None).await?;
    let (now, lead) = (clock::wall_ms(), webex.clock_lead().unwrap_or_default());
    let last = if before.is_none() && !from_now { store.last_event().await? } else { None };
    let beginning = match last {
        // Messages after the last event may be missing.
        Some(last) => Beginning { floor: last - lead - TIME_IS_GOOD_TO, from: last, gap: None },
        None => {
            let newest = rooms.iter().filter_map(|room| activity(room, now - lead)).max();
            let floor = newest.unwrap_or_default().max(now - lead - TIME_IS_GOOD_TO);
            let why = "delivery.catch_up is 0s, so nothing was fetched".to_owned();
            let gap = before.map(|before| Gap { from: before.complete_until, until: now, why });
            Beginning { floor, from: now, gap }
        }
    };
    store.begin_coverage(beginning).await?;
    Ok(store.coverage().await?.unwrap_or_default())
}

/// The time of a space's last activity, if Webex gives a plausible one; never later than now.
fn activity(room: &Room, now: i64) -> Option<i64> {
    let activity = room.last_activity.filter(is_plausible).map(Timestamp::as_millisecond);
    activity.map(|activity| activity.min(now + TIME_IS_GOOD_TO))
}
