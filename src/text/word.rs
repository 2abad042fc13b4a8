//! Words as people type and mean them: finds a command, a choice or a code by any of its spellings.
//!
//! Invisible characters in a word are ignored, and so is case, as Unicode folds it. Marks that people put around a word
//! to make it stand out, and the end of a sentence, are ignored too, unless the name itself is spelled with them. Email
//! addresses are not treated as words: see `access`.

use super::{draws, is_blank, is_invisible};

/// A word for comparison: without invisible characters, and in one case. This is Unicode's full case folding (`ß`
/// becomes `ss`, a final sigma a sigma, the Kelvin sign `k`) without the one for Turkish.
pub(crate) fn folded(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.chars().filter(|c| !is_invisible(*c)) {
        match c {
            // Its capital is that of `i`, but it is another letter.
            'ı' => folded.push(c),
            c if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            // To lower, upper and lower case again: a letter may have several forms of one case, or none of its own.
            c => folded.extend(c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)),
        }
    }
    folded
}

/// A word without the marks around it: backticks, stars and other marks, quotation marks, and the end of a sentence. A
/// word of nothing else is left as it is.
pub(crate) fn bare(word: &str) -> &str {
    let is_around = |c: char| is_mark(c) || is_blank(c) || is_invisible(c);
    let bare = word.trim_start_matches(is_around).trim_end_matches(|c| is_around(c) || is_stop(c));
    if bare.is_empty() { word } else { bare }
}

/// The bare word without invisible characters, in its own case.
pub(crate) fn plain(word: &str) -> String {
    bare(word).chars().filter(|c| !is_invisible(*c)).collect()
}

/// Finds the item that a typed word names: by its exact spelling, else ignoring case, else ignoring the marks around
/// the word.
pub(crate) fn find<T: Copy>(
    typed: &str,
    all: impl IntoIterator<Item = T, IntoIter: Clone>,
    name: impl Fn(&T) -> &str,
) -> Option<T> {
    let all = all.into_iter();
    let spelt = |word: &str| all.clone().find(|item| folded(name(item)) == word);
    let exact = all.clone().find(|item| name(item) == typed);
    exact.or_else(|| spelt(&folded(typed))).or_else(|| spelt(&folded(bare(typed))))
}

/// Like [`find`], for a word that may begin with a slash.
pub(crate) fn find_called<T: Copy>(
    typed: &str,
    all: impl IntoIterator<Item = T, IntoIter: Clone>,
    name: impl Fn(&T) -> &str,
) -> Option<T> {
    let all = all.into_iter();
    find(typed, all.clone(), &name).or_else(|| find(after_slash(typed), all, &name))
}

/// The name that differs from a word by a typing error: one edit in a short word, two in a longer one.
pub(crate) fn nearest<'a>(names: impl IntoIterator<Item = &'a str>, word: &str) -> Option<&'a str> {
    let word = folded(bare(after_slash(word)));
    let most = if word.chars().count() < 6 { 1 } else { 2 };
    let distances = names.into_iter().map(|name| (strsim::damerau_levenshtein(&folded(name), &word), name));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

/// The word after the slash at its beginning, or the word itself if it has none. Invisible characters and marks around
/// it are ignored.
pub(crate) fn after_slash(word: &str) -> &str {
    let front = word.trim_start_matches(|c| is_mark(c) || is_blank(c) || is_invisible(c));
    front.strip_prefix('/').unwrap_or(word)
}

/// Whether a text begins with a slash.
pub(crate) fn has_slash(text: &str) -> bool {
    after_slash(text).len() < text.len()
}

/// A text without the marks or quotation marks around the whole of it.
pub(crate) fn unwrapped(text: &str) -> &str {
    let mut text = text;
    loop {
        let whole = text.trim_matches(|c| is_blank(c) || is_invisible(c));
        let Some(open) = whole.chars().next().filter(|c| is_mark(*c)) else { return text };
        let opening = whole.len() - whole.trim_start_matches(open).len();
        let ended = whole.trim_end_matches(|c| is_stop(c) || is_invisible(c));
        let closes = |c: char| closing(open).contains(&c);
        let mut inside = ended;
        for _ in 0..whole[..opening].chars().count() {
            let Some(less) = inside.strip_suffix(closes) else { return text };
            inside = less;
        }
        match inside.get(opening..).filter(|inside| !inside.trim().is_empty() && !inside.contains(closes)) {
            Some(inside) => text = inside,
            None => return text,
        }
    }
}

/// A word of which each letter counts, such as an address, without the marks around the whole of it.
pub(crate) fn unmarked(word: &str) -> &str {
    unwrapped(trim(word)).trim_end_matches(|c| is_stop(c) || is_blank(c) || is_invisible(c)).trim_start()
}

/// Whether a text has no visible characters except those that end a sentence.
pub(crate) fn is_only_stops(text: &str) -> bool {
    text.chars().all(|c| is_stop(c) || is_blank(c) || is_invisible(c))
}

/// A text without the blanks and invisible characters around it. Those that select how the letter before them is drawn
/// are kept.
pub(crate) fn trim(text: &str) -> &str {
    let is_noise = |c: char| is_blank(c) || (is_invisible(c) && !draws(c));
    text.trim_matches(is_noise)
}

/// Whether a character is one that people put around a word: markdown, or a quotation mark.
fn is_mark(c: char) -> bool {
    matches!(c, '`' | '*' | '_' | '~' | '"' | '\'' | '«' | '»' | '‹' | '›' | '\u{2018}'..='\u{201f}')
}

/// Whether a character ends a sentence or a part of one.
fn is_stop(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '…' | '。' | '，' | '、' | '！' | '？' | '؟' | '،')
}

/// The characters that close a mark. Phones turn straight quotation marks into curly ones.
fn closing(open: char) -> &'static [char] {
    match open {
        '`' => &['`'],
        '*' => &['*'],
        '_' => &['_'],
        '~' => &['~'],
        '«' => &['»'],
        '»' => &['«'],
        '‹' => &['›'],
        '›' => &['‹'],
        '\'' | '\u{2018}'..='\u{201b}' => &['\'', '\u{2018}', '\u{2019}'],
        _ => &['"', '\u{201c}', '\u{201d}'],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_name(typed: &str, name: &str) -> bool {
        find(typed, [name], |name| name).is_some()
    }

    #[test]
    fn case_is_folded_as_unicode_folds_it() {
        for (a, b) in [
            ("STATUS", "status"),
            ("Straße", "STRASSE"),
            ("STRAẞE", "straße"),
            ("ΟΔΟΣ", "οδος"),
            ("οδος", "οδοσ"),
            ("\u{212a}elvin", "kelvin"),
            ("ﬁle", "FILE"),
            ("ſtatus", "Status"),
            ("ǅ", "ǆ"),
            ("\u{13a0}", "\u{ab70}"),
            ("İ", "i\u{307}"),
            ("\u{345}", "ι"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
        for (a, b) in [("ı", "i"), ("I", "ı"), ("é", "e"), ("status", "stat")] {
            assert_ne!(folded(a), folded(b), "{a} {b}");
        }
        assert_eq!(folded("s\u{200b}t\u{ad}a\u{2066}t\u{fe0f}u\u{e0041}s\u{feff}"), "status");
    }

    #[test]
    fn what_stands_around_a_word_does_not_matter_unless_the_name_is_spelt_so() {
        for typed in [
            "status",
            "Status?",
            "status.",
            "`status`",
            "**status**",
            "\"STATUS\"!",
            "“status”",
            "«status»",
            "_status_…",
            "\u{feff}status\u{200b}?",
        ] {
            assert!(is_name(typed, "status"), "{typed}");
        }
        for typed in ["sta tus", "status2", "-status", "(status)", "", "?", "**"] {
            assert!(!is_name(typed, "status"), "{typed}");
        }
        let names = ["yes", "yes!", "YES", "?", "c++"];
        let found = |typed| find(typed, names, |name| name);
        assert_eq!(
            (found("yes!"), found("YES"), found("Yes?"), found("?")),
            (Some("yes!"), Some("YES"), Some("yes"), Some("?"))
        );
        assert_eq!((found("`C++`."), found("!"), found("no")), (Some("c++"), None, None));
        assert_eq!((plain("**7Q\u{200b}2**."), bare("..."), bare("`.`")), ("7Q2".to_owned(), "...", "`.`"));
    }

    #[test]
    fn a_slash_may_stand_before_what_is_called() {
        for typed in ["help", "/help", "`/help`", "/`help`", "**/Help**.", "\u{200b}/help"] {
            assert_eq!(find_called(typed, ["help"], |name| name), Some("help"), "{typed}");
        }
        for typed in ["//help", "/", "\\help"] {
            assert_eq!(find_called(typed, ["help"], |name| name), None, "{typed}");
        }
        assert!(has_slash("/a") && has_slash("`/a`") && !has_slash("a/b") && !has_slash(""));
    }

    #[test]
    fn what_stands_around_a_whole_text_is_taken_off() {
        for (text, inside) in [
            ("`report 7d`", "report 7d"),
            ("**report 7d**.", "report 7d"),
            ("```\nreport 7d\n```", "\nreport 7d\n"),
            ("**_“report 7d”_**", "report 7d"),
            ("\"pay\" Bob \"now\"", "\"pay\" Bob \"now\""),
            ("`pay` Bob", "`pay` Bob"),
            ("**", "**"),
            ("\"\"", "\"\""),
            ("`", "`"),
            ("report 7d", "report 7d"),
        ] {
            assert_eq!(unwrapped(text), inside, "{text}");
        }
    }

    #[test]
    fn emoji_keep_what_they_are_drawn_from() {
        assert_eq!(trim(" \u{200b}❤\u{fe0f}\u{2060} "), "❤\u{fe0f}");
        assert_eq!(trim("👨\u{200d}👩"), "👨\u{200d}👩");
        assert_eq!(trim("\u{feff}\u{ad}"), "");
        assert_eq!(unmarked("**_bob@x.test_**."), "bob@x.test");
        for word in ["_bob@x.test", "bo\u{200b}b@x.test", "o'brien@x.test"] {
            assert_eq!(unmarked(word), word);
        }
        assert!(is_only_stops(" ?\u{200b}!") && !is_only_stops("a?"));
    }
}
