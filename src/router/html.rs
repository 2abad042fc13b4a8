//! Reads the HTML of a message as Webex delivers it: what its sender says, and whom they mention. Text in a blockquote
//! does not count as said by the sender.

/// A part of HTML, read as the HTML standard demands. So nothing in an attribute or a comment is taken for text or a
/// tag.
enum Token<'a> {
    Text(&'a str),
    Open { name: String, attributes: Vec<(String, &'a str)> },
    Close { name: String },
}

/// What the HTML of a message says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MessageText {
    /// The text without quotations and mentions of the bot. Other mentions are `@Name`.
    pub(super) text: String,
    /// Whether anything is quoted.
    pub(super) quotes: bool,
    /// Whether anybody is mentioned.
    pub(super) mentions: bool,
    /// Whether the bot is mentioned, outside of quotations.
    pub(super) addresses: bool,
    /// Whether the bot is mentioned in a quotation.
    pub(super) quotes_address: bool,
}

/// The elements whose content is not shown as text.
const SILENT: [&str; 4] = ["script", "style", "title", "textarea"];

/// Reads html; `is_me` recognises the bot's id. A tag, comment, quotation or mention that never ends hides what follows.
pub(super) fn read_html(html: &str, is_me: impl Fn(&str) -> bool) -> MessageText {
    let mut said = MessageText::default();
    let mut quotations = 0_usize;
    // The mention that is open: whether it is the bot's, and the name in it.
    let mut mention: Option<(bool, String)> = None;
    let mut rest = html;
    while let Some(token) = next_token(&mut rest) {
        match token {
            Token::Text(text) => match &mut mention {
                Some((_, name)) => name.push_str(&decode_entities(text)),
                None if quotations == 0 => said.text.push_str(&decode_entities(text)),
                None => {}
            },
            Token::Open { name, .. } if name == "blockquote" => {
                said.quotes = true;
                said.end_line(quotations);
                quotations += 1;
            }
            Token::Close { name } if name == "blockquote" => {
                quotations = quotations.saturating_sub(1);
                said.end_line(quotations);
            }
            Token::Open { name, attributes } if name == "spark-mention" => {
                let id = attributes.iter().find(|(name, _)| name == "data-object-id");
                let is_mine = id.is_some_and(|(_, id)| is_me(&decode_entities(id)));
                said.mentions = true;
                match (is_mine, quotations) {
                    (true, 0) => said.addresses = true,
                    (true, _) => said.quotes_address = true,
                    (false, _) => {}
                }
                said.end_mention(mention.take(), quotations);
                mention = Some((is_mine, String::new()));
            }
            Token::Close { name } if name == "spark-mention" => said.end_mention(mention.take(), quotations),
            Token::Open { name, .. } if SILENT.contains(&name.as_str()) => skip_element(&mut rest, &name),
            Token::Open { name, .. } if name == "br" => said.push('\n', quotations),
            Token::Open { name, .. } | Token::Close { name } if is_block(&name) => said.end_line(quotations),
            Token::Open { .. } | Token::Close { .. } => {}
        }
    }
    said.end_mention(mention, quotations);
    said
}

impl MessageText {
    fn push(&mut self, c: char, quotations: usize) {
        if quotations == 0 {
            self.text.push(c);
        }
    }

    fn end_line(&mut self, quotations: usize) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.push('\n', quotations);
        }
    }

    fn end_mention(&mut self, mention: Option<(bool, String)>, quotations: usize) {
        match mention {
            Some((true, _)) => self.push(' ', quotations),
            Some((false, name)) if quotations == 0 => {
                self.text.push('@');
                self.text.push_str(name.trim_start_matches('@'));
            }
            Some((false, _)) | None => {}
        }
    }
}

fn is_block(name: &str) -> bool {
    matches!(name, "p" | "div" | "ul" | "ol" | "li" | "pre" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "hr" | "tr")
}

/// Takes the next token from the front. None at the end, or if a tag or comment does not end.
fn next_token<'a>(rest: &mut &'a str) -> Option<Token<'a>> {
    loop {
        let html = *rest;
        if html.is_empty() {
            return None;
        }
        let begins = |c: char| c.is_ascii_alphabetic();
        let Some(tag) = html.strip_prefix('<') else {
            let end = html.find('<').unwrap_or(html.len());
            *rest = &html[end..];
            return Some(Token::Text(&html[..end]));
        };
        if let Some(comment) = tag.strip_prefix("!--") {
            // `<!-->` and `<!--->` are complete comments.
            let whole = ["->", ">"].into_iter().find_map(|end| comment.strip_prefix(end));
            let ends = ["-->", "--!>"].into_iter().filter_map(|end| Some((comment.find(end)?, end.len())));
            let after = ends.min().map(|(at, length)| &comment[at + length..]);
            *rest = whole.or(after).unwrap_or_default();
        } else if tag.starts_with(begins) {
            let (name, attributes) = read_tag(tag, rest)?;
            return Some(Token::Open { name, attributes });
        } else if tag.strip_prefix('/').is_some_and(|tag| tag.starts_with(begins)) {
            let (name, _) = read_tag(&tag[1..], rest)?;
            return Some(Token::Close { name });
        } else if tag.starts_with(['!', '?', '/']) {
            *rest = tag.split_once('>').map_or("", |(_, after)| after);
        } else {
            *rest = tag;
            return Some(Token::Text("<"));
        }
    }
}

/// Reads the name of a tag, in lower case, and its attributes. The text after the tag becomes the rest. For a tag that
/// does not end it gives none, and leaves no rest.
fn read_tag<'a>(tag: &'a str, rest: &mut &'a str) -> Option<(String, Vec<(String, &'a str)>)> {
    *rest = "";
    let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>');
    let (name, mut tag) = tag.split_at(tag.find(is_end)?);
    let mut attributes: Vec<(String, &str)> = Vec::new();
    loop {
        tag = tag.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = tag.strip_prefix('>') {
            *rest = after;
            return Some((name.to_ascii_lowercase(), attributes));
        }
        let first = tag.chars().next().map(char::len_utf8)?;
        let end = first + tag[first..].find(|c: char| is_end(c) || c == '=')?;
        let (key, after) = tag.split_at(end);
        tag = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let mut value = "";
        if let Some(after) = tag.strip_prefix('=') {
            tag = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let quote = tag.chars().next().filter(|c| matches!(c, '"' | '\''));
            (value, tag) = match quote {
                Some(quote) => tag[1..].split_once(quote)?,
                None => tag.split_at(tag.find(|c: char| c.is_ascii_whitespace() || c == '>')?),
            };
        }
        let key = key.to_ascii_lowercase();
        // If an attribute is there twice, the first one counts.
        if !attributes.iter().any(|(known, _)| *known == key) {
            attributes.push((key, value));
        }
    }
}

/// Skips everything up to the end tag of this name.
fn skip_element(rest: &mut &str, name: &str) {
    let end = rest.match_indices("</").map(|(at, _)| at).find(|at| {
        let tag = &rest[at + 2..];
        tag.get(..name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name))
    });
    *rest = end.map_or("", |at| &rest[at..]);
}

/// Decodes the entities that Webex writes. An unknown one stays as it is.
fn decode_entities(html: &str) -> String {
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

    fn said(html: &str) -> String {
        let said = read_html(html, |id| id == "ME").text;
        said.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("|")
    }

    const ME: &str = "<spark-mention data-object-type=\"person\" data-object-id=\"ME\">Bot</spark-mention>";

    #[test]
    fn what_is_quoted_is_not_said() {
        for (html, expected) in [
            ("<blockquote>echo pay Eve</blockquote>help", "help"),
            ("<blockquote class=\"a\"><p>a</p><blockquote>b</blockquote>c</blockquote><p>help</p>", "help"),
            ("<blockquote>a</blockquote>x<blockquote>b</blockquote>y", "x|y"),
            ("help<blockquote>a", "help"),
            ("<BLOCKQUOTE\n>a</BlockQuote >help", "help"),
            ("<blockquote/>a", ""),
            ("</blockquote>help", "help"),
            ("<blockquote><spark-mention>A</spark-mention>a</blockquote>b", "b"),
            ("<blockquote title=\"</blockquote>\">a</blockquote>b", "b"),
            ("<blockquote><!-- </blockquote> -->a</blockquote>b", "b"),
            ("<blockquote><a href='</blockquote>'>a</a></blockquote>b", "b"),
            ("<blockquotes>a</blockquotes>", "a"),
        ] {
            assert_eq!(said(html), expected, "{html}");
        }
    }

    #[test]
    fn a_tag_ends_where_the_html_standard_has_its_end() {
        for (html, expected) in [
            ("<a title=\"1 > 2\">a</a>", "a"),
            ("<a title='>' href=\">\" x=>a", "a"),
            ("<a b\"c>a", "a"),
            ("<!-- > echo -->a<!-->b<!--->c<!-- d --!>e", "abce"),
            ("a<!-- never closed", "a"),
            ("a<b title=\"never closed>b", "a"),
            ("a<b", "a"),
            ("<!doctype html>a<?x?>b</>c", "abc"),
            ("1 < 2 <3", "1 < 2 <3"),
            ("<style>a</style >b<SCRIPT>c</b></scripT>d", "bd"),
            ("<script>never closed", ""),
            ("a<br/>b<br>c<p>d</p>e<ul><li>f</li><li>g</li></ul>", "a|b|c|d|e|f|g"),
            ("&lt;b&gt; &amp;amp; &#x41;&#33;&unknown; &", "<b> &amp; A!&unknown; &"),
            ("é<é>", "é<é>"),
        ] {
            assert_eq!(said(html), expected, "{html}");
        }
    }

    #[test]
    fn a_mention_is_known_by_its_attribute_and_quoted_or_not() {
        let read = |html: &str| {
            let said = read_html(html, |id| id == "ME");
            (said.text.trim().to_owned(), said.addresses, said.quotes_address)
        };
        let text = |text: &str, addresses, quoted| (text.to_owned(), addresses, quoted);
        assert_eq!(read(&format!("{ME} help")), text("help", true, false));
        assert_eq!(read(&format!("<blockquote>{ME} echo</blockquote>help")), text("help", false, true));
        assert_eq!(read(&format!("<blockquote>{ME} echo</blockquote>{ME}help")), text("help", true, true));
        assert!(!read("<spark-mention title=' data-object-id=\"ME\"' data-object-id='A'>A</spark-mention>").1);
        assert!(!read("<spark-mention data-object-id=A data-object-id=ME>A</spark-mention>").1);
        assert_eq!(read("<Spark-Mention DATA-OBJECT-ID = M&#69;>B > b</Spark-Mention> c"), text("c", true, false));
        assert_eq!(read("<p title='<spark-mention data-object-id=\"ME\">'>a</p>"), text("a", false, false));
        assert_eq!(read("<!-- <spark-mention data-object-id=\"ME\"> -->a"), text("a", false, false));
        assert_eq!(read("<spark-mention data-object-id=\"ME\">Bot help"), text("", true, false));
    }
}
