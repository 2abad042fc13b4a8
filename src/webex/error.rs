//! The errors of a call, sorted by what the caller does about them.

use std::time::Duration;

use crate::redact::{Redactor, one_line};

/// The longest id that is shown. Webex's ids have half as many bytes.
const LONGEST_ID: usize = 100;

/// A failed call. The message contains no secret of the settings, and is one line of a few hundred bytes.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// 429: the call was not made. It may be made after the pause.
    #[error("Webex has asked to slow down ({endpoint}): wait {}s{}", .retry_after.as_secs(), tracked(.tracking_id))]
    RateLimited {
        /// Whether Webex said so in answer to this call, and not to an earlier one.
        now: bool,
        /// The endpoint's name in the metrics.
        endpoint: &'static str,
        /// How long to wait. An absurd value has been corrected.
        retry_after: Duration,
        /// Webex's id of the request, for its support.
        tracking_id: Option<String>,
    },
    /// 423: the file is being scanned for malware. It may be available after the pause.
    #[error("Webex still scans the file ({endpoint}): wait {}s{}", .retry_after.as_secs(), tracked(.tracking_id))]
    Locked {
        /// The endpoint's name in the metrics.
        endpoint: &'static str,
        /// How long to wait. An absurd value has been corrected.
        retry_after: Duration,
        /// Webex's id of the request, for its support.
        tracking_id: Option<String>,
    },
    /// Any other status that is no success.
    #[error("Webex answered {status} to {endpoint}: {message}{}", tracked(.tracking_id))]
    Status {
        /// The endpoint's name in the metrics.
        endpoint: &'static str,
        /// The HTTP status.
        status: u16,
        /// Webex's own explanation, or the name of the status.
        message: String,
        /// Webex's id of the request, for its support.
        tracking_id: Option<String>,
    },
    /// There was no answer: the connection was refused or reset, the name was not found, or it took too long. The call
    /// may or may not have been carried out.
    #[error("Webex cannot be reached ({endpoint}): {cause}")]
    Unreachable {
        /// The endpoint's name in the metrics.
        endpoint: &'static str,
        /// Whether anything of the call may have reached Webex.
        is_sent: bool,
        /// The innermost reason.
        cause: String,
    },
    /// Something else answered in Webex's place: a proxy, a gateway, a captive portal. The call may or may not have
    /// been carried out.
    #[error("something that is not Webex answered {status} to {endpoint}: {cause}")]
    NotWebex {
        /// The endpoint's name in the metrics.
        endpoint: &'static str,
        /// The HTTP status.
        status: u16,
        /// What came, described without quoting it.
        cause: String,
    },
    /// A success whose body is not what Webex documents.
    #[error("Webex answered {endpoint} with a body that cannot be read: {cause}")]
    Unreadable {
        /// The endpoint's name in the metrics.
        endpoint: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The call was not made, since Webex would never accept it.
    #[error("nothing was sent ({endpoint}): {cause}")]
    Unsendable {
        /// The endpoint's name in the metrics.
        endpoint: &'static str,
        /// What is wrong with it, and what to do instead.
        cause: String,
    },
}

/// Why Webex may refuse a direct message.
const FIRST: &str = "the bot may not write to this person: they may have to write to the bot first, or their organization \
     does not let them have this bot";

/// What a caller does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Wait. Webex asks for this pause; the call was not made, so the try does not count.
    Wait(Duration),
    /// Try again as long as the call is wanted. Webex is away, which is not the fault of this call. The call may have
    /// been carried out.
    Away,
    /// Wait until somebody mends the token. Webex refuses it, so nothing was done and nothing can be.
    Refused,
    /// The thing is not there, or not there yet.
    NotFound,
    /// Try again a few times. Webex, or its answer, is broken for this call.
    Broken,
    /// Give up. Webex will never accept this call.
    Final,
}

impl Error {
    /// The pause that Webex asks for, if it asks for one.
    pub fn asked_pause(&self) -> Option<Duration> {
        if let Error::RateLimited { retry_after, .. } = self { Some(*retry_after) } else { None }
    }

    /// Sorts the error by what to do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Error::RateLimited { retry_after, .. } => Fault::Wait(*retry_after),
            Error::Unreachable { .. } | Error::NotWebex { .. } => Fault::Away,
            Error::Unreadable { .. } | Error::Locked { .. } => Fault::Broken,
            Error::Unsendable { .. } => Fault::Final,
            Error::Status { status, .. } => match status {
                401 => Fault::Refused,
                502..=504 => Fault::Away,
                404 => Fault::NotFound,
                501 => Fault::Final,
                500.. => Fault::Broken,
                _ => Fault::Final,
            },
        }
    }

    /// Whether Webex itself has just answered. False for a pause that it asked for earlier.
    pub fn is_told_now(&self) -> bool {
        !matches!(self, Error::RateLimited { now: false, .. })
    }

    /// Whether Webex refuses the token.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Error::Status { status: 401, .. })
    }

    /// Whether Webex rejects the content of the call.
    pub fn is_bad_request(&self) -> bool {
        matches!(self, Error::Status { status: 400, .. })
    }

    /// Webex's id of the refused request. Its support asks for it.
    pub fn tracking_id(&self) -> Option<&str> {
        match self {
            Error::RateLimited { tracking_id, .. }
            | Error::Locked { tracking_id, .. }
            | Error::Status { tracking_id, .. } => tracking_id.as_deref(),
            Error::Unreachable { .. }
            | Error::NotWebex { .. }
            | Error::Unreadable { .. }
            | Error::Unsendable { .. } => None,
        }
    }

    /// Whether the call may have been carried out, or may still be.
    pub fn is_uncertain(&self) -> bool {
        match self {
            Error::Unreachable { is_sent, .. } => *is_sent,
            Error::NotWebex { .. } | Error::Unreadable { .. } | Error::Status { status: 500.., .. } => true,
            Error::RateLimited { .. } | Error::Locked { .. } | Error::Status { .. } | Error::Unsendable { .. } => false,
        }
    }

    /// Whether this Webex does not have this kind of call.
    pub fn is_no_route(&self) -> bool {
        matches!(self, Error::Status { status: 405 | 501, .. } | Error::NotWebex { status: 405 | 501, .. })
    }

    /// The error, with its foreign text made safe for logs and people.
    pub(crate) fn sanitized(mut self, redactor: &Redactor) -> Error {
        match &mut self {
            Error::Status { message: foreign, .. }
            | Error::Unreachable { cause: foreign, .. }
            | Error::NotWebex { cause: foreign, .. }
            | Error::Unreadable { cause: foreign, .. }
            | Error::Unsendable { cause: foreign, .. } => *foreign = redactor.sanitized(foreign),
            Error::RateLimited { .. } | Error::Locked { .. } => {}
        }
        match &mut self {
            Error::RateLimited { tracking_id: Some(id), .. }
            | Error::Locked { tracking_id: Some(id), .. }
            | Error::Status { tracking_id: Some(id), .. } => *id = one_line(&redactor.sanitized(id), LONGEST_ID),
            _ => {}
        }
        self
    }

    /// The error without foreign text, for readers who may not see Webex's messages.
    pub fn in_short(&self) -> String {
        match self {
            Error::RateLimited { endpoint, .. } => format!("Webex has asked to slow down ({endpoint})"),
            Error::Locked { endpoint, .. } => format!("Webex still scans the file ({endpoint})"),
            Error::Status { endpoint, status: 401, .. } => format!("Webex refuses the token (401 to {endpoint})"),
            Error::Status { endpoint, status, .. } => format!("Webex answered {status} to {endpoint}"),
            Error::Unreachable { endpoint, .. } => format!("Webex cannot be reached ({endpoint})"),
            Error::NotWebex { endpoint, status, .. } => {
                format!("something that is not Webex answered {status} to {endpoint}")
            }
            Error::Unreadable { endpoint, .. } => format!("Webex answered {endpoint} with a body that cannot be read"),
            Error::Unsendable { endpoint, .. } => format!("nothing was sent ({endpoint})"),
        }
    }

    /// What an operator can do about a message that Webex refused. In a direct space, membership is not the reason.
    pub fn hint_of_message(&self, is_direct: bool) -> &'static str {
        match self {
            Error::Status { status: 403, .. } if is_direct => FIRST,
            other => other.hint(),
        }
    }

    /// The error and the hint about a message that Webex refused, to be stored.
    pub fn of_message(&self, is_direct: bool) -> String {
        match self {
            Error::Status { status: 403, .. } if is_direct => format!("{self}; {FIRST}"),
            other => other.to_string(),
        }
    }

    /// What an operator can do about the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Status { status: 401, .. } => {
                "the token is refused: was it regenerated? set WEBEX_BOT_TOKEN to the current one"
            }
            Error::Status { status: 403, .. } => "the bot may not do this there: is it a member of the space?",
            Error::Status { status: 404, .. } => "Webex does not know this id, or the bot is not a member of the space",
            Error::Status { status: 300..=399, .. } => "check webex.api_url: it leads somewhere else",
            Error::Status { status: 500.., .. } => "Webex has a problem; see status.webex.com and try again",
            Error::Status { .. } => "Webex refuses the request itself; its message says why",
            Error::RateLimited { .. } | Error::Locked { .. } => "wait as told, then try again",
            Error::Unsendable { .. } => "change what is sent as the message says",
            Error::Unreachable { .. } => {
                "check webex.api_url, the network, HTTPS_PROXY, and webex.ca_file behind an inspecting proxy"
            }
            Error::NotWebex { .. } => {
                "a proxy, a sign-in page or a wrong webex.api_url answers in Webex's place: see who answers there"
            }
            Error::Unreadable { .. } => "check webex.api_url: is that really the Webex API?",
        }
    }
}

fn tracked(id: &Option<String>) -> String {
    id.as_ref().map(|id| format!(" (tracking id {id})")).unwrap_or_default()
}

/// The pause in a `Retry-After`: seconds, or a date. An absurd value becomes a reasonable pause.
pub(super) fn retry_after(header: Option<&str>, now: jiff::Timestamp) -> Duration {
    /// The pause for a missing or odd value.
    const UNSAID: Duration = Duration::from_secs(5);
    const LEAST: Duration = Duration::from_secs(1);
    /// The longest pause. Webex documents pauses of up to an hour.
    const MOST: Duration = Duration::from_secs(3600);
    const NONSENSE: f64 = 86_400.0;

    let Some(text) = header.map(str::trim).filter(|text| !text.is_empty()) else { return UNSAID };
    let seconds = match text.parse::<f64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => jiff::fmt::rfc2822::parse(text)
            .ok()
            .map(|date| (date.timestamp() - now).total(jiff::Unit::Second))
            .and_then(Result::ok),
    };
    match seconds {
        Some(seconds) if (0.0..=NONSENSE).contains(&seconds) => Duration::from_secs_f64(seconds).clamp(LEAST, MOST),
        _ => UNSAID,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_retry_after_becomes_a_sane_pause() {
        let now: jiff::Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
        let pause = |header| retry_after(header, now).as_secs_f64();
        let sane = 5.0;
        assert_eq!(pause(Some("7")), 7.0);
        assert_eq!(pause(Some(" 2.5 ")), 2.5);
        assert_eq!(pause(Some("0")), 1.0);
        assert_eq!(pause(Some("7200")), 3600.0);
        assert_eq!(pause(Some("Mon, 02 Mar 2026 20:00:30 GMT")), 30.0);
        for odd in [
            None,
            Some(""),
            Some("-3"),
            Some("soon"),
            Some("NaN"),
            Some("inf"),
            Some("99999999999999999999999"),
            Some("Sun, 01 Mar 2026 20:00:30 GMT"),
            Some("1e400"),
        ] {
            assert_eq!(pause(odd), sane, "{odd:?}");
        }
    }
}
