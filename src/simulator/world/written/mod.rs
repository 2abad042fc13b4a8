//! How Webex reads markdown, HTML and cards. Pure.

mod blocks;
pub(crate) mod cards;
pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod shown;
