//! The blocks of markdown: paragraphs, quotes, fences, headings and nested lists.

/// How deep quotes and marks can be nested. Deeper ones are plain text.
pub(super) const DEEPEST: usize = 16;

pub(super) enum Block {
    Code(String),
    Heading(usize, String),
    Quote(Vec<Block>),
    /// A list: whether it is numbered, and its items.
    List(bool, Vec<Item>),
    Paragraph(String),
}

/// An item of a list: its text, and the lists inside it.
pub(super) struct Item {
    pub(super) text: String,
    pub(super) nested: Vec<Block>,
}

pub(crate) fn blocks(lines: &[&str], depth: usize) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        rest = after;
        let fence = line.trim_start().chars().take_while(|letter| *letter == '`').count();
        let heading = line.chars().take_while(|letter| *letter == '#').count();
        if fence >= 3 && !line.trim_start()[fence..].contains('`') {
            // A longer fence may contain shorter ones. A fence that is never closed reaches to the end.
            let closes = |line: &&str| {
                let line = line.trim();
                line.len() >= fence && line.chars().all(|letter| letter == '`')
            };
            let end = rest.iter().position(closes).unwrap_or(rest.len());
            blocks.push(Block::Code(rest[..end].join("\n")));
            rest = rest.get(end + 1..).unwrap_or_default();
            is_open = false;
        } else if line.trim().is_empty() {
            is_open = false;
        } else if (1..=6).contains(&heading) && line[heading..].starts_with(' ') {
            blocks.push(Block::Heading(heading, line[heading..].trim().to_owned()));
            is_open = false;
        } else if line.starts_with('>') && depth < DEEPEST {
            let count = rest.iter().take_while(|line| line.starts_with('>')).count();
            let quoted: Vec<_> = [*line].iter().chain(&rest[..count]).map(|line| unquoted(line)).collect();
            blocks.push(Block::Quote(self::blocks(&quoted, depth + 1)));
            rest = &rest[count..];
            is_open = false;
        } else if let (Some((numbered, _, _)), false) = (item(line), is_open) {
            let count = rest
                .iter()
                .take_while(|line| {
                    !line.trim().is_empty()
                        && item(line).is_none_or(|(other, indent, _)| indent >= 2 || other == numbered)
                })
                .count();
            let of_list: Vec<_> = [*line].into_iter().chain(rest[..count].iter().copied()).collect();
            blocks.push(list(numbered, &of_list));
            rest = &rest[count..];
        } else if let (Some(Block::Paragraph(text)), true) = (blocks.last_mut(), is_open) {
            text.push('\n');
            text.push_str(line.trim());
        } else {
            blocks.push(Block::Paragraph(line.trim().to_owned()));
            is_open = true;
        }
    }
    blocks
}

fn unquoted(line: &str) -> &str {
    let inside = &line[1..];
    inside.strip_prefix(' ').unwrap_or(inside)
}

/// Reads the lines of one list. Lines indented by two blanks or more are a list inside the item before them. A line
/// that is no item continues the item before it.
fn list(numbered: bool, lines: &[&str]) -> Block {
    let mut items: Vec<Item> = Vec::new();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        let is_nested = |line: &&&str| item(line).is_some_and(|(_, indent, _)| indent >= 2);
        match (item(line), items.last_mut()) {
            (Some((inner, 2.., _)), Some(last)) => {
                let count = rest.iter().take_while(is_nested).count();
                let inside: Vec<_> = rest[..count].iter().map(|line| line.get(2..).unwrap_or_default()).collect();
                last.nested.push(list(inner, &inside));
                rest = &rest[count..];
                continue;
            }
            (Some((_, _, text)), _) => items.push(Item { text: text.to_owned(), nested: Vec::new() }),
            (None, Some(last)) => {
                last.text.push('\n');
                last.text.push_str(line.trim());
            }
            (None, None) => items.push(Item { text: line.trim().to_owned(), nested: Vec::new() }),
        }
        rest = after;
    }
    Block::List(numbered, items)
}

/// A list item: whether it is numbered, how far it is indented, and its text.
fn item(line: &str) -> Option<(bool, usize, &str)> {
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    if let Some(item) = text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")) {
        return Some((false, indent, item));
    }
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let item = text[digits..].strip_prefix(". ").filter(|_| digits > 0)?;
    Some((true, indent, item))
}
