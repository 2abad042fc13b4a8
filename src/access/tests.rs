//! The matrix of policy, person, place and act, every cell of it; and the rules of lists and commands.

use super::*;
use crate::config::Config;
use crate::webex::{RoomId, RoomType, encode};

const ME: &str = "99999999-9999-4999-8999-999999999999";
const ALICE: &str = "11111111-1111-4111-8111-111111111111";
const LAB: &str = "22222222-2222-4222-8222-222222222222";

fn policy(direct: DmPolicy, group: GroupPolicy, allow: &[&str], group_allow: &[&str], admins: &[&str]) -> Policy {
    let list = |entries: &[&str]| entries.iter().map(ToString::to_string).collect();
    let defaults = Config::from_parts("", &[]).unwrap().access;
    Policy::new(&Access {
        dm_policy: direct,
        group_policy: group,
        allow_from: list(allow),
        group_allow_from: list(group_allow),
        admins: list(admins),
        ..defaults
    })
}

fn decided(policy: &Policy, email: &str, place: EventPlace) -> Decision {
    decide(policy, &ME.into(), &ALICE.into(), email, place, Act::Text)
}

fn answered(policy: &Policy, email: &str, place: EventPlace) -> bool {
    matches!(decided(policy, email, place), Decision::Allow(_))
}

/// Each decision as the letter that stands for it in the matrix.
fn letter(decision: Decision) -> char {
    match decision {
        Decision::Own => 'O',
        Decision::Pair => 'Q',
        Decision::Allow("listed in access.admins") => 'A',
        Decision::Allow("listed in access.allow_from") => 'L',
        Decision::Allow("let in by pairing") => 'P',
        Decision::Allow("access.dm_policy is \"open\"" | "access.group_policy is \"open\"") => 'o',
        Decision::Allow("access.group_policy is \"mention\"") => 'm',
        Decision::Deny("not listed in access.allow_from") => 'D',
        Decision::Deny("not listed in access.group_allow_from or access.allow_from") => 'D',
        Decision::Ignore("not listed in access.group_allow_from or access.allow_from") => 'd',
        Decision::Ignore("the bot is not mentioned") => '.',
        Decision::Ignore("has asked to be let in, and waits for a decision") => 'w',
        Decision::Ignore("has asked to be let in, and was denied") => 'n',
        Decision::Ignore("unknown person, and a click does not ask to be let in") => 'k',
        Decision::Ignore("another bot, and not listed by name") => 'b',
        Decision::Ignore("the policy is \"disabled\"") => 'x',
        Decision::Allow(rule) | Decision::Deny(rule) | Decision::Ignore(rule) => {
            panic!("{rule}: no rule of the matrix")
        }
    }
}

/// The people, in the order of the matrix's columns: Webex's id, the address, and the pairing.
fn people() -> [(PersonId, &'static str, PairingStatus); 10] {
    let person = |nth: u32, email, standing| {
        (encode("us", "PEOPLE", &format!("{nth:08}-1111-4111-8111-111111111111")).into(), email, standing)
    };
    [
        person(1, "root@example.org", PairingStatus::Unknown),
        // Listed by an id with the spelling of another cluster.
        person(2, "", PairingStatus::Unknown),
        person(3, "ALICE@Example.Com", PairingStatus::Unknown),
        person(4, "somebody@listed.example", PairingStatus::Unknown),
        person(5, "paired@example.net", PairingStatus::Approved),
        person(6, "pending@example.net", PairingStatus::Pending),
        person(7, "denied@example.net", PairingStatus::Denied),
        person(8, "stranger@example.net", PairingStatus::Unknown),
        person(9, "other@webex.bot", PairingStatus::Unknown),
        (encode("us", "PEOPLE", ME).into(), "me@webex.bot", PairingStatus::Unknown),
    ]
}

/// Policy, place and act, and then a letter for each of these: admin, listed by id, by email and by domain, paired,
/// pending, denied, stranger, other bot, and the bot itself.
const DIRECT: [(DmPolicy, Act, &str); 8] = [
    (DmPolicy::Pairing, Act::Text, "A LLL PwnQ b O"),
    (DmPolicy::Pairing, Act::Click, "A LLL Pwnk b O"),
    (DmPolicy::Allowlist, Act::Text, "A LLL DDDD b O"),
    (DmPolicy::Allowlist, Act::Click, "A LLL DDDD b O"),
    (DmPolicy::Open, Act::Text, "A LLL oooo b O"),
    (DmPolicy::Open, Act::Click, "A LLL oooo b O"),
    (DmPolicy::Disabled, Act::Text, "x xxx xxxx x O"),
    (DmPolicy::Disabled, Act::Click, "x xxx xxxx x O"),
];

/// The same for spaces: policy, whether the bot is mentioned, and the act.
const GROUP: [(GroupPolicy, bool, Act, &str); 16] = [
    (GroupPolicy::Allowlist, true, Act::Text, "A LLL DDDD b O"),
    (GroupPolicy::Allowlist, false, Act::Text, "A LLL dddd b O"),
    (GroupPolicy::Allowlist, true, Act::Click, "A LLL DDDD b O"),
    (GroupPolicy::Allowlist, false, Act::Click, "A LLL DDDD b O"),
    (GroupPolicy::Mention, true, Act::Text, "A LLL mmmm b O"),
    (GroupPolicy::Mention, false, Act::Text, "A LLL .... b O"),
    (GroupPolicy::Mention, true, Act::Click, "A LLL mmmm b O"),
    (GroupPolicy::Mention, false, Act::Click, "A LLL mmmm b O"),
    (GroupPolicy::Open, true, Act::Text, "A LLL oooo b O"),
    (GroupPolicy::Open, false, Act::Text, "A LLL oooo b O"),
    (GroupPolicy::Open, true, Act::Click, "A LLL oooo b O"),
    (GroupPolicy::Open, false, Act::Click, "A LLL oooo b O"),
    (GroupPolicy::Disabled, true, Act::Text, "x xxx xxxx x O"),
    (GroupPolicy::Disabled, false, Act::Text, "x xxx xxxx x O"),
    (GroupPolicy::Disabled, true, Act::Click, "x xxx xxxx x O"),
    (GroupPolicy::Disabled, false, Act::Click, "x xxx xxxx x O"),
];

#[test]
fn every_cell_of_the_matrix_is_decided_by_its_rule() {
    const ALL_DIRECT: [DmPolicy; 4] = [DmPolicy::Pairing, DmPolicy::Allowlist, DmPolicy::Open, DmPolicy::Disabled];
    const ALL_GROUP: [GroupPolicy; 4] =
        [GroupPolicy::Allowlist, GroupPolicy::Mention, GroupPolicy::Open, GroupPolicy::Disabled];
    let elsewhere = encode("urn:TEAM:us-west-2_r", "PEOPLE", "00000002-1111-4111-8111-111111111111");
    let listed = [elsewhere.as_str(), "alice@example.com", "*@listed.example"];
    let mut cells = 0;
    let mut row = |direct, group, place, act, expected: &str| {
        let policy = policy(direct, group, &listed, &[], &["Root@Example.org"]);
        let expected: Vec<_> = expected.chars().filter(|letter| *letter != ' ').collect();
        for ((id, email, standing), expected) in people().iter().zip(expected) {
            let mut decision = decide(&policy, &ME.into(), id, email, place, act);
            if decision == Decision::Pair {
                decision = paired(*standing, act);
            }
            let cell = format!("{direct:?} {group:?} {place:?} {act:?} <{email}> {standing:?}: {decision:?}");
            assert_eq!(letter(decision), expected, "{cell}");
            cells += 1;
        }
    };
    // The policy for the other kind of place changes nothing.
    for (direct, act, expected) in DIRECT {
        ALL_GROUP.into_iter().for_each(|group| row(direct, group, EventPlace::Direct, act, expected));
    }
    for (group, mentioned, act, expected) in GROUP {
        ALL_DIRECT.into_iter().for_each(|direct| row(direct, group, EventPlace::Group { mentioned }, act, expected));
    }
    assert_eq!(cells, (2 + 4) * 16 * 10, "acts and places, policies, people");
}

#[test]
fn everything_is_closed_by_default() {
    let defaults = Config::from_parts("", &[]).unwrap();
    let policy = Policy::new(&defaults.access);
    assert_eq!(decided(&policy, "alice@example.org", EventPlace::Direct), Decision::Pair);
    assert!(!answered(&policy, "alice@example.org", EventPlace::Group { mentioned: true }));
    assert!(!policy.is_spoken());
}

#[test]
fn lists_take_ids_emails_and_domains() {
    let place = EventPlace::Direct;
    let alice = encode("us", "PEOPLE", ALICE);
    for (entry, email, expected) in [
        ("Alice@Example.org", "ALICE@example.ORG", true),
        ("*@example.org", "alice@example.org", true),
        ("*@example.org", "alice@eu.example.org", false),
        ("*@example.org", "alice@badexample.org", false),
        ("alice@example.org", "bob@example.org", false),
        ("kim@example.org", "\u{212a}im@example.org", false),
        ("\u{212a}im@example.org", "Kim@example.org", false),
        ("\u{212a}im@example.org", "\u{212a}IM@example.org", true),
        ("*@kind.example", "a@\u{212a}ind.example", false),
        ("bob@example.org", "bo\u{200b}b@example.org", false),
        ("bob@example.org", "bob@example.org ", false),
        ("ünal@example.org", "Ünal@example.org", false),
        (" bob@example.org ", "BOB@example.org", true),
        (ALICE, "", true),
        (LAB, "alice@example.org", false),
        (&alice, "", true),
    ] {
        let policy = policy(DmPolicy::Allowlist, GroupPolicy::Allowlist, &[entry], &[], &[]);
        assert_eq!(answered(&policy, email, place), expected, "{entry} {email}");
    }
}

#[test]
fn an_empty_group_list_means_the_other_one() {
    let place = EventPlace::Group { mentioned: true };
    let shared = policy(DmPolicy::Allowlist, GroupPolicy::Allowlist, &["alice@example.org"], &[], &[]);
    assert!(answered(&shared, "alice@example.org", place));
    let own = policy(DmPolicy::Allowlist, GroupPolicy::Allowlist, &["alice@example.org"], &["bob@example.org"], &[]);
    assert!(!answered(&own, "alice@example.org", place));
    assert!(answered(&own, "bob@example.org", place));
    assert!(!answered(&own, "bob@example.org", EventPlace::Direct));
}

#[test]
fn admins_behind_a_mail_domain_cannot_be_written_to() {
    let admins = ["*@example.org", "Root@Example.org", ALICE];
    let policy = policy(DmPolicy::Pairing, GroupPolicy::Allowlist, &[], &[], &admins);
    let reachable = [Addressee::Email("root@example.org".to_owned()), Addressee::Person(ALICE.into())];
    assert_eq!(policy.admins(), reachable);
}

#[test]
fn a_command_is_for_whom_and_where_it_says_and_for_admins() {
    let policy = policy(DmPolicy::Open, GroupPolicy::Open, &[], &[], &["root@example.org"]);
    let lab = RoomId::from(encode("urn:TEAM:us-west-2_r", "ROOM", LAB));
    let may = |allow: Option<&[&str]>, rooms: Option<&[&str]>, email: &str, kind| {
        let mut permission = Permission::default();
        allow.into_iter().for_each(|people| permission.allow(people));
        rooms.into_iter().for_each(|rooms| permission.rooms(rooms));
        assert!(permission.wrong().is_empty());
        policy.permits(&permission, &ALICE.into(), email, &lab, kind).is_ok()
    };
    let (direct, group) = (RoomType::Direct, RoomType::Group);
    assert!(may(None, None, "a@example.net", group));
    for (email, expected) in
        [("root@example.org", true), ("a@example.com", true), ("b@example.com", false), ("c@example.net", true)]
    {
        assert_eq!(may(Some(&["admins", "A@Example.com", "*@example.net"]), None, email, group), expected, "{email}");
    }
    assert!(may(Some(&["admins"]), Some(&["direct"]), "root@example.org", group), "admins may everywhere");
    assert!(!may(Some(&["admins"]), None, "", direct));
    for (rooms, kind, expected) in
        [(&["direct"][..], direct, true), (&["direct"], group, false), (&[LAB], group, true), (&[ALICE], group, false)]
    {
        assert_eq!(may(None, Some(rooms), "a@example.net", kind), expected, "{rooms:?} {kind:?}");
    }
    let mut wrong = Permission::default();
    wrong.allow(["admin", "a@example.org"]);
    wrong.rooms(["Lab"]);
    assert_eq!(wrong.wrong(), ["admin", "Lab"]);
}
