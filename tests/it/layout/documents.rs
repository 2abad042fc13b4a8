//! Documents: what `bot.toml`, the README, the map and the CI say matches the code.

use std::collections::BTreeSet;

use super::source::{Source, read, sources};
use crate::harness::switchboard;

#[test]
fn every_setting_is_documented_and_every_documented_one_exists() {
    let documented = read("bot.toml");
    // Each line that sets something, commented out or not.
    let mut section = String::new();
    let mut settings = String::new();
    let mut keys = BTreeSet::new();
    // A line that sets what another has set is in its place.
    let mut instead = Vec::new();
    for line in documented.lines() {
        let sets = |line: &&str| line.contains(" = ") || line.starts_with("[[");
        let line = line.strip_prefix("# ").filter(sets).unwrap_or(line);
        assert!(line.chars().count() <= 160, "bot.toml has a line that nobody reads: {line}");
        if line.starts_with(' ') {
            continue;
        }
        if line.starts_with('[') {
            section = line.trim_start_matches('[').split(']').next().unwrap().to_owned();
            keys.insert(section.clone());
            settings.push_str(line);
            settings.push('\n');
        } else if let Some((key, rest)) = line.split_once(" = ")
            && !section.is_empty()
        {
            let is_first = keys.insert(format!("{section}.{key}"));
            assert!(rest.contains('#') || !is_first, "{section}.{key} says why one would change it");
            if !is_first {
                instead.push(format!("{key} = {rest}"));
            } else if !matches!(key, "ca_file") {
                settings.push_str(&format!("{key} = {rest}\n"));
            }
        }
    }
    let variables = [("CI_TOKEN".to_owned(), "x".repeat(16))];
    let check = |settings: &str| {
        if let Err(error) = switchboard::Config::from_parts(&settings.replace("...", &"x".repeat(16)), &variables) {
            panic!("bot.toml documents what is no setting: {error}");
        }
    };
    check(&settings);
    assert!(instead.len() > 10, "{instead:?}");
    for line in instead {
        let begin = format!("{} = ", line.split_once(" = ").unwrap().0);
        let replaced = settings.lines().map(|old| if old.starts_with(&begin) { line.as_str() } else { old });
        check(&replaced.collect::<Vec<_>>().join("\n"));
    }
    let sections = fields(&read("src/config/mod.rs"));
    assert!(sections.len() > 15, "{sections:?}");
    let is_of_section = |file: &Source| sections.iter().any(|name| file.file == format!("config/{name}.rs"));
    let (of_sections, others): (Vec<_>, Vec<_>) =
        sources().into_iter().filter(|file| file.file.starts_with("config/")).partition(is_of_section);
    assert_eq!(of_sections.len(), sections.len(), "each section has a file of its name");
    for Source { file, text, .. } in of_sections {
        let section = file.trim_start_matches("config/").trim_end_matches(".rs");
        for field in fields(&text) {
            assert!(keys.contains(&format!("{section}.{field}")), "bot.toml does not document {section}.{field}");
        }
    }
    // What stands in braces: each key is on the one line. Rules of hooks have lines of their own.
    for Source { file, text, .. } in others.iter().filter(|file| file.file != "config/mod.rs") {
        for field in fields(text) {
            let is_there = |line: &str| line.contains('{') && line.contains(&format!(" {field} = "));
            let has_key = file == "config/hook_rule.rs" && keys.contains(&format!("hook.rule.{field}"));
            assert!(has_key || documented.lines().any(is_there), "bot.toml does not document {field}");
        }
    }
}

/// The settings that the structs of a file have.
fn fields(text: &str) -> Vec<String> {
    let read = text.split("Deserialize)]\n").skip(1).map(|item| item.split("\n}").next().unwrap());
    let structs = read.filter(|item| item.contains("pub struct "));
    let lines =
        structs.flat_map(|item| item.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(": ")));
    lines.map(|(field, _)| field.trim_start_matches("r#").to_owned()).filter(|field| !field.contains('(')).collect()
}

#[test]
fn the_hooks_of_the_readme_are_settings() {
    let readme = read("README.md");
    let hooks =
        readme.split("```toml\n").find(|block| block.starts_with("[[hook]]")).unwrap().split("```").next().unwrap();
    let hooks = hooks.replace("bearer_file", "bearer").replace(".token", ".token, sixteen characters");
    let config = switchboard::Config::from_parts(&hooks, &[]).unwrap();
    assert_eq!(config.hook.len(), 2);
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
fn the_readme_says_how_to_depend_on_the_crate_as_the_examples_do() {
    let readme = read("README.md");
    let rust = |file: &str| {
        let manifest = read(file);
        let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ").map(str::to_owned));
        line.unwrap_or_else(|| panic!("{file} says which Rust it needs")).replace('"', "")
    };
    assert!(readme.contains(&format!("needs Rust {} ", rust("Cargo.toml"))));
    for example in ["hello", "lunch", "oncall"] {
        let file = format!("examples/{example}/Cargo.toml");
        assert_eq!(rust(&file), rust("Cargo.toml"), "{example}");
        assert!(read(&file).contains("switchboard = { path = \"../..\" }"), "{example}");
    }
    // What is shown of a program and of a test is what runs.
    for (begins, example) in
        [("async fn hello", "examples/hello/src/main.rs"), ("let lab", "examples/lunch/tests/lunch.rs")]
    {
        let source = read(example);
        let shown = readme.split("```rust\n").find(|block| block.starts_with(begins)).unwrap();
        for line in shown.lines().take_while(|line| !line.starts_with("```")) {
            assert!(source.contains(line), "{example} has no {line}");
        }
    }
    let command = readme.split('`').find(|code| code.starts_with("Command::new(\"hello\"")).unwrap();
    assert!(read("examples/hello/src/main.rs").contains(command), "{command}");
    let gate = read(".ci/run");
    for line in [
        "cp -r examples/. \"$outside\"",
        "(cd \"$outside\" && cargo clippy --locked --all-targets -- -D warnings && cargo test --locked)",
    ] {
        assert!(gate.contains(line), "{line}");
    }
}

#[test]
fn the_readme_names_every_verb_and_every_metric() {
    let readme = read("README.md");
    assert!(readme.lines().count() < 280, "it is read in one go");
    let help = String::from_utf8(switchboard().arg("--help").output().unwrap().stdout).unwrap();
    let (_, verbs) = help.split_once("\nCommands:\n").unwrap();
    let lines = verbs.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let verbs: Vec<_> = lines.map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(verbs.len() > 10, "{help}");
    for verb in verbs.into_iter().filter(|verb| *verb != "help") {
        assert!(readme.contains(&format!("`switchboard {verb}")), "README.md does not name the verb {verb}");
    }
    let telemetry: String =
        sources().into_iter().filter(|file| file.room() == "telemetry").map(|file| file.text).collect();
    let metrics = telemetry.split("add(all, \"").skip(1).filter_map(|rest| rest.split('"').next());
    assert!(metrics.clone().count() > 15);
    for metric in metrics {
        assert!(readme.contains(&format!("`switchboard_{metric}")), "README.md does not name the metric {metric}");
    }
}

#[test]
fn the_map_names_every_room() {
    let map = read("src/lib.rs");
    let sources = sources();
    for room in sources.iter().map(Source::room).filter(|room| !matches!(*room, "lib" | "main")) {
        assert!(map.contains(&format!("| `{room}` |")), "the map in lib.rs does not name {room}");
    }
}
