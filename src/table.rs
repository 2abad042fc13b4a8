//! Tables of text: in the terminal, and in chat, where Webex markdown has none of its own.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::text::{moves, turns};

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
