//! Turns markdown into the `html` and `text` that Webex derives from it. It knows enough of the dialect to show whether
//! a text mentions somebody, links somewhere or is code: paragraphs, quotes, fences, headings, nested lists, code
//! spans, strong and emphasised text, links, mentions and backslash escapes. Like Webex it has no tables, no pictures
//! and no HTML.

use super::blocks::{Block, DEEPEST, blocks};

/// A message as Webex's apps show it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) html: String,
    pub(crate) text: String,
    /// The mentions, in the order in which they are written.
    pub(crate) mentions: Vec<Mention>,
}

/// A person or group that was mentioned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mention {
    /// A person, by their id.
    Person(String),
    /// `<@all>`, which is not a mention of any bot.
    All,
}

/// Derives the HTML and the text. `resolve` finds the id and short name of a person by an address or an id, if they can
/// be mentioned here.
pub(crate) fn render(markdown: &str, resolve: impl Fn(&str) -> Option<(String, String)>) -> Rendered {
    let mut writer =
        Writer { html: String::new(), text: String::new(), mentions: Vec::new(), depth: 0, resolve: &resolve };
    writer.blocks(&blocks(&markdown.lines().collect::<Vec<_>>(), 0));
    Rendered { html: writer.html, text: writer.text, mentions: writer.mentions }
}

struct Writer<'a> {
    html: String,
    text: String,
    mentions: Vec<Mention>,
    depth: usize,
    resolve: &'a dyn Fn(&str) -> Option<(String, String)>,
}

impl Writer<'_> {
    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            self.apart();
            self.block(block);
        }
    }

    /// Separates two blocks, which in the text takes only a blank.
    fn apart(&mut self) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Code(code) => {
                self.html.push_str("<pre><code>");
                self.literal(code);
                self.html.push_str("</code></pre>");
            }
            Block::Heading(level, text) => self.within(&format!("h{level}"), text),
            Block::Paragraph(text) => self.within("p", text),
            Block::Quote(blocks) => {
                self.html.push_str("<blockquote>");
                for (index, block) in blocks.iter().enumerate() {
                    if index > 0 {
                        self.apart();
                    }
                    self.block(block);
                }
                self.html.push_str("</blockquote>");
            }
            Block::List(numbered, items) => {
                let tag = if *numbered { "ol" } else { "ul" };
                self.html.push_str(&format!("<{tag}>"));
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.apart();
                    }
                    self.html.push_str("<li>");
                    self.inline(&item.text);
                    self.blocks(&item.nested);
                    self.html.push_str("</li>");
                }
                self.html.push_str(&format!("</{tag}>"));
            }
        }
    }

    fn within(&mut self, tag: &str, markdown: &str) {
        self.html.push_str(&format!("<{tag}>"));
        self.inline(markdown);
        self.html.push_str(&format!("</{tag}>"));
    }

    /// Writes text without any markup.
    fn literal(&mut self, text: &str) {
        self.text.push_str(text);
        escape(text, &mut self.html);
    }

    fn inline(&mut self, markdown: &str) {
        let mut rest = markdown;
        while let Some(letter) = rest.chars().next() {
            rest = match self.span(rest) {
                Some(after) => after,
                None => {
                    self.literal(&rest[..letter.len_utf8()]);
                    &rest[letter.len_utf8()..]
                }
            };
        }
    }

    /// Writes the markup that `rest` begins with and returns what follows; `None` if it begins with plain text.
    fn span<'t>(&mut self, rest: &'t str) -> Option<&'t str> {
        match rest.as_bytes().first()? {
            b'\\' => {
                let escaped = rest[1..].chars().next().filter(char::is_ascii_punctuation)?;
                self.literal(&rest[1..=escaped.len_utf8()]);
                Some(&rest[2..])
            }
            b'\n' => {
                self.html.push_str("<br>");
                self.text.push('\n');
                Some(&rest[1..])
            }
            b'`' => self.code(rest),
            b'&' => self.entity(rest),
            b'<' => self.mention(rest),
            b'[' => self.link(rest),
            b'*' => self.marked(rest, "**", "strong").or_else(|| self.marked(rest, "*", "em")),
            b'_' => self.marked(rest, "_", "em"),
            _ => None,
        }
    }

    fn code<'t>(&mut self, rest: &'t str) -> Option<&'t str> {
        let ticks = rest.bytes().take_while(|byte| *byte == b'`').count();
        let mut from = ticks;
        // The closing run has exactly as many backticks.
        while let Some(found) = rest[from..].find('`').map(|found| from + found) {
            let run = rest[found..].bytes().take_while(|byte| *byte == b'`').count();
            if run == ticks {
                self.html.push_str("<code>");
                self.literal(&rest[ticks..found].replace('\n', " "));
                self.html.push_str("</code>");
                return Some(&rest[found + run..]);
            }
            from = found + run;
        }
        // The run is never closed, so all of it is plain text; otherwise its end would open a shorter one.
        self.literal(&rest[..ticks]);
        Some(&rest[ticks..])
    }

    /// Writes an entity: `&lt;` is a plain `<` and never begins markup.
    fn entity<'t>(&mut self, rest: &'t str) -> Option<&'t str> {
        let known = [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("&quot;", "\""), ("&#39;", "'")];
        let (entity, plain) = known.into_iter().find(|(entity, _)| rest.starts_with(entity))?;
        self.literal(plain);
        Some(&rest[entity.len()..])
    }

    fn mention<'t>(&mut self, rest: &'t str) -> Option<&'t str> {
        let (inside, after) = rest.strip_prefix("<@")?.split_once('>')?;
        let (whom, name) = inside.split_once('|').map_or((inside, None), |(whom, name)| (whom, Some(name)));
        let (attributes, shown) = if whom == "all" {
            self.mentions.push(Mention::All);
            ("data-object-type=\"groupMention\" data-group-type=\"all\"".to_owned(), name.unwrap_or("All").to_owned())
        } else {
            let key = whom.strip_prefix("personEmail:").or_else(|| whom.strip_prefix("personId:"))?;
            let Some((id, short)) = (self.resolve)(key) else {
                self.literal(name.unwrap_or(key));
                return Some(after);
            };
            let attributes = format!("data-object-type=\"person\" data-object-id=\"{id}\"");
            self.mentions.push(Mention::Person(id));
            (attributes, name.map_or(short, str::to_owned))
        };
        self.html.push_str(&format!("<spark-mention {attributes}>"));
        self.literal(&shown);
        self.html.push_str("</spark-mention>");
        Some(after)
    }

    fn link<'t>(&mut self, rest: &'t str) -> Option<&'t str> {
        let (label, after) = rest[1..].split_once("](")?;
        let (url, after) = after.split_once(')')?;
        if label.contains(['[', ']', '\n', '\\']) || !(url.starts_with("http://") || url.starts_with("https://")) {
            return None;
        }
        self.html.push_str("<a href=\"");
        escape(url, &mut self.html);
        self.html.push_str("\">");
        self.inline(label);
        self.html.push_str("</a>");
        Some(after)
    }

    /// Writes text between two marks that touch it. Inside a word an underscore is only an underscore.
    fn marked<'t>(&mut self, rest: &'t str, mark: &str, tag: &str) -> Option<&'t str> {
        let inside = rest.strip_prefix(mark)?;
        let starts_word = !self.text.ends_with(char::is_alphanumeric);
        let closes = |found: &usize| {
            let (before, after) = (&inside[..*found], &inside[found + mark.len()..]);
            !before.is_empty()
                && !before.ends_with([' ', '\\', '\n', '*'])
                && !after.starts_with('*')
                && (mark != "_" || !after.starts_with(char::is_alphanumeric))
        };
        let end = inside.match_indices(mark).map(|(found, _)| found).find(closes)?;
        if inside.starts_with([' ', '\n']) || (mark == "_" && !starts_word) || self.depth >= DEEPEST {
            return None;
        }
        self.depth += 1;
        self.within(tag, &inside[..end]);
        self.depth -= 1;
        Some(&inside[end + mark.len()..])
    }
}

pub(crate) fn escape(text: &str, html: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            _ => html.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(markdown: &str) -> Rendered {
        render(markdown, |key| (key == "bot@webex.bot").then(|| ("ID".to_owned(), "Bot".to_owned())))
    }

    #[test]
    fn a_mention_is_an_element_in_html_and_a_name_in_text() {
        let rendered = rendered("<@personEmail:bot@webex.bot> help **me** & <@all>");
        assert_eq!(
            rendered.html,
            "<p><spark-mention data-object-type=\"person\" data-object-id=\"ID\">Bot</spark-mention> \
            help <strong>me</strong> &amp; <spark-mention data-object-type=\"groupMention\" data-group-type=\"all\">All\
            </spark-mention></p>"
        );
        assert_eq!(rendered.text, "Bot help me & All");
        assert_eq!(rendered.mentions, [Mention::Person("ID".to_owned()), Mention::All]);
    }

    #[test]
    fn escaped_or_quoted_markup_mentions_nobody() {
        for harmless in [
            r"\<@all>",
            "&lt;@all&gt;",
            "`<@all>`",
            "``a ` <@all>``",
            "```\n<@all>\n```",
            "````\n```\n<@all>\n````",
            "<@personEmail:stranger@example.org|All>",
            "<@something>",
        ] {
            assert_eq!(rendered(harmless).mentions, [], "{harmless}");
        }
        assert_eq!(rendered("`` <@all>").mentions, [Mention::All]);
    }

    #[test]
    fn what_is_nested_without_end_is_text_at_last() {
        for hostile in [">".repeat(7000), "**_".repeat(2000) + &"_**".repeat(2000), "[".repeat(7000), "- ".repeat(3000)]
        {
            assert!(!rendered(&hostile).html.is_empty());
        }
    }

    #[test]
    fn blocks_and_spans() {
        for (markdown, html) in [
            ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
            ("# Title\n- a\n- b\n\n1. c", "<h1>Title</h1><ul><li>a</li><li>b</li></ul><ol><li>c</li></ol>"),
            ("**a *b* c** snake_case_name _d_", "<p><strong>a <em>b</em> c</strong> snake_case_name <em>d</em></p>"),
            (r"\*\*no\*\* \[x\]\(y\) 2*3*4 ü", "<p>**no** [x](y) 2<em>3</em>4 ü</p>"),
            (
                "[a **b**](https://x.test/?q=\"1\")",
                "<p><a href=\"https://x.test/?q=&quot;1&quot;\">a <strong>b</strong></a></p>",
            ),
            ("```rust\na < b\n```", "<pre><code>a &lt; b</code></pre>"),
            ("> a\n> b\n>\n> - c\n\nd", "<blockquote><p>a<br>b</p><ul><li>c</li></ul></blockquote><p>d</p>"),
            (
                "- a\n  - b\n    1. c\n  - d\n- e\nf",
                "<ul><li>a<ul><li>b<ol><li>c</li></ol></li><li>d</li></ul></li><li>e<br>f</li></ul>",
            ),
            ("1. a\n2. b\n- c", "<ol><li>a</li><li>b</li></ol><ul><li>c</li></ul>"),
            ("a\n- b", "<p>a<br>- b</p>"),
            ("|a|b|\n|-|-|", "<p>|a|b|<br>|-|-|</p>"),
            (
                "![a](https://x.test/a.png) <b>no</b>",
                "<p>!<a href=\"https://x.test/a.png\">a</a> &lt;b&gt;no&lt;/b&gt;</p>",
            ),
        ] {
            assert_eq!(rendered(markdown).html, html);
        }
    }
}
