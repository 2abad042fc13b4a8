//! Tables of text: in the terminal, and in chat, where Webex markdown has none of its own.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

/// Columns that line up in a monospace font; columns named in `numbers` are aligned to the right.
pub(crate) fn table<const N: usize>(
    head: [&str; N],
    numbers: &[usize],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(head);
    for row in rows {
        table.add_row(row.map(|cell| one_line(&cell)));
    }
    for number in numbers {
        if let Some(column) = table.column_mut(*number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Foreign text for one line: what would move a terminal's cursor is a blank, and what would turn the direction in
/// which the line is read is left out.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().filter(|c| !turns(*c)).map(|c| if moves(c) { ' ' } else { c }).collect()
}

/// Whether a character changes how the text around it is shown.
pub(crate) fn is_disruptive(c: char) -> bool {
    moves(c) || turns(c)
}

/// Whether nobody can tell by looking that a character is there, or which one it is: controls, format characters, what
/// Unicode lets a font ignore, and every blank but the plain one.
pub(crate) fn is_unseen(c: char) -> bool {
    let is_format = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    c != ' ' && (c.is_control() || c.is_whitespace() || is_format)
}

fn moves(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
