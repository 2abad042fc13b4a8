//! What is wrong with the settings of a hook, and where.

/// What is wrong with a hook.
pub(super) struct WrongHook {
    /// Where in the settings, if it is more exact than the place of the hook.
    pub place: Option<String>,
    pub says: String,
}

impl WrongHook {
    /// At this place, if it is known.
    pub(super) fn at(place: &str, says: String) -> WrongHook {
        WrongHook { place: (!place.is_empty()).then(|| place.to_owned()), says }
    }
}

impl From<String> for WrongHook {
    fn from(says: String) -> WrongHook {
        WrongHook { place: None, says }
    }
}
