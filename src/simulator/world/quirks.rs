//! Behaviour of Webex that is unknown or disputed. The cloud chooses one side by default, and each quirk switches to
//! the other, so that a bot can be tested with both.

use serde::{Deserialize, Serialize};

/// The quirks of the cloud. All are off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Quirks {
    /// `POST /attachment/actions` answers 202, as the specification says, instead of the 200 that clients expect.
    pub clicks_accepted: bool,
    /// Reading a message that the caller may not see answers 403 instead of 404.
    pub unseen_forbidden: bool,
    /// A mention shows the whole display name instead of its first word.
    pub full_names: bool,
    /// A card with more than five buttons in a row is refused, as the guide says, although Webex has accepted such
    /// cards.
    pub five_buttons: bool,
    /// An edit is delivered as `messages/updated`, which the official table does not have.
    pub edits_told: bool,
    /// `<@all>` reaches bots.
    pub all_reaches_bots: bool,
    /// The first page of each list is empty and links to a next page.
    pub empty_pages: bool,
    /// The address of the next page lacks `mentionedPeople`, as with an older server.
    pub lost_mentions: bool,
}
