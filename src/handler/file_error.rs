//! Why an attached file cannot be had.

use std::io;
use std::path::PathBuf;

use crate::webex::Error;

/// Why a file cannot be had. Return it from a handler with `?`: the person reads its text. Only [`FileError::Webex`]
/// and [`FileError::Disk`] become an internal error, and the command is tried again.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Webex has not finished its scan for malware in time.
    #[error("Webex is still scanning the file for malware. Please try again in a moment.")]
    Scanning,
    /// The scan found malware: Webex will never give the file out.
    #[error("Webex found malware in the file, so I cannot have it.")]
    Infected,
    /// Webex cannot scan the file, and the handler has not called
    /// [`Attached::even_if_unscannable`](super::Attached::even_if_unscannable).
    #[error("Webex cannot scan the file for malware, as when it is encrypted, so I do not open it.")]
    Unscannable,
    /// The file was deleted, or the bot may not read it.
    #[error("The file is not there any more, or I may not read it.")]
    Gone,
    /// The file is larger than `files.largest`, or than the handler allows.
    #[error("The file is too large: I take {limit} bytes at most.")]
    TooLarge {
        /// The largest size that is allowed, in bytes.
        limit: u64,
    },
    /// The address of the file is not one of the Webex this bot talks to, so it is not fetched.
    #[error("The file is not kept at Webex, so I do not fetch it.")]
    Elsewhere,
    /// The request to Webex failed.
    #[error(transparent)]
    Webex(#[from] Error),
    /// The file cannot be written to disk.
    #[error("cannot write the file to {}: {cause}", .path.display())]
    Disk {
        /// The path it was to be written to.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
}

impl FileError {
    /// Whether the person can do something about it, and another try cannot.
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
