//! Makes foreign text safe to log and show: without our secrets in any spelling, on one line, with its characters
//! visible, and short. Servers that refuse a request often send it back, with every secret in it.

use std::fmt::{self, Write};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::text::{draws, is_blank, is_unseen};

/// The most bytes of a foreign text that are shown: enough for a sentence and its ids.
const LONGEST_TOLD: usize = 500;

/// The most bytes of a foreign text that are searched. It is far more than what is shown.
const MOST_LOOKED_AT: usize = 64 * 1024;

/// The fewest bytes of a secret. Shorter ones would remove words from every text.
const SHORTEST: usize = 4;

/// The fewest letters of a secret in base64 that must not depend on what stands before and after it.
const SHORTEST_ENCODED: usize = 8;

/// The secrets of the settings. Cheap to clone.
#[derive(Clone, Default)]
pub struct Redactor(Arc<[Needle]>);

#[derive(Clone)]
struct Needle {
    bytes: Vec<u8>,
    mark: &'static str,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// Adds a secret, and the mark that replaces it.
    pub fn with(&self, secret: &str, mark: &'static str) -> Redactor {
        let mut needles = self.0.to_vec();
        let secret = secret.trim();
        if secret.len() >= SHORTEST && needles.iter().all(|needle| needle.bytes != secret.as_bytes()) {
            let spellings = std::iter::once(secret.as_bytes().to_vec()).chain(in_base64(secret.as_bytes()));
            needles.extend(spellings.map(|bytes| Needle { bytes, mark }));
            // If a secret contains another one, it is replaced as a whole.
            needles.sort_by_key(|needle| std::cmp::Reverse(needle.bytes.len()));
        }
        Redactor(needles.into())
    }

    /// Makes foreign text fit for logs and people: without secrets, on one line, short.
    pub fn sanitized(&self, text: &str) -> String {
        let begin = &text[..text.floor_char_boundary(MOST_LOOKED_AT)];
        let told = one_line(&self.without_secrets(begin), LONGEST_TOLD);
        if begin.len() < text.len() && !told.ends_with('…') { format!("{told}…") } else { told }
    }

    /// The text without our secrets. They are searched in the text itself, and in what remains after undoing several
    /// layers of escapes.
    pub fn without_secrets(&self, text: &str) -> String {
        let plain = Layer { bytes: text.as_bytes().to_vec(), starts: (0..=text.len()).collect() };
        let json = plain.decoded(json_escape);
        let layers = [
            plain.decoded(percent),
            plain.decoded(|rest| if rest[0] == b'+' { Some((vec![b' '], 1)) } else { percent(rest) }),
            plain.decoded(entity),
            json.decoded(json_escape),
            json.decoded(percent),
            json,
            plain,
        ];
        let mut found: Vec<(usize, usize, &str)> = Vec::new();
        for Needle { bytes, mark } in &*self.0 {
            for layer in &layers {
                found.extend(layer.find(bytes).map(|(from, to)| (from, to, *mark)));
            }
        }
        found.sort_by_key(|(from, to, _)| (*from, std::cmp::Reverse(*to)));
        let (mut clean, mut end) = (String::with_capacity(text.len()), 0);
        for (from, to, mark) in found {
            let (from, to) = (text.floor_char_boundary(from), text.ceil_char_boundary(to));
            if from >= end {
                clean.push_str(&text[end..from]);
                clean.push_str(mark);
            }
            end = end.max(to);
        }
        clean.push_str(&text[end..]);
        clean
    }
}

/// The text on one line, without invisible characters and changes of direction, and with a sign where it was cut.
pub fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for c in text.chars() {
        let c = if is_blank(c) { ' ' } else { c };
        if is_unseen(c) && !draws(c) {
            continue;
        }
        if line.len() + c.len_utf8() > most {
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

/// The beginning of what a value displays. The whole text is never written.
pub fn beginning(said: &impl fmt::Display) -> String {
    struct Short(String);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let left = MOST_LOOKED_AT.saturating_sub(self.0.len());
            self.0.push_str(&text[..text.floor_char_boundary(left)]);
            if text.len() > left { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut short = Short(String::new());
    if write!(short, "{said}").is_err() {
        short.0.push('…');
    }
    short.0
}

/// The forms of a secret in base64, for each of the three positions at which it may begin. Letters that also depend on
/// the bytes beside the secret are left out.
fn in_base64(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut spellings = Vec::new();
    for (before, depends) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&vec![0; before], secret].concat();
        let whole = padded.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let sure = &encoded.as_bytes()[depends..whole.max(depends)];
            if sure.len() >= SHORTEST_ENCODED {
                spellings.push(sure.to_vec());
            }
        }
    }
    spellings.dedup();
    spellings
}

/// A text with some escapes undone, and the position at which each of its bytes began.
struct Layer {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Layer {
    fn decoded(&self, escape: impl Fn(&[u8]) -> Option<(Vec<u8>, usize)>) -> Layer {
        let (mut bytes, mut starts, mut at) = (Vec::with_capacity(self.bytes.len()), Vec::new(), 0);
        while let Some(byte) = self.bytes.get(at) {
            let (means, length) = escape(&self.bytes[at..]).unwrap_or_else(|| (vec![*byte], 1));
            starts.extend(means.iter().map(|_| self.starts[at]));
            bytes.extend(means);
            at += length;
        }
        starts.push(self.starts[at]);
        Layer { bytes, starts }
    }

    fn find<'a>(&'a self, needle: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let places = self.bytes.windows(needle.len()).enumerate().filter(move |(_, window)| *window == needle);
        places.map(|(at, window)| (self.starts[at], self.starts[at + window.len()]))
    }
}

fn percent(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let digits = rest.strip_prefix(b"%")?.get(..2)?;
    Some((vec![u8::try_from(hex(digits)?).ok()?], 3))
}

fn json_escape(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (escape, after) = rest.strip_prefix(b"\\")?.split_first()?;
    let byte = match escape {
        b'"' | b'\\' | b'/' => *escape,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let unit = |rest: &[u8]| u16::try_from(hex(rest.get(..4)?)?).ok();
            let first = unit(after)?;
            let second = after.get(4..).and_then(|rest| unit(rest.strip_prefix(b"\\u")?));
            let pair = second.and_then(|second| String::from_utf16(&[first, second]).ok());
            let is_high = (0xd800..0xdc00).contains(&first);
            return match pair.filter(|_| is_high) {
                Some(pair) => Some((pair.into_bytes(), 12)),
                None => Some((String::from_utf16(&[first]).ok()?.into_bytes(), 6)),
            };
        }
        _ => return None,
    };
    Some((vec![byte], 2))
}

fn entity(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    const NAMED: [(&[u8], u8); 7] = [
        (b"&amp;", b'&'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&quot;", b'"'),
        (b"&#34;", b'"'),
        (b"&#39;", b'\''),
        (b"&#x27;", b'\''),
    ];
    let (name, byte) = NAMED.iter().find(|(name, _)| rest.starts_with(name))?;
    Some((vec![*byte], name.len()))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "pa\"ss+w/ö rd&1";

    #[test]
    fn a_secret_goes_however_it_is_spelled() {
        let redactor = Redactor::default().with(SECRET, "[secret]").with("the-token", "[token]").with("abc", "[short]");
        let json = serde_json::to_string(SECRET).unwrap();
        let twice = serde_json::to_string(&json).unwrap();
        for spelled in [
            SECRET,
            "pa%22ss%2Bw%2F%C3%B6+rd%261",
            "pa%22ss+w/%c3%b6%20rd%261",
            json.trim_matches('"'),
            "pa\\\"ss+w\\/\\u00f6 rd\\u00261",
            twice.trim_matches(['"', '\\']),
            "pa&quot;ss+w/ö rd&amp;1",
        ] {
            assert_eq!(redactor.sanitized(&format!("x {spelled} y")), "x [secret] y", "{spelled}");
        }
        for around in ["", "u", "us", "use", "user"] {
            for encoded in [STANDARD_NO_PAD.encode(format!("{around}:{SECRET}:x")), URL_SAFE_NO_PAD.encode(SECRET)] {
                let told = redactor.sanitized(&format!("Basic {encoded}"));
                assert!(told.contains("[secret]") && told.len() < "Basic [secret]".len() + 16, "{told}");
            }
        }
        assert_eq!(redactor.sanitized("abc Bearer the-token"), "abc Bearer [token]");
        assert_eq!(format!("{redactor:?}"), "Redactor");
    }

    #[test]
    fn foreign_text_is_one_short_line_that_shows_what_it_holds() {
        let redactor = Redactor::default();
        assert_eq!(redactor.sanitized("a\r\nb\u{1b}[2Jc\u{202e}d\u{2028}e\u{0}"), "a  b[2Jcd e");
        let long = redactor.sanitized(&"ö".repeat(1_000_000));
        assert!(long.len() <= LONGEST_TOLD + '…'.len_utf8() && long.ends_with("ö…"), "{long}");
        assert_eq!(beginning(&"x".repeat(1_000_000)).len(), MOST_LOOKED_AT + '…'.len_utf8());
    }
}
