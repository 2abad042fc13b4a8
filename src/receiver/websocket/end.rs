//! Why a socket ended or did not open, and when and with which device the next one is opened.

use std::time::Duration;

use crate::store::StoreError;
use crate::webex::{Error, Fault};

// Webex's own codes, as its JavaScript SDK knows them.
const REPLACED: u16 = 4000;
const BAD_REQUEST: u16 = 4400;
const UNAUTHORIZED: u16 = 4401;
const FORBIDDEN: u16 = 4403;

/// Why a socket ended, or did not open.
#[derive(Debug)]
pub(super) enum SocketEnd {
    /// Webex gave no device, or its socket could not be opened.
    Refused(Error),
    /// Webex closed it.
    Closed(Option<u16>, String),
    /// The connection broke, or went silent.
    Lost(String),
    /// Webex sent a frame that is too large.
    TooLarge,
    /// An event could not be stored, so Webex has to send it again.
    NotStored(StoreError),
}

/// How the next socket is opened.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReopenPlan {
    /// Why the last one ended, for people.
    pub(super) why: String,
    /// The same reason without text from outside.
    pub(super) short: String,
    /// Whether only a person can mend the cause. The pause is then the longest that the settings allow.
    pub(super) is_slow: bool,
    pub(super) is_token_refused: bool,
    /// The pause that Webex asked for.
    pub(super) asked: Duration,
}

impl SocketEnd {
    /// Whether another process has taken over our device.
    pub(super) fn is_replacement(&self) -> bool {
        matches!(self, SocketEnd::Closed(Some(REPLACED), _))
    }

    /// Whether the next socket uses the same device. A device whose socket has not worked is replaced, unless a new one
    /// would fail for the same reason.
    pub(super) fn leaves_device(&self, has_worked: bool) -> bool {
        match self {
            SocketEnd::Refused(error) => error.is_unauthorized(),
            SocketEnd::Closed(Some(REPLACED | BAD_REQUEST | UNAUTHORIZED | FORBIDDEN), _) => true,
            SocketEnd::Closed(..) | SocketEnd::Lost(_) | SocketEnd::NotStored(_) => has_worked,
            // The frame was not acknowledged, so Webex would send it to the same device again and again.
            SocketEnd::TooLarge => false,
        }
    }

    fn in_short(&self) -> String {
        match self {
            SocketEnd::Refused(error) => error.in_short(),
            SocketEnd::Closed(Some(UNAUTHORIZED), _) => "Webex refuses the token on the websocket".to_owned(),
            SocketEnd::Closed(Some(REPLACED), _) => {
                "another process has opened a socket of websocket.device".to_owned()
            }
            SocketEnd::Closed(Some(code), _) => format!("Webex closed it ({code})"),
            SocketEnd::Closed(None, _) => "Webex closed it".to_owned(),
            SocketEnd::Lost(_) => "it broke".to_owned(),
            SocketEnd::TooLarge => "Webex sent a frame that is too large to be read".to_owned(),
            SocketEnd::NotStored(error) => error.in_short(),
        }
    }

    pub(super) fn course(self, device: &str) -> ReopenPlan {
        let short = self.in_short();
        let after = |why: String| ReopenPlan { why, short: short.clone(), ..ReopenPlan::default() };
        let slowly = |why: String| ReopenPlan { is_slow: true, ..after(why) };
        match self {
            SocketEnd::Refused(error) => {
                let why = error.to_string();
                match error.fault() {
                    Fault::Wait(asked) => ReopenPlan { asked, ..after(why) },
                    Fault::Refused => ReopenPlan { is_token_refused: true, ..slowly(why) },
                    Fault::Final => slowly(why),
                    Fault::Away | Fault::NotFound | Fault::Broken => after(why),
                }
            }
            SocketEnd::Closed(Some(UNAUTHORIZED), _) => ReopenPlan { is_token_refused: true, ..slowly(short.clone()) },
            SocketEnd::Closed(Some(REPLACED), _) => slowly(format!(
                "another process has opened a socket of the device {device:?}: stop that one, or give one of the two \
                 another websocket.device"
            )),
            SocketEnd::Closed(Some(code @ (BAD_REQUEST | FORBIDDEN)), reason) => {
                slowly(format!("Webex does not want this socket ({code} {reason})"))
            }
            SocketEnd::Closed(Some(code), reason) => after(format!("Webex closed it ({code} {reason})")),
            SocketEnd::Closed(None, _) => after("Webex closed it and did not say why".to_owned()),
            SocketEnd::Lost(why) => after(why),
            SocketEnd::TooLarge => after(short.clone()),
            SocketEnd::NotStored(error) => after(format!("what Webex sent could not be stored: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> SocketEnd {
        let (message, tracking_id) = ("no".to_owned(), None);
        SocketEnd::Refused(Error::Status { endpoint: "socket", status, message, tracking_id })
    }

    fn closed(code: u16) -> SocketEnd {
        SocketEnd::Closed(Some(code), "because".to_owned())
    }

    #[test]
    fn what_only_a_person_can_mend_is_tried_slowly_and_the_token_is_named() {
        for (end, is_slow, is_token_refused) in [
            (refused(401), true, true),
            (closed(4401), true, true),
            (closed(4000), true, false),
            (closed(4400), true, false),
            (closed(4403), true, false),
            (refused(403), true, false),
            (refused(404), false, false),
            (refused(503), false, false),
            (closed(1000), false, false),
            (closed(1001), false, false),
            (closed(1008), false, false),
            (SocketEnd::Closed(None, String::new()), false, false),
            (SocketEnd::Lost("it broke".to_owned()), false, false),
            (SocketEnd::TooLarge, false, false),
            (SocketEnd::NotStored(StoreError::Busy), false, false),
        ] {
            let said = format!("{end:?}");
            let course = end.course("switchboard");
            assert_eq!((course.is_slow, course.is_token_refused), (is_slow, is_token_refused), "{said}");
            assert!(!course.why.is_empty(), "{said}");
        }
    }

    #[test]
    fn a_pause_that_webex_asks_for_is_kept() {
        let asked = Duration::from_secs(99);
        let error = Error::RateLimited { now: true, endpoint: "devices", retry_after: asked, tracking_id: None };
        assert_eq!(SocketEnd::Refused(error).course("switchboard").asked, asked);
    }

    #[test]
    fn a_device_is_made_anew_where_that_can_help() {
        for (end, has_worked, is_left) in [
            (refused(404), false, false),
            (refused(500), false, false),
            (refused(401), false, true),
            (closed(4401), false, true),
            (closed(4000), true, true),
            (closed(1001), true, true),
            (closed(1008), false, false),
            (SocketEnd::Lost("no pong".to_owned()), true, true),
            (SocketEnd::Lost("never greeted".to_owned()), false, false),
            (SocketEnd::NotStored(StoreError::Busy), true, true),
            (SocketEnd::TooLarge, true, false),
        ] {
            assert_eq!(end.leaves_device(has_worked), is_left, "{end:?}");
        }
    }
}
