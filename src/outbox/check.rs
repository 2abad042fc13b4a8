//! Checks letters before they are put into the outbox. A letter that Webex refuses later becomes a dead letter.

use std::fmt;

use url::Url;

use super::{Destination, Letter};
use crate::webex::NewMessage;

/// The longest text or markdown that Webex takes, in bytes.
const LONGEST: usize = 7439;

type Checked = Result<(), String>;

impl Letter {
    /// Checks a post that an author made.
    ///
    /// # Errors
    /// What is wrong, in a sentence. Change the letter.
    pub(super) fn check(&self) -> Checked {
        self.to().check()?;
        match self {
            Letter::Post(post) => {
                place(&post.message)?;
                attached(&post.message)?;
                content(&post.message)
            }
            Letter::Edit(edit) => {
                place(&edit.message)?;
                let is_text = edit.message.files.is_empty() && edit.message.attachments.is_empty();
                must(is_text, "an edit changes only the text of a message; it has no card and no file")?;
                content(&edit.message)
            }
            Letter::Delete(_) => Ok(()),
        }
    }
}

impl Destination {
    /// Checks a letter that an author made.
    ///
    /// # Errors
    /// What is wrong, in a sentence. Change the letter.
    pub(crate) fn check(&self) -> Checked {
        match self {
            Destination::Space(..) | Destination::Person(_) => Ok(()),
            Destination::Email(email) => {
                let is_address = email.contains('@') && !email.contains(char::is_whitespace);
                must(is_address, format_args!("{email:?} is no email address"))
            }
        }
    }
}

/// Whether Webex could fetch a file from this address.
pub(crate) fn is_on_the_web(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Checks that the message names no destination and no thread, since the letter does.
fn place(message: &NewMessage) -> Checked {
    let names_place = message.room_id.is_some() || message.is_to_person();
    must(!names_place, "the message must not name a space or a person; `to` of the letter says where it goes")?;
    let answers = message.parent_id.is_some();
    must(!answers, "the message must not name what it answers; `in_thread` of the letter says that")
}

fn attached(message: &NewMessage) -> Checked {
    let count = message.files.len() + message.attachments.len();
    must(count <= 1, "a message has one file or one card; put the others into letters of their own")?;
    match message.files.iter().find(|file| !is_on_the_web(file)) {
        Some(file) => Err(format!("{file:?} is no address of a file; it begins with https://")),
        None => Ok(()),
    }
}

fn content(message: &NewMessage) -> Checked {
    let NewMessage { text, markdown, files, attachments, .. } = message;
    let texts = || [text, markdown].into_iter().flatten();
    let is_seen = texts().any(|text| !text.trim().is_empty()) || files.len() + attachments.len() > 0;
    must(is_seen, "the message says nothing")?;
    let longest = texts().map(String::len).max().unwrap_or_default();
    let problem = format_args!("the message has {longest} bytes of text, and Webex takes {LONGEST} at most");
    must(longest <= LONGEST, problem)
}

fn must(holds: bool, problem: impl fmt::Display) -> Checked {
    if holds { Ok(()) } else { Err(problem.to_string()) }
}
