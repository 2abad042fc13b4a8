//! Letters and words as people see and mean them, and where a long text can be cut. Pure.

mod cut;
mod letters;

pub(crate) use cut::{cut, is_break, is_joined};
pub(crate) use letters::{embeds, is_invisible, is_unseen, moves, turns};
