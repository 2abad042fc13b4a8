//! A message about to be posted, and the checks that Webex makes before it looks at the room.

use bytes::Bytes;
use serde_json::Value;

use super::refusal::Refusal;
use super::written::cards;

/// The most bytes of UTF-8 in the text, and in the markdown.
const LONGEST: usize = 7439;

const TOO_LONG: &str = "Unable to post message to room: Message length limited to 7439 characters before encryption and \
                        10000 characters after encryption.";

/// A message about to be posted.
#[derive(Default)]
pub(crate) struct MessageDraft {
    pub(crate) parent_id: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) markdown: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) attachments: Vec<Value>,
    pub(crate) files: Vec<Upload>,
    /// Whether it was typed into a Webex app, which sends HTML and never markdown. Then only the HTML is kept.
    pub(crate) typed: bool,
}

/// A file about to be posted.
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
    /// The address it was fetched from.
    pub(crate) source: Option<String>,
}

impl Upload {
    pub(crate) fn new(name: &str, content_type: &str, bytes: &[u8]) -> Upload {
        let (name, content_type) = (name.to_owned(), content_type.to_owned());
        Upload { name, content_type, bytes: Bytes::copy_from_slice(bytes), source: None }
    }
}

pub(crate) fn check_content(draft: &MessageDraft) -> Result<(), Refusal> {
    let is_blank = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    if [&draft.text, &draft.markdown, &draft.html].into_iter().all(is_blank)
        && draft.files.is_empty()
        && draft.attachments.is_empty()
    {
        return Err(Refusal::bad_request("Both text and file cannot be empty."));
    }
    if [&draft.text, &draft.markdown, &draft.html].into_iter().flatten().any(|text| text.len() > LONGEST) {
        return Err(Refusal::bad_request(TOO_LONG));
    }
    if draft.files.len() > 1 {
        return Err(Refusal::bad_request("Only one file per message is allowed."));
    }
    if draft.attachments.len() > 1 {
        return Err(Refusal::bad_request("Only one card per message is allowed."));
    }
    if !draft.attachments.is_empty() && !draft.files.is_empty() {
        return Err(Refusal::bad_request("A message cannot have both files and attachments."));
    }
    if draft.html.is_some() && draft.markdown.is_some() {
        return Err(Refusal::bad_request("A message cannot have both markdown and html."));
    }
    if let Some(problem) = draft.attachments.iter().find_map(cards::problem) {
        return Err(Refusal::bad_request(format!("Invalid Adaptive Card Json: {problem}")));
    }
    Ok(())
}
