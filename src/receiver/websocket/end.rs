//! How a socket ends, or does not begin, and what is done about it. It is always opened anew; the question is when, and
//! with which device.

use std::time::Duration;

use crate::store::StoreError;
use crate::webex::{Error, Fault};

// The codes of Webex's own, as its SDK for JavaScript knows them.
const REPLACED: u16 = 4000;
const BAD_REQUEST: u16 = 4400;
const UNAUTHORIZED: u16 = 4401;
const FORBIDDEN: u16 = 4403;

/// The end of a socket.
#[derive(Debug)]
pub(super) enum End {
    /// There is no device, or its socket cannot be opened.
    Refused(Error),
    /// Webex closed it.
    Closed(Option<u16>, String),
    /// It broke, or says nothing any more.
    Lost(String),
    /// A frame came that is larger than any that is read.
    TooLarge,
    /// What came could not be put on disk, so Webex has to send it again.
    NotStored(StoreError),
}

/// What is done about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Course {
    /// For people.
    pub(super) why: String,
    /// The same in words of ours.
    pub(super) short: String,
    /// Only a person can mend it, so it is tried again as seldom as the settings allow.
    pub(super) is_slow: bool,
    pub(super) is_token_refused: bool,
    /// The pause that Webex asks for.
    pub(super) asked: Duration,
}

impl End {
    /// Another process goes on with our device.
    pub(super) fn is_replacement(&self) -> bool {
        matches!(self, End::Closed(Some(REPLACED), _))
    }

    /// Whether the next socket is of the same device. A new one is made in place of one that has not worked, whatever
    /// the reason, unless it is one that a new device would have too.
    pub(super) fn leaves_device(&self, has_worked: bool) -> bool {
        match self {
            End::Refused(error) => error.is_unauthorized(),
            End::Closed(Some(REPLACED | BAD_REQUEST | UNAUTHORIZED | FORBIDDEN), _) => true,
            End::Closed(..) | End::Lost(_) | End::NotStored(_) => has_worked,
            // It was not acknowledged, so the same device would be sent it again and again.
            End::TooLarge => false,
        }
    }

    fn in_short(&self) -> String {
        match self {
            End::Refused(error) => error.in_short(),
            End::Closed(Some(UNAUTHORIZED), _) => "Webex refuses the token on the websocket".to_owned(),
            End::Closed(Some(REPLACED), _) => "another process has opened a socket of websocket.device".to_owned(),
            End::Closed(Some(code), _) => format!("Webex closed it ({code})"),
            End::Closed(None, _) => "Webex closed it".to_owned(),
            End::Lost(_) => "it broke".to_owned(),
            End::TooLarge => "Webex sent a frame that is too large to be read".to_owned(),
            End::NotStored(error) => error.in_short(),
        }
    }

    pub(super) fn course(self, device: &str) -> Course {
        let short = self.in_short();
        let after = |why: String| Course { why, short: short.clone(), ..Course::default() };
        let slowly = |why: String| Course { is_slow: true, ..after(why) };
        match self {
            End::Refused(error) => {
                let why = error.to_string();
                match error.fault() {
                    Fault::Wait(asked) => Course { asked, ..after(why) },
                    Fault::Refused => Course { is_token_refused: true, ..slowly(why) },
                    Fault::Final => slowly(why),
                    Fault::Away | Fault::NotFound | Fault::Broken => after(why),
                }
            }
            End::Closed(Some(UNAUTHORIZED), _) => {
                Course { is_token_refused: true, ..slowly("Webex refuses the token on the websocket".to_owned()) }
            }
            End::Closed(Some(REPLACED), _) => slowly(format!(
                "another process has opened a socket of the device {device:?}: stop that one, or give one of the two \
                 another websocket.device"
            )),
            End::Closed(Some(code @ (BAD_REQUEST | FORBIDDEN)), reason) => {
                slowly(format!("Webex does not want this socket ({code} {reason})"))
            }
            End::Closed(Some(code), reason) => after(format!("Webex closed it ({code} {reason})")),
            End::Closed(None, _) => after("Webex closed it and did not say why".to_owned()),
            End::Lost(why) => after(why),
            End::TooLarge => after("Webex sent a frame that is too large to be read".to_owned()),
            End::NotStored(error) => after(format!("what Webex sent could not be stored: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> End {
        let (message, tracking_id) = ("no".to_owned(), None);
        End::Refused(Error::Status { endpoint: "socket", status, message, tracking_id })
    }

    fn closed(code: u16) -> End {
        End::Closed(Some(code), "because".to_owned())
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
            (End::Closed(None, String::new()), false, false),
            (End::Lost("it broke".to_owned()), false, false),
            (End::TooLarge, false, false),
            (End::NotStored(StoreError::Busy), false, false),
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
        assert_eq!(End::Refused(error).course("switchboard").asked, asked);
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
            (End::Lost("no pong".to_owned()), true, true),
            (End::Lost("never greeted".to_owned()), false, false),
            (End::NotStored(StoreError::Busy), true, true),
            (End::TooLarge, true, false),
        ] {
            assert_eq!(end.leaves_device(has_worked), is_left, "{end:?}");
        }
    }
}
