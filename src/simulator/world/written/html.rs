//! Reads HTML as a client may send it, and keeps its text and mentions. Webex keeps more. HTML is not in the current
//! specification, so few clients send any.

use super::markdown::{Mention, Rendered, escape};

/// Elements whose content is no text.
const SILENT: [&str; 2] = ["script", "style"];

/// Rebuilds text, line breaks and mentions, and nothing else.
pub(crate) fn clean(html: &str) -> Rendered {
    let mut rendered = Rendered { html: String::new(), text: String::new(), mentions: Vec::new() };
    let mut rest = html;
    while let Some((text, after)) = rest.split_once('<') {
        rendered.push(text);
        if !after.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '/' || letter == '!') {
            rendered.push("<");
            rest = after;
            continue;
        }
        // A tag that never ends is no tag, and the rest is no text either.
        let Some((tag, after)) = after.split_once('>') else { return rendered };
        let name = tag.trim_start_matches('/').split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        let name = name.into_iter().next().unwrap_or_default().to_ascii_lowercase();
        rest = after;
        match name.as_str() {
            "br" | "p" if name == "br" || tag.starts_with('/') => rendered.push("\n"),
            "spark-mention" if tag.starts_with('/') => rendered.html.push_str("</spark-mention>"),
            "spark-mention" => rendered.mention(tag),
            silent if SILENT.contains(&silent) && !tag.starts_with('/') => {
                let end = format!("</{silent}");
                let place = rest.to_ascii_lowercase().find(&end).unwrap_or(rest.len());
                rest = &rest[place..];
            }
            _ => {}
        }
    }
    rendered.push(rest);
    rendered.text = rendered.text.trim().to_owned();
    rendered
}

impl Rendered {
    fn push(&mut self, text: &str) {
        let entities = [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&quot;", "\""), ("&amp;", "&")];
        let text = entities.into_iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain));
        self.text.push_str(&text);
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.html.push_str("<br>");
            }
            escape(line, &mut self.html);
        }
    }

    fn mention(&mut self, tag: &str) {
        let value = |name: &str| tag.split_once(&format!("{name}=\""))?.1.split('"').next();
        let attributes = match (value("data-object-id"), value("data-group-type")) {
            (Some(id), _) => {
                self.mentions.push(Mention::Person(id.to_owned()));
                [("data-object-type", "person"), ("data-object-id", id)]
            }
            (None, Some("all")) => {
                self.mentions.push(Mention::All);
                [("data-object-type", "groupMention"), ("data-group-type", "all")]
            }
            (None, _) => [("data-object-type", "unknown"), ("data-object-id", "")],
        };
        self.html.push_str("<spark-mention");
        for (name, value) in attributes {
            self.html.push_str(&format!(" {name}=\""));
            escape(value, &mut self.html);
            self.html.push('"');
        }
        self.html.push('>');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_lines_stay_and_nothing_that_could_run() {
        for (html, kept, text) in [
            ("<b>a</b> &amp; <script>alert(1)</script>c", "a &amp; c", "a & c"),
            ("<a href=\"javascript:alert(1)\" onclick=\"x()\">a</a>", "a", "a"),
            ("<p style=\"color:red\">a<br/>b</p>", "a<br>b<br>", "a\nb"),
            ("<img src=x onerror=alert(1)>a &lt;script&gt;", "a &lt;script&gt;", "a <script>"),
            ("<STYLE>p{}</STYLE>a<b", "a", "a"),
            ("<script>never closed", "", ""),
            ("1 < 2", "1 &lt; 2", "1 < 2"),
            ("a<!-- b -->c", "ac", "ac"),
        ] {
            let rendered = clean(html);
            assert_eq!((rendered.html.as_str(), rendered.text.as_str()), (kept, text), "{html}");
        }
    }

    #[test]
    fn mentions_are_rebuilt() {
        let html = "<spark-mention onclick=\"x()\" data-object-type=\"person\" data-object-id=\"ID\">Bot</spark-mention> hi \
                    <spark-mention data-object-type=\"groupMention\" data-group-type=\"all\">All</spark-mention>";
        let rendered = clean(html);
        assert_eq!(rendered.mentions, [Mention::Person("ID".to_owned()), Mention::All]);
        assert_eq!(rendered.text, "Bot hi All");
        assert!(
            !rendered.html.contains("onclick") && rendered.html.contains("data-object-id=\"ID\">Bot</spark-mention>")
        );
    }
}
