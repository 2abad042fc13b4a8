//! Where a value stands in a payload: a JSONPath, a dotted name, or an XPath for XML. Pure.
//!
//! A JSONPath is that of RFC 9535. Of XPath there are the parts that name elements: `/a/b`, `//b`, `*`, `@name`, `text()`,
//! a number from 1 and an equality such as `[@id='7']` or `[name='x']`. No library for XPath is kept up and small, and
//! this much names every value of a payload.

use std::borrow::Cow;
use std::collections::HashSet;

use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

/// The attributes and the text of an element, as the values of XML have them.
const ATTRIBUTE: &str = "@";
const TEXT: &str = "#text";

/// A path, ready to be followed.
pub(super) enum Path {
    /// Names of fields, and numbers of items from 0.
    Names(Vec<String>),
    Json(Box<JpQuery>),
    Xml(Vec<Step>),
}

/// One step of an XPath.
pub(super) struct Step {
    /// Whether it looks at everything below, as after `//`.
    is_deep: bool,
    /// `*`, a name, `@name`, or the name of the text.
    name: String,
    only: Option<Only>,
}

/// What stands between `[` and `]`.
enum Only {
    Nth(usize),
    /// The child or attribute with this name has this text.
    Equal(String, String),
}

impl Path {
    /// # Errors
    /// It is no path, and why.
    pub(super) fn new(path: &str) -> Result<Path, String> {
        let path = path.trim();
        if path.starts_with('$') {
            // The error of the parser shows the place in several lines; its last one says what is wanted.
            let short =
                |error: String| error.lines().last().unwrap_or_default().trim_start_matches([' ', '=']).to_owned();
            let query = parse_json_path(path).map_err(|error| short(error.to_string()));
            return query
                .map(|query| Path::Json(Box::new(query)))
                .map_err(|error| format!("{path} is no JSONPath: {error}"));
        }
        if path.starts_with('/') {
            return steps(path).map(Path::Xml).ok_or_else(|| {
                format!(
                    "{path} is no XPath that is known here: write /a/b, //b, *, @name, text(), [1] or [@name='text']"
                )
            });
        }
        let names: Vec<_> = path.split('.').map(str::to_owned).collect();
        match names.iter().any(String::is_empty) {
            true => Err(format!("{path:?} is no name: write a.b.c, a JSONPath from $ on, or an XPath from / on")),
            false => Ok(Path::Names(names)),
        }
    }

    /// Everything that the path leads to.
    pub(super) fn all<'a>(&self, body: &'a Value) -> Vec<&'a Value> {
        match self {
            Path::Names(names) => {
                let next = |value: &'a Value, name: &String| match value {
                    Value::Array(items) => name.parse::<usize>().ok().and_then(|nth| items.get(nth)),
                    value => value.get(name),
                };
                names.iter().try_fold(body, next).into_iter().collect()
            }
            // A query that was parsed fails only if it asks what no value has.
            Path::Json(query) => {
                let found = js_path_process(query, body).unwrap_or_default();
                found.into_iter().map(|found| found.val()).collect()
            }
            Path::Xml(steps) => steps.iter().fold(vec![body], |from, step| step.follow(&from)),
        }
    }

    /// The value that the path leads to: a list if there are several, nothing if there is none.
    pub(super) fn value<'a>(&self, body: &'a Value) -> Option<Cow<'a, Value>> {
        match &self.all(body)[..] {
            [] => None,
            [one] => Some(Cow::Borrowed(one)),
            all => Some(Cow::Owned(all.iter().map(|value| (*value).clone()).collect())),
        }
    }

    /// The parts that the path leads to. If it leads to one list, these are its items.
    pub(super) fn parts<'a>(&self, body: &'a Value) -> Vec<&'a Value> {
        match &self.all(body)[..] {
            [Value::Array(items)] => items.iter().collect(),
            all => all.to_vec(),
        }
    }
}

impl Step {
    fn follow<'a>(&self, from: &[&'a Value]) -> Vec<&'a Value> {
        let mut reached = Vec::new();
        let mut below = Vec::new();
        let starts = if self.is_deep {
            let mut known = HashSet::new();
            from.iter().for_each(|value| collect(value, &mut known, &mut below));
            &below[..]
        } else {
            from
        };
        for start in starts {
            let mut of_one = self.children(start);
            match &self.only {
                None => {}
                Some(Only::Nth(nth)) => of_one = of_one.into_iter().skip(*nth - 1).take(1).collect(),
                Some(Only::Equal(name, text)) => of_one.retain(|value| has(value, name, text)),
            }
            reached.append(&mut of_one);
        }
        reached
    }

    /// The children of this name. Elements that repeat stand in a list.
    fn children<'a>(&self, start: &'a Value) -> Vec<&'a Value> {
        let each = |value: &'a Value| match value {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        match start {
            Value::Object(fields) if self.name == "*" => {
                let elements = fields.iter().filter(|(name, _)| !name.starts_with(ATTRIBUTE) && *name != TEXT);
                elements.flat_map(|(_, value)| each(value)).collect()
            }
            Value::Object(fields) => fields.get(&self.name).map(each).unwrap_or_default(),
            // An element with nothing but a text is that text.
            Value::String(_) if self.name == TEXT => vec![start],
            _ => Vec::new(),
        }
    }
}

/// Whether the child or attribute of this name has this text.
fn has(value: &Value, name: &str, text: &str) -> bool {
    let own = |value: &Value| value.as_str().or_else(|| value[TEXT].as_str()).is_some_and(|found| found == text);
    match &value[name] {
        Value::Array(items) => items.iter().any(own),
        one => own(one),
    }
}

/// The value and everything below it, but for what is known: it is below one that came before. The texts of attributes
/// and of elements are no elements.
fn collect<'a>(value: &'a Value, known: &mut HashSet<*const Value>, all: &mut Vec<&'a Value>) {
    if !known.insert(std::ptr::from_ref(value)) {
        return;
    }
    let is_element = |name: &str, value: &Value| !value.is_string() || !(name.starts_with(ATTRIBUTE) || name == TEXT);
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, known, all)),
        Value::Object(fields) => {
            all.push(value);
            let below = fields.iter().filter(|(name, value)| is_element(name, value));
            below.for_each(|(_, value)| collect(value, known, all));
        }
        other => all.push(other),
    }
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let (mut steps, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        let (is_deep, after) = match rest.strip_prefix("//") {
            Some(after) => (true, after),
            None => (false, rest.strip_prefix('/')?),
        };
        // A text in brackets may hold a slash.
        let end = after.find(['/', '[']).unwrap_or(after.len());
        let (name, mut left) = after.split_at(end);
        let mut only = None;
        if let Some(inside) = left.strip_prefix('[') {
            let (inside, after) = inside.split_once(']')?;
            only = Some(read_only(inside)?);
            left = after;
        }
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.:".contains(c));
        let name = match name {
            "*" => name.to_owned(),
            "text()" => TEXT.to_owned(),
            name if is_name(name.strip_prefix(ATTRIBUTE).unwrap_or(name)) => name.to_owned(),
            _ => return None,
        };
        steps.push(Step { is_deep, name, only });
        rest = left;
    }
    Some(steps)
}

fn read_only(inside: &str) -> Option<Only> {
    if let Ok(nth) = inside.trim().parse::<usize>() {
        return (nth > 0).then_some(Only::Nth(nth));
    }
    let (name, text) = inside.split_once('=')?;
    let text = text.trim();
    let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    let text = quoted('\'').or_else(|| quoted('"'))?;
    Some(Only::Equal(name.trim().to_owned(), text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str, body: &Value) -> Option<Value> {
        Path::new(path).unwrap().value(body).map(Cow::into_owned)
    }

    #[test]
    fn a_json_path_with_one_match_is_its_value_and_with_several_a_list() {
        let body = json!({"data": {"attributes": {"title": "Disk"}}, "alerts": [{"n": 1}, {"n": 2}]});
        for (path, value) in [
            ("data.attributes.title", Some(json!("Disk"))),
            ("alerts.1.n", Some(json!(2))),
            ("$.data.attributes.title", Some(json!("Disk"))),
            ("$.alerts[*].n", Some(json!([1, 2]))),
            ("$.alerts[?@.n > 1]", Some(json!({"n": 2}))),
            ("$.nothing", None),
            ("alerts.2", None),
        ] {
            assert_eq!(found(path, &body), value, "{path}");
        }
        for (path, count) in [("alerts", 2), ("$.alerts", 2), ("$.alerts[*]", 2), ("data", 1), ("$.nothing", 0)] {
            assert_eq!(Path::new(path).unwrap().parts(&body).len(), count, "{path}");
        }
    }

    #[test]
    fn an_xpath_finds_elements_attributes_and_texts() {
        let body = json!({"order": {
            "@id": "7", "#text": "hello",
            "item": [{"@sku": "a", "name": "Nail"}, {"@sku": "b/c", "name": {"@lang": "en", "#text": "Saw"}}],
            "note": "fast",
        }});
        for (path, value) in [
            ("/order/@id", Some(json!("7"))),
            ("/order/text()", Some(json!("hello"))),
            ("/order/note", Some(json!("fast"))),
            ("/order/note/text()", Some(json!("fast"))),
            ("/order/item[1]/name", Some(json!("Nail"))),
            ("//item[@sku='b/c']/name/text()", Some(json!("Saw"))),
            ("//item[name=\"Saw\"]/@sku", Some(json!("b/c"))),
            ("//@sku", Some(json!(["a", "b/c"]))),
            ("/*/note", Some(json!("fast"))),
            ("/order/item[3]", None),
            ("/other", None),
        ] {
            assert_eq!(found(path, &body), value, "{path}");
        }
    }

    #[test]
    fn an_xpath_reaches_each_node_once_however_elements_are_nested() {
        let body = json!({"a": {
            "@id": "1", "#text": "one", "b": "first",
            "a": {"b": ["second", {"#text": "third", "b": "fourth"}], "a": {"b": "fifth"}},
        }});
        for (path, texts) in [
            ("//a//b/text()", &["second", "third", "fourth", "fifth", "first"][..]),
            ("//a//a//b/text()", &["second", "third", "fourth", "fifth"]),
            ("//b//b", &["fourth"]),
            ("/a/text()", &["one"]),
            ("//@id", &["1"]),
        ] {
            let mut found: Vec<_> = Path::new(path).unwrap().all(&body).into_iter().filter_map(Value::as_str).collect();
            let mut texts = texts.to_vec();
            found.sort_unstable();
            texts.sort_unstable();
            assert_eq!(found, texts, "{path}");
        }
        // Neither is the text of an attribute one of an element, nor does an element have its text twice.
        let texts = Path::new("//text()").unwrap().all(&body).len();
        assert_eq!(texts, 6);
    }

    #[test]
    fn what_is_no_path_is_explained() {
        for (path, says) in [
            ("$.alerts[", "is no JSONPath: expected"),
            ("/a[position()<3]", "is no XPath"),
            ("/a/", "is no XPath"),
            ("//", "is no XPath"),
            ("a..b", "is no name"),
            ("", "is no name"),
        ] {
            let error = Path::new(path).err().unwrap();
            assert!(error.contains(says) && !error.contains('\n'), "{error}");
        }
    }
}
