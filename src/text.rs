//! Letters and words as people see and mean them, and where a long text can be cut. Pure.

mod cut;
mod letters;
mod word;

pub(crate) use cut::{cut, is_break, is_joined};
pub(crate) use letters::{draws, embeds, is_blank, is_invisible, is_unseen, moves, turns};
pub(crate) use word::{
    after_slash, bare, find, find_called, folded, has_slash, is_only_stops, plain, trim, unmarked, unwrapped,
};
