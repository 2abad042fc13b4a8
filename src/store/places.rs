//! The spaces that the settings name by their titles.

/// The space that a title means. It was found once, and stays the same when the space gets another title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The title as the settings have it.
    pub title: String,
    /// Webex's id of the space.
    pub room: String,
    /// The title that the space had when it was last looked at.
    pub seen: String,
    /// When the space was created at Webex, in milliseconds since 1970.
    pub made_at: Option<i64>,
}
