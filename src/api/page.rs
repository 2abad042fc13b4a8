//! The page for people about the API, made from its document.

use std::fmt::Write;

use serde_json::Value;

use super::document::document;

/// The look of the page. Nothing is loaded from elsewhere.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
     table{border-collapse:collapse}td,th{border:1px solid #8888;padding:.3rem .6rem;text-align:left;vertical-align:top}\
     pre{overflow:auto;padding:.6rem;border:1px solid #8888}";

/// The page, in HTML.
pub fn page() -> String {
    let document = serde_json::to_value(document()).unwrap_or_default();
    let (title, about) = (text(&document["info"]["title"]), text(&document["info"]["description"]));
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}: API</title><style>{STYLE}</style><h1>{title}: API</h1><p>{about} \
         The same for programs is at <code>/api/openapi.json</code> of the public listener.</p>"
    );
    for (path, operations) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            add_operation(&mut page, &document, (&method.to_uppercase(), path), operation);
        }
    }
    page.push_str("</html>\n");
    page
}

/// Adds a route: its fields, its answers, and an example.
fn add_operation(page: &mut String, document: &Value, (method, path): (&str, &str), operation: &Value) {
    let body = &operation["requestBody"]["content"]["application/json"];
    let fields = followed(document, &body["schema"]);
    let rows = fields["properties"].as_object().into_iter().flatten().map(|(name, field)| {
        let about = described(document, field);
        format!("<tr><td><code>{}</code><td>{}<td>{about}", escaped(name), escaped(&kind(document, field)))
    });
    let answers = operation["responses"].as_object().into_iter().flatten().map(|(status, answer)| {
        let schema = followed(document, &answer["content"]["application/json"]["schema"]);
        let names: Vec<_> = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| &**name).collect();
        format!("<tr><td>{status}<td><code>{}</code><td>{}", escaped(&names.join(", ")), text(&answer["description"]))
    });
    let (about, more) = (text(&operation["summary"]), text(&operation["description"]));
    // Writing to a text does not fail.
    let _ = write!(
        page,
        "<h2>{method} {}</h2><p>{about} {more}<h3>Fields</h3><table><tr><th>field<th>type<th>what it is{}</table>\
         <h3>Answers</h3><table><tr><th>status<th>fields<th>when{}</table><h3>Examples</h3>",
        escaped(path),
        rows.collect::<String>(),
        answers.collect::<String>()
    );
    for (_, example) in body["examples"].as_object().into_iter().flatten() {
        let curl =
            format!("curl -X {method} https://BOT{path} -H \"Authorization: Bearer $KEY\" -d '{}'", example["value"]);
        let _ = write!(page, "<p>{}<pre>{}</pre>", text(&example["summary"]), escaped(&curl));
    }
}

/// The schema itself where another one is named.
fn followed<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let named = schema["$ref"].as_str().and_then(|name| document.pointer(name.strip_prefix('#')?));
    named.unwrap_or(schema)
}

/// The alternatives of a schema, of which one may be that there is no value.
fn alternatives<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = followed(document, schema);
    match ["oneOf", "anyOf"].into_iter().find_map(|of| schema[of].as_array()) {
        Some(all) => all.iter().flat_map(|one| alternatives(document, one)).collect(),
        None => vec![schema],
    }
}

/// The type of a field, for people.
fn kind(document: &Value, field: &Value) -> String {
    let kind = |schema: &Value| -> String {
        let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
        let types: Vec<_> = types.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
        let choices: Vec<_> = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match (&types[..], schema["items"]["type"].as_str()) {
            _ if !choices.is_empty() => choices.join(", "),
            (_, Some(of)) => format!("list of {of}"),
            _ => types.join(", "),
        }
    };
    let all = alternatives(document, field).into_iter().map(kind).filter(|kind| !kind.is_empty());
    all.collect::<Vec<_>>().join(" or ")
}

fn described(document: &Value, field: &Value) -> String {
    let own = text(&field["description"]);
    if own.is_empty() { text(&followed(document, field)["description"]) } else { own }
}

/// A text of the document, for HTML.
fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
