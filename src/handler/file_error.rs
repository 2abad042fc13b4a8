//! Why an attached file cannot be had.

use std::io;
use std::path::PathBuf;

use crate::webex::Error;

/// Why a file cannot be had. The text is a sentence for whoever attached it; `?` in a handler tells them, and turns only
/// [`FileError::Webex`] and [`FileError::Disk`] into an internal error, which is tried again.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Webex has not finished its scan for malware in the time there was.
    #[error("Webex is still scanning the file for malware. Please try again in a moment.")]
    Scanning,
    /// The scan found malware: Webex will never give the file out.
    #[error("Webex found malware in the file, so I cannot have it.")]
    Infected,
    /// The scan cannot tell, and the handler has not said [`Attached::even_if_unscannable`](super::Attached::even_if_unscannable).
    #[error("Webex cannot scan the file for malware, as when it is encrypted, so I do not open it.")]
    Unscannable,
    /// It was deleted, or the bot may not have it.
    #[error("The file is not there any more, or I may not read it.")]
    Gone,
    /// It is larger than `files.largest`, or than the handler takes.
    #[error("The file is too large: I take {limit} bytes at most.")]
    TooLarge {
        /// What is taken, in bytes.
        limit: u64,
    },
    /// The message names a file that is not kept at the Webex this bot talks to: it is not asked for.
    #[error("The file is not kept at Webex, so I do not fetch it.")]
    Elsewhere,
    /// Webex did not give it.
    #[error(transparent)]
    Webex(#[from] Error),
    /// It cannot be written here.
    #[error("cannot write the file to {}: {cause}", .path.display())]
    Disk {
        /// Where to.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
}

impl FileError {
    /// Whether whoever attached the file can do something about it, and another try cannot.
    pub(super) fn is_for_the_person(&self) -> bool {
        match self {
            FileError::Scanning
            | FileError::Infected
            | FileError::Unscannable
            | FileError::Gone
            | FileError::TooLarge { .. }
            | FileError::Elsewhere => true,
            FileError::Webex(_) | FileError::Disk { .. } => false,
        }
    }
}
