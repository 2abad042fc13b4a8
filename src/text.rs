//! Letters and words as people see and mean them, Webex markdown, tables, times, and where a long text can be cut. Pure.

mod cut;
mod letters;
mod markdown;
mod spans;
mod split;
mod table;
mod time;
mod word;

pub(crate) use cut::{cut, is_break, is_joined};
pub(crate) use letters::{draws, embeds, is_blank, is_disruptive, is_invisible, is_unseen, moves, one_line};
pub(crate) use markdown::host_link;
pub(crate) use markdown::quoted;
pub use markdown::{code_block, code_span, escape};
pub(crate) use split::{MOST_BYTES, split, split_plain};
pub use table::table;
pub(crate) use time::{day, iso_time, minute, second};
pub(crate) use word::{
    after_slash, find, find_called, folded, has_slash, is_only_stops, nearest, plain, trim, unmarked, unwrapped,
};
