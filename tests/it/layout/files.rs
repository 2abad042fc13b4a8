//! Files: each says what it is for, is short, and is in no circle with others of its room.

use super::imports::{Map, circles};
use super::source::{Source, files, read, room, sources};

const MOST_LINES: usize = 400;

#[test]
fn every_file_says_what_it_is_for_and_can_be_read_in_one_go() {
    for Source { file, text, .. } in sources() {
        assert!(text.starts_with("//! "), "{file} begins with what it is for");
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{file} has {lines} lines");
    }
}

#[test]
fn the_page_is_plain_and_can_be_read_too() {
    let is_of_page = |file: &String| file.contains("/page/");
    for file in files("src/simulator").into_iter().filter(is_of_page) {
        let text = read(&file);
        assert!(text.lines().count() <= MOST_LINES, "{file} has {} lines", text.lines().count());
        let begins = text.trim_start_matches("<!doctype html>\n");
        assert!(["//", "/*", "<!--"].iter().any(|comment| begins.starts_with(comment)), "{file}");
        for unsafe_way in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"]
        {
            assert!(!text.contains(unsafe_way), "{file} has {unsafe_way}");
        }
    }
}

#[test]
fn no_files_of_a_room_import_each_other_in_a_circle() {
    let sources = sources();
    let uses = Map::of(&sources).files().into_iter().filter(|(from, to)| room(from) == room(to)).collect();
    let found: String = circles(&uses).iter().map(|pair| format!("    {pair:?},\n")).collect();
    assert!(found.is_empty(), "these are in a circle:\n{found}");
}

#[test]
fn what_ships_is_what_is_tested() {
    for Source { file, text, .. } in sources() {
        let allowed = text.replace("#[cfg(test)]\nmod tests;", "");
        assert!(!allowed.contains("cfg(test)") && !allowed.contains("cfg(not(test))"), "{file}");
    }
    let sleep = ["thread::sl", "eep"].concat();
    let pause = ["time::sl", "eep"].concat();
    for file in files("tests/it").into_iter().filter(|file| file.ends_with(".rs")) {
        let text = read(&file);
        assert!(!text.contains(&sleep) && !text.contains(&pause), "{file} sleeps");
    }
}
