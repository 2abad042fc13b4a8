//! Where the facts about Webex are silent or disagree, the cloud takes a side; each of these takes the other one, so
//! that a bot can be seen to work either way.

use serde::{Deserialize, Serialize};

/// All off at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Quirks {
    /// `POST /attachment/actions` answers 202, as the specification says, and not the 200 that clients expect.
    pub clicks_accepted: bool,
    /// A message that the caller may not read is answered 403 and not 404.
    pub unseen_forbidden: bool,
    /// A mention shows the whole display name and not its first word.
    pub full_names: bool,
    /// A card with more than five buttons in a row is refused, as the guide says, though more were seen accepted.
    pub five_buttons: bool,
    /// An edit is told as `messages/updated`, which the official table does not have.
    pub edits_told: bool,
    /// `<@all>` reaches bots.
    pub all_reaches_bots: bool,
    /// Each first page of a list is empty and has a next one.
    pub empty_pages: bool,
    /// The address of the next page lacks `mentionedPeople`, as an older server's did.
    pub lost_mentions: bool,
}
