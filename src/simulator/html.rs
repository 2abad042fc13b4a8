//! Html as a client may send it: what Webex keeps of it, and the text and the mentions in it.

use std::collections::{HashMap, HashSet};

use super::markdown::{Mention, Rendered};

const KEPT: [&str; 21] = [
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "spark-mention",
    "strong",
    "ul",
];
const MENTION: [&str; 3] = ["data-object-type", "data-object-id", "data-group-type"];

/// Drops every element and attribute that Webex does not keep, and every link that leads elsewhere than to the web.
pub(super) fn clean(html: &str) -> Rendered {
    let attributes = HashMap::from([("spark-mention", HashSet::from(MENTION)), ("a", HashSet::from(["href"]))]);
    let html = ammonia::Builder::empty()
        .tags(HashSet::from(KEPT))
        .tag_attributes(attributes)
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(None)
        .clean(html)
        .to_string();
    let text = ammonia::Builder::empty().clean(&html.replace("<br>", "\n").replace("</p><p>", " ")).to_string();
    let text = [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&quot;", "\""), ("&amp;", "&")]
        .into_iter()
        .fold(text, |text, (entity, plain)| text.replace(entity, plain));
    let mentions = html.split("<spark-mention ").skip(1).filter_map(mention).collect();
    Rendered { html, text, mentions }
}

/// The mention whose element goes on like this.
fn mention(element: &str) -> Option<Mention> {
    let attributes = element.split('>').next()?;
    let value = |name: &str| attributes.split_once(&format!("{name}=\""))?.1.split('"').next();
    match value("data-object-id") {
        Some(id) => Some(Mention::Person(id.to_owned())),
        None => (value("data-group-type")? == "all").then_some(Mention::All),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_styles_and_odd_links_are_dropped() {
        for (html, kept, text) in [
            ("<b>a</b> &amp; <script>alert(1)</script>c", "<b>a</b> &amp; c", "a & c"),
            ("<a href=\"javascript:alert(1)\" onclick=\"x()\">a</a>", "<a>a</a>", "a"),
            ("<p style=\"color:red\">a<br>b</p>", "<p>a<br>b</p>", "a\nb"),
            ("<img src=x onerror=alert(1)>a", "a", "a"),
        ] {
            let rendered = clean(html);
            assert_eq!((rendered.html.as_str(), rendered.text.as_str()), (kept, text));
        }
    }

    #[test]
    fn mentions_are_found() {
        let html = "<spark-mention data-object-type=\"person\" data-object-id=\"ID\">Bot</spark-mention> hi \
                    <spark-mention data-object-type=\"groupMention\" data-group-type=\"all\">All</spark-mention>";
        assert_eq!(clean(html).mentions, [Mention::Person("ID".to_owned()), Mention::All]);
        assert_eq!(clean(html).text, "Bot hi All");
    }
}
