//! The ids of events and replies. They are made from Webex's own ids, so the same thing always has the same id.

use uuid::Uuid;

use crate::clock;
use crate::webex::local_part;

/// Webex's names of the resources whose creation the bot works on.
pub const MESSAGES: &str = "messages";
/// Clicks on cards.
pub const CLICKS: &str = "attachmentActions";
/// People who are added to spaces.
pub const MEMBERSHIPS: &str = "memberships";

const EVENTS: Uuid = Uuid::from_u128(0x2d6c_8e0b_91f4_4c55_a7b0_3f1d_e8c2_9a64);

/// The id of an event, which is the key for dropping repeats. It is the same for every spelling of Webex's id and every
/// source.
///
/// If Webex's id contains a time, as those of messages and clicks do, the time comes first. Ids made in sequence then
/// lie side by side in the ledger's index, however large it is.
pub fn id(resource: &str, webex_id: &str) -> Uuid {
    id_of(resource, "created", webex_id)
}

/// The same for an event other than a creation.
pub(super) fn id_of(resource: &str, event: &str, webex_id: &str) -> Uuid {
    let local = local_part(webex_id);
    let hash = Uuid::new_v5(&EVENTS, format!("{resource}/{event}/{local}").as_bytes());
    match Uuid::try_parse(&local) {
        Ok(uuid) if uuid.get_version_num() == 1 => {
            let (low, mid, high, _) = uuid.as_fields();
            let time = u64::from(high & 0x0fff) << 48 | u64::from(mid) << 32 | u64::from(low);
            beside(time << 4, hash)
        }
        _ => hash,
    }
}

/// The id of a delivery of a kind that nobody works on. `delivery` is what stays the same when it is repeated.
pub fn unhandled_id(delivery: &[u8]) -> Uuid {
    Uuid::new_v5(&EVENTS, &[b"unhandled/", delivery].concat())
}

/// The id of a delivery to a hook. `delivery` is what stays the same when the sender repeats it.
pub fn hook_id(hook: &str, delivery: &str) -> Uuid {
    Uuid::new_v5(&EVENTS, format!("hooks/{hook}/{delivery}").as_bytes())
}

/// An id that no repeat has. The time comes first, as in those of Webex's messages.
pub fn fresh_id() -> Uuid {
    /// A hundred nanoseconds from the beginning of the calendar of version 1 to 1970.
    const BEFORE_1970: i64 = 0x01b2_1dd2_1381_4000;
    let ticks = clock::wall_ms().saturating_mul(10_000).saturating_add(BEFORE_1970);
    beside(ticks.cast_unsigned() << 4, Uuid::new_v4())
}

/// The id of an event's nth reply. An event that is settled twice has its replies once.
pub fn reply_id(event: Uuid, nth: u32) -> Uuid {
    beside(event.as_u64_pair().0, Uuid::new_v5(&event, format!("reply/{nth}").as_bytes()))
}

/// The id of the nth message about this part of a delivery to a hook.
pub fn hook_part_id(event: Uuid, part: u32, nth: u32) -> Uuid {
    beside(event.as_u64_pair().0, Uuid::new_v5(&event, format!("part/{part}/{nth}").as_bytes()))
}

/// The id of the nth message that a handler of an event says elsewhere.
pub fn elsewhere_id(event: Uuid, nth: u32) -> Uuid {
    beside(event.as_u64_pair().0, Uuid::new_v5(&event, format!("elsewhere/{nth}").as_bytes()))
}

/// The id of the nth letter of those that were put together, by that of the first.
pub fn part_id(first: Uuid, nth: u32) -> Uuid {
    if nth == 0 { first } else { elsewhere_id(first, nth) }
}

/// The id of the one message about an event's failure. It is not a reply's id, since an operator may have the event
/// tried again, and then it gets its reply.
pub fn failure_id(event: Uuid) -> Uuid {
    beside(event.as_u64_pair().0, Uuid::new_v5(&event, b"failure"))
}

/// The id of what the nth admin is told about the person who asks to be let in by this event.
pub fn notice_id(event: Uuid, nth: u32) -> Uuid {
    Uuid::new_v5(&event, format!("notice/{nth}").as_bytes())
}

/// The id of the nth message about a hook that an event made or changed.
pub fn hook_letter_id(event: Uuid, nth: u32) -> Uuid {
    beside(event.as_u64_pair().0, Uuid::new_v5(&event, format!("hook/{nth}").as_bytes()))
}

/// The id of the message of this kind to the maker of a hook. Each secret of the hook has another salt.
pub fn hook_notice_id(salt: Uuid, kind: u32) -> Uuid {
    Uuid::new_v5(&salt, format!("hook notice/{kind}").as_bytes())
}

/// The id of the message about the nth decision on a request.
pub fn decision_id(event: Uuid, nth: i64) -> Uuid {
    Uuid::new_v5(&event, format!("decision/{nth}").as_bytes())
}

/// The id of the message that says how the approval request with this card ended. `word` is that end.
pub fn outcome_id(card: Uuid, word: &str) -> Uuid {
    Uuid::new_v5(&card, format!("outcome/{word}").as_bytes())
}

/// The id of the deletion of the card, which that message replaces.
pub fn removal_id(card: Uuid, word: &str) -> Uuid {
    Uuid::new_v5(&card, format!("removal/{word}").as_bytes())
}

/// The id of the one notice that a person gets about a card that does nothing for them, however often they click.
pub fn card_notice_id(card: Uuid, person: &str, reason: &str) -> Uuid {
    Uuid::new_v5(&card, format!("notice/{}/{reason}", local_part(person)).as_bytes())
}

/// Joins a first half with the last half of a hash.
fn beside(first: u64, hash: Uuid) -> Uuid {
    Uuid::from_u64_pair(first, hash.as_u64_pair().1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_messages_written_one_after_the_other_stand_side_by_side() {
        let early = id("messages", "ffffffff-0000-11f1-8444-444444444444");
        let late = id("messages", "00000000-0001-11f1-8444-444444444444");
        let later = id("messages", "00000001-0001-11f1-8444-444444444444");
        assert!(early < late && late < later);
        assert_eq!(reply_id(late, 0).as_u64_pair().0, late.as_u64_pair().0);
        assert_ne!(reply_id(late, 0), reply_id(late, 1));
    }

    #[test]
    fn the_same_message_in_another_cluster_is_the_same_event() {
        let us = "Y2lzY29zcGFyazovL3VzL01FU1NBR0UvNDQ0NDQ0NDQtNDQ0NC0xMWYxLTg0NDQtNDQ0NDQ0NDQ0NDQ0";
        let geo =
            "Y2lzY29zcGFyazovL3VybjpURUFNOnVzLXdlc3QtMl9yL01FU1NBR0UvNDQ0NDQ0NDQtNDQ0NC0xMWYxLTg0NDQtNDQ0NDQ0NDQ0NDQ0";
        assert_eq!(id("messages", us), id("messages", geo));
        assert_ne!(id("messages", us), id("attachmentActions", us));
    }
}
