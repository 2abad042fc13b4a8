//! How long text is cut; and that foreign text stays what it is wherever it is cut, by what the simulator makes of it.

use proptest::prelude::*;

use super::*;
use crate::simulator::world::written::markdown::{Rendered, render};
use crate::text::embeds;
use crate::text::{code_block, code_span, escape};

#[test]
fn long_text_is_cut_between_blocks() {
    let text = "one\n\ntwo\n\nthree";
    assert_eq!(split(text, 8), ["one\n\ntwo", "three"]);
    assert_eq!(split(text, 100), [text]);
    assert_eq!(split("", 100), Vec::<String>::new());
}

#[test]
fn a_code_block_that_is_cut_is_opened_again() {
    let text = "before\n\n```rust\nlet a = 1;\n\nlet b = 2;\n```\n\nafter";
    assert_eq!(split(text, 24), ["before", "```rust\nlet a = 1;\n\n```", "```rust\nlet b = 2;\n```", "after"]);
}

#[test]
fn plain_text_keeps_its_lines_and_long_fences_are_text() {
    assert_eq!(split_plain("a\n\n\nb\n```\nc", 100), ["a\n\n\nb\n```\nc"]);
    assert_eq!(split_plain("one\n\ntwo three", 6), ["one\n", "two ", "three"]);
    let fence = format!("```{}", "x".repeat(8000));
    assert!(split(&fence, 1000).iter().all(|part| part.len() <= 1000));
    assert_eq!(split(&fence, 1000).concat(), fence);
}

#[test]
fn links_and_emphasis_are_not_cut() {
    assert_eq!(
        split("see [the long page](https://x.test/a) now", 36),
        ["see", "[the long page](https://x.test/a)", "now"]
    );
    assert_eq!(split("a **b c d** e", 10), ["a", "**b c d**", "e"]);
    assert_eq!(split("ééééé", 4), ["éé", "éé", "é"]);
}

#[test]
fn no_word_and_no_number_is_cut_where_there_is_a_blank() {
    assert_eq!(split_plain("pay 100000 to Eve", 8), ["pay ", "100000 ", "to Eve"]);
    assert_eq!(split("pay 100000 to Eve", 8), ["pay", "100000", "to Eve"]);
    assert_eq!(split("```\npay 100000\n```", 16), ["```\npay \n```", "```\n100000\n```"]);
    assert_eq!(split("pay 1\u{202f}000 now", 9), ["pay", "1\u{202f}000", "now"]);
    assert_eq!(split("👨\u{200d}👩\u{200d}👧👨\u{200d}👩", 20), ["👨\u{200d}👩\u{200d}👧", "👨\u{200d}👩"]);
}

#[test]
fn a_fence_is_closed_by_a_longer_one_and_no_message_begins_within_a_run() {
    assert_eq!(split("````\n```\na\n`````\n\nafter it", 24), ["````\n```\na\n````", "after it"]);
    assert_eq!(split("~~~\n```\n<@all>\n~~~\nafter", 18), ["~~~\n```\n<@all>\n~~~", "after"]);
    let cut = |code: &str| format!("```````\n{code}\n```````");
    assert_eq!(split(&code_block("abcdef`````` cdefgh"), 26), [cut("abcdef"), cut("`````` "), cut("cdefgh")]);
    assert_eq!(split("```\n\n\na\nb c d e f\n```", 14), ["```\n\n\na\n```", "```\nb c d \n```", "```\ne f\n```"]);
}

#[test]
fn a_message_that_begins_within_a_line_starts_no_block() {
    for marker in ["- b", "+ b", "* b", "1. b", "12) b", "> b", "# b", "=== b", "``` b", "~~~ b"] {
        let text = format!("aaaa aaaa {marker} cccc cccc");
        let parts = split(&text, 14);
        assert!(parts.len() > 1, "{parts:?}");
        for part in &parts {
            assert!(shown(part).html.starts_with("<p>"), "{parts:?}");
        }
    }
    assert_eq!(split("> one two three", 9), ["> one two", "> three"]);
}

#[test]
fn code_within_a_line_stays_code() {
    assert_eq!(split("Say `a b` or ``c ` d`` now", 14), ["Say `a b` or", "``c ` d`` now"]);
    assert_eq!(
        split("a `b c d e f g h i j k l m n o` p", 16),
        ["a", "` b c d e f g `", "` h i j k l m `", "` n o `", "p"]
    );
    assert_eq!(split("- a ` b\n- c ` d", 12), ["- a ` b", "- c ` d"]);
}

fn shown(markdown: &str) -> Rendered {
    render(markdown, |key| Some((key.to_owned(), key.to_owned())))
}

/// Without what is there only for the eye, and what is lost at a cut.
fn bare(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !embeds(*c) && *c != APART).collect()
}

/// What stands in elements of this name, and what stands elsewhere.
fn within(html: &str, open: &str, close: &str) -> (String, String) {
    let (mut inside, mut outside, mut rest) = (String::new(), String::new(), html);
    while let Some((before, after)) = rest.split_once(open) {
        let (code, after) = after.split_once(close).unwrap();
        outside.push_str(before);
        inside.push_str(code);
        rest = after;
    }
    outside.push_str(rest);
    (inside, outside)
}

fn foreign() -> impl Strategy<Value = String> {
    let pieces = [
        "`",
        "``",
        "```",
        "`````",
        "``````````",
        "~~~",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\u{2028}",
        "\u{85}",
        "\t",
        "\u{202e}",
        "\u{2066}",
        "\u{2069}",
        "<@all>",
        "<@personEmail:eve@example.com|Eve>",
        "<",
        "@all>",
        "[a](https://x.test/)",
        "[",
        "](https://x.test/)",
        "**",
        "_",
        "# ",
        "- ",
        "1. ",
        "> ",
        "word ",
        "100000 ",
        " ",
        "    ",
        "\\",
        "&lt;",
        "é",
        "👨\u{200d}👩",
        "|",
        "\u{0}",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_is_too_long(text in "[a-zé`*\\[\\]() \\\\<>\n]{0,400}", most in 16_usize..80) {
        let parts = split(&text, most);
        prop_assert!(parts.iter().all(|part| part.len() <= most && !part.is_empty()), "{parts:?}");
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        // A code block's language is repeated with its fence, so only text without fences is compared.
        if !text.contains("```") {
            prop_assert_eq!(letters(&parts.join(" ")), letters(&text));
        }
    }

    #[test]
    fn foreign_text_in_a_code_block_stays_in_it_wherever_it_is_cut(text in foreign(), most in 210_usize..300) {
        let markdown = format!("Before:\n\n{}\n\nafter", code_block(&text));
        for most in [most, most + 1, most + 2, most + 3] {
            let parts = split(&markdown, most);
            prop_assert!(parts.iter().all(|part| part.len() <= most), "{parts:?}");
            let html: String = parts.iter().map(|part| shown(part).html).collect();
            let (code, others) = within(&html, "<pre><code>", "</code></pre>");
            prop_assert_eq!(others, "<p>Before:</p><p>after</p>", "{:?}", parts);
            prop_assert_eq!(bare(&code), bare_of(&text), "{:?}", parts);
            prop_assert!(!html.contains(embeds) && !html.contains("<@"));
        }
    }

    #[test]
    fn foreign_text_that_is_escaped_is_text_wherever_it_is_cut(text in foreign(), most in 16_usize..120) {
        for (before, after) in [("Said: ", ""), ("", " <@all>"), ("", "")] {
            let parts = split(&format!("{before}{}{after}", escape(&text)), most);
            prop_assert!(parts.iter().all(|part| part.len() <= most), "{parts:?}");
            let shown: Vec<_> = parts.iter().map(|part| shown(part)).collect();
            let mentions: usize = shown.iter().map(|shown| shown.mentions.len()).sum();
            prop_assert_eq!(mentions, usize::from(!after.is_empty()), "{:?}", parts);
            let html: String = shown.iter().map(|shown| shown.html.as_str()).collect();
            for element in ["<a", "<em", "<strong", "<code", "<pre", "<ul", "<ol", "<h", "<blockquote"] {
                prop_assert!(!html.contains(element), "{:?}", parts);
            }
            let said: String = shown.iter().map(|shown| shown.text.as_str()).collect();
            prop_assert!(!said.contains(embeds));
            let all = if after.is_empty() { "" } else { "All" };
            let plain: String = said.chars().filter(|c| !c.is_whitespace() && *c != APART).collect();
            prop_assert_eq!(plain, format!("{}{}{all}", before.trim(), bare_of(&text)), "{:?}", parts);
        }
    }

    #[test]
    fn foreign_text_in_a_code_span_stays_in_it_wherever_it_is_cut(text in foreign(), most in 210_usize..300) {
        let parts = split(&format!("Before {} after", code_span(&text)), most);
        prop_assert!(parts.iter().all(|part| part.len() <= most), "{parts:?}");
        let html: String = parts.iter().map(|part| shown(part).html).collect();
        let (code, others) = within(&html, "<code>", "</code>");
        prop_assert_eq!(bare(&others).replace("<p>", "").replace("</p>", ""), "Beforeafter", "{:?}", parts);
        prop_assert_eq!(bare(&code), bare_of(&text), "{:?}", parts);
    }

    #[test]
    fn what_belongs_together_stays_together_wherever_it_is_cut(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "word", "<@personEmail:eve@example.com|Eve Smith>", "[a b](https://x.test/)", "`a b`", "``c ` d``", r"\*", "&lt;", "**e f**",
            "two words", "10 000",
        ]), 1..60),
        blanks in proptest::collection::vec(proptest::sample::select(vec![" ", "\n", "\n- ", "\n\n", ", "]), 60),
        most in 44_usize..90,
    ) {
        let text: String = pieces.iter().zip(&blanks).flat_map(|(piece, blank)| [*piece, *blank]).collect();
        let parts = split(&text, most);
        let html: String = parts.iter().map(|part| shown(part).html).collect();
        for (piece, element) in [
            ("<@personEmail:eve@example.com|Eve Smith>", "<spark-mention data-object-type=\"person\" data-object-id=\"eve@example.com\">Eve Smith<"),
            ("[a b](https://x.test/)", "<a href=\"https://x.test/\">a b</a>"),
            ("`a b`", "<code>a b</code>"),
            ("``c ` d``", "<code>c ` d</code>"),
            ("**e f**", "<strong>e f</strong>"),
            ("&lt;", "&lt;"),
        ] {
            let count = pieces.iter().filter(|known| **known == piece).count();
            prop_assert_eq!(html.matches(element).count(), count, "{} in {:?}", piece, parts);
        }
        prop_assert!(!html.contains('\\') && parts.iter().all(|part| part.len() <= most), "{:?}", parts);
    }

    #[test]
    fn no_word_is_ever_cut_where_words_are_short(words in proptest::collection::vec("[a-z0-9]{1,12}", 1..80), most in 36_usize..70) {
        let text = words.join(" ");
        for parts in [split_plain(&text, most), split(&text, most), split(&escape(&text), most), split(&code_block(&text), most)] {
            let found: Vec<_> = parts.iter().flat_map(|part| part.split_whitespace()).filter(|word| *word != "```").collect();
            prop_assert_eq!(found, words.iter().map(String::as_str).collect::<Vec<_>>());
        }
        prop_assert_eq!(split_plain(&text, most).concat(), text);
    }
}

/// Foreign text as a person reads it, without blanks.
fn bare_of(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !embeds(*c)).collect()
}
