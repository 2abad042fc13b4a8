//! What is forged is not let in, and whatever is let in is read without harm.

mod bodies;
mod cost;
mod forgeries;
mod senders;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Hooks, Tried};
use crate::clock::Clock;
use crate::config::Config;

/// The hooks of these settings.
fn hooks(toml: &str) -> Hooks {
    let config = Config::from_parts(toml, &[]).unwrap();
    Hooks::new(&config.hook, &config.hooks, Some("room"), Clock::of_system())
        .unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

/// What the hook `in` with these rules makes of a body.
fn tried(rules: &str, body: &Value) -> Tried {
    let hooks = hooks(&format!("[[hook]]\nname = \"in\"\nauth = \"none\"\nto = \"a@example.com\"\n{rules}"));
    hooks.attempt("in", (&BTreeMap::new(), body.to_string().as_bytes()), |_| None, false).unwrap()
}

#[test]
fn a_hook_past_its_last_day_is_not_on_and_expects_nothing() {
    let hook = |day: &str| {
        let times = format!("expires = \"{day}\"\nexpect = {{ every = \"1h\" }}");
        hooks(&format!("[[hook]]\nname = \"in\"\nauth = \"none\"\nto = \"a@example.com\"\n{times}"))
    };
    for (day, state, watched) in [("2020-01-31", "ended", 0), ("2999-01-31", "on", 1)] {
        let hooks = hook(day);
        let summary = hooks.summaries(&[], None).remove(0);
        assert_eq!((summary.state, summary.last_day.as_deref()), (state, Some(day)));
        assert_eq!((summary.enabled, super::watched(&hooks).len()), (state == "on", watched));
    }
}

#[test]
fn a_condition_that_is_wrong_stops_no_rule_and_a_template_that_is_wrong_does() {
    let rules = |when: &str, template: &str| {
        format!(
            "[[hook.rule]]\nwhen = \"{when}\"\ntemplate = \"{template}\"\nstop = true\n[[hook.rule]]\ntemplate = \"after\""
        )
    };
    for (when, template, after) in [("a - 1 > 0", "x", 1), ("a == 'b'", "{{ a.b.c.d }}", 0), ("a == 'c'", "x", 1)] {
        let tried = tried(&rules(when, template), &json!({"a": "b"}));
        assert_eq!(tried.messages.len(), after, "{when}: {:?}", tried.wrong);
        assert_eq!(tried.wrong.len(), usize::from(when != "a == 'c'"), "{when}: {:?}", tried.wrong);
    }
}

#[test]
fn a_rule_looks_at_many_parts_and_not_at_all() {
    let rule = "[[hook.rule]]\neach = \"$.all[*]\"\nwhen = \"body == 'x'\"\ntemplate = \"{{ body }}\"";
    let mut parts = vec!["y"; 9_999];
    parts.extend(["x", "x", "x"]);
    let tried = tried(rule, &json!({"all": parts}));
    let said: Vec<_> = tried.messages.iter().map(|message| message.markdown.as_str()).collect();
    assert!(matches!(said[..], ["x", left] if left.contains("and 2 more")), "{said:?}");
}
