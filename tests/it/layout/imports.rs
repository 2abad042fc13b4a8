//! Which file uses which, as far as paths show it: `use`, and paths in the code.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// Files, or rooms: the first uses the second.
pub type Uses = BTreeSet<(String, String)>;

/// The way to a module or to what is in it, from the crate's root.
type Path = Vec<String>;

struct File<'a> {
    module: Path,
    source: &'a Source,
    uses: Vec<Use>,
    /// The paths in the rest of the code; most are of one word.
    paths: Vec<Path>,
}

struct Use {
    path: Path,
    name: String,
    is_shown: bool,
}

/// All files by their modules.
pub struct Map<'a>(BTreeMap<Path, File<'a>>);

impl<'a> Map<'a> {
    pub fn of(sources: &'a [Source]) -> Map<'a> {
        let files = sources.iter().filter(|source| source.file != "main.rs").map(|source| {
            let (uses, paths) = parse(&source.code);
            let file = File { module: module(&source.file), source, uses, paths };
            (file.module.clone(), file)
        });
        Map(files.collect())
    }

    /// Each file with those whose things it uses. What it only shows to others as its own it does not use: whoever
    /// takes it from there uses the file that it is from.
    pub fn files(&self) -> Uses {
        self.uses(|used| !used.is_shown)
    }

    /// Each room with those that it uses, or shows something of.
    pub fn rooms(&self) -> Uses {
        let rooms = self.uses(|_| true).into_iter();
        let rooms =
            rooms.map(|(from, to)| (super::source::room(&from).to_owned(), super::source::room(&to).to_owned()));
        rooms.filter(|(from, to)| from != to && from != "lib").collect()
    }

    fn uses(&self, counts: impl Fn(&Use) -> bool) -> Uses {
        let mut found = Uses::new();
        for file in self.0.values() {
            let imported = file.uses.iter().filter(|used| counts(used)).map(|used| &used.path);
            // A module that is imported is used where a path begins with it.
            let imported = imported.filter(|path| !self.is_module(file, path));
            for path in imported.chain(&file.paths) {
                if let Some(to) = self.file_of(&file.module, path, 0).filter(|to| *to != file.source.file) {
                    found.insert((file.source.file.clone(), to));
                }
            }
        }
        found
    }

    fn is_module(&self, file: &File<'_>, path: &Path) -> bool {
        self.absolute(&file.module, path).is_some_and(|path| self.0.contains_key(&path))
    }

    /// The file in which that lies which a path of this module leads to.
    fn file_of(&self, module: &Path, path: &Path, depth: usize) -> Option<String> {
        assert!(depth < 20, "{path:?} in {module:?} leads in a circle");
        let path = self.absolute(module, path)?;
        let inner = (0..=path.len()).rev().find(|end| self.0.contains_key(&path[..*end]))?;
        let file = &self.0[&path[..inner]];
        match path.get(inner).and_then(|name| file.uses.iter().find(|used| used.name == *name)) {
            // It is from elsewhere, and what is from another crate is in no file of ours.
            Some(used) => {
                let path = used.path.iter().chain(&path[inner + 1..]).cloned().collect();
                self.file_of(&file.module, &path, depth + 1)
            }
            None => Some(file.source.file.clone()),
        }
    }

    /// The same path from the crate's root; none where it is of another crate, or a name of the file itself.
    fn absolute(&self, module: &Path, path: &Path) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        let within = |module: &[String], rest: &[String]| [module, rest].concat();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" if rest.is_empty() => None,
            "self" => Some(within(module, rest)),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                Some(within(&module[..module.len().checked_sub(ups)?], &path[ups..]))
            }
            _ => {
                let child = within(module, std::slice::from_ref(first));
                let used = self.0[module].uses.iter().find(|used| used.name == *first);
                match used {
                    _ if !rest.is_empty() && self.0.contains_key(&child) => Some(within(module, path)),
                    Some(used) if used.path[0] != *first => self.absolute(module, &within(&used.path, rest)),
                    Some(_) if self.0.contains_key(&child) => Some(within(module, path)),
                    _ => None,
                }
            }
        }
    }
}

fn module(file: &str) -> Path {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { Path::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The imports of a file, and the paths in the rest of it.
fn parse(code: &str) -> (Vec<Use>, Vec<Path>) {
    let tokens = tokens(code);
    let (mut uses, mut paths, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at)).copied().unwrap_or_default();
        let after = tokens.get(at + 1).copied().unwrap_or_default();
        if tokens[at] == "use" && is_name(after) {
            let is_shown = before(1) == "pub" || (before(1) == ")" && (2..7).any(|back| before(back) == "pub"));
            at += 1;
            tree(&tokens, &mut at, &Path::new(), is_shown, &mut uses);
        } else if is_name(tokens[at]) && !matches!((before(2), before(1)), (_, "." | "::" | "mod") | ("(", "in")) {
            let mut path = vec![tokens[at].to_owned()];
            while tokens.get(at + 1) == Some(&"::") && tokens.get(at + 2).is_some_and(|token| is_name(token)) {
                path.push(tokens[at + 2].to_owned());
                at += 2;
            }
            if path != ["crate"] && path != ["super"] {
                paths.push(path);
            }
        }
        at += 1;
    }
    (uses, paths)
}

/// One tree of an import, up to the comma, brace or semicolon after it.
fn tree(tokens: &[&str], at: &mut usize, above: &Path, is_shown: bool, uses: &mut Vec<Use>) {
    let mut path = above.clone();
    loop {
        match tokens[*at] {
            "::" => {}
            "{" => {
                while tokens[*at] != "}" {
                    *at += 1;
                    if tokens[*at] != "}" {
                        tree(tokens, at, &path, is_shown, uses);
                    }
                }
                *at += 1;
                return;
            }
            "*" => panic!("{path:?}::* hides what is used"),
            "," | "}" | ";" => {
                let name = path.last().unwrap().clone();
                uses.push(Use { path, name, is_shown });
                return;
            }
            "as" => {
                *at += 1;
                uses.push(Use { path, name: tokens[*at].to_owned(), is_shown });
                *at += 1;
                return;
            }
            "self" if !path.is_empty() => {}
            part => path.push(part.to_owned()),
        }
        *at += 1;
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(code: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), code.trim_start());
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

/// The pairs that are part of a circle, of whatever length: one of the two uses the other, and is used by it in the end.
pub fn circles(uses: &Uses) -> Uses {
    let reaches = |from: &str, to: &str| {
        let (mut seen, mut next) = (BTreeSet::from([from]), vec![from]);
        while let Some(at) = next.pop() {
            let used = uses.iter().filter(|(user, _)| user == at).map(|(_, used)| used.as_str());
            next.extend(used.filter(|used| seen.insert(used)));
        }
        seen.contains(to)
    };
    let within = uses.iter().filter(|(from, to)| from != to && reaches(to, from));
    within.map(|(from, to)| if from < to { (from.clone(), to.clone()) } else { (to.clone(), from.clone()) }).collect()
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let source = |(file, code): &(&str, &str)| Source {
        file: (*file).to_owned(),
        text: String::new(),
        code: (*code).to_owned(),
        strings: Vec::new(),
    };
    let told = |files: &[(&str, &str)]| {
        let sources: Vec<_> = files.iter().map(source).collect();
        let map = Map::of(&sources);
        let pairs = |uses: Uses| uses.iter().map(|(one, two)| format!("{one} {two}")).collect::<Vec<_>>().join(", ");
        (pairs(circles(&map.files())), pairs(circles(&map.rooms())))
    };
    let none = (String::new(), String::new());
    // A room whose root only shows what its files have.
    assert_eq!(
        told(&[
            ("a/mod.rs", "mod b; mod c; pub use b::B; pub(crate) use c::C;"),
            ("a/b.rs", "use super::C;"),
            ("a/c.rs", "")
        ]),
        none
    );
    // Two files, by the root, and by a list with a list in it.
    let root = ("a/mod.rs", "mod b; mod c; pub use b::{self, B}; pub use c::{C};");
    for other in [
        "use super::B;",
        "use crate::{a::{b::B as X}, e};",
        "fn f() { super::b::g() }",
        "use super::b; fn f() { b::g() }",
    ] {
        let told = told(&[root, ("a/b.rs", "use super::{d, c::C};"), ("a/c.rs", other)]);
        assert_eq!(told, ("a/b.rs a/c.rs".to_owned(), String::new()), "{other}");
    }
    // The root itself, where it uses what it has in a file that uses the root.
    let told_of = told(&[("a.rs", "mod b; pub use b::B; struct A(B);"), ("a/b.rs", "use super::A;")]);
    assert_eq!(told_of.0, "a.rs a/b.rs");
    // Three rooms.
    let rooms = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "fn f() { crate::c::C::new() }"),
    ];
    assert_eq!(told(&[&rooms[..], &[("c.rs", "use std::fmt;")]].concat()), none);
    assert_eq!(told(&[&rooms[..], &[("c.rs", "use crate::A;")]].concat()).1, "a b, a c, b c");
}
