//! The layers: the built-in defaults, the file, the environment; and secrets from files of their own.

use std::path::Path;

use figment::error::{Actual, Kind};
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use strsim::damerau_levenshtein;

use super::{Config, ConfigError, DEFAULTS, secrets, validate};

/// Keys that are secrets: each may be given as `<key>_file`.
const SECRETS: [&str; 7] = [
    "webex.token",
    "webhook.secret",
    "cards.secret",
    "cards.previous_secrets",
    "store.url",
    "audit.key",
    "audit.old_key",
];

/// Variables with a name of their own.
const WELL_KNOWN: [(&str, &str); 7] = [
    ("WEBEX_BOT_TOKEN", "webex.token"),
    ("WEBEX_BOT_TOKEN_FILE", "webex.token_file"),
    ("WEBEX_ROOM_ID", "webex.room_id"),
    ("WEBEX_WEBHOOK_SECRET", "webhook.secret"),
    ("WEBEX_WEBHOOK_SECRET_FILE", "webhook.secret_file"),
    ("DATABASE_URL", "store.url"),
    ("DATABASE_URL_FILE", "store.url_file"),
];

const PREFIX: &str = "SWITCHBOARD_";

const DEFAULTS_NAME: &str = "the built-in defaults";

/// How the name of a layer that is a variable ends.
const ENVIRONMENT: &str = " (environment)";

/// The process environment, sorted so that one order decides; names that are not Unicode are not ours.
pub(super) fn environment() -> Vec<(String, String)> {
    let mut variables: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    variables.sort();
    variables
}

pub(super) fn load(file: Option<&Path>, variables: &[(String, String)]) -> Result<Config, ConfigError> {
    let Some(path) = file else {
        return parse("", "", variables);
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::one(format!("{}: cannot read the settings file: {error}", path.display())))?;
    parse(&path.display().to_string(), &text, variables)
}

/// `place` names where `text` came from, for the messages.
pub(super) fn parse(place: &str, text: &str, variables: &[(String, String)]) -> Result<Config, ConfigError> {
    let mut layers = vec![Layer::from_toml(DEFAULTS_NAME, DEFAULTS)?, Layer::from_toml(place, text)?];
    layers.extend(from_environment(variables, &layers[0].dict)?);
    for key in SECRETS {
        let from_file = secret(key, &layers)?;
        layers.iter_mut().for_each(|layer| remove(&mut layer.dict, &format!("{key}_file")));
        layers.extend(from_file);
    }
    let figment = layers.into_iter().fold(Figment::new(), Figment::merge);
    let mut config: Config =
        figment.extract().map_err(|error| ConfigError(error.into_iter().map(|error| finding(&error)).collect()))?;
    let rules = figment.find_metadata("command").map_or_else(String::new, |metadata| metadata.name.to_string());
    config.command.iter_mut().for_each(|rule| rule.place.clone_from(&rules));
    let wrong = validate::always(&config).into_iter().map(|(key, problem)| {
        // Where two keys do not go together, the one that was set is to blame, not the default.
        let place = |key: &str| figment.find_metadata(key).map(|metadata| metadata.name.clone());
        let keys = [key].into_iter().chain(problem.split([' ', ',', ':']));
        let places: Vec<_> = keys.filter_map(place).collect();
        let place = places.iter().find(|place| *place != DEFAULTS_NAME).or(places.first());
        format!("{}: {key} {problem}", place.map_or("the settings", |place| place.as_ref()))
    });
    let wrong: Vec<_> = wrong.collect();
    if !wrong.is_empty() {
        return Err(ConfigError(wrong));
    }
    config.webex.secrets = secrets::of(&config);
    let port = variables.iter().find(|(name, value)| name == "PORT" && !value.is_empty());
    match port {
        None => Ok(config),
        Some((_, value)) => with_port(config, value),
    }
}

fn with_port(mut config: Config, value: &str) -> Result<Config, ConfigError> {
    let port = value.parse().map_err(|_| {
        ConfigError::one(
            "PORT (environment): not a port; give a number from 1 to 65535, or unset it to keep server.listen",
        )
    })?;
    config.server.listen.set_port(port);
    Ok(config)
}

/// One source of settings, with the name a message calls it by.
struct Layer {
    name: String,
    dict: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

impl Layer {
    fn from_toml(name: &str, text: &str) -> Result<Layer, ConfigError> {
        let dict = Toml::from_str(text).map_err(|error| {
            // The library's own text quotes the line, which may hold a secret.
            let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            let at = line.map(|line| format!(", line {line}")).unwrap_or_default();
            ConfigError::one(format!("{name}{at}: not valid TOML: {}", error.message()))
        })?;
        let dict: Dict = dict;
        // A table in double brackets is a list, and says its section itself.
        match dict.iter().find(|(_, value)| value.as_dict().is_none() && value.as_array().is_none()) {
            Some((key, _)) => {
                Err(ConfigError::one(format!("{name}: {key} stands alone; keys belong to a section, such as [{key}]")))
            }
            None => Ok(Layer { name: name.to_owned(), dict }),
        }
    }

    fn single(name: String, key: &str, value: Value) -> Layer {
        let mut parts = key.rsplit('.');
        let last = parts.next().unwrap_or(key).to_owned();
        let leaf = Dict::from([(last, value)]);
        let dict = parts.fold(leaf, |inner, part| Dict::from([(part.to_owned(), Value::from(inner))]));
        Layer { name, dict }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        find(&self.dict, key)
    }
}

fn find<'a>(dict: &'a Dict, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => dict.get(key),
        Some((section, rest)) => find(dict.get(section)?.as_dict()?, rest),
    }
}

fn remove(dict: &mut Dict, key: &str) {
    match key.split_once('.') {
        None => drop(dict.remove(key)),
        Some((section, rest)) => {
            if let Some(Value::Dict(_, inner)) = dict.get_mut(section) {
                remove(inner, rest);
            }
        }
    }
}

fn from_environment(variables: &[(String, String)], defaults: &Dict) -> Result<Vec<Layer>, ConfigError> {
    let mut layers = Vec::new();
    for (name, key) in WELL_KNOWN {
        if let Some((_, value)) = variables.iter().find(|(variable, _)| variable == name) {
            layers.push(Layer::single(format!("{name}{ENVIRONMENT}"), key, Value::from(value.clone())));
        }
    }
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let place = format!("{name}{ENVIRONMENT}");
        match rest.split_once("__") {
            Some(_) => {
                let key = rest.replace("__", ".").to_lowercase();
                let value = typed(value, find(defaults, &key));
                layers.push(Layer::single(place, &key, value));
            }
            None => refuse_single_underscore(rest, &place, defaults)?,
        }
    }
    Ok(layers)
}

/// A variable such as `SWITCHBOARD_ACCESS_DM_POLICY` would silently do nothing. Others without a double
/// underscore are not ours: Kubernetes sets `SWITCHBOARD_SERVICE_HOST` beside a service of that name.
fn refuse_single_underscore(rest: &str, place: &str, defaults: &Dict) -> Result<(), ConfigError> {
    const WITHOUT_DEFAULT: [&str; 4] = ["webex.room_id", "webex.ca_file", "webhook.public_url", "delivery.canary"];
    let lower = rest.to_lowercase();
    let is_key = |section: &str, key: &str| {
        let key = format!("{section}.{key}");
        let is_secret =
            SECRETS.contains(&key.as_str()) || key.strip_suffix("_file").is_some_and(|key| SECRETS.contains(&key));
        is_secret || find(defaults, &key).is_some() || WITHOUT_DEFAULT.contains(&key.as_str())
    };
    let section = defaults.keys().find(|section| {
        lower
            .strip_prefix(section.as_str())
            .and_then(|rest| rest.strip_prefix('_'))
            .is_some_and(|key| is_key(section, key))
    });
    match section {
        Some(section) => {
            let key = lower[section.len() + 1..].to_uppercase();
            let section = section.to_uppercase();
            Err(ConfigError::one(format!(
                "{place}: a section and its key are joined by two underscores; write {PREFIX}{section}__{key}"
            )))
        }
        None => Ok(()),
    }
}

/// A variable is text; the default's type says how to read it. What cannot be read stays text, and is refused
/// with its name when the settings are put together.
fn typed(text: &str, default: Option<&Value>) -> Value {
    match default {
        Some(Value::Array(..)) => list(text).map_or_else(|| Value::from(text), Value::from),
        Some(Value::Num(..)) => text.trim().parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        Some(Value::Bool(..)) => text.trim().parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        _ => Value::from(text),
    }
}

/// JSON, or separated by commas. What begins like JSON has to be it.
fn list(text: &str) -> Option<Vec<String>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

/// The highest layer that gives `key` or `<key>_file` decides; both at once in one layer is an error.
fn secret(key: &str, layers: &[Layer]) -> Result<Option<Layer>, ConfigError> {
    let file_key = format!("{key}_file");
    // The variables are one place, though each is a layer of its own.
    let in_environment = |layer: &&Layer| layer.name.ends_with(ENVIRONMENT);
    let given = |key: &str| layers.iter().filter(in_environment).find(|layer| layer.get(key).is_some());
    if let (Some(value), Some(file)) = (given(key), given(&file_key)) {
        return Err(ConfigError::one(format!("{} and {} are both given; keep one of them", value.name, file.name)));
    }
    for layer in layers.iter().rev() {
        let place = &layer.name;
        match (layer.get(key), layer.get(&file_key)) {
            (None, None) => {}
            (Some(_), None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(ConfigError::one(format!(
                    "{place}: {key} and {file_key} are both given; keep one of them"
                )));
            }
            (None, Some(path)) => {
                let path = path.as_str().ok_or_else(|| {
                    ConfigError::one(format!("{place}: {file_key} has the wrong type; give a path in quotes"))
                })?;
                let text = std::fs::read_to_string(path).map_err(|error| {
                    ConfigError::one(format!("{place}: {file_key} names a file that cannot be read ({path}): {error}"))
                })?;
                let value = match layers.first().and_then(|defaults| defaults.get(key)) {
                    Some(Value::Array(..)) => Value::from(a_line_each(&text)),
                    _ => Value::from(without_line_end(&text)),
                };
                return Ok(Some(Layer::single(format!("{path} ({file_key})"), key, value)));
            }
        }
    }
    Ok(None)
}

fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn a_line_each(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.trim().is_empty()).collect()
}

/// As people write a key, with what stands in a list counted from 1.
fn key(path: &[String]) -> String {
    path.iter().fold(String::new(), |key, part| match part.parse::<usize>() {
        Ok(index) => format!("{key} {}", index + 1),
        Err(_) if key.is_empty() => part.clone(),
        Err(_) => format!("{key}.{part}"),
    })
}

fn finding(error: &figment::Error) -> String {
    let key = key(&error.path);
    let place = error.metadata.as_ref().map_or_else(String::new, |metadata| format!("{}: ", metadata.name));
    match &error.kind {
        Kind::UnknownField(field, expected) => {
            let near = expected.iter().min_by_key(|known| damerau_levenshtein(known, field));
            let hint = match near {
                Some(near) if damerau_levenshtein(near, field) <= field.len() / 3 => format!("did you mean {near}?"),
                _ => format!("known here: {}", expected.join(", ")),
            };
            format!("{place}unknown key {key}; {hint}")
        }
        Kind::UnknownVariant(_, expected) => format!("{place}{key} must be one of {}", expected.join(", ")),
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            let expected = match expected.to_string().as_str() {
                "usize" | "u32" => "a whole number".to_owned(),
                "a sequence" => "a list".to_owned(),
                "a string" => "a text in quotes".to_owned(),
                other => other.to_owned(),
            };
            format!("{place}{key} has the wrong type: it is {}, give {expected}", describe(actual))
        }
        Kind::Message(message) => format!("{place}{key}: {message}"),
        Kind::MissingField(field) if key.is_empty() => format!("{place}{field} is missing"),
        Kind::MissingField(field) => format!("{place}{key}.{field} is missing"),
        _ => format!("{place}{key} cannot be read"),
    }
}

/// The kind of value only: the value itself may be a secret.
fn describe(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) => "a number",
        Actual::Float(_) => "a fraction",
        Actual::Char(_) | Actual::Str(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a section",
        _ => "something else",
    }
}
