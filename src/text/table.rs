//! Tables of text: in the terminal, and in chat, where Webex markdown has none of its own.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::one_line;

/// A table whose columns line up in a monospace font, as `report` shows it. The columns in `numbers`, counted from 0,
/// are aligned to the right. In Webex, put it into a [`code_block`](crate::code_block), since Webex markdown has no
/// tables. A cell stays on one line, whatever it contains.
///
/// ```
/// use switchboard::{Reply, code_block, table};
///
/// let orders = table(["DISH", "COUNT"], &[1], [["pizza", "12"], ["soup", "3"]]);
/// assert_eq!(orders, "DISH   COUNT\npizza     12\nsoup       3");
/// let reply = Reply::markdown(code_block(&orders));
/// ```
pub fn table<Cell: AsRef<str>, const N: usize>(
    head: [&str; N],
    numbers: &[usize],
    rows: impl IntoIterator<Item = [Cell; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(head);
    for row in rows {
        table.add_row(row.map(|cell| one_line(cell.as_ref())));
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
