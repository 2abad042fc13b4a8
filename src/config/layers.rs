//! The layers of settings: the built-in defaults, the file, the environment, and secrets from files of their own. They
//! are merged into one tree, and that is read again and again until everything wrong is known.

mod environment;
mod file;
mod findings;
mod named;
mod names;
mod own;
mod read;
mod secret_file;
mod secret_keys;
mod secrets;
mod syntax;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::check::{ConfigError, SettingDoubt};
use super::{Config, DEFAULTS, confidential, validate};
use crate::state::State;
use environment::{PORT, Variables};
use file::ParsedFile;
use findings::{default_form, finding, outside_sections, stand_ins};
use names::Names;
pub(crate) use own::Section;
use read::{Keys, Mistake, Problem, SettingReader};
use secret_keys::SECRETS;
use tree::{Node, SettingFinding, SettingPlace, SettingSource, Value, key};

/// The settings as far as they can be read, and everything wrong with them. A wrong value is replaced by its default.
pub(crate) struct Loaded {
    pub config: Config,
    pub wrong: Vec<String>,
    /// What the daemon needs and nobody gave.
    pub missing: Vec<String>,
}

impl Loaded {
    /// The settings, if nothing is wrong with them.
    pub(crate) fn sound(self) -> Result<Config, ConfigError> {
        if self.wrong.is_empty() { Ok(self.config) } else { Err(ConfigError(self.wrong)) }
    }
}

impl Config {
    /// Layers the defaults, `file` (or `./bot.toml` when that is there) and the environment, and checks the result.
    ///
    /// # Errors
    /// Everything that is wrong, each finding naming the key, the file or variable, and the fix; never a secret.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        Config::look(file, &[])?.sound()
    }

    /// Like [`Config::load`], but gives the settings and everything that is wrong with them side by side. It also reads
    /// the sections of a bot's author.
    ///
    /// # Errors
    /// Only defects of the program: defaults that cannot be read, or an author's section with a name that is not
    /// allowed.
    pub(crate) fn look(file: Option<&Path>, sections: &[Section]) -> Result<Loaded, ConfigError> {
        let file = file.or_else(|| Path::new("bot.toml").exists().then_some(Path::new("bot.toml")));
        load(file, &Variables::of_process(), sections)
    }

    /// Like [`Config::look`], with `variables` above everything else. They replace environment variables for the same
    /// keys, and `./bot.toml` is not read.
    pub(crate) fn look_under(
        file: Option<&Path>,
        variables: Vec<(String, String)>,
        sections: &[Section],
    ) -> Result<Loaded, ConfigError> {
        let mut all = Variables::of_process();
        all.overlay(variables);
        load(file, &all, sections)
    }

    /// Like [`Config::look`], from a text and a list of variables.
    pub(crate) fn look_at(
        toml: &str,
        variables: &[(String, String)],
        sections: &[Section],
    ) -> Result<Loaded, ConfigError> {
        assemble(Some(given(toml)), &Variables::given(variables), sections)
    }

    /// Like [`Config::look_at`], with the text above the variables.
    pub(crate) fn look_above(
        toml: &str,
        variables: &[(String, String)],
        sections: &[Section],
    ) -> Result<Loaded, ConfigError> {
        let parsed = given(toml);
        let variables = Variables::given(variables).without(|key| parsed.root.get(key).is_some());
        assemble(Some(parsed), &variables, sections)
    }

    /// Reads and checks settings from a text and a list of variables, for tests and for programs that embed the bot.
    ///
    /// # Errors
    /// The same errors as [`Config::load`].
    pub fn from_parts(toml: &str, variables: &[(String, String)]) -> Result<Config, ConfigError> {
        Config::look_at(toml, variables, &[])?.sound()
    }
}

fn load(file: Option<&Path>, variables: &Variables, sections: &[Section]) -> Result<Loaded, ConfigError> {
    let Some(path) = file else {
        return assemble(None, variables, sections);
    };
    let place = SettingPlace::new(SettingSource::File, path.display().to_string());
    let parsed = match std::fs::read(path) {
        Ok(bytes) => file::parse(&place, &bytes),
        Err(error) => {
            let says = "cannot read the settings file";
            let finding = SettingFinding::at(&place, format!("{says}: {error}; check the path, and who may read it"));
            ParsedFile { root: Node::table(place), wrong: vec![finding], spoiled: Vec::new() }
        }
    };
    assemble(Some(parsed), variables, sections)
}

/// Parses a text in place of a settings file.
fn given(toml: &str) -> ParsedFile {
    file::parse_text(&SettingPlace::new(SettingSource::File, "the given settings"), toml)
}

fn assemble(file: Option<ParsedFile>, variables: &Variables, sections: &[Section]) -> Result<Loaded, ConfigError> {
    let defaults = file::defaults(DEFAULTS);
    let mut known = keys(&defaults)?;
    own::add(sections, &mut known)?;
    let names = Names::new(&known, sections.iter().map(|section| section.name).collect());
    let said = environment::layers(variables, &names);
    let mut wrong = Vec::new();
    let mut spoiled = Vec::new();
    let mut layers = vec![defaults.clone()];
    // A key that seems missing may stand on a line of the file that cannot be read.
    let is_whole = file.as_ref().is_none_or(|file| file.wrong.is_empty());
    if let Some(mut file) = file {
        wrong.append(&mut file.wrong);
        spoiled.extend(file.spoiled);
        wrong.extend(outside_sections(&mut file.root, &names, &mut spoiled));
        layers.push(file.root);
    }
    let mut doubts = said.doubts;
    wrong.extend(said.wrong);
    spoiled.extend(said.spoiled);
    layers.extend(said.layers);
    secrets::resolve(&mut layers, &defaults, variables, &mut wrong, &mut spoiled);

    let (mut settings, hidden) = merge(layers);
    for (path, says) in stand_ins(&settings) {
        wrong.push(says);
        spoil(&path, &mut settings, &defaults);
        spoiled.push(path);
    }
    tell_hidden(&hidden, &defaults, &mut wrong, &mut doubts);
    let mut reading = Reading { defaults: &defaults, names: &names, wrong, spoiled };
    let (own, lacking) = reading.own(&mut settings, sections);
    let mut config = reading.read_sections(&mut settings)?;
    let Reading { mut wrong, spoiled, .. } = reading;
    (config.own, config.lacking) = (own, lacking);
    config.webex.secrets = confidential::of(&config);
    config.given = doubts.into_iter().map(|(says, hint)| SettingDoubt::new(says, hint)).collect();
    wrong.extend(set_port(variables, &mut config, &mut settings));
    wrong.extend(always(&config, &settings, &defaults, &spoiled));
    let mut missing = if is_whole { missing(&config, &spoiled, &hidden) } else { Vec::new() };
    missing.extend(config.lacking.iter().filter(|_| is_whole).cloned());
    SettingFinding::sort(&mut wrong);
    Ok(Loaded { config, wrong: wrong.iter().map(ToString::to_string).collect(), missing })
}

/// Reports each empty value that hides a value below it. That is wrong if it would remove a list, and doubtful if it
/// removes a text.
fn tell_hidden(
    hidden: &[HiddenSetting],
    defaults: &Node,
    wrong: &mut Vec<SettingFinding>,
    doubts: &mut Vec<(String, String)>,
) {
    for (path, above, below) in hidden {
        let (name, from) = (&above.place, &below.place);
        match defaults.get(path).map(|node| &node.value) {
            // An empty list has to be written as `[]`.
            Some(Value::List(_)) => {
                let says = format!("it is empty and would remove {path} of {from}");
                wrong
                    .push(SettingFinding::at(name, format!("{says}; unset it to keep them, or write [] to have none")));
            }
            // An empty text is a value of its own here, or another check refuses it, or it is reported where a value is
            // needed.
            Some(_) => {}
            None if SECRETS.contains(&path.as_str()) => {}
            None => {
                let says = format!("{name} is empty and removes {path} of {from}");
                doubts.push((says, "unset it to keep that".to_owned()));
            }
        }
    }
}

/// `PORT` replaces the port of `server.listen`.
fn set_port(variables: &Variables, config: &mut Config, settings: &mut Node) -> Option<SettingFinding> {
    let (_, value) = variables.set.iter().find(|(name, value)| name == PORT && !value.trim().is_empty())?;
    let place = SettingPlace::new(SettingSource::Environment, PORT);
    let Ok(port) = value.trim().parse() else {
        let says = "not a port; give a number from 1 to 65535, or unset it to keep server.listen";
        return Some(SettingFinding::at(&place, says));
    };
    config.server.listen.set_port(port);
    settings.merge(Node::single("server.listen", Value::Text(config.server.listen.to_string()), place));
    None
}

/// Sentences about what the daemon needs and nobody gave. Each names an empty value that hides the key, if there is
/// one.
fn missing(config: &Config, spoiled: &[String], hidden: &[HiddenSetting]) -> Vec<String> {
    let missing = validate::missing(config).into_iter().filter(|(key, _)| !touches(spoiled, key));
    let told = missing.map(|(key, says)| {
        let why = hidden.iter().find(|(path, ..)| path == key).map(|(_, above, below)| {
            format!("; {} is empty, and hides that of {}: unset it", above.place, below.place)
        });
        format!("{says}{}", why.unwrap_or_default())
    });
    told.collect()
}

/// A path, the empty value there, and the value it hides.
type HiddenSetting = (String, Node, Node);

/// Merges the layers: for each key the highest decides. Also gives what empty values hide.
fn merge(layers: Vec<Node>) -> (Node, Vec<HiddenSetting>) {
    let mut settings = Node::table(SettingPlace::new(SettingSource::Defaults, ""));
    let mut hidden: Vec<HiddenSetting> = Vec::new();
    for layer in layers {
        for (path, above) in layer.leaves() {
            let below = settings.get(&path).filter(|below| below.place.source != SettingSource::Defaults);
            match below {
                Some(below) if above.is_blank() && !below.is_blank() => {
                    hidden.push((path, above.clone(), below.clone()));
                }
                _ if !above.is_blank() => hidden.retain(|(hidden, ..)| *hidden != path),
                _ => {}
            }
        }
        settings.merge(layer);
    }
    (settings, hidden)
}

/// The keys of every table the settings can have. Fails if the defaults cannot be read.
fn keys(defaults: &Node) -> Result<BTreeMap<String, &'static [&'static str]>, ConfigError> {
    let keys = Keys::default();
    Config::deserialize(SettingReader::new(defaults, &keys)).map_err(defect)?;
    Ok(keys.into_inner())
}

fn defect(problem: Problem) -> ConfigError {
    let path = problem.path.unwrap_or_default();
    ConfigError::one(format!("the built-in defaults: {path} cannot be read; this is a defect of the program"))
}

/// The findings of reading the tree.
struct Reading<'a> {
    defaults: &'a Node,
    names: &'a Names,
    wrong: Vec<SettingFinding>,
    spoiled: Vec<String>,
}

impl Reading<'_> {
    /// Reads the settings until nothing is wrong any more. After each failure the wrong value is noted and replaced.
    fn read_sections(&mut self, settings: &mut Node) -> Result<Config, ConfigError> {
        let keys = RefCell::default();
        for _ in 0..most_turns(settings) {
            match Config::deserialize(SettingReader::new(settings, &keys)) {
                Ok(mut config) => {
                    place_lists(&mut config, settings);
                    return Ok(config);
                }
                Err(problem) => self.note(&problem, settings),
            }
        }
        self.wrong.push(SettingFinding::of_all("the settings cannot be read"));
        Config::deserialize(SettingReader::new(self.defaults, &keys)).map_err(defect)
    }

    /// Reads the author's sections and takes them out of the tree. Gives their values, and sentences about the keys
    /// they lack.
    fn own(&mut self, settings: &mut Node, sections: &[Section]) -> (State, Vec<String>) {
        let keys = RefCell::default();
        let (mut own, mut lacking) = (State::default(), Vec::new());
        for section in sections {
            for _ in 0..most_turns(settings) {
                let Err(problem) = section.read(settings, &keys, &mut own) else { break };
                if let Some((key, says)) = own::missing(&problem) {
                    lacking.extend((!touches(&self.spoiled, &key)).then_some(says));
                    break;
                }
                self.note(&problem, settings);
            }
            settings.remove(section.name);
        }
        (own, lacking)
    }

    /// Notes a wrong value, and replaces it by its default or removes it.
    fn note(&mut self, problem: &Problem, settings: &mut Node) {
        let path = problem.path.clone().unwrap_or_default();
        let under = |last: &str| if path.is_empty() { last.to_owned() } else { format!("{path}.{last}") };
        let (is_new, target) = match &problem.mistake {
            Mistake::UnknownKey { key, .. } => (true, under(key)),
            // A key that was removed as wrong is now missing. The table that needs it is removed without a second
            // finding.
            Mistake::Missing(missing) => (!self.spoiled.contains(&under(missing)), path),
            Mistake::NoneOf(_) | Mistake::Type(_) | Mistake::Range | Mistake::Says(_) | Mistake::Foreign(_) => {
                (true, path)
            }
        };
        if is_new {
            self.wrong.push(finding(problem, settings, self.defaults, self.names));
        }
        spoil(&target, settings, self.defaults);
        self.spoiled.push(target);
    }
}

/// The most times the tree is read: each time at least one value is removed or replaced.
fn most_turns(settings: &Node) -> usize {
    10 + 2 * settings.leaves().len()
}

/// Replaces a wrong value by its default, or removes it where there is none.
fn spoil(path: &str, settings: &mut Node, defaults: &Node) {
    match defaults.get(path) {
        Some(node) => settings.merge(Node::single(path, node.value.clone(), node.place.clone())),
        None => settings.remove(path),
    }
}

/// Notes with each rule for a command, with each hook and with each rule of a hook where it was given.
fn place_lists(config: &mut Config, settings: &Node) {
    for (rule, node) in config.command.iter_mut().zip(entries(settings.get("command"))) {
        rule.place = node.place.to_string();
    }
    for (hook, node) in config.hook.iter_mut().zip(entries(settings.get("hook"))) {
        hook.place = node.place.to_string();
        for (rule, node) in hook.rule.iter_mut().zip(entries(node.get("rule"))) {
            rule.place = node.place.to_string();
        }
    }
}

/// The entries of a list that were read.
fn entries(list: Option<&Node>) -> impl Iterator<Item = &Node> {
    let list = match list.map(|node| &node.value) {
        Some(Value::List(list)) => list.as_slice(),
        _ => &[],
    };
    list.iter().filter(|node| !matches!(node.value, Value::Gone))
}

/// Whether the key, a key inside it, or a table around it is known to be wrong already.
fn touches(spoiled: &[String], path: &str) -> bool {
    let is_in = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    spoiled.iter().any(|wrong| wrong == path || is_in(wrong, path) || is_in(path, wrong))
}

/// The place of a value. For an entry of a list that a variable holds it is that variable.
fn place_of<'a>(path: &str, settings: &'a Node) -> Option<&'a SettingPlace> {
    let node =
        settings.get(path).or_else(|| settings.get(path.rsplit_once('.')?.0).filter(|node| node.text().is_some()));
    node.map(|node| &node.place)
}

/// The findings about values that can be read but are not allowed, each with its place.
fn always(config: &Config, settings: &Node, defaults: &Node, spoiled: &[String]) -> Vec<SettingFinding> {
    let findings = validate::always(config).into_iter().filter_map(|(path, problem)| {
        // Where two keys do not go together, the one that was set is to blame, not the default.
        let named = problem.split([' ', ',', ':', ';']).filter(|word| word.contains('.'));
        let keys: Vec<_> = [path.as_str()].into_iter().chain(named).collect();
        if keys.iter().any(|key| touches(spoiled, key)) {
            return None;
        }
        let places: Vec<_> = keys.iter().filter_map(|key| place_of(key, settings)).collect();
        let place = places.iter().find(|place| place.source != SettingSource::Defaults).or(places.first());
        let source = place.map_or(SettingSource::File, |place| place.source);
        let says_how =
            ["such as", "make one", "give ", "write ", "keep ", "set "].iter().any(|word| problem.contains(word));
        let form = default_form(&path, defaults, source).filter(|_| !says_how);
        let form = form.map_or_else(String::new, |form| format!("; the default is {form}"));
        let says = format!("{} {problem}{form}", key(&path));
        Some(place.map_or_else(|| SettingFinding::of_all(&says), |place| SettingFinding::at(place, &says)))
    });
    findings.collect()
}
