//! Reading back what was said: the spaces that moved are read since their cursors, and what is not in the ledger yet is
//! put there. It is how the bot polls, and how it catches up where deliveries were lost.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;

use super::{Door, Envelope};
use crate::store::{Gap, Progress, Store, StoreError, now_ms};
use crate::telemetry::Received;
use crate::webex::{Client, Error, Fault, Listed, Room, local_part};

/// How far back, how much, and how patiently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest time that a look reaches back; what is older is named as a gap.
    pub reach: Duration,
    /// How long Webex may take until it shows what was said.
    pub lag: Duration,
    /// The most messages of one space that a look fetches.
    pub most: usize,
    /// How many spaces are read at one time.
    pub concurrency: usize,
}

/// Looks at Webex, and remembers how far it has come.
pub struct Reconciler {
    webex: Client,
    store: Store,
    door: Door,
    settings: Settings,
    spaces: HashMap<String, Space>,
    /// The cursor of spaces that have none of their own.
    floor: i64,
    /// Up to when nothing is missing, by our clock.
    until: i64,
    /// The newest activity that the last whole listing showed.
    newest: Option<i64>,
    listed_whole: Option<Instant>,
    written: Option<Instant>,
}

/// What one look came to.
#[derive(Debug, Default)]
pub struct Look {
    /// Spaces that were read.
    pub read: usize,
    /// Messages that were not in the ledger.
    pub missed: usize,
    /// What is missing for good.
    pub gaps: Vec<Gap>,
}

/// Why a look did not get to its end; what it has found until then is kept.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Webex did not answer, or refused.
    #[error(transparent)]
    Webex(#[from] Error),
    /// The ledger did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every listing reads no more than what moved; so often, all spaces are listed, whatever order Webex gives them in.
const WHOLE_EVERY: Duration = Duration::from_secs(600);

/// So often the time up to which nothing is missing is written down while nothing else is.
const WRITE_EVERY: Duration = Duration::from_secs(30);

/// What was read in one space.
struct Read {
    at: Instant,
    missed: usize,
    gap: Option<Gap>,
}

impl Reconciler {
    /// Goes on from where the ledger says that the last process came to. On the very first start, and where nothing is
    /// to be caught up, it begins with what is said from now on: everything before is history.
    ///
    /// # Errors
    /// When Webex does not answer or the ledger cannot be used.
    pub async fn begin(
        webex: Client,
        store: Store,
        door: Door,
        settings: Settings,
        from_now: bool,
    ) -> Result<Reconciler, Failure> {
        let coverage = match store.coverage().await? {
            Some(coverage) if !from_now => coverage,
            before => {
                let rooms = webex.rooms(None).await?;
                store.begin_coverage(rooms.iter().filter_map(activity).max().unwrap_or(0)).await?;
                if let Some(before) = before {
                    let why = "delivery.catch_up is 0s, so nothing was fetched at the start".to_owned();
                    let gap = Gap { from: before.complete_until, until: now_ms(), why };
                    store.progress(Progress { gaps: vec![gap], ..Progress::default() }).await?;
                }
                store.coverage().await?.unwrap_or_default()
            }
        };
        let cursors = store.cursors().await?;
        Ok(Reconciler {
            webex,
            store,
            door,
            settings,
            spaces: cursors.into_iter().map(|(room, at)| (room, Space::at(at))).collect(),
            floor: coverage.floor,
            until: coverage.complete_until,
            newest: None,
            listed_whole: None,
            written: None,
        })
    }

    /// Looks at every space that moved. What is found goes into the ledger under the name of `source`.
    ///
    /// # Errors
    /// When Webex or the ledger fails; the spaces that were read before stay read.
    pub async fn look(&mut self, source: &'static str) -> Result<Look, Failure> {
        let (started, started_at) = (Instant::now(), now_ms());
        let rooms = self.moved(started).await?;
        let earliest = started_at - millis(self.settings.reach);
        let (reads, failure) = self.read_all(source, &rooms, earliest).await;
        let mut look = Look::default();
        let mut cursors = Vec::new();
        for (key, read) in reads {
            look.read += 1;
            look.missed += read.missed;
            look.gaps.extend(read.gap);
            if let Some(cursor) = self.spaces.get_mut(&key).and_then(|space| space.was_read(read.at, self.settings.lag))
            {
                cursors.push((key, cursor));
            }
        }
        let until = failure.is_none().then(|| {
            look.gaps.extend(self.out_of_reach(earliest));
            self.complete_until(started, started_at)
        });
        self.write(Progress { cursors, until, gaps: look.gaps.clone() }).await?;
        failure.map_or(Ok(look), Err)
    }

    /// Whether a space has to be read once more before all it showed is surely in the ledger.
    pub fn is_unsettled(&self) -> bool {
        self.spaces.values().any(|space| space.unsettled.is_some())
    }

    /// The spaces to be read: those in which something happened since, and those read too soon after it.
    async fn moved(&mut self, now: Instant) -> Result<Vec<Room>, Error> {
        let (floor, lag) = (self.floor, self.settings.lag);
        let whole = self.listed_whole.is_none_or(|at| now.duration_since(at) >= WHOLE_EVERY);
        let unsettled = self.spaces.values().filter(|space| space.unsettled.is_some()).map(|space| space.latest).min();
        let known = self.newest.filter(|_| !whole).map(|newest| unsettled.unwrap_or(newest).min(newest) - millis(lag));
        let mut rooms = self.webex.rooms_since(known.and_then(|known| Timestamp::from_millisecond(known).ok())).await?;
        if whole {
            self.listed_whole = Some(now);
        }
        self.newest = rooms.iter().filter_map(activity).max().max(self.newest);
        rooms.retain(|room| {
            let Some(activity) = activity(room) else { return false };
            let key = local_part(room.id.as_str());
            if activity <= self.spaces.get(&key).map_or(floor, |space| space.cursor) {
                return false;
            }
            self.spaces.entry(key).or_insert_with(|| Space::at(floor)).is_due(activity, now, lag)
        });
        // Those that wait for the longest time come first.
        rooms.sort_by_key(activity);
        Ok(rooms)
    }

    /// Reads several spaces at one time. After a failure that the next space would meet as well, no further one is read.
    async fn read_all(
        &self,
        source: &'static str,
        rooms: &[Room],
        earliest: i64,
    ) -> (Vec<(String, Read)>, Option<Failure>) {
        let reading = rooms.iter().map(|room| {
            let since = self.cursor(room).max(earliest);
            let read = self.read(source, room, since);
            async move { (local_part(room.id.as_str()), read.await) }.boxed()
        });
        let reading: Vec<_> = reading.collect();
        let mut reading = futures_util::stream::iter(reading).buffer_unordered(self.settings.concurrency);
        let (mut done, mut failure) = (Vec::new(), None);
        while let Some((key, result)) = reading.next().await {
            match result {
                Ok(read) => done.push((key, read)),
                Err(error) => {
                    let over = is_over(&error);
                    failure = Some(error);
                    if over {
                        break;
                    }
                }
            }
        }
        (done, failure)
    }

    fn cursor(&self, room: &Room) -> i64 {
        self.spaces.get(&local_part(room.id.as_str())).map_or(self.floor, |space| space.cursor)
    }

    /// Reads a space back to its cursor, and puts into the ledger what is not there, oldest first.
    async fn read(&self, source: &'static str, room: &Room, since: i64) -> Result<Read, Failure> {
        let at = Instant::now();
        let most = self.settings.most;
        let since = Timestamp::from_millisecond(since).unwrap_or(Timestamp::UNIX_EPOCH);
        let gap = |until: i64, why: String| Gap { from: since.as_millisecond(), until, why };
        let mut listed = match self.webex.messages_since(room, since, most.saturating_add(1)).await {
            Ok(listed) => listed,
            Err(error) => match error.fault() {
                // It is gone, and what was said in it too.
                Fault::NotFound => return Ok(Read { at, missed: 0, gap: None }),
                Fault::Final => {
                    tracing::warn!(room = %room.id, %error, hint = error.hint(), "a space cannot be read back");
                    let why = "Webex does not let the bot read one of its spaces".to_owned();
                    return Ok(Read { at, missed: 0, gap: Some(gap(now_ms(), why)) });
                }
                Fault::Wait(_) | Fault::Away | Fault::Refused | Fault::Broken => return Err(error.into()),
            },
        };
        let is_more = listed.len() > most;
        listed.truncate(most);
        let begins = listed.last().and_then(|oldest| oldest.created).map_or(since, |oldest| oldest);
        let mut outcomes = Vec::with_capacity(listed.len());
        for Listed { id, person_id, created } in listed.into_iter().rev() {
            let envelope = Envelope::of_message(id, room.id.to_string(), room.kind, person_id, created);
            outcomes.push(self.door.take(source, &envelope).await?);
        }
        let missed = outcomes.iter().filter(|outcome| **outcome == Received::Accepted).count();
        // Where the oldest that was fetched was known, so was what came before it.
        let oldest = outcomes.iter().find(|outcome| **outcome != Received::Own);
        let limited = || format!("more than {most} messages (delivery.catch_up_limit) in one space");
        let is_missing = is_more && oldest == Some(&Received::Accepted);
        Ok(Read { at, missed, gap: is_missing.then(|| gap(begins.as_millisecond(), limited())) })
    }

    /// What was said so long ago that no look reaches it any more.
    fn out_of_reach(&self, earliest: i64) -> Option<Gap> {
        (self.until < earliest).then(|| Gap {
            from: self.until,
            until: earliest,
            why: "the bot was away for longer than delivery.catch_up".to_owned(),
        })
    }

    /// What was said that long before a space was read is in the ledger; and before the look began, in every space.
    fn complete_until(&self, started: Instant, started_at: i64) -> i64 {
        let unsettled = self.spaces.values().filter_map(Space::unsettled_since).min();
        let back = unsettled.map_or(Duration::ZERO, |since| started.saturating_duration_since(since));
        started_at - millis(back) - millis(self.settings.lag)
    }

    async fn write(&mut self, progress: Progress) -> Result<(), StoreError> {
        self.until = progress.until.map_or(self.until, |until| until.max(self.until));
        let idle = progress.cursors.is_empty() && progress.gaps.is_empty();
        if idle && self.written.is_some_and(|written| written.elapsed() < WRITE_EVERY) {
            return Ok(());
        }
        self.store.progress(progress).await?;
        self.written = Some(Instant::now());
        Ok(())
    }
}

/// What is known of one space.
#[derive(Debug)]
struct Space {
    /// Everything said up to then is in the ledger, by Webex's clock.
    cursor: i64,
    /// The newest activity seen.
    latest: i64,
    /// Whether that was not read yet.
    behind: bool,
    /// An activity after the cursor, and when it was first seen: a read that much later shows everything up to it.
    unsettled: Option<(i64, Instant)>,
    read_at: Option<Instant>,
}

impl Space {
    fn at(cursor: i64) -> Space {
        Space { cursor, latest: cursor, behind: false, unsettled: None, read_at: None }
    }

    /// Whether it is to be read: once when an activity is first seen, and once more when Webex is sure to show it.
    fn is_due(&mut self, activity: i64, now: Instant, lag: Duration) -> bool {
        self.behind |= activity > self.latest;
        self.latest = self.latest.max(activity);
        let (_, seen) = *self.unsettled.get_or_insert((activity, now));
        let sure = seen + lag;
        self.behind || self.read_at.is_none_or(|read| read < sure && sure <= now)
    }

    /// It was read; the new cursor, if it moved.
    fn was_read(&mut self, at: Instant, lag: Duration) -> Option<i64> {
        self.read_at = Some(at);
        self.behind = false;
        let (activity, seen) = self.unsettled?;
        if at < seen + lag {
            return None;
        }
        self.cursor = activity;
        self.unsettled = (self.latest > activity).then_some((self.latest, at));
        Some(activity)
    }

    fn unsettled_since(&self) -> Option<Instant> {
        self.unsettled.map(|(_, seen)| seen)
    }
}

/// Whether reading further spaces is of no use now.
fn is_over(failure: &Failure) -> bool {
    match failure {
        Failure::Store(_) => true,
        Failure::Webex(error) => match error.fault() {
            Fault::Wait(_) | Fault::Away | Fault::Refused => true,
            Fault::NotFound | Fault::Broken | Fault::Final => false,
        },
    }
}

fn activity(room: &Room) -> Option<i64> {
    room.last_activity.map(Timestamp::as_millisecond)
}

fn millis(duration: Duration) -> i64 {
    duration.as_millis().try_into().unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_secs(10);

    /// Looks at a space every two seconds while its activity is this; at which of the looks it was read, and its cursor.
    fn watch(activities: &[i64]) -> (Vec<usize>, i64) {
        let begin = Instant::now();
        let mut space = Space::at(0);
        let mut read = Vec::new();
        for (nth, activity) in activities.iter().enumerate() {
            let now = begin + Duration::from_secs(2) * u32::try_from(nth).unwrap();
            if *activity > space.cursor && space.is_due(*activity, now, LAG) {
                read.push(nth);
                space.was_read(now, LAG);
            }
        }
        (read, space.cursor)
    }

    #[test]
    fn a_space_is_read_at_once_and_again_when_webex_is_sure_to_show_it() {
        assert_eq!(watch(&[5; 20]), (vec![0, 5], 5));
    }

    #[test]
    fn what_happens_between_the_two_reads_gets_its_own() {
        let mut activities = [5; 20];
        activities[3..].fill(7);
        // Seen at 3, and once more ten seconds after the read that made sure of the first.
        assert_eq!(watch(&activities), (vec![0, 3, 5, 10], 7));
    }

    #[test]
    fn a_busy_space_is_read_at_each_look_and_its_cursor_still_moves() {
        let activities: Vec<_> = (1..=20).collect();
        let (read, cursor) = watch(&activities);
        assert_eq!(read.len(), 20);
        assert!(cursor >= 10, "{cursor}");
    }

    #[test]
    fn a_read_that_failed_is_made_again_at_the_next_look() {
        let now = Instant::now();
        let mut space = Space::at(0);
        assert!(space.is_due(5, now, LAG));
        assert!(space.is_due(5, now + Duration::from_secs(1), LAG));
        space.was_read(now + Duration::from_secs(1), LAG);
        assert!(!space.is_due(5, now + Duration::from_secs(2), LAG));
    }
}
