//! Expressions and templates of the settings, in the language of Jinja. Foreign text cannot mention, link or format,
//! unless a template says `| markdown`. How long and how much a template may write is bounded. Pure.

mod condition;
mod names;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};

use condition::Condition;

use crate::text::{code_block, code_span, escape, host_link};

/// How many steps a template or an expression may take.
const STEPS: u64 = 100_000;

/// The most bytes that a template may write. The outbox cuts a long text into several messages.
const MOST_BYTES: usize = 64 * 1024;

/// What an expression writes that is true.
const HOLDS: &str = "1";

/// The end of the name of a template that writes no markdown, but plain text.
pub const PLAIN: &str = ".plain";

/// The end of the name of a template that writes the JSON of a card. A text goes between the author's quotes.
pub const CARD: &str = ".card";

/// A value as templates see it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Given(Value);

/// What expressions and templates see, by name.
#[derive(Clone, Debug)]
pub struct Values(Arc<Names>);

/// Values by their names.
type Layer = BTreeMap<String, Value>;

impl From<&serde_json::Value> for Given {
    fn from(value: &serde_json::Value) -> Given {
        match value {
            serde_json::Value::Object(fields) => Given(Value::from_object(Fields(fields.clone()))),
            other => Given(Value::from(Serde(other))),
        }
    }
}

/// The fields of a value. A field is converted when it is asked for, since most never are.
#[derive(Debug)]
struct Fields(serde_json::Map<String, serde_json::Value>);

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(Value::from(Serde(self.0.get(key.as_str()?)?)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|key| Value::from(key.as_str())).collect())
    }
}

/// What is looked up: first on top, then above, then in the fields of the body, then below.
#[derive(Clone, Debug)]
struct Names {
    /// What the body is a part of.
    payload: Option<Value>,
    body: Value,
    top: Arc<Layer>,
    above: Arc<Layer>,
    below: Arc<Layer>,
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        match (name, &self.payload) {
            ("body", _) => return Some(self.body.clone()),
            ("payload", Some(payload)) => return Some(payload.clone()),
            _ => {}
        }
        let own = || self.body.get_item(key).ok().filter(|_| self.body.kind() == ValueKind::Map);
        let found = self.top.get(name).or_else(|| self.above.get(name)).cloned();
        let found = found.or_else(|| own().filter(|value| !value.is_undefined()));
        found.or_else(|| self.below.get(name).cloned())
    }
}

impl From<String> for Given {
    fn from(text: String) -> Given {
        Given(Value::from(text))
    }
}

impl FromIterator<(String, Given)> for Given {
    fn from_iter<I: IntoIterator<Item = (String, Given)>>(fields: I) -> Given {
        Given(fields.into_iter().map(|(name, Given(value))| (name, value)).collect())
    }
}

impl Values {
    /// The whole as `body`, and its parts by their names. `above` hides parts of the same name, and parts hide `below`.
    pub fn new(
        below: impl IntoIterator<Item = (String, Given)>,
        Given(body): &Given,
        above: impl IntoIterator<Item = (String, Given)>,
    ) -> Values {
        let (above, below) = (layer(above), layer(below));
        Values(Arc::new(Names { payload: None, body: body.clone(), top: Arc::default(), above, below }))
    }

    /// These hide everything else of the same name.
    #[must_use]
    pub fn hidden_by(&self, top: impl IntoIterator<Item = (String, Given)>) -> Values {
        Values(Arc::new(Names { top: layer(top), ..(*self.0).clone() }))
    }

    /// A part as `body`, and what the body was as `payload`.
    #[must_use]
    pub fn part(&self, Given(part): Given) -> Values {
        Values(Arc::new(Names { payload: Some(self.0.body.clone()), body: part, ..(*self.0).clone() }))
    }

    /// Other values above and below the parts of the body.
    #[must_use]
    pub fn between(
        &self,
        below: impl IntoIterator<Item = (String, Given)>,
        above: impl IntoIterator<Item = (String, Given)>,
    ) -> Values {
        Values(Arc::new(Names { above: layer(above), below: layer(below), ..(*self.0).clone() }))
    }

    fn value(&self) -> Value {
        Value::from_dyn_object(Arc::clone(&self.0))
    }

    /// As much of a dotted name as leads to a value that is not there. None if all of it does.
    fn undefined(&self, name: &str) -> Option<String> {
        let mut value = self.value();
        let ends = name.match_indices('.').map(|(end, _)| end).chain([name.len()]);
        for (part, end) in name.split('.').zip(ends) {
            value = value.get_attr(part).unwrap_or_default();
            if value.is_undefined() {
                return Some(name[..end].to_owned());
            }
        }
        None
    }
}

fn layer(values: impl IntoIterator<Item = (String, Given)>) -> Arc<Layer> {
    Arc::new(values.into_iter().map(|(name, Given(value))| (name, value)).collect())
}

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    Yes,
    /// It does not, and these names that it has are not defined.
    No(BTreeSet<String>),
}

/// Whether a template can write this as a name.
pub fn is_name(text: &str) -> bool {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_plain && !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// An expression or a template that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

/// Templates by their names, and conditions.
pub struct Templates {
    environment: Environment<'static>,
    conditions: BTreeMap<String, Condition<Term>>,
}

/// A term of a condition.
struct Term {
    source: String,
    /// The template that it is.
    template: String,
    /// What it names, with dots.
    names: Vec<String>,
}

impl Templates {
    /// No templates yet.
    pub fn new() -> Templates {
        Templates { environment: environment(), conditions: BTreeMap::new() }
    }

    /// Adds a template.
    ///
    /// # Errors
    /// It is no template, or names a filter, a test or a function that does not exist.
    pub fn add(&mut self, name: String, source: String) -> Result<(), TemplateError> {
        let unknown = names::unknown(&self.environment, &source);
        self.environment.add_template_owned(name, source).map_err(|error| explained(&error))?;
        unknown.map_or(Ok(()), |says| Err(TemplateError(says)))
    }

    /// Adds a condition.
    ///
    /// # Errors
    /// It is no expression, or names a filter, a test or a function that does not exist.
    pub fn add_condition(&mut self, name: String, expression: &str) -> Result<(), TemplateError> {
        // Only templates are kept compiled. That the expression is one alone is checked first.
        self.environment.compile_expression(expression).map_err(|error| explained(&error))?;
        let mut terms = 0;
        let condition = condition::read(expression).try_map(&mut |term: &str| {
            terms += 1;
            let template = format!("{name} {terms}{PLAIN}");
            self.add(template.clone(), format!("{{% if {term} %}}{HOLDS}{{% endif %}}"))?;
            let names = self.names(&template);
            Ok(Term { source: term.to_owned(), template, names })
        })?;
        self.conditions.insert(name, condition);
        Ok(())
    }

    /// What a template names, but for functions.
    fn names(&self, template: &str) -> Vec<String> {
        let named = self.environment.get_template(template).map(|template| template.undeclared_variables(true));
        let is_value = |name: &String| self.environment.globals().all(|(function, _)| function != name);
        named.unwrap_or_default().into_iter().filter(is_value).collect()
    }

    /// The first name in a template that is none of these, nor the beginning of one. A template that names another would
    /// fail each time.
    pub fn stray(&self, template: &str, known: &[String]) -> Option<String> {
        let is_known = |name: &String| {
            known
                .iter()
                .any(|known| known == name || known.strip_prefix(name.as_str()).is_some_and(|end| end.starts_with('.')))
        };
        self.names(template).into_iter().find(|name| !is_known(name))
    }

    /// Whether the condition of this name is true of these values. A term that compares a value that is not there, or
    /// looks into one, is false.
    ///
    /// # Errors
    /// It cannot be evaluated, such as a filter that does not fit its value.
    pub fn holds(&self, name: &str, values: &Values) -> Result<Holding, TemplateError> {
        let mut undefined = BTreeSet::new();
        let Some(condition) = self.conditions.get(name) else { return Ok(Holding::No(undefined)) };
        let holds = condition.holds(&mut |Term { source, template, names }: &Term| {
            let template = self.environment.get_template(template).map_err(|error| explained(&error))?;
            match template.render(values.value()) {
                Ok(written) if written == HOLDS => return Ok(true),
                // A name alone asks whether it is there; another term copes with what is not there.
                Ok(_) if !names.contains(source) => {}
                Ok(_) => undefined.extend(values.undefined(source)),
                Err(error) if error.kind() == ErrorKind::UndefinedError => {
                    let before = undefined.len();
                    undefined.extend(names.iter().filter_map(|name| values.undefined(name)));
                    // An item of a list has no name.
                    undefined.extend((undefined.len() == before).then(|| format!("a value in `{source}`")));
                }
                Err(error) => return Err(explained(&error)),
            }
            Ok(false)
        })?;
        Ok(if holds { Holding::Yes } else { Holding::No(undefined) })
    }

    /// What a template writes with these values.
    ///
    /// # Errors
    /// It names a value that is not there, or writes too much, or takes too long.
    pub fn render(&self, name: &str, values: &Values) -> Result<String, TemplateError> {
        let template = self.environment.get_template(name).map_err(|error| explained(&error))?;
        let mut written = Bounded(Vec::new());
        template.render_captured_to(values.value(), &mut written).map_err(|error| explained(&error))?;
        Ok(String::from_utf8_lossy(&written.0).trim().to_owned())
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(STEPS));
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_recursion_limit(50);
    environment.set_auto_escape_callback(|name| match name {
        name if name.ends_with(PLAIN) => AutoEscape::None,
        name if name.ends_with(CARD) => AutoEscape::Custom("card".into()),
        _ => AutoEscape::Custom("markdown".into()),
    });
    environment.set_formatter(write);
    // What somebody calls trusted is written as it is. `safe` is the word that templates of other programs have.
    environment.add_filter("markdown", |text: String| Value::from_safe_string(text));
    environment.add_filter("code_span", |text: String| Value::from_safe_string(code_span(&text)));
    environment.add_filter("code", |text: String| Value::from_safe_string(code_block(&text)));
    environment.add_function("link", |address: String| Value::from_safe_string(host_link(&address)));
    environment
}

/// Writes a value. A text is made harmless, unless it is called safe or the template writes no markdown.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let is_in_card = matches!(state.auto_escape(), AutoEscape::Custom(form) if form == "card");
    let is_plain = value.is_safe() || matches!(state.auto_escape(), AutoEscape::None);
    let text = match (value.kind(), value.as_str()) {
        (ValueKind::Undefined, _) => return Err(Error::from(ErrorKind::UndefinedError)),
        (ValueKind::None, _) => return Ok(()),
        (ValueKind::Number | ValueKind::Bool, _) if is_in_card => Cow::Owned(value.to_string()),
        (_, Some(text)) if is_plain || is_in_card && is_address(text) => Cow::Borrowed(text),
        (_, Some(text)) => Cow::Owned(escape(text)),
        _ => Cow::Owned(escape(&value.to_string())),
    };
    let text = if is_in_card { between_quotes(&text) } else { text };
    out.write_str(&text).map_err(Error::from)
}

/// Whether a text is an address and nothing else, as for a button. The texts of a card show it as it is.
fn is_address(text: &str) -> bool {
    !host_link(text).is_empty() && !text.contains(['[', ']', '"'])
}

/// A text as JSON has it between its quotes.
fn between_quotes(text: &str) -> Cow<'_, str> {
    let json = serde_json::Value::from(text).to_string();
    Cow::Owned(json[1..json.len() - 1].to_owned())
}

/// The cause and its line. Foreign values are not repeated.
fn explained(error: &Error) -> TemplateError {
    let detail = error.detail().filter(|_| error.kind() != ErrorKind::BadSerialization);
    let what = detail.map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    TemplateError(match error.line() {
        Some(line) => format!("{what} (line {line})"),
        None => what,
    })
}

/// Takes no more than the limit.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(io::Error::other(format!("it writes more than {MOST_BYTES} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        let body =
            json!({"title": "<@all> [x](https://evil.example.org)", "count": 3, "tags": ["a", "b"], "none": null});
        let named = |name: &str, text: &str| (name.to_owned(), Given::from(text.to_owned()));
        Values::new([named("tags", "hidden")], &(&body).into(), [named("severity", "critical")])
    }

    fn render(source: &str) -> Result<String, String> {
        let mut templates = Templates::new();
        templates.add("template".to_owned(), source.to_owned()).map_err(|error| error.to_string())?;
        templates.render("template", &values()).map_err(|error| error.to_string())
    }

    #[test]
    fn foreign_text_is_harmless_and_what_the_author_writes_is_not_touched() {
        assert_eq!(
            render("**{{ severity }}**: {{ body.title }} ({{ body.count }}){{ body.none }}").unwrap(),
            r"**critical**: &lt;@all&gt; \[x\]\(https://evil.example.org\) (3)"
        );
        assert_eq!(render("{{ body.title | upper }}").unwrap(), r"&lt;@ALL&gt; \[X\]\(HTTPS://EVIL.EXAMPLE.ORG\)");
        assert_eq!(render("{% for tag in tags %}{{ tag }};{% endfor %}").unwrap(), "a;b;");
        assert_eq!(
            render("{{ link('https://ci.example.org/1') }} {{ link('javascript:x') }}").unwrap(),
            "[ci.example.org](https://ci.example.org/1)"
        );
    }

    #[test]
    fn what_is_called_code_keeps_its_lines_and_does_not_leave_its_block() {
        assert_eq!(render("{{ 'a\n```\n<@all>' | code }}").unwrap(), "````\na\n```\n<\u{200b}@all>\n````");
    }

    #[test]
    fn what_is_called_markdown_is_written_as_it_is() {
        assert_eq!(render("{{ '**a**' | markdown }} {{ body.count | markdown }}").unwrap(), "**a** 3");
    }

    #[test]
    fn a_text_in_a_card_stays_between_its_quotes_and_is_no_markup() {
        let mut templates = Templates::new();
        let source =
            r#"{"text": "{{ body.title }}", "count": {{ body.count }}, "url": "{{ url }}", "q": "{{ quote }}"}"#;
        templates.add("a.card".to_owned(), source.to_owned()).unwrap();
        let body = json!({"title": "<@all> [x](https://evil.example.org)", "count": 3, "quote": "a\"}, {\n"});
        let url = ("url".to_owned(), Given::from("https://ci.example.org/a_b_c".to_owned()));
        let card = templates.render("a.card", &Values::new([], &(&body).into(), [url])).unwrap();
        let card: serde_json::Value = serde_json::from_str(&card).unwrap();
        assert_eq!(card["text"], r"&lt;@all&gt; \[x\]\(https://evil.example.org\)");
        assert_eq!((&card["count"], &card["url"]), (&json!(3), &json!("https://ci.example.org/a_b_c")));
        assert_eq!(card["q"], "a\"}, { ");
    }

    #[test]
    fn what_is_not_there_is_an_error_in_a_template_and_false_in_an_expression() {
        assert!(render("{{ body.missing }}").unwrap_err().contains("undefined"));
        assert!(render("{{ nothing }}").unwrap_err().contains("undefined"));
        assert_eq!(render("{{ body.missing | default('x') }}").unwrap(), "x");
        let holds = |expression: &str| {
            let mut templates = Templates::new();
            templates.add_condition("a".to_owned(), expression).unwrap();
            templates.holds("a", &values()).unwrap() == Holding::Yes
        };
        assert!(holds("severity in ['critical', 'error'] and body.count > 2"));
        for missing in
            ["body.missing.deep == 1", "nothing", "body.missing < 5", "body.missing != 'ok'", "'x' in nothing"]
        {
            assert!(!holds(missing), "{missing}");
        }
        assert!(holds("not nothing") && holds("nothing is undefined or nothing == 1"));
        for one in [
            "nothing == 1 or body.count == 3",
            "not body.missing.deep",
            "nothing > 3 or (body.count > 2 and not nothing)",
        ] {
            assert!(holds(one), "{one}");
        }
    }

    #[test]
    fn what_does_not_exist_is_told_before_its_first_use() {
        for (source, says) in [
            ("{% if a %}{{ b | nofilter }}{% endif %}", "no filter nofilter"),
            ("{{ a | default('x | y') | upper }} {{ 'b is odd(' }} {{ c is defined }}", ""),
            ("{{ a is nothing }}", "no test nothing"),
            ("{{ a is not defined and b not in (c, d) }}{{ link(a) }} {{ a.items() | length }} | text is here (x)", ""),
            ("{{ nofunction(a) }}", "no function nofunction"),
            (
                "{% raw %}{{ (call .other.toJson .app) }}{% endraw %}{% for a in range(3) %}{{ loop.index }}{% endfor %}",
                "",
            ),
        ] {
            let added = Templates::new().add("a".to_owned(), source.to_owned());
            let error = added.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(says) && error.is_empty() == says.is_empty(), "{source}: {error}");
        }
        assert!(Templates::new().add_condition("a".to_owned(), "x and a | nofilter").is_err());
    }

    #[test]
    fn a_wrong_template_is_explained_and_one_without_an_end_is_ended() {
        assert!(render("a\n{{ b").unwrap_err().contains("line 2"));
        let is_expression = |text: &str| Templates::new().add_condition("a".to_owned(), text).is_ok();
        assert!(is_expression("a == 1") && !is_expression("a ==") && !is_expression("a %}{{ b }}{% if c"));
        assert!(render("{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}").is_err());
        assert!(render("{% for a in range(9000) %}xxxxxxxxxx{% endfor %}").unwrap_err().contains("write"));
    }
}
