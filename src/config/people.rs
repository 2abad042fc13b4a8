//! How people and spaces are named in lists.

/// In a command's `allow`: everybody listed in `access.admins`.
pub(crate) const ADMINS: &str = "admins";

/// In a command's `rooms`: everybody's direct messages.
pub(crate) const DIRECT: &str = "direct";

/// An email, `*@domain`, or a Webex id (base64 of `ciscospark://...`, or the bare uuid).
pub(crate) fn is_person(entry: &str) -> bool {
    let entry = entry.trim();
    let plain = |c: char| !c.is_whitespace() && !"<>\"',;[]".contains(c);
    match entry.split_once('@') {
        Some((name, domain)) => {
            let domain_is_whole = !domain.is_empty() && !domain.starts_with('.') && !domain.ends_with('.');
            let one_at = !domain.contains(['@', '*']);
            let name_or_all = name == "*" || (!name.is_empty() && !name.contains('*'));
            entry.chars().all(plain) && domain_is_whole && one_at && name_or_all
        }
        None => is_id(entry),
    }
}

/// The id of a space.
pub(crate) fn is_room(entry: &str) -> bool {
    is_id(entry.trim())
}

fn is_id(entry: &str) -> bool {
    entry.len() >= 32 && entry.chars().all(|c| c.is_ascii_alphanumeric() || "-_+/=".contains(c))
}

/// What is wrong with an entry of `to`, as a clause. What is no id and no address is the title of a space.
pub(super) fn destination_problem(entry: &str) -> Option<&'static str> {
    let entry = entry.trim();
    (entry.is_empty() || entry.starts_with("*@")).then_some(
        "names neither a space nor a person: give the title or the id of a space (`switchboard rooms`), an email or a \
         person id",
    )
}
