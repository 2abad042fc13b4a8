//! Why a request has no answer, in the same words whichever way it was sent.

use std::error::Error;
use std::io::ErrorKind;

use tower::timeout::error::Elapsed;

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct Lost {
    pub is_timeout: bool,
    /// Whether anything of the request may have reached the other end.
    pub is_sent: bool,
    /// The innermost cause, which a person can act on.
    pub cause: String,
}

impl Lost {
    /// The answer did not come in time.
    pub fn late(is_sent: bool) -> Lost {
        Lost { is_timeout: true, is_sent, cause: "no answer within webex.timeout".to_owned() }
    }

    /// The connection was not made, or it broke.
    pub fn broken(is_sent: bool, error: &(dyn Error + 'static)) -> Lost {
        let (mut cause, mut is_timeout) = (error, false);
        loop {
            let by_system = cause.downcast_ref::<std::io::Error>();
            is_timeout |= by_system.is_some_and(|error| error.kind() == ErrorKind::TimedOut) || cause.is::<Elapsed>();
            match cause.source() {
                Some(deeper) => cause = deeper,
                None if is_timeout => return Lost::late(is_sent),
                None => return Lost { is_timeout, is_sent, cause: cause.to_string() },
            }
        }
    }
}

impl From<reqwest::Error> for Lost {
    fn from(error: reqwest::Error) -> Lost {
        let is_sent = !error.is_connect();
        // The library's own message names the URL.
        if error.is_timeout() { Lost::late(is_sent) } else { Lost::broken(is_sent, &error.without_url()) }
    }
}
