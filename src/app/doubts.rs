//! Finds settings and declarations that work but are probably not meant. `check` warns about them without a network,
//! and the daemon logs them at its start.

use crate::access::Policy;
use crate::clock;
use crate::config::{Config, DmPolicy, GroupPolicy, Mode, SettingDoubt};
use crate::event::Subscription;
use crate::handler::Table;
use crate::receiver::is_told_over_websocket;

/// Every doubt about settings, commands and handlers of events, except [`Config::missing_url`].
pub(crate) fn doubts(config: &Config, table: &Table, subscriptions: &[Subscription]) -> Vec<SettingDoubt> {
    let policy = Policy::new(&config.access);
    let mut doubts: Vec<_> = nobody_answered(config).into_iter().collect();
    if config.access.dm_policy == DmPolicy::Pairing && policy.admins().is_empty() {
        doubts.push(SettingDoubt::new(
            "nobody is told when a stranger asks to be let in",
            "name admins in access.admins by email or id (*@domain cannot be written to), or look into `switchboard \
             pairing list`",
        ));
    }
    doubts.extend(config.doubts());
    doubts.extend(config.hook.iter().filter_map(|hook| hook.expires?.doubt(&hook.name, clock::wall())));
    for says in table.doubts(&policy, config.has_buttons()) {
        doubts.push(SettingDoubt::new(says, "see approve of [[command]] in bot.toml"));
    }
    for subscription in subscriptions {
        let comes = match config.delivery.mode {
            Mode::Webhook | Mode::Both => true,
            Mode::Websocket => is_told_over_websocket(subscription),
            Mode::Polling => false,
        };
        if !comes {
            let Subscription { resource, event } = subscription;
            let says = format!("nothing calls the handler of {resource}/{event}: the bot is not told of it");
            doubts.push(SettingDoubt::new(says, "set delivery.mode to webhook or both"));
        }
    }
    doubts
}

/// The doubt that the settings let nobody be answered at all.
fn nobody_answered(config: &Config) -> Option<SettingDoubt> {
    let access = &config.access;
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
        return Some(SettingDoubt::new(
            "nobody can write to the bot, neither directly nor in spaces",
            "list people in access.allow_from, such as *@example.org, or set access.dm_policy or access.group_policy",
        ));
    }
    (nobody_direct && access.dm_policy == DmPolicy::Allowlist).then(|| {
        SettingDoubt::new(
            "nobody can write to the bot directly",
            "list people in access.allow_from, such as *@example.org",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_that_nothing_calls_is_named() {
        let subscription =
            |resource: &str, event: &str| Subscription { resource: resource.into(), event: event.into() };
        let subscriptions = [subscription("rooms", "updated"), subscription("meetings", "started")];
        let table = Table::build(Vec::new(), &[], &[]).unwrap();
        for (mode, named) in [("webhook", 0), ("both", 0), ("websocket", 1), ("polling", 2)] {
            let config = Config::from_parts(&format!("delivery.mode = \"{mode}\""), &[]).unwrap();
            let says: Vec<_> = doubts(&config, &table, &subscriptions).into_iter().map(|doubt| doubt.says).collect();
            let of_handlers = says.iter().filter(|says| says.starts_with("nothing calls the handler of "));
            assert_eq!(of_handlers.count(), named, "{mode}: {says:?}");
        }
    }
}
