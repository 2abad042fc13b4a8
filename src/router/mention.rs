//! What a message says to the bot: the text without the mention, found by identity.
//!
//! The displayed name is no guide: it may be the first word of the bot's name, a nickname, or hold characters that
//! mean something to a pattern. Webex marks each mention in `html` with the person's id; only those that are the
//! bot's are taken out.

use crate::webex::{Message, Person, PersonId};

/// The text that is addressed to the bot.
pub fn addressed_text(message: &Message, me: &Person) -> String {
    let plain = message.text.as_deref().unwrap_or_default();
    let text = match &message.html {
        Some(html) if html.contains("<spark-mention") => without_mention(html, &me.id),
        _ if message.mentioned_people.contains(&me.id) => without_name(plain, me).to_owned(),
        _ => plain.to_owned(),
    };
    let is_edge = |c: char| crate::handler::is_blank(c) || matches!(c, ',' | ':');
    text.trim_start_matches(is_edge).trim_end_matches(crate::handler::is_blank).to_owned()
}

/// Whether the message mentions the bot by identity.
pub fn mentions(message: &Message, me: &Person) -> bool {
    message.mentioned_people.contains(&me.id)
}

/// Without html there is only the name to go by: the longest form of it that stands as a word at the front, else at
/// the end.
fn without_name<'a>(text: &'a str, me: &Person) -> &'a str {
    let first = me.display_name.split_whitespace().next().unwrap_or_default();
    let mut names = [me.display_name.as_str(), me.nick_name.as_deref().unwrap_or_default(), first];
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let text = text.trim_matches(crate::handler::is_blank);
    let text = text.strip_prefix('@').unwrap_or(text);
    let is_name = |part: &str, name: &str| !name.is_empty() && part.to_lowercase() == name.to_lowercase();
    let ends_word = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    for name in names {
        if let Some((front, rest)) = text.split_at_checked(name.len())
            && is_name(front, name)
            && ends_word(rest.chars().next())
        {
            return rest;
        }
    }
    for name in names {
        if let Some((rest, end)) = text.len().checked_sub(name.len()).and_then(|at| text.split_at_checked(at))
            && is_name(end, name)
            && ends_word(rest.chars().next_back())
        {
            return rest.trim_end_matches(|c: char| crate::handler::is_blank(c) || c == '@');
        }
    }
    text
}

/// The text of Webex's html, less the bot's own mentions. Other mentions become `@Name`.
fn without_mention(html: &str, me: &PersonId) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag, after)) = next_tag(rest) {
        text.push_str(&decoded(before));
        rest = after;
        match tag_name(tag) {
            "spark-mention" => {
                let (inside, end) = after.split_once("</spark-mention>").unwrap_or((after, ""));
                rest = end;
                match attribute(tag, "data-object-id") {
                    Some(id) if PersonId::from(id) == *me => text.push(' '),
                    _ => {
                        text.push('@');
                        text.push_str(decoded(&without_tags(inside)).trim_start_matches('@'));
                    }
                }
            }
            "br" | "/p" | "/li" | "/div" | "/pre" | "/blockquote" | "/h1" | "/h2" | "/h3" => text.push('\n'),
            _ => {}
        }
    }
    text.push_str(&decoded(rest));
    text
}

/// Text before the next tag, the inside of the tag, and what follows it.
fn next_tag(html: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = html.split_once('<')?;
    let (tag, after) = rest.split_once('>')?;
    Some((before, tag, after))
}

fn tag_name(tag: &str) -> &str {
    tag.split([' ', '\t', '\n']).next().unwrap_or_default().trim_end_matches('/')
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = tag.split_once(&format!("{name}="))?;
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split(quote).next()
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, _, after)) = next_tag(rest) {
        text.push_str(before);
        rest = after;
    }
    text.push_str(rest);
    text
}

/// The entities that Webex writes. One that is not known stays as it is.
fn decoded(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        match after.split_once(';').and_then(|(name, after)| Some((entity(name)?, after))) {
            Some((character, after)) => {
                text.push(character);
                rest = after;
            }
            None => {
                text.push('&');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let digits = name.strip_prefix('#')?;
            let number = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(number)?
        }
    })
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
    }

    #[test]
    fn a_direct_message_is_taken_as_it_is() {
        assert_eq!(says("help", "help me ", None, false), "help me");
    }
}
