//! Short texts that people read and type: references of events, and codes that let somebody in.

use uuid::Uuid;

use crate::text::plain;

/// Crockford's base 32: no letter in it is easily taken for another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The length of a reference: the last 20 bits of an id.
const REFERENCE_LETTERS: u32 = 4;

/// The length of a code that lets somebody in: 30 bits, random from the operating system.
const CODE_LETTERS: u32 = 6;

/// The reference by which a person can name an event: four letters and digits.
pub fn reference(event: Uuid) -> String {
    letters(event, REFERENCE_LETTERS)
}

/// A code that nobody can guess. It is random, and not made from anything about the person.
pub fn new_code() -> String {
    letters(Uuid::new_v4(), CODE_LETTERS)
}

/// The code that somebody read and typed, as it was made. Case, blanks, dashes, invisible characters and anything
/// around the code do not matter. Letters that Crockford's base 32 leaves out are read as the digits they look like.
pub fn canonical_code(code: &str) -> String {
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
pub fn id_suffix(reference: &str) -> Option<String> {
    let reference = canonical_code(reference);
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
    use super::super::id;
    use super::*;

    #[test]
    fn a_reference_leads_back_to_its_event() {
        let event = id("messages", "m1");
        let reference = reference(event);
        assert!(event.simple().to_string().ends_with(&id_suffix(&reference.to_lowercase()).unwrap()), "{reference}");
        assert_eq!(id_suffix(&format!("**{}**.", reference.to_lowercase())), id_suffix(&reference));
        assert!(id_suffix("7Q2").is_none() && id_suffix("7Q2U").is_none() && id_suffix("7Q2MX").is_none());
    }

    #[test]
    fn a_code_is_six_letters_of_chance_and_forgives_how_it_is_typed() {
        let codes: std::collections::HashSet<_> = (0..1000).map(|_| new_code()).collect();
        assert!(codes.len() > 990 && codes.iter().all(|code| code.len() == 6 && canonical_code(code) == *code));
        assert_eq!(canonical_code(" 7q2-mko"), "7Q2MK0");
        assert_eq!(canonical_code("iLo"), "110");
        for typed in ["**7Q2MKD**", "`7q2mkd`.", "\"7Q2-MKD\"", "7Q2\u{2013}MKD!", "\u{2068}7Q\u{200b}2MKD\u{2069}"] {
            assert_eq!(canonical_code(typed), "7Q2MKD", "{typed}");
        }
    }
}
