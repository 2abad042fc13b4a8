//! The names of files: reads them from a `Content-Disposition` (RFC 6266), makes them harmless, and finds the type they
//! stand for.

/// The type of a file that could be anything.
pub(crate) const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The name of a file whose own name cannot be used.
const NAMELESS: &str = "file";

/// The most bytes of a name. Most file systems allow 255; a program that writes the file can use the rest for a prefix
/// or suffix.
const MOST_BYTES: usize = 200;

/// The longest ending that is kept when a name is cut.
const LONGEST_ENDING: usize = 16;

/// A name that can be shown and written to a disk: the last part of a path, on one line, without changes of direction,
/// not hidden, not an option of a program, and not long.
pub(crate) fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).map(visible).find(|part| !part.is_empty());
    last.map_or_else(|| NAMELESS.to_owned(), |name| shortened(&name))
}

/// The name in a `Content-Disposition`, as it was written: `filename*` if it can be read, else `filename`.
pub(crate) fn named(header: &[u8]) -> Option<String> {
    let text = utf8_or_latin1(header);
    let parameters = parameters(&text);
    let value = |wanted: &str| {
        let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone())
    };
    value("filename*").and_then(|value| extended(&value)).or_else(|| value("filename"))
}

/// The type that the ending of a name stands for, for files that Webex previews and that bots often send.
pub(super) fn type_of(name: &str) -> Option<&'static str> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "txt" | "log" | "md" => "text/plain",
        "csv" => "text/csv",
        "html" => "text/html",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "bmp" => "image/bmp",
        "svg" => "image/svg+xml",
        "doc" => "application/msword",
        "xls" => "application/vnd.ms-excel",
        "ppt" => "application/vnd.ms-powerpoint",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        _ => return None,
    })
}

fn visible(part: &str) -> String {
    let seen = part.chars().filter(|c| !is_unseen(*c));
    let plain: String = seen.map(|c| if "<>:\"|?*".contains(c) { '_' } else { c }).collect();
    let not_hidden = plain.trim_start_matches(|c: char| c.is_whitespace() || ".-~".contains(c));
    not_hidden.trim_end_matches(|c: char| c.is_whitespace() || c == '.').to_owned()
}

/// Whether a character is invisible: control characters, line ends, blanks without width, and changes of direction.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The name, cut before its ending, since the ending says what the file is.
fn shortened(name: &str) -> String {
    if name.len() <= MOST_BYTES {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |dot| &name[dot..]);
    let ending = if ending.len() <= LONGEST_ENDING { ending } else { "" };
    let stem = &name[..name.floor_char_boundary(MOST_BYTES - ending.len())];
    format!("{}{ending}", stem.trim_end_matches(|c: char| c.is_whitespace() || c == '.'))
}

/// The parts between semicolons outside quotation marks, as keys and values without the marks.
fn parameters(header: &str) -> Vec<(String, String)> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in header.chars() {
        match c {
            '\\' if quoted && !escaped => escaped = true,
            '"' if !escaped => quoted = !quoted,
            ';' if !quoted => parts.push(std::mem::take(&mut part)),
            c => {
                escaped = false;
                part.push(c);
            }
        }
    }
    parts.push(part);
    let pairs = parts.iter().filter_map(|part| part.split_once('='));
    pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

/// Decodes a value such as `UTF-8'en'a%20name` (RFC 8187).
fn extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, escaped) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = unescaped(escaped)?;
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => String::from_utf8(bytes).ok(),
        "iso-8859-1" => Some(latin1(&bytes)),
        _ => None,
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut result = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        result.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    Some(result)
}

fn utf8_or_latin1(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| latin1(bytes), str::to_owned)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_in_each_spelling() {
        for (header, name) in [
            ("attachment; filename=\"a b.txt\"", Some("a b.txt")),
            ("attachment; filename=plain.txt", Some("plain.txt")),
            ("attachment; FileName = \"x\" ; size=3", Some("x")),
            ("attachment; filename=\"a;b=\\\"c\\\".txt\"", Some("a;b=\"c\".txt")),
            ("attachment; filename=\"fallback.txt\"; filename*=UTF-8''%e2%82%ac%20rates.txt", Some("€ rates.txt")),
            ("attachment; filename*=utf-8'en'n%c3%a4me; filename=fallback", Some("näme")),
            ("attachment; filename*=ISO-8859-1''n%E4me", Some("näme")),
            ("attachment; filename*=koi8-r''%C6; filename=fallback", Some("fallback")),
            ("attachment; filename*=UTF-8''%ff; filename=fallback", Some("fallback")),
            ("attachment; filename*=UTF-8''%; filename=fallback", Some("fallback")),
            ("attachment; filename=\"open", Some("open")),
            ("attachment; filename=\"näme\"", Some("näme")),
            ("inline", None),
            ("", None),
        ] {
            assert_eq!(named(header.as_bytes()).as_deref(), name, "{header}");
        }
        assert_eq!(named(b"attachment; filename=\"n\xe4me\"").as_deref(), Some("näme"));
    }

    #[test]
    fn no_name_leads_out_of_a_folder_hides_or_pretends() {
        for (foreign, safe) in [
            ("report.pdf", "report.pdf"),
            ("Bericht für Müller (2).pdf", "Bericht für Müller (2).pdf"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("/etc/", "etc"),
            ("..", "file"),
            ("../", "file"),
            (". .", "file"),
            ("", "file"),
            (".bashrc", "bashrc"),
            ("\u{200b}.\u{200b}bashrc", "bashrc"),
            ("a\r\nSet-Cookie: b", "aSet-Cookie_ b"),
            ("nul\0byte.txt", "nulbyte.txt"),
            ("exe\u{202e}fdp.pdf", "exefdp.pdf"),
            ("a.txt:hidden", "a.txt_hidden"),
            ("-rf", "rf"),
            ("~root", "root"),
            ("a.exe. . ", "a.exe"),
        ] {
            assert_eq!(safe_name(foreign), safe, "{foreign:?}");
            assert_eq!(safe_name(safe), safe, "made safe again it is the same");
        }
        let long = safe_name(&format!("{}.pdf", "ä".repeat(500)));
        assert!(long.len() <= MOST_BYTES && long.ends_with("ä.pdf"), "{long}");
    }
}
