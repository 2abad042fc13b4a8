//! The ids of events and replies. They are made from Webex's own ids, so the same thing always has the same id.

use uuid::Uuid;

use crate::text::plain;
use crate::webex::local_part;

const EVENTS: Uuid = Uuid::from_u128(0x2d6c_8e0b_91f4_4c55_a7b0_3f1d_e8c2_9a64);

/// Crockford's base 32: nothing in it is taken for something else.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The last 20 bits of an id are told to people.
const REFERENCE_LETTERS: u32 = 4;

/// A code that lets somebody in has 30 bits, of the operating system's randomness.
const CODE_LETTERS: u32 = 6;

/// An event's id, in whichever cluster's spelling and by whichever way it arrives: it is the dedupe key.
///
/// Where Webex's id holds a time, as those of messages and clicks do, that comes first: ids that are made one after the
/// other then stand side by side in the ledger's index, however many it holds.
pub(crate) fn id(resource: &str, webex_id: &str) -> Uuid {
    let local = local_part(webex_id);
    let hash = Uuid::new_v5(&EVENTS, format!("{resource}/created/{local}").as_bytes());
    match Uuid::try_parse(&local) {
        Ok(uuid) if uuid.get_version_num() == 1 => {
            let (low, mid, high, _) = uuid.as_fields();
            let time = u64::from(high & 0x0fff) << 48 | u64::from(mid) << 32 | u64::from(low);
            beside(time << 4, hash)
        }
        _ => hash,
    }
}

/// The id of a delivery of a kind that nobody works on, by what makes it the same delivery when it comes again.
pub(crate) fn unhandled_id(delivery: &[u8]) -> Uuid {
    Uuid::new_v5(&EVENTS, &[b"unhandled/", delivery].concat())
}

/// The id of an event's nth reply: one event settled twice has its replies once.
pub(crate) fn reply_id(event: Uuid, nth: u32) -> Uuid {
    beside(event.as_u64_pair().0, Uuid::new_v5(&event, format!("reply/{nth}").as_bytes()))
}

/// The id of the one message that tells of an event's failure. Not a reply's: an operator may have the event tried
/// again, and then it gets its reply.
pub(crate) fn failure_id(event: Uuid) -> Uuid {
    beside(event.as_u64_pair().0, Uuid::new_v5(&event, b"failure"))
}

/// The id of what the nth admin is told of somebody who asks to be let in by this event.
pub(crate) fn notice_id(event: Uuid, nth: u32) -> Uuid {
    Uuid::new_v5(&event, format!("notice/{nth}").as_bytes())
}

/// The id of the message that tells of the nth decision on a request.
pub(crate) fn decision_id(event: Uuid, nth: i64) -> Uuid {
    Uuid::new_v5(&event, format!("decision/{nth}").as_bytes())
}

/// The id of the message that tells how something that waited for approval under this card ended, in one word.
pub(crate) fn outcome_id(card: Uuid, word: &str) -> Uuid {
    Uuid::new_v5(&card, format!("outcome/{word}").as_bytes())
}

/// The id of the deletion of the card that has been replaced by that message.
pub(crate) fn removal_id(card: Uuid, word: &str) -> Uuid {
    Uuid::new_v5(&card, format!("removal/{word}").as_bytes())
}

/// The id of the one notice that a person gets about a card that does nothing for them, however often they click.
pub(crate) fn card_notice_id(card: Uuid, person: &str, reason: &str) -> Uuid {
    Uuid::new_v5(&card, format!("notice/{}/{reason}", local_part(person)).as_bytes())
}

/// What comes first, and then half of the hash.
fn beside(first: u64, hash: Uuid) -> Uuid {
    Uuid::from_u64_pair(first, hash.as_u64_pair().1)
}

/// What a person is told to name: four letters and digits.
pub(crate) fn reference(event: Uuid) -> String {
    letters(event, REFERENCE_LETTERS)
}

/// A code that nobody can guess: nothing of the person is in it.
pub(crate) fn code() -> String {
    letters(Uuid::new_v4(), CODE_LETTERS)
}

/// A code as it was made, from what somebody read and typed: case, blanks, dashes, what nobody sees and what stands around
/// the code do not matter, nor do the letters that Crockford's base 32 leaves out because they look like digits.
pub(crate) fn canonical(code: &str) -> String {
    let digit = |c: char| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    // Phones turn hyphens into dashes.
    let is_dash = |c: char| matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    plain(code).chars().filter(|c| !is_dash(*c) && !c.is_whitespace()).map(digit).collect()
}

fn letters(id: Uuid, count: u32) -> String {
    let bits = id.as_u128();
    (0..count).rev().map(|nth| char::from(ALPHABET[(bits >> (5 * nth)) as usize & 31])).collect()
}

/// The last hexadecimal digits of the ids that have this reference.
pub(crate) fn ending(reference: &str) -> Option<String> {
    let reference = canonical(reference);
    if reference.chars().count() != REFERENCE_LETTERS as usize {
        return None;
    }
    let bits = reference.bytes().try_fold(0_u32, |bits, letter| {
        Some(bits << 5 | u32::try_from(ALPHABET.iter().position(|known| *known == letter)?).ok()?)
    })?;
    Some(format!("{bits:05x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_back_to_its_event() {
        let event = id("messages", "m1");
        let reference = reference(event);
        assert!(event.simple().to_string().ends_with(&ending(&reference.to_lowercase()).unwrap()), "{reference}");
        assert_eq!(ending(&format!("**{}**.", reference.to_lowercase())), ending(&reference));
        assert!(ending("7Q2").is_none() && ending("7Q2U").is_none() && ending("7Q2MX").is_none());
    }

    #[test]
    fn a_code_is_six_letters_of_chance_and_forgives_how_it_is_typed() {
        let codes: std::collections::HashSet<_> = (0..1000).map(|_| code()).collect();
        assert!(codes.len() > 990 && codes.iter().all(|code| code.len() == 6 && canonical(code) == *code));
        assert_eq!(canonical(" 7q2-mko"), "7Q2MK0");
        assert_eq!(canonical("iLo"), "110");
        for typed in ["**7Q2MKD**", "`7q2mkd`.", "\"7Q2-MKD\"", "7Q2\u{2013}MKD!", "\u{2068}7Q\u{200b}2MKD\u{2069}"] {
            assert_eq!(canonical(typed), "7Q2MKD", "{typed}");
        }
    }

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
