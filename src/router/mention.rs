//! Finds what a message says to the bot: the text without the mention, which is found by identity.
//!
//! The displayed name is no guide. It may be the first word of the bot's name, or a nickname, or contain characters
//! with a meaning in a pattern. Webex marks each mention in `html` with the person's id. Only the mentions of the bot
//! are removed.

use super::html::{self, MessageText};
use crate::text::{folded, is_blank, is_invisible};
use crate::webex::{Message, Person, PersonId};

/// The longest name, with its invisible characters. Webex's are shorter.
const MOST_LETTERS: usize = 400;

/// The text that is addressed to the bot. Quotations are left out, since the sender repeats what somebody else said.
pub fn addressed_text(message: &Message, me: &Person) -> String {
    let plain = message.text.as_deref().unwrap_or_default();
    let (text, is_clean) = match read_marked(message, me) {
        Some(said) if said.addresses => (said.text, true),
        Some(said) if said.quotes || said.mentions => (said.text, said.quotes_address),
        Some(_) | None => (unquoted(plain).to_owned(), false),
    };
    let text = if is_clean || !message.mentioned_people.contains(&me.id) { &text } else { without_name(&text, me) };
    let text = text.trim_matches(is_blank);
    // A comma or colon may follow the mention, with invisible characters around it.
    let said = text.trim_start_matches(|c| is_blank(c) || is_invisible(c) || matches!(c, ',' | ':'));
    let is_parted = text[..text.len() - said.len()].contains([',', ':']);
    if is_parted { said.to_owned() } else { text.to_owned() }
}

/// Whether the message mentions the bot by identity. A mention in a quotation does not count.
pub fn mentions(message: &Message, me: &Person) -> bool {
    let is_quoted = || read_marked(message, me).is_some_and(|said| said.quotes_address && !said.addresses);
    message.mentioned_people.contains(&me.id) && !is_quoted()
}

fn read_marked(message: &Message, me: &Person) -> Option<MessageText> {
    Some(html::read_html(message.html.as_deref()?, |id| PersonId::from(id) == me.id))
}

/// Leaves out a quotation in a text without HTML: lines at its beginning that start with `>` and a blank, which would
/// be read as the command. Further down such a line belongs to the sender's own words, as in a piece of code.
fn unquoted(text: &str) -> &str {
    let mut rest = text;
    loop {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let inside = line.trim_start().trim_start_matches('>');
        let is_quoted = line.trim_start().starts_with('>') && inside.chars().next().is_none_or(char::is_whitespace);
        if rest.is_empty() || !(is_quoted || line.trim().is_empty()) {
            return rest;
        }
        rest = after;
    }
}

/// Removes the bot's name from a text without HTML, where there is nothing else to go by. It is the longest form of the
/// name that stands as a word at the beginning, else at the end.
fn without_name<'a>(text: &'a str, me: &Person) -> &'a str {
    let first = me.display_name.split_whitespace().next().unwrap_or_default();
    let mut names = [me.display_name.as_str(), me.nick_name.as_deref().unwrap_or_default(), first].map(folded);
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let is_around = |c: char| is_blank(c) || is_invisible(c);
    let text = text.trim_matches(is_blank);
    let named = text.trim_start_matches(is_around);
    let named = named.strip_prefix('@').unwrap_or(named);
    let ends_word = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    for name in names.iter().filter(|name| !name.is_empty()) {
        let is_name = |at: &usize| folded(&named[..*at]) == *name && ends_word(named[*at..].chars().next());
        if let Some(at) = ends(named, name).filter(is_name).last() {
            return &named[at..];
        }
    }
    for name in names.iter().filter(|name| !name.is_empty()) {
        let is_name = |at: &usize| folded(&text[*at..]) == *name && ends_word(text[..*at].chars().next_back());
        if let Some(at) = starts(text, name).filter(is_name).last() {
            return text[..at].trim_end_matches(|c: char| is_around(c) || c == '@');
        }
    }
    text
}

/// Where a name at the beginning of a text may end. The text and the name must have about the same number of visible
/// letters; case folding may change it a little.
fn ends<'a>(text: &'a str, name: &str) -> impl Iterator<Item = usize> + use<'a> {
    text.char_indices().map(|(at, c)| at + c.len_utf8()).take(MOST_LETTERS.min(4 * name.len() + 16))
}

/// Where a name at the end of a text may begin.
fn starts<'a>(text: &'a str, name: &str) -> impl Iterator<Item = usize> + use<'a> {
    text.char_indices().rev().map(|(at, _)| at).take(MOST_LETTERS.min(4 * name.len() + 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: &str = "11111111-1111-4111-8111-111111111111";
    const ALICE: &str = "22222222-2222-4222-8222-222222222222";

    fn says(name: &str, text: &str, html: Option<&str>, mentioned: bool) -> String {
        let mentioned = if mentioned { vec![ME] } else { vec![] };
        let message: Message = serde_json::from_value(serde_json::json!({
            "id": "m", "roomId": "r", "personId": ALICE, "created": "2026-03-02T20:27:25.360Z",
            "text": text, "html": html, "mentionedPeople": mentioned,
        }))
        .unwrap();
        let me: Person = serde_json::from_value(serde_json::json!({"id": ME, "displayName": name})).unwrap();
        addressed_text(&message, &me)
    }

    fn mention(id: &str, name: &str) -> String {
        format!(r#"<spark-mention data-object-type="person" data-object-id="{id}">{name}</spark-mention>"#)
    }

    #[test]
    fn the_mention_is_taken_out_by_identity_wherever_it_stands() {
        let (me, alice) = (mention(ME, "Shop"), mention(ALICE, "Alice &amp; Co"));
        for (html, expected) in [
            (format!("<p>{me} report 7d</p>"), "report 7d"),
            (format!("<p>{me}, help</p>"), "help"),
            (format!("<p>report {me}</p>"), "report"),
            (format!("<p>{me}{me} help</p>"), "help"),
            (format!("<p>{me} greet {alice}</p>"), "greet @Alice & Co"),
            (format!("{me} a &lt;b&gt; &amp;amp; c&nbsp;d&#33;"), "a <b> &amp; c d!"),
            (format!("<p>{me} one<br>two</p>"), "one\ntwo"),
        ] {
            assert_eq!(says("Shop Bot", "ignored", Some(&html), true), expected, "{html}");
        }
    }

    #[test]
    fn a_person_called_like_the_bot_is_not_the_bot() {
        let html = format!("<p>{} greet {}</p>", mention(ME, "Shop"), mention(ALICE, "Shop"));
        assert_eq!(says("Shop", "Shop greet Shop", Some(&html), true), "greet @Shop");
    }

    #[test]
    fn the_name_is_text_and_never_a_pattern() {
        for name in ["C++ (test)", "a.*b", "[x]", "\\"] {
            assert_eq!(says(name, &format!("{name} help"), None, true), "help", "{name}");
            assert_eq!(
                says(name, &format!("{} help", mention(ME, name)), Some(&format!("{} help", mention(ME, name))), true),
                "help"
            );
        }
        assert_eq!(says("Shop Bot", "shop help", None, true), "help");
        assert_eq!(says("Shop Bot", "help @Shop Bot", None, true), "help");
        assert_eq!(says("Rep", "report", None, true), "report");
        assert_eq!(says("ÄÖ", "a help", None, true), "a help");
        assert_eq!(says("ÄÖ", "@äö: help", None, true), "help");
        assert_eq!(says("Straße", "STRASSE help", None, true), "help");
        assert_eq!(says("Shop Bot", "\u{200b}@Sh\u{ad}op Bot\u{200b}, \u{2066}help", None, true), "help");
        assert_eq!(says("Shop", "help @\u{2068}SHOP\u{2069}", None, true), "help");
    }

    #[test]
    fn a_direct_message_is_taken_as_it_is() {
        assert_eq!(says("help", "help me ", None, false), "help me");
    }
}
