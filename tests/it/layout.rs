//! What the house promises about itself: its rooms, their directions, and that its documents match the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const MOST_LINES: usize = 420;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every file of `src` with what stands before its tests.
fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
                found.insert(path.strip_prefix(root().join("src")).unwrap().to_owned(), shipped);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&root().join("src"), &mut found);
    found
}

/// The top-level module a file belongs to.
fn room(file: &Path) -> String {
    file.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

#[test]
fn every_file_says_what_it_is_for_and_can_be_read_in_one_go() {
    for (file, text) in sources() {
        assert!(text.starts_with("//! "), "{} begins with what the room is for", file.display());
        assert!(text.lines().count() <= MOST_LINES, "{} has {} lines", file.display(), text.lines().count());
    }
}

#[test]
fn the_page_is_plain_and_can_be_read_too() {
    for entry in std::fs::read_dir(root().join("src/simulator/watch/page")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() <= MOST_LINES, "{} has {} lines", path.display(), text.lines().count());
        let begins = text.trim_start_matches("<!doctype html>\n");
        assert!(["//", "/*", "<!--"].iter().any(|comment| begins.starts_with(comment)), "{}", path.display());
        for unsafe_way in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"]
        {
            assert!(!text.contains(unsafe_way), "{} has {unsafe_way}", path.display());
        }
    }
}

#[test]
fn no_two_rooms_import_each_other() {
    let sources = sources();
    let rooms: BTreeSet<_> = sources.keys().map(|file| room(file)).collect();
    let mut imports = BTreeSet::new();
    for (file, text) in &sources {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for used in code.split("crate::").skip(1) {
            let names: Vec<_> = match used.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap().split(',').map(str::trim).collect(),
                None => vec![used],
            };
            for name in names {
                let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if rooms.contains(&name) && name != room(file) {
                    imports.insert((room(file), name));
                }
            }
        }
    }
    for (from, to) in &imports {
        assert!(!imports.contains(&(to.clone(), from.clone())), "{from} and {to} import each other");
    }
    let only = |user: &str, allowed: &[&str]| {
        for (_, used) in imports.iter().filter(|(from, _)| from == user) {
            assert!(allowed.contains(&used.as_str()), "{user} must not know {used}");
        }
    };
    only("clock", &[]);
    only("config", &[]);
    only("signature", &[]);
    only("text", &[]);
    only("redact", &["text"]);
    only("telemetry", &["clock", "config", "redact"]);
    only("webex", &["clock", "config", "redact", "telemetry"]);
    only("store", &["clock", "config", "signature", "telemetry"]);
    only("access", &["config", "webex"]);
    only("simulator", &["signature", "webex"]);
}

#[test]
fn each_library_is_used_where_it_belongs() {
    for (word, rooms) in [
        ("sqlx", &["store"][..]),
        ("toml", &["config"]),
        ("std::env", &["config"]),
        ("hmac", &["signature"]),
        ("clap", &["cli"]),
        ("reqwest", &["webex", "simulator"]),
        ("rustls", &["webex"]),
        ("SystemTime", &["clock", "simulator"]),
        ("Timestamp::now", &["clock", "simulator"]),
        ("Instant::now", &["clock", "simulator", "receiver"]),
        ("tokio::spawn", &["cli", "simulator", "store"]),
    ] {
        for (file, text) in sources() {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let used = code
                .clone()
                .any(|line| line.contains(&format!("{word}::")) || (word.contains("::") && line.contains(word)));
            assert!(!used || rooms.contains(&room(&file).as_str()), "{word} is used in {}", file.display());
        }
    }
}

#[test]
fn what_ships_is_what_is_tested() {
    for (file, text) in sources() {
        let allowed = text.replace("#[cfg(test)]\nmod tests;", "");
        assert!(!allowed.contains("cfg(test)") && !allowed.contains("cfg(not(test))"), "{}", file.display());
    }
    let sleep = ["thread::sl", "eep"].concat();
    let pause = ["time::sl", "eep"].concat();
    for entry in std::fs::read_dir(root().join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&sleep) && !text.contains(&pause), "{} sleeps", path.display());
    }
}

#[test]
fn every_setting_is_documented_and_every_documented_one_exists() {
    let documented = read("bot.toml");
    // Each line that sets something, commented out or not.
    let mut section = String::new();
    let mut settings = String::new();
    for line in documented.lines() {
        let sets = |line: &&str| line.contains(" = ") || line.starts_with("[[");
        let line = line.strip_prefix("# ").filter(sets).unwrap_or(line);
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
            settings.push_str(line);
            settings.push('\n');
        } else if let Some((key, rest)) = line.split_once(" = ")
            && !section.is_empty()
        {
            assert!(rest.contains('#'), "{section}.{key} says why one would change it");
            if !matches!(key, "ca_file") {
                settings.push_str(&format!("{key} = {rest}\n"));
            }
        }
    }
    if let Err(error) = switchboard::Config::from_parts(&settings.replace("...", &"x".repeat(16)), &[]) {
        panic!("bot.toml documents what is no setting: {error}");
    }
    let sources = sources();
    let vocabulary =
        ["config/mod.rs", "config/access.rs", "config/approve.rs", "config/cards.rs", "config/instance.rs"]
            .map(|file| sources[Path::new(file)].as_str())
            .join("\n");
    let fields = vocabulary.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(':'));
    for (field, _) in fields.filter(|(field, _)| !field.contains('(')) {
        let sections = [
            "webex",
            "delivery",
            "webhook",
            "polling",
            "websocket",
            "server",
            "admin",
            "store",
            "instance",
            "worker",
            "files",
            "cards",
            "conversations",
            "commands",
            "access",
            "audit",
            "pairing",
            "flood",
            "command",
            "log",
        ];
        // Of what stands in braces, each key is on the one line.
        let in_braces = |line: &str| line.contains('{') && line.contains(&format!(" {field} = "));
        let known = sections.contains(&field)
            || documented.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{field} = ")))
            || documented.lines().any(in_braces);
        assert!(known, "bot.toml does not document {field}");
    }
}

#[test]
fn ci_runs_what_the_readme_says_to_run() {
    let readme = read("README.md");
    let try_it = readme.split("\n## ").find(|section| section.starts_with("Try it")).unwrap();
    let commands: Vec<_> = try_it.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let ci = read(".ci/run").replace(" --locked", "");
    for command in commands.into_iter().chain(["cargo install --path .", "deploy/release.sh"]) {
        assert!(readme.replace(" --locked", "").contains(command), "README.md does not say {command}");
        assert!(ci.contains(command), ".ci/run does not run {command}");
    }
}

#[test]
fn the_readme_names_every_verb_and_every_metric() {
    let readme = read("README.md");
    assert!(readme.lines().count() < 240, "it is read in one go");
    for verb in [
        "run",
        "simulate",
        "check",
        "send",
        "rooms",
        "webhooks",
        "inbox",
        "outbox",
        "explain",
        "audit",
        "pairing",
        "approvals",
        "completions",
    ] {
        assert!(readme.contains(&format!("`switchboard {verb}")), "README.md does not name the verb {verb}");
    }
    let telemetry = &sources()[Path::new("telemetry.rs")];
    let metrics = telemetry.split("registry.register(").skip(1).filter_map(|rest| rest.split('"').nth(1));
    assert!(metrics.clone().count() > 15);
    for metric in metrics {
        assert!(readme.contains(&format!("`switchboard_{metric}")), "README.md does not name the metric {metric}");
    }
}

#[test]
fn the_map_names_every_room() {
    let sources = sources();
    let map = &sources[Path::new("lib.rs")];
    for room in sources.keys().map(|file| room(file)).filter(|room| !matches!(room.as_str(), "lib" | "main")) {
        assert!(map.contains(&format!("| `{room}` |")), "the map in lib.rs does not name {room}");
    }
}
