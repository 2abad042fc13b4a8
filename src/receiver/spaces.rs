//! How far a space has been read, and when it must be read again.

use std::time::{Duration, Instant};

/// The progress in one space. Times are Webex's, in milliseconds since 1970; instants are ours.
#[derive(Debug)]
pub(super) struct SpaceProgress {
    /// All messages up to this time are in the ledger.
    cursor: i64,
    /// The time up to which the space was read. Messages that Webex showed late may be missing.
    read_through: i64,
    /// The newest activity seen.
    latest: i64,
    /// Whether the newest activity has not been read yet.
    behind: bool,
    /// An activity after the cursor, and when it was first seen. A read one lag after that shows everything up to it.
    unsettled: Option<(i64, Instant)>,
    read_at: Option<Instant>,
    failing: Option<FailingSince>,
}

/// A space that answers with errors. It is read less and less often, and counts as unread meanwhile.
#[derive(Clone, Copy, Debug)]
struct FailingSince {
    since: Instant,
    next: Instant,
    /// The newest activity that was reported as a gap, and the end of that gap by our clock.
    gap: Option<(i64, i64)>,
}

/// The longest pause before a failing space is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

impl SpaceProgress {
    pub(super) fn at(cursor: i64) -> SpaceProgress {
        SpaceProgress {
            cursor,
            read_through: cursor,
            latest: cursor,
            behind: false,
            unsettled: None,
            read_at: None,
            failing: None,
        }
    }

    pub(super) fn cursor(&self) -> i64 {
        self.cursor
    }

    pub(super) fn read_through(&self) -> i64 {
        self.read_through
    }

    /// Whether the space must be read now: once when an activity is first seen, and once more when Webex is certain to
    /// show it.
    pub(super) fn is_due(&mut self, activity: i64, now: Instant, lag: Duration) -> bool {
        if activity <= self.cursor {
            return false;
        }
        self.behind |= activity > self.latest;
        self.latest = self.latest.max(activity);
        let (_, seen) = *self.unsettled.get_or_insert((activity, now));
        if let Some(failing) = self.failing {
            return failing.next <= now;
        }
        let sure = seen + lag;
        self.behind || self.read_at.is_none_or(|read| read < sure && sure <= now)
    }

    /// Notes a read and the newest message in it. Gives the new cursor, if it moved.
    pub(super) fn was_read(&mut self, at: Instant, newest: Option<i64>, lag: Duration) -> Option<i64> {
        self.read_at = Some(at);
        self.behind = false;
        self.failing = None;
        self.read_through = self.read_through.max(newest.unwrap_or_default());
        let (activity, seen) = self.unsettled?;
        if at < seen + lag {
            return None;
        }
        self.cursor = activity;
        self.read_through = self.read_through.max(activity);
        self.unsettled = (self.latest > activity).then_some((self.latest, at));
        Some(activity)
    }

    /// How long it has answered with errors.
    pub(super) fn failing(&self, at: Instant) -> Option<Duration> {
        self.failing.map(|failing| at.saturating_duration_since(failing.since))
    }

    /// Notes an error of the space. Gives how long it has failed.
    pub(super) fn has_failed(&mut self, at: Instant) -> Duration {
        let failing = self.failing.get_or_insert(FailingSince { since: at, next: at, gap: None });
        let long = at.saturating_duration_since(failing.since);
        failing.next = at + (long / 2).min(LONGEST_PAUSE);
        long
    }

    /// Gives up everything after the cursor as a gap, so that it holds up nothing. The space is still read. Returns
    /// whether it had activity that was not reported before.
    pub(super) fn pass_over(&mut self, until: i64) -> bool {
        let Some(failing) = &mut self.failing else { return false };
        let is_news = failing.gap.is_none_or(|(activity, _)| activity < self.latest);
        if is_news {
            failing.gap = Some((self.latest, until));
        }
        is_news
    }

    /// The end of its reported gap, by our clock.
    pub(super) fn gap_until(&self) -> Option<i64> {
        self.failing?.gap.map(|(_, until)| until)
    }

    /// Whether a gap of the space was reported.
    pub(super) fn is_passed_over(&self) -> bool {
        self.failing.is_some_and(|failing| failing.gap.is_some())
    }

    /// Notes that the bot has left the space. If it is listed again, reading continues from the cursor.
    pub(super) fn leave(&mut self) {
        (self.unsettled, self.behind, self.failing) = (None, false, None);
        self.latest = self.cursor;
    }

    /// Since when an activity has waited for the read that settles it, and the newest activity.
    pub(super) fn unsettled(&self) -> Option<(Instant, i64)> {
        self.unsettled.filter(|_| !self.is_passed_over()).map(|(_, seen)| (seen, self.latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_secs(10);

    /// Checks a space every two seconds, with these activities. Gives the checks at which it was read, and its cursor.
    fn watch(activities: &[i64]) -> (Vec<usize>, i64) {
        let begin = Instant::now();
        let mut space = SpaceProgress::at(0);
        let mut read = Vec::new();
        for (nth, activity) in activities.iter().enumerate() {
            let now = begin + Duration::from_secs(2) * u32::try_from(nth).unwrap();
            if space.is_due(*activity, now, LAG) {
                read.push(nth);
                space.was_read(now, Some(*activity), LAG);
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
        let mut space = SpaceProgress::at(0);
        assert!(space.is_due(5, now, LAG));
        assert!(space.is_due(5, now + Duration::from_secs(1), LAG));
        space.was_read(now + Duration::from_secs(1), Some(5), LAG);
        assert!(!space.is_due(5, now + Duration::from_secs(2), LAG));
    }

    #[test]
    fn a_space_that_fails_is_asked_ever_less_often_and_holds_nothing_up_once_it_is_a_gap() {
        let now = Instant::now();
        let mut space = SpaceProgress::at(0);
        assert!(space.is_due(5, now, LAG));
        assert_eq!([now, now + LAG].map(|at| space.has_failed(at)), [Duration::ZERO, LAG]);
        assert!(space.unsettled().is_some() && space.pass_over(0) && space.unsettled().is_none());
        assert!(!space.is_due(5, now + LAG, LAG) && space.is_due(5, now + LAG + LAG / 2, LAG));
        assert!(!space.pass_over(0), "it is told once");
        assert!(space.is_due(6, now + 2 * LAG, LAG) && space.pass_over(0), "and again when something happens there");
        assert_eq!(space.cursor(), 0, "nothing of it was read");
        space.was_read(now + 3 * LAG, Some(6), LAG);
        assert!(space.cursor() >= 5 && space.failing(now).is_none());
    }

    #[test]
    fn a_space_that_the_bot_has_left_holds_nothing_up_and_is_read_from_its_cursor_if_it_is_back() {
        let now = Instant::now();
        let mut space = SpaceProgress::at(0);
        assert!(space.is_due(5, now, LAG));
        space.leave();
        assert!(space.unsettled().is_none());
        assert!(space.is_due(5, now + LAG, LAG));
    }
}
