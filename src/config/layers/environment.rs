//! The environment as layers of settings, and what is wrong with the names of variables.

use super::names::{Names, nearest};
use super::tree::{LISTS, Node, SettingFinding, SettingPlace, SettingSource, Value};

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

/// Replaces the port of `server.listen`.
pub(super) const PORT: &str = "PORT";

/// The environment's variables, sorted so that their order is always the same, and the names of those that are not
/// UTF-8.
pub(super) struct Variables {
    pub set: Vec<(String, String)>,
    pub unreadable: Vec<String>,
}

impl Variables {
    /// The variables of this process.
    pub(super) fn of_process() -> Variables {
        let mut variables = Variables { set: Vec::new(), unreadable: Vec::new() };
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => variables.set.push((name, value)),
                (Ok(name), Err(_)) if is_ours(&name) => variables.unreadable.push(name),
                (Err(name), _) if name.to_string_lossy().starts_with(PREFIX) => {
                    variables.unreadable.push(name.to_string_lossy().into_owned());
                }
                // Not ours.
                (Ok(_), Err(_)) | (Err(_), _) => {}
            }
        }
        variables.set.sort();
        variables.unreadable.sort();
        variables
    }

    pub(super) fn given(set: &[(String, String)]) -> Variables {
        Variables { set: set.to_vec(), unreadable: Vec::new() }
    }

    /// Leaves out the variables whose key `is_such`.
    pub(super) fn without(mut self, is_such: impl Fn(&str) -> bool) -> Variables {
        self.set.retain(|(name, _)| !is_such(&key_of(name)));
        self
    }

    /// Puts these above other variables of the same keys.
    pub(super) fn overlay(&mut self, above: Vec<(String, String)>) {
        let is_below = |name: &str| above.iter().all(|(above, _)| above != name && key_of(above) != key_of(name));
        self.set.retain(|(name, _)| is_below(name));
        self.unreadable.retain(|name| is_below(name));
        self.set.extend(above);
    }
}

/// The key that a variable sets, directly or by `_FILE`. For a variable that is not ours it is the variable's name.
fn key_of(name: &str) -> String {
    let key = match WELL_KNOWN.iter().find(|(known, _)| *known == name) {
        Some((_, key)) => (*key).to_owned(),
        None => name.strip_prefix(PREFIX).map_or(name.to_owned(), |rest| rest.replace("__", ".").to_lowercase()),
    };
    key.strip_suffix("_file").map_or(key.clone(), str::to_owned)
}

fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX) || name == PORT || WELL_KNOWN.iter().any(|(known, _)| *known == name)
}

/// The variable by which a key is usually set.
pub(super) fn variable(key: &str) -> String {
    match WELL_KNOWN.iter().find(|(_, known)| *known == key) {
        Some((name, _)) => (*name).to_owned(),
        None => format!("{PREFIX}{}", key.to_uppercase().replace('.', "__")),
    }
}

/// The settings in the environment.
pub(super) struct EnvironmentLayers {
    /// One layer a variable, the highest last.
    pub layers: Vec<Node>,
    pub wrong: Vec<SettingFinding>,
    /// The keys of variables that cannot be read.
    pub spoiled: Vec<String>,
    /// Doubts, each with a hint.
    pub doubts: Vec<(String, String)>,
}

pub(super) fn layers(variables: &Variables, names: &Names) -> EnvironmentLayers {
    let mut said = EnvironmentLayers { layers: Vec::new(), wrong: Vec::new(), spoiled: Vec::new(), doubts: Vec::new() };
    for name in &variables.unreadable {
        said.wrong.push(SettingFinding::at(&place(name), "it is not UTF-8; set it anew in UTF-8, or unset it"));
        said.spoiled.push(key_of(name));
    }
    for (name, key) in WELL_KNOWN {
        if let Some((_, value)) = variables.set.iter().find(|(variable, _)| variable == name) {
            said.layers.push(Node::single(key, Value::Variable(value.clone()), place(name)));
        }
    }
    for (name, value) in &variables.set {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            if name.to_uppercase().starts_with(PREFIX) && name.contains("__") {
                let hint = format!("write {}", name.to_uppercase());
                said.doubts.push((format!("the variable {name} is in small letters and sets nothing"), hint));
            }
            continue;
        };
        match meaning_of(rest, value, names) {
            Meaning::Key(key) => {
                for below in said.layers.iter().filter_map(|layer| layer.get(&key)) {
                    let says = format!("{} and {name} are both set; {name} is used", below.place.name);
                    said.doubts.push((says, "unset one of them".to_owned()));
                }
                said.layers.push(Node::single(&key, Value::Variable(value.clone()), place(name)));
            }
            Meaning::Wrong(says) => said.wrong.push(SettingFinding::at(&place(name), says)),
            Meaning::Nothing => {
                let hint = format!(
                    "a setting is {PREFIX}SECTION__KEY, with two underscores between; unset the variable if it is no setting"
                );
                said.doubts.push((format!("the variable {name} sets nothing"), hint));
            }
            Meaning::Foreign => {}
        }
    }
    said
}

fn place(name: &str) -> SettingPlace {
    SettingPlace::new(SettingSource::Environment, name)
}

/// The meaning of a variable with our prefix.
enum Meaning {
    Key(String),
    Wrong(String),
    /// It resembles no setting.
    Nothing,
    /// It belongs to another program.
    Foreign,
}

fn meaning_of(rest: &str, value: &str, names: &Names) -> Meaning {
    let lower = rest.to_lowercase();
    let wrong = |says: &str| Meaning::Wrong(says.to_owned());
    match lower.as_str() {
        "config" => return wrong("no variable names the settings file; give --config PATH, and unset this"),
        "port" if !value.contains("://") => {
            let says = format!("it sets nothing; write PORT, or {PREFIX}SERVER__LISTEN with the host before it");
            return Meaning::Wrong(says);
        }
        _ => {}
    }
    let first = lower.split("__").next().unwrap_or_default();
    if LISTS.contains(&first) {
        let says = format!("[[{first}]] stands in the settings file only; write it there, and unset this");
        return Meaning::Wrong(says);
    }
    if let Some((section, key)) = lower.split_once("__") {
        let joined = key.replace("__", "_");
        return match key.contains("__") {
            false => Meaning::Key(format!("{section}.{key}")),
            true if names.has(section, &joined) => write_it(section, &joined),
            true => {
                Meaning::Wrong(format!("unknown key {}; a setting has a section and a key", lower.replace("__", ".")))
            }
        };
    }
    if is_of_kubernetes(rest, value) {
        return Meaning::Foreign;
    }
    if names.has_section(&lower) {
        return Meaning::Wrong(format!("it names a section without a key; write {PREFIX}{}__KEY", rest.to_uppercase()));
    }
    // The longest section goes first, since one section's name may begin with another's.
    let mut sections: Vec<_> = names.sections().collect();
    sections.sort_by_key(|section| std::cmp::Reverse(section.len()));
    for section in sections {
        if let Some(key) = lower.strip_prefix(section).and_then(|rest| rest.strip_prefix('_'))
            && names.has(section, key)
        {
            return write_it(section, key);
        }
    }
    match names.sections_of(&lower).as_slice() {
        [] => near(&lower, names),
        sections => {
            let forms: Vec<_> = sections.iter().map(|section| form(section, &lower)).collect();
            Meaning::Wrong(format!("a setting has its section before it; write {}", forms.join(" or ")))
        }
    }
}

fn form(section: &str, key: &str) -> String {
    format!("{PREFIX}{}__{}", section.to_uppercase(), key.to_uppercase())
}

fn write_it(section: &str, key: &str) -> Meaning {
    Meaning::Wrong(format!("a section and its key are joined by two underscores; write {}", form(section, key)))
}

/// Looks for the setting that a misspelt variable, with one underscore for two, was meant to be.
fn near(lower: &str, names: &Names) -> Meaning {
    let all: Vec<_> = names.all().map(|(section, key)| (format!("{section}_{key}"), section, key)).collect();
    let found = nearest(lower, all.iter().map(|(joined, ..)| joined.as_str()));
    match all.iter().find(|(joined, ..)| Some(joined.as_str()) == found) {
        Some((_, section, key)) if lower.len() > 6 => Meaning::Wrong(format!("did you mean {}?", form(section, key))),
        _ => Meaning::Nothing,
    }
}

/// Whether Kubernetes set this variable. It sets such ones for every service whose name begins with ours.
fn is_of_kubernetes(rest: &str, value: &str) -> bool {
    let ends = |end: &str| rest == end || rest.ends_with(&format!("_{end}"));
    let is_port =
        |rest: &str| rest.split("PORT_").nth(1).is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()));
    ends("SERVICE_HOST")
        || ends("SERVICE_PORT")
        || rest.contains("SERVICE_PORT_")
        || is_port(rest)
        || (ends("PORT") && value.contains("://"))
}
