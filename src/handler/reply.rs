//! What a handler returns, and the messages it becomes.

use std::io;
use std::path::Path;

use bytes::Bytes;

use super::markdown::{MOST_BYTES, split, split_plain};
use super::{CommandError, Services};
use crate::webex::{File, NewMessage};

/// An answer. It goes to the space, and the thread, that the question came from.
///
/// ```no_run
/// use switchboard::{Args, Context, Reply, Result};
///
/// async fn export(_: Context, args: Args) -> Result<Reply> {
///     args.finish()?;
///     let table = "name,hours\nAlice,7\n";
///     Ok(Reply::text("Here are the hours.").with_file("hours.csv", "text/csv", table))
/// }
///
/// async fn handbook(_: Context, args: Args) -> Result<Reply> {
///     args.finish()?;
///     Ok(Reply::default().with_path("/srv/bot/handbook.pdf").await?)
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Reply {
    body: Body,
    files: Vec<File>,
}

#[derive(Clone, Debug)]
enum Body {
    Text(String),
    Markdown(String),
}

impl Default for Body {
    fn default() -> Self {
        Body::Text(String::new())
    }
}

/// One message to send: Webex takes one file in each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outgoing {
    pub message: NewMessage,
    pub file: Option<File>,
}

impl Reply {
    /// Plain text: nothing in it is markup, so foreign text is harmless here.
    pub fn text(text: impl Into<String>) -> Reply {
        Reply { body: Body::Text(text.into()), files: Vec::new() }
    }

    /// Webex markdown. Foreign text in it goes through [`escape`](super::escape) or [`code_block`](super::code_block).
    pub fn markdown(markdown: impl Into<String>) -> Reply {
        Reply { body: Body::Markdown(markdown.into()), files: Vec::new() }
    }

    /// A file, and nothing said.
    pub fn file(name: &str, content_type: &str, bytes: impl Into<Bytes>) -> Reply {
        Reply::default().with_file(name, content_type, bytes)
    }

    /// The same with a file. The first one goes out with the text, or with the last part of a long one; each further one
    /// is a message of its own after it, since Webex takes one file a message. Of the name the last part of a path
    /// is kept.
    #[must_use]
    pub fn with_file(mut self, name: &str, content_type: &str, bytes: impl Into<Bytes>) -> Reply {
        self.files.push(File::new(name, content_type, bytes));
        self
    }

    /// The same with a local file, read here and now: the handler's temporary folder ends with the handler, long before
    /// the reply is sent. The type is told by the ending of the name.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than the 100 MB that Webex takes.
    pub async fn with_path(mut self, path: impl AsRef<Path>) -> io::Result<Reply> {
        self.files.push(File::read(path).await?);
        Ok(self)
    }

    /// The reply, unless its files are larger than `files.largest` or find no room among those that wait.
    pub(crate) async fn bounded(self, services: &Services) -> Result<Reply, CommandError> {
        if self.files.is_empty() {
            return Ok(self);
        }
        let size = |file: &File| file.bytes.len() as u64;
        let limits = &services.files;
        if let Some(file) = self.files.iter().find(|file| size(file) > limits.largest) {
            tracing::warn!(?file, limit = limits.largest, "a reply's file is larger than files.largest");
            let (name, size, most) = (&file.name, size(file), limits.largest);
            return Err(CommandError::User(format!(
                "The file {name} has {size} bytes, and I may send {most} at most."
            )));
        }
        let waiting = services.store.size_of_files().await?;
        if waiting + self.files.iter().map(size).sum::<u64>() > limits.waiting {
            tracing::error!(
                waiting,
                limit = limits.waiting,
                "a reply's files find no room within files.waiting; dead letters count too: `switchboard outbox list --state dead`"
            );
            return Err(CommandError::User("Too many files wait to be sent. Please try again later.".to_owned()));
        }
        Ok(self)
    }

    /// The messages to send, none longer than Webex takes. An empty reply is no message.
    pub(crate) fn into_messages(self) -> Vec<Outgoing> {
        let messages: Vec<_> = match self.body {
            Body::Text(text) => split_plain(&text, MOST_BYTES)
                .into_iter()
                .map(|text| NewMessage { text: Some(text), ..NewMessage::default() })
                .collect(),
            Body::Markdown(markdown) => split(&markdown, MOST_BYTES)
                .into_iter()
                .map(|markdown| NewMessage { markdown: Some(markdown), ..NewMessage::default() })
                .collect(),
        };
        let mut messages: Vec<_> = messages.into_iter().map(Outgoing::from).collect();
        let mut files = self.files.into_iter();
        if let Some(last) = messages.last_mut() {
            last.file = files.next();
        }
        messages.extend(files.map(|file| Outgoing { file: Some(file), ..Outgoing::default() }));
        messages
    }
}

impl From<NewMessage> for Outgoing {
    fn from(message: NewMessage) -> Self {
        Outgoing { message, file: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(reply: Reply) -> Vec<(usize, Option<String>)> {
        let shape = |sent: Outgoing| (sent.message.text.unwrap_or_default().len(), sent.file.map(|file| file.name));
        reply.into_messages().into_iter().map(shape).collect()
    }

    #[test]
    fn a_file_goes_with_the_end_of_the_text_and_each_further_one_alone() {
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(shape(Reply::default()), []);
        assert_eq!(shape(Reply::file("../a.txt", "text/plain", "a")), [(0, named("a.txt"))]);
        let two = |reply: Reply| reply.with_file("a", "text/plain", "a").with_file("b", "text/plain", "b");
        assert_eq!(shape(two(Reply::default())), [(0, named("a")), (0, named("b"))]);
        assert_eq!(shape(two(Reply::text("said"))), [(4, named("a")), (0, named("b"))]);
        let long = two(Reply::text("x".repeat(MOST_BYTES + 5)));
        assert_eq!(shape(long), [(MOST_BYTES, None), (5, named("a")), (0, named("b"))]);
    }
}
