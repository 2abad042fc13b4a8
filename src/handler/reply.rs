//! What a handler returns, and the messages it becomes.

use super::markdown::{MOST_BYTES, split, split_plain};
use crate::webex::NewMessage;

/// An answer. It goes to the space, and the thread, that the question came from.
#[derive(Clone, Debug)]
pub struct Reply(Body);

#[derive(Clone, Debug)]
enum Body {
    Text(String),
    Markdown(String),
}

impl Reply {
    /// Plain text: nothing in it is markup, so foreign text is harmless here.
    pub fn text(text: impl Into<String>) -> Reply {
        Reply(Body::Text(text.into()))
    }

    /// Webex markdown. Foreign text in it goes through [`escape`](super::escape) or [`code_block`](super::code_block).
    pub fn markdown(markdown: impl Into<String>) -> Reply {
        Reply(Body::Markdown(markdown.into()))
    }

    /// The messages to send, none longer than Webex takes. An empty reply is no message.
    pub(crate) fn into_messages(self) -> Vec<NewMessage> {
        match self.0 {
            Body::Text(text) => split_plain(&text, MOST_BYTES)
                .into_iter()
                .map(|text| NewMessage { text: Some(text), ..NewMessage::default() })
                .collect(),
            Body::Markdown(markdown) => split(&markdown, MOST_BYTES)
                .into_iter()
                .map(|markdown| NewMessage { markdown: Some(markdown), ..NewMessage::default() })
                .collect(),
        }
    }
}
