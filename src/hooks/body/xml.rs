//! XML as a value. The outermost element is a field of the whole, so a name such as `order.title` leads to an element.
//!
//! - An element with text alone is that text, without the blanks around it; an empty one is an empty text.
//! - Otherwise it is an object: of its elements by name, its attributes as `@name`, and its own text as `#text`.
//! - Elements of one name beside each other are a list.
//! - Names are without their namespaces.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value};

/// The deepest nesting, which is that of JSON.
const DEEPEST: usize = 128;

/// The most attributes of one element. The library compares each with all others.
const MOST_ATTRIBUTES: usize = 256;

/// The value of a document of at most so many elements, texts and attributes.
///
/// # Errors
/// It is no XML, has a DTD, or is larger than what is read.
pub(super) fn parse(body: &[u8], most: usize) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8, the one encoding that is read")?;
    check_size(text, most)?;
    let options = ParsingOptions { nodes_limit: u32::try_from(most).unwrap_or(u32::MAX), ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| format!("it is not XML at line {}, column {}", error.pos().row, error.pos().col))?;
    let root = document.root_element();
    Ok(Value::Object(Map::from_iter([(name(root), value(root))])))
}

fn name(element: Node<'_, '_>) -> String {
    element.tag_name().name().to_owned()
}

/// The value of an element. The depth was checked.
fn value(element: Node<'_, '_>) -> Value {
    let mut fields = Map::new();
    for attribute in element.attributes() {
        fields.entry(format!("@{}", attribute.name())).or_insert_with(|| attribute.value().into());
    }
    for child in element.children().filter(Node::is_element) {
        let value = value(child);
        match fields.get_mut(child.tag_name().name()) {
            None => drop(fields.insert(name(child), value)),
            Some(Value::Array(list)) => list.push(value),
            Some(single) => *single = Value::Array(vec![single.take(), value]),
        }
    }
    let text: String = element.children().filter(Node::is_text).filter_map(|node| node.text()).collect();
    let text = text.trim();
    if fields.is_empty() {
        return text.into();
    }
    if !text.is_empty() {
        fields.insert("#text".to_owned(), text.into());
    }
    Value::Object(fields)
}

/// Refuses what would take too much time or memory: deep nesting, many attributes, many namespaces, and any DTD. The
/// library keeps with each element that declares a namespace all that are in force there.
fn check_size(text: &str, most: usize) -> Result<(), String> {
    let (mut rest, mut attributes, mut kept) = (text, 0, 0);
    // Of each element that is open, how many namespaces are in force.
    let mut open: Vec<usize> = Vec::new();
    while let Some((_, after)) = rest.split_once('<') {
        rest = match skip(after)? {
            Some(after) => after,
            None if after.starts_with('/') => {
                open.pop();
                after
            }
            None => {
                let tag = Tag::read(after)?;
                attributes += tag.attributes;
                let namespaces = open.last().unwrap_or(&0) + tag.namespaces;
                kept += if tag.namespaces > 0 { namespaces } else { 0 };
                if !tag.is_empty {
                    open.push(namespaces);
                }
                tag.after
            }
        };
        if open.len() > DEEPEST {
            return Err(format!("it is nested deeper than {DEEPEST} elements"));
        }
        if attributes > most || kept > most {
            return Err(format!("it has more than {most} attributes or namespaces, which is too many"));
        }
    }
    Ok(())
}

/// What comes after a comment and the like, if this is one.
fn skip(after: &str) -> Result<Option<&str>, String> {
    for (begin, end) in [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")] {
        if let Some(inner) = after.strip_prefix(begin) {
            return inner.split_once(end).map(|(_, after)| Some(after)).ok_or_else(not_closed);
        }
    }
    if after.starts_with('!') {
        return Err("it has a DTD, which is not read".to_owned());
    }
    Ok(None)
}

/// The beginning of an element.
struct Tag<'a> {
    attributes: usize,
    namespaces: usize,
    /// Whether the element ends with it.
    is_empty: bool,
    after: &'a str,
}

impl Tag<'_> {
    fn read(text: &str) -> Result<Tag<'_>, String> {
        let (mut attributes, mut namespaces, mut rest) = (0, 0, text);
        loop {
            let at = rest.find(['"', '\'', '>']).ok_or_else(not_closed)?;
            let (before, from) = rest.split_at(at);
            let (mark, after) = from.split_at(1);
            if mark == ">" {
                return Ok(Tag { attributes, namespaces, is_empty: before.ends_with('/'), after });
            }
            let name = before.trim_end_matches(|c: char| c == '=' || c.is_ascii_whitespace());
            attributes += 1;
            namespaces += usize::from(
                name.rsplit(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default().starts_with("xmlns"),
            );
            if attributes > MOST_ATTRIBUTES {
                return Err(format!("it has an element of more than {MOST_ATTRIBUTES} attributes"));
            }
            rest = after.split_once(mark).ok_or_else(not_closed)?.1;
        }
    }
}

fn not_closed() -> String {
    "it is not XML: what begins with < does not end".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MOST: usize = 10_000;

    fn parse(body: &[u8]) -> Result<Value, String> {
        super::parse(body, MOST)
    }

    #[test]
    fn names_lead_to_elements_attributes_and_texts() {
        let order = br#"<?xml version="1.0" encoding="UTF-8"?>
            <!-- <made> by hand -->
            <o:order xmlns:o="urn:x" id='7' o:kind="a&lt;b">
              <title> Nine &amp; <![CDATA[<ten>]]> </title>
              <item sku="1">one</item><item sku="2"/><item>three</item>
              <note/>
              more
            </o:order>"#;
        let value = parse(order).unwrap();
        assert_eq!(
            value,
            json!({"order": {
                "@id": "7", "@kind": "a<b", "title": "Nine & <ten>", "note": "", "#text": "more",
                "item": [{"@sku": "1", "#text": "one"}, {"@sku": "2"}, "three"],
            }})
        );
        assert_eq!(parse(b"<ok/>").unwrap(), json!({"ok": ""}));
    }

    #[test]
    fn what_is_no_xml_or_would_take_too_much_is_refused() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(nested(DEEPEST).as_bytes()).is_ok());
        let attributes = |count: usize| (0..count).map(|nth| format!(" a{nth}=\"\"")).collect::<String>();
        let scopes = |depth: usize| {
            (0..depth)
                .map(|nth| format!("<a xmlns:n{nth}='u{nth}'{}>", attributes(100).replace(" a", " xmlns:b")))
                .collect::<String>()
        };
        for (body, says) in [
            (nested(DEEPEST + 1), "nested deeper than 128"),
            (nested(100_000), "nested deeper"),
            (format!("<a{}/>", attributes(257)), "more than 256 attributes"),
            (format!("<a>{}</a>", format!("<b{}/>", attributes(250)).repeat(41)), "attributes or namespaces"),
            (format!("{}{}", scopes(100), "<b xmlns:z='q'/>".repeat(1000)), "attributes or namespaces"),
            (format!("<a>{}</a>", "<b/>".repeat(MOST)), "not XML at line 1"),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(), "has a DTD"),
            ("<a>&b;</a>".to_owned(), "not XML at"),
            ("<a></b>".to_owned(), "not XML at"),
            ("<a b=\"1\" b=\"2\"/>".to_owned(), "not XML at"),
            ("<a/><b/>".to_owned(), "not XML at"),
            ("<a".to_owned(), "does not end"),
            ("<!-- ".to_owned(), "does not end"),
            ("< a/>".to_owned(), "not XML at"),
            ("x".to_owned(), "not XML at"),
        ] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert!(error.contains(says), "{error}: {}", &body[..body.len().min(80)]);
        }
        assert!(parse(b"<a>\xff</a>").unwrap_err().contains("not UTF-8"));
        // Marks inside of values, texts and comments are no tags.
        let odd = "<a b='>' c=\"/>\"><![CDATA[<b><b>]]><!-- <c> --><?d <e> ?></a>";
        assert_eq!(parse(odd.as_bytes()).unwrap()["a"]["#text"], "<b><b>");
    }
}
