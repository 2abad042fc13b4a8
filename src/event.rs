//! The ids of events and replies. They are made from Webex's own ids, so the same thing always has the same id.

use uuid::Uuid;

use crate::webex::local_part;

const EVENTS: Uuid = Uuid::from_u128(0x2d6c_8e0b_91f4_4c55_a7b0_3f1d_e8c2_9a64);
const NOTICES: Uuid = Uuid::from_u128(0x8c3a_57b1_0d2e_4f6a_b1c9_70e4_5a2d_f813);

/// Crockford's base 32: nothing in it is taken for something else.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The first 20 bits of an id are told to people.
const REFERENCE_LETTERS: u32 = 4;

/// An event's id, in whichever cluster's spelling and by whichever way it arrives: it is the dedupe key.
pub(crate) fn id(resource: &str, webex_id: &str) -> Uuid {
    Uuid::new_v5(&EVENTS, format!("{resource}/created/{}", local_part(webex_id)).as_bytes())
}

/// The id of an event's nth reply: one event settled twice has its replies once.
pub(crate) fn reply_id(event: Uuid, nth: u32) -> Uuid {
    Uuid::new_v5(&event, format!("reply/{nth}").as_bytes())
}

/// The id of the one message that tells of an event's failure. Not a reply's: an operator may have the event tried
/// again, and then it gets its reply.
pub(crate) fn failure_id(event: Uuid) -> Uuid {
    Uuid::new_v5(&event, b"failure")
}

/// The id of the one notice that a stranger gets, however often they write.
pub(crate) fn notice_id(person: &str) -> Uuid {
    Uuid::new_v5(&NOTICES, local_part(person).as_bytes())
}

/// What a person is told to name: four letters and digits.
pub(crate) fn reference(event: Uuid) -> String {
    let bits = event.as_u128() >> (128 - 5 * REFERENCE_LETTERS);
    (0..REFERENCE_LETTERS).rev().map(|nth| char::from(ALPHABET[(bits >> (5 * nth)) as usize & 31])).collect()
}

/// The first and last id that begin with a reference.
pub(crate) fn range(reference: &str) -> Option<(Uuid, Uuid)> {
    if reference.chars().count() != REFERENCE_LETTERS as usize {
        return None;
    }
    let bits = reference.to_uppercase().bytes().try_fold(0_u128, |bits, letter| {
        Some(bits << 5 | ALPHABET.iter().position(|known| *known == letter)? as u128)
    })?;
    let first = bits << (128 - 5 * REFERENCE_LETTERS);
    let last = first | (u128::MAX >> (5 * REFERENCE_LETTERS));
    Some((Uuid::from_u128(first), Uuid::from_u128(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_back_to_its_event() {
        let event = id("messages", "m1");
        let reference = reference(event);
        let (first, last) = range(&reference.to_lowercase()).unwrap();
        assert!((first..=last).contains(&event), "{reference}");
        assert_eq!(super::reference(first), super::reference(last));
        assert!(range("7Q2").is_none() && range("7Q2U").is_none() && range("7Q2MX").is_none());
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
