//! What works, but hardly as it was meant: what `check` warns of without a network, and the daemon logs at its start.

use crate::access::Policy;
use crate::config::{Config, DmPolicy, Doubt, GroupPolicy};
use crate::handler::Table;

/// Everything doubtful about settings and commands, but for [`Config::uncalled`].
pub(crate) fn doubts(config: &Config, table: &Table) -> Vec<Doubt> {
    let access = &config.access;
    let policy = Policy::new(access);
    let mut doubts = Vec::new();
    let nobody_direct = match access.dm_policy {
        DmPolicy::Disabled => true,
        DmPolicy::Allowlist => access.allow_from.is_empty() && access.admins.is_empty(),
        DmPolicy::Pairing | DmPolicy::Open => false,
    };
    let nobody_in_spaces = match access.group_policy {
        GroupPolicy::Disabled => true,
        GroupPolicy::Allowlist => {
            access.allow_from.is_empty() && access.group_allow_from.is_empty() && access.admins.is_empty()
        }
        GroupPolicy::Mention | GroupPolicy::Open => false,
    };
    if nobody_direct && nobody_in_spaces {
        doubts.push(Doubt::new(
            "nobody can write to the bot, neither directly nor in spaces",
            "list people in access.allow_from, such as *@example.org, or set access.dm_policy or access.group_policy",
        ));
    } else if nobody_direct && access.dm_policy == DmPolicy::Allowlist {
        doubts.push(Doubt::new(
            "nobody can write to the bot directly",
            "list people in access.allow_from, such as *@example.org",
        ));
    }
    if access.dm_policy == DmPolicy::Pairing && policy.admins().is_empty() {
        doubts.push(Doubt::new(
            "nobody is told when a stranger asks to be let in",
            "name admins in access.admins by email or id (*@domain cannot be written to), or look into `switchboard \
             pairing list`",
        ));
    }
    doubts.extend(config.doubts());
    for says in table.doubts(&policy, config.has_buttons()) {
        doubts.push(Doubt::new(says, "see approve of [[command]] in bot.toml"));
    }
    doubts
}
