//! Decides what becomes of a letter that keeps the root of a thread up to date. Webex allows ten edits of a message. Pure.

use std::time::Duration;

use crate::store::ThreadText;

/// The most edits that Webex allows for one message.
pub(super) const MOST_EDITS: u32 = 10;

/// How long the second edit waits after the first, if the state is the same.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// What becomes of such a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// The root gets the text.
    Edit,
    /// The text begins the thread anew, since this many edits were made.
    Begin(u32),
    /// The letter waits for later ones of the same state.
    Wait(Duration),
    /// Nothing is done, and why.
    Leave(&'static str),
}

/// `shown` is what the root shows, and how many edits it has had; `state` and `digest` are the letter's.
pub(super) fn decide(shown: &ThreadText, edits: u32, (state, digest): (&str, &str), now: i64) -> Keeping {
    let edits = edits.max(shown.edits);
    if shown.is_newer {
        return Keeping::Leave("a later text is shown already");
    }
    let is_same_state = shown.state == state;
    if is_same_state && shown.digest == digest {
        return Keeping::Leave("the message says so already");
    }
    if is_same_state && let left @ 1.. = left(shown, edits, now) {
        return Keeping::Wait(Duration::from_millis(left));
    }
    // The last edit is kept for another state.
    let most = if is_same_state { MOST_EDITS - 1 } else { MOST_EDITS };
    if edits < most { Keeping::Edit } else { Keeping::Begin(edits) }
}

/// The milliseconds until the next edit of the same state. A clock that was set back lets nothing wait for longer than
/// the pause.
fn left(shown: &ThreadText, edits: u32, now: i64) -> u64 {
    let Some(at) = shown.edited_at else { return 0 };
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(edits.saturating_sub(1)));
    let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    let left = at.saturating_add(pause).saturating_sub(now);
    left.clamp(0, pause).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(edits: u32) -> ThreadText {
        let edited_at = (edits > 0).then_some(1_000_000);
        ThreadText {
            state: "firing".to_owned(),
            digest: "a".to_owned(),
            edits,
            edited_at,
            is_newer: false,
            before: None,
        }
    }

    fn at(seconds: i64, edits: u32, state: &str) -> Keeping {
        decide(&shown(edits), 0, (state, "b"), 1_000_000 + seconds * 1000)
    }

    #[test]
    fn edits_of_the_same_state_wait_longer_each_time_and_leave_one_for_another_state() {
        assert_eq!(at(0, 0, "firing"), Keeping::Edit);
        assert_eq!(at(1, 1, "firing"), Keeping::Wait(Duration::from_secs(4)));
        assert_eq!(at(5, 1, "firing"), Keeping::Edit);
        assert_eq!(at(5, 2, "firing"), Keeping::Wait(Duration::from_secs(5)));
        assert_eq!(at(0, 8, "firing"), Keeping::Wait(Duration::from_secs(640)));
        assert_eq!(at(640, 8, "firing"), Keeping::Edit);
        assert_eq!(at(1280, 9, "firing"), Keeping::Begin(9));
        assert_eq!(at(-10_000, 1, "firing"), Keeping::Wait(Duration::from_secs(5)), "the clock was set back");
    }

    #[test]
    fn another_state_is_told_at_once_as_long_as_webex_allows() {
        assert_eq!(at(0, 1, "ok"), Keeping::Edit);
        assert_eq!(at(0, 9, "ok"), Keeping::Edit);
        assert_eq!(at(0, 10, "ok"), Keeping::Begin(10));
        assert_eq!(decide(&shown(0), 10, ("ok", "b"), 0), Keeping::Begin(10), "other letters edited it too");
    }

    #[test]
    fn what_is_shown_already_is_left() {
        let is_left = |shown: &ThreadText, of| matches!(decide(shown, 0, of, 2_000_000), Keeping::Leave(_));
        assert!(is_left(&shown(3), ("firing", "a")));
        assert!(!is_left(&shown(3), ("ok", "a")));
        assert!(is_left(&ThreadText { is_newer: true, ..shown(3) }, ("ok", "b")));
    }
}
