//! Wrong settings: each is told with its place and the right form, all at once, and no secret is in what is told.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::{Command, Stdio};

use switchboard::Config;
use switchboard::simulator::{Cloud, Options};

use crate::cli::finished;
use crate::harness::{SECRET, free_port, switchboard};

/// What must never be told. Some are short, so that they are wrong.
const SECRETS: [&str; 6] = ["47110815", "4711-0815", "t0ken-t0ken-t0ken", "pa55word", "k3y-k3y-k3y", "s3cr3t"];

/// A file, variables, and what has to be told of them.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[track_caller]
fn assert_told(said: &str, parts: &[&str], of: &str) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not told of {of}:\n{said}");
    }
    for secret in SECRETS {
        assert!(!said.contains(secret), "{secret} is told of {of}:\n{said}");
    }
}

/// All that is wrong, one a line.
fn wrong(file: &str, variables: &[(&str, &str)]) -> String {
    let owned: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    match Config::from_parts(file, &owned) {
        Ok(_) => String::new(),
        Err(error) => error.to_string().replace("the given settings", "FILE"),
    }
}

/// `check` on this file and these variables. The token and the secret are there, and Webex is nowhere.
fn check(folder: &Path, file: Option<&[u8]>, variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = switchboard();
    command.arg("check").current_dir(folder);
    command.env("WEBEX_BOT_TOKEN", "a-token-that-nobody-has").env("WEBEX_WEBHOOK_SECRET", SECRET);
    command.env("SWITCHBOARD_WEBEX__API_URL", format!("http://127.0.0.1:{}/v1", free_port()));
    for (name, value) in variables {
        if *value == "unset" {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
    if let Some(file) = file {
        std::fs::write(folder.join("bot.toml"), file).unwrap();
    }
    finished(&mut command)
}

/// Whole numbers, durations, booleans, choices, lists, addresses.
const VALUES: &[Case] = &[
    ("[worker]\nconcurrency = -1", &[], &["FILE, line 2: worker.concurrency is negative", "concurrency = 16"]),
    ("[worker]\nconcurrency = 1.5", &[], &["line 2: worker.concurrency", "a fraction", "such as concurrency = 16"]),
    ("[worker]\nconcurrency = \"16\"", &[], &["write concurrency = 16, without quotes"]),
    ("[worker]\nconcurrency = true", &[], &["it is a boolean; give a whole number"]),
    ("[worker]\nconcurrency = []", &[], &["it is a list; give a whole number"]),
    ("[worker]\nconcurrency = 1979-05-27", &[], &["it is a date; give a whole number"]),
    ("[worker]\nconcurrency = 5000", &[], &["must be from 0 to 4096; the default is concurrency = 16"]),
    ("[webex]\nretries = 99999999999", &[], &["webex.retries is too large; the default is retries = 3"]),
    ("[webex]\nretries = 99999999999999999999999999999999999999999999", &[], &["webex.retries is too large"]),
    ("[webex]\nretries = 101", &[], &["webex.retries must be from 0 to 100; the default is retries = 3"]),
    ("[server]\nbody_limit = \"64KB\"", &[], &["write body_limit = 65536, without quotes"]),
    ("[server]\nconnections = 0", &[], &["server.connections must be at least 1; the default is connections = 1000"]),
    ("[files]\nlargest = \"25 MB\"", &[], &["write largest = 26214400, without quotes"]),
    ("[files]\nwaiting = 9999999999999999", &[], &["files.waiting must be from 1 to", "waiting = 1073741824"]),
    ("[polling]\nrate = 2000000", &[], &["polling.rate must be from 1 to 1000000; the default is rate = 200"]),
    ("[flood]\nperson = 99999999", &[], &["flood.person must be from 0 to 1000000; the default is person = 30"]),
    ("", &[("SWITCHBOARD_FLOOD__SPACE", "1_000")], &["write SWITCHBOARD_FLOOD__SPACE=1000"]),
    ("", &[("SWITCHBOARD_FLOOD__SPACE", "")], &["SWITCHBOARD_FLOOD__SPACE=90", "it is empty: unset it"]),
    ("", &[("SWITCHBOARD_FLOOD__SPACE", "\"9\"")], &["write SWITCHBOARD_FLOOD__SPACE=9", "take them off"]),
    ("", &[("SWITCHBOARD_FLOOD__SPACE", "-1")], &["is negative", "such as SWITCHBOARD_FLOOD__SPACE=90"]),
    ("[webex]\ntimeout = 30", &[], &["FILE, line 2: webex.timeout has no unit: write \"30s\" for seconds"]),
    ("[webex]\ntimeout = \"30\"", &[], &["webex.timeout has no unit: write \"30s\" for seconds"]),
    ("[webex]\ntimeout = \"soon\"", &[], &["is not a duration; write \"500ms\", \"30s\""]),
    ("[webex]\ntimeout = \"-5s\"", &[], &["webex.timeout is negative", "write \"500ms\""]),
    ("[webex]\ntimeout = true", &[], &["webex.timeout is not a duration"]),
    ("[webex]\ntimeout = \"0s\"", &[], &["webex.timeout must be longer than 0; the default is timeout = \"30s\""]),
    ("[webex]\ntimeout = \"2d\"", &[], &["webex.timeout must be at most 1d; the default is timeout = \"30s\""]),
    ("[webex]\ntimeout = 1.5", &[], &["it is a fraction; write it as timeout = \"30s\""]),
    ("[worker]\ngive_up = \"9999999d\"", &[], &["worker.give_up is too long to mean anything"]),
    ("[worker]\ngive_up = \"4000d\"", &[], &["worker.give_up must be at most 3650d; the default is give_up = \"24h\""]),
    ("", &[("SWITCHBOARD_WEBEX__TIMEOUT", "30")], &["SWITCHBOARD_WEBEX__TIMEOUT (environment)", "write 30s for"]),
    ("[store]\ndedupe = \"0s\"", &[], &["store.dedupe must be longer than 0; the default is dedupe = \"7d\""]),
    (
        "[store]\nretention = \"0s\"",
        &[],
        &["store.retention must be longer than 0; the default is retention = \"30d\""],
    ),
    ("[instance]\nrenew = \"0s\"", &[], &["instance.renew must be longer than 0; the default is renew = \"30s\""]),
    ("[worker]\nlease = \"0s\"", &[], &["worker.lease must be longer than 0; the default is lease = \"60s\""]),
    (
        "[worker]\nlease = \"30s\"",
        &[],
        &["FILE, line 2: worker.deadline must be shorter than worker.lease by a second"],
    ),
    ("[worker]\nbackoff = \"5m\"", &[], &["worker.backoff must not be longer than worker.backoff_max"]),
    ("[commands]\necho = \"yes\"", &[], &["write echo = true, without quotes"]),
    ("[commands]\necho = 1", &[], &["it is a number; give true or false"]),
    ("", &[("SWITCHBOARD_COMMANDS__ECHO", "yes")], &["write SWITCHBOARD_COMMANDS__ECHO=true"]),
    ("", &[("SWITCHBOARD_CARDS__ENABLED", "off")], &["write SWITCHBOARD_CARDS__ENABLED=false"]),
    (
        "[access]\ndm_policy = \"opne\"",
        &[],
        &["must be one of pairing, allowlist, open, disabled; did you mean \"open\"?"],
    ),
    ("[access]\ndm_policy = \"Open\"", &[], &["did you mean \"open\"?"]),
    ("[access]\ndm_policy = 1", &[], &["access.dm_policy has the wrong type: it is a number; give a text in quotes"]),
    ("[log]\nlevel = \"loud\"", &[], &["log.level must be error, warn, info, debug or trace"]),
    ("[access]\nadmins = \"a@example.org\"", &[], &["it is a text; give a list, in brackets: admins = [\"...\"]"]),
    ("[access]\nadmins = [\n\"a@example.org\",\n3]", &[], &["FILE, line 4: access.admins entry 2", "a text in quotes"]),
    ("[access]\nadmins = [\n\"a@example.org\",\n\"Al\"]", &[], &["FILE, line 4: access.admins entry 2 names nobody"]),
    ("", &[("SWITCHBOARD_ACCESS__ALLOW_FROM", "[\"a@b.c\",")], &["give a list: a@example.org", "[\"a@example.org\"]"]),
    (
        "",
        &[("SWITCHBOARD_ACCESS__ADMINS", "a@b.c,Al")],
        &["__ADMINS (environment): access.admins entry 2 names nobody"],
    ),
    ("", &[("SWITCHBOARD_ACCESS__ALLOW_FROM", "['a@b.c']")], &["give a list", "as JSON, [\"a@example.org\"]"]),
    ("[server]\nlisten = \"3000\"", &[], &["server.listen is a port without a host: write \"0.0.0.0:3000\""]),
    ("[server]\nlisten = 8080", &[], &["server.listen is a port without a host: write \"0.0.0.0:8080\""]),
    ("[server]\nlisten = \":8080\"", &[], &["write \"0.0.0.0:8080\""]),
    ("[server]\nlisten = \"*:8080\"", &[], &["write \"0.0.0.0:8080\""]),
    ("[server]\nlisten = \"10.0.0.1\"", &[], &["is an address without a port: write \"10.0.0.1:3000\""]),
    ("[server]\nlisten = \"::1\"", &[], &["is an address without a port: write \"[::1]:3000\""]),
    ("[server]\nlisten = \"http://10.0.0.1:80/\"", &[], &["is a URL", "write \"10.0.0.1:80\""]),
    ("[server]\nlisten = \"0.0.0.0:99999\"", &[], &["has no port from 1 to 65535"]),
    ("[server]\nlisten = \"nobody.invalid:80\"", &[], &["has a host whose address cannot be found"]),
    ("", &[("SWITCHBOARD_SERVER__LISTEN", "3000")], &["write 0.0.0.0:3000"]),
    ("[admin]\nlisten = \"9090\"", &[], &["write \"127.0.0.1:9090\""]),
    ("[admin]\nlisten = false", &[], &["admin.listen is not an address; write \"\" to turn it off"]),
    ("[admin]\nlisten = \"0.0.0.0:3000\"", &[], &["admin.listen has the port of server.listen"]),
    ("", &[("PORT", "9090")], &["PORT (environment): admin.listen has the port of server.listen"]),
    ("", &[("PORT", "http")], &["PORT (environment): not a port; give a number from 1 to 65535"]),
    ("[webex]\napi_url = \"https://webexapis.com\"", &[], &["must end in /v1: write https://webexapis.com/v1"]),
    ("[webex]\napi_url = \"https://webexapis.com/v1/people\"", &[], &["write https://webexapis.com/v1"]),
    ("[webex]\napi_url = \"webexapis.com/v1\"", &[], &["webex.api_url is not a URL: write it whole, with https://"]),
    ("[webex]\napi_url = \"https://me:pa55word@webexapis.com/v1\"", &[], &["a base without a login"]),
    ("[webhook]\npublic_url = \"/webex\"", &[], &["such as https://bot.example.org/webex/webhook"]),
    ("[webhook]\npath = \"/a b\"", &[], &["must be a plain path such as /webex/webhook"]),
];

/// Keys, sections and the names of variables.
const NAMES: &[Case] = &[
    ("dm_policy = \"open\"", &[], &["FILE, line 1: dm_policy is outside every section; it belongs to [access]"]),
    (
        "\ntimeout = \"3s\"",
        &[],
        &["FILE, line 2: timeout is outside every section; it belongs to [server] or [sources] or [webex]"],
    ),
    ("dm_polcy = \"open\"", &[], &["did you mean dm_policy, in [access]?"]),
    ("webx = 1", &[], &["webx is outside every section; did you mean the section [webex]?"]),
    ("webex = 1", &[], &["webex is outside every section; write [webex], and its keys below"]),
    ("unheard_of = 1", &[], &["the sections are access, admin"]),
    ("[acess]\nadmins = []", &[], &["FILE, line 1: unknown key acess; did you mean access?"]),
    ("[access]\ndm_polcy = \"open\"", &[], &["unknown key access.dm_polcy; did you mean dm_policy?"]),
    ("[access]\nDM-Policy = \"open\"", &[], &["unknown key access.DM-Policy; did you mean dm_policy?"]),
    ("[access]\nretention = \"1d\"", &[], &["unknown key access.retention; it belongs to [audit] or [store]"]),
    ("[webex]\ntoken_fil = \"x\"", &[], &["did you mean token_file?"]),
    ("[access]\nunheard_of = 1", &[], &["known here: admins, allow_from"]),
    ("\"access.dm_policy\" = \"open\"", &[], &["the quotes make access.dm_policy a single name"]),
    ("[command]\nname = \"report\"", &[], &["FILE, line 1: [command] is one of a list; write [[command]]"]),
    ("command = \"report\"", &[], &["write [[command]], and its keys below"]),
    ("[[access]]\ndm_policy = \"open\"", &[], &["FILE, line 1: [[access]] can be there only once; write [access]"]),
    ("[[command]]\nallow = [\"admins\"]", &[], &["FILE, line 1: command 1.name is missing"]),
    ("[[command]]\nname = 3", &[], &["FILE, line 2: command 1.name has the wrong type"]),
    (
        "[[command]]\nname = \"a\"\n[[command]]\nname = \"b\"\nallwo = []",
        &[],
        &["FILE, line 5: unknown key command 2.allwo"],
    ),
    ("[[command]]\nname = \"a\"\napprove = 2", &[], &["give a table such as { by = [\"admins\"]"]),
    ("[[command]]\nname = \"a\"\napprove = { by = [\"admins\"], within = 9 }", &[], &["approve.within has no unit"]),
    ("[command]\nname = \"a\"\nallow = 3", &[], &["FILE, line 1: [command]", "FILE, line 3: command 1.allow"]),
    ("[[webex]]\nretries = -1", &[], &["FILE, line 1: [[webex]]", "FILE, line 2: webex.retries is negative"]),
    ("", &[("SWITCHBOARD_COMMAND", "report")], &["[[command]] stands in the settings file only"]),
    ("", &[("SWITCHBOARD_COMMAND__0__NAME", "report")], &["[[command]] stands in the settings file only"]),
    ("", &[("SWITCHBOARD_CONFIG", "/etc/bot.toml")], &["SWITCHBOARD_CONFIG (environment)", "give --config PATH"]),
    ("", &[("SWITCHBOARD_ACCESS", "x")], &["names a section without a key; write SWITCHBOARD_ACCESS__KEY"]),
    ("", &[("SWITCHBOARD_NOWHERE__X", "1")], &["SWITCHBOARD_NOWHERE__X (environment): unknown key nowhere"]),
    ("", &[("SWITCHBOARD_ACCESS__DM_POLCY", "open")], &["did you mean dm_policy?"]),
    ("", &[("SWITCHBOARD_ACCESS_DM_POLICY", "open")], &["write SWITCHBOARD_ACCESS__DM_POLICY"]),
    ("", &[("SWITCHBOARD_ACCESS__DM__POLICY", "open")], &["write SWITCHBOARD_ACCESS__DM_POLICY"]),
    ("", &[("SWITCHBOARD_ACCESS_DM_POLCY", "open")], &["did you mean SWITCHBOARD_ACCESS__DM_POLICY?"]),
    ("", &[("SWITCHBOARD_DM_POLICY", "open")], &["write SWITCHBOARD_ACCESS__DM_POLICY"]),
    ("", &[("SWITCHBOARD_TOKEN", "t0ken-t0ken-t0ken")], &["write SWITCHBOARD_WEBEX__TOKEN"]),
    ("", &[("SWITCHBOARD_PORT", "3000")], &["write PORT, or SWITCHBOARD_SERVER__LISTEN"]),
];

/// Lines that are no TOML.
const SYNTAX: &[Case] = &[
    ("[commands]\necho = yes", &[], &["FILE, line 2: not valid TOML: write echo = true"]),
    ("[commands]\necho = False # no", &[], &["FILE, line 2: not valid TOML: write echo = false"]),
    ("[webex]\ntimeout = 30s", &[], &["a duration stands in quotes; write timeout = \"30s\""]),
    ("[files]\nlargest = 25MB", &[], &["a size is a number of bytes; write largest = 26214400"]),
    ("[files]\nlargest = 1,000", &[], &["write largest = 1000"]),
    ("[webex]\ntoken = t0ken-t0ken-t0ken", &[], &["a text stands in quotes; write token = \"...\""]),
    ("[webex]\ntoken: \"t0ken-t0ken-t0ken\"", &[], &["write token = ..., with = and not with a colon"]),
    ("[webex]\ntoken = \u{201c}t0ken-t0ken-t0ken\u{201d}", &[], &["the line has typographic quotes"]),
    ("[webex]\ntoken = \"t0ken-t0ken-t0ken", &[], &["the quotes of token are not closed"]),
    ("[webex]\ntoken = $TOKEN", &[], &["no variable is put into this file"]),
    ("[webex]\ntoken =", &[], &["token has no value; give one, or put # before the line"]),
    ("[webex]\ntoken = null", &[], &["there is no null; put # before the line to leave token out"]),
    ("[webex]\nt0ken-t0ken-t0ken", &[], &["a key and its value are joined by ="]),
    ("[webex]\nexport token = \"t0ken-t0ken-t0ken\"", &[], &["is a settings file and no shell", "line with token"]),
    ("[webex]\nca_file = \"C:\\data\\ca.pem\"", &[], &["write the value of ca_file in single quotes"]),
    ("[webex]\nretries = 3\nretries = 4", &[], &["FILE, line 3: not valid TOML: retries is there twice"]),
    ("[webex]\nretries = 3\n[webex]\ntimeout = 1", &[], &["FILE, line 3", "that section is there twice"]),
    ("[webex\nretries = 3", &[], &["FILE, line 1", "stands alone in brackets, such as [webex]"]),
    (
        "[access]\nadmins = [\"a@b.c\",\n[log]\nlevel = 1",
        &[],
        &["line 2: not valid TOML: the brackets of admins", "line 4"],
    ),
    ("[access]\nadmins = [\n\"a@b.c\"\n\"d@e.f\"]", &[], &["FILE, line 4", "a comma is missing between two entries"]),
    ("// a bot\n", &[], &["a comment begins with #"]),
    ("<<<<<<< HEAD\n", &[], &["the mark of a merge with a conflict"]),
    ("[webex]\rretries = 3\r", &[], &["FILE, line 1: not valid TOML: a line ends in a carriage return alone"]),
];

/// What stands in the place of a value; secrets; what an empty variable takes away.
const GIVEN: &[Case] = &[
    (
        "[webex]\ntoken = \"${WEBEX_BOT_TOKEN}\"",
        &[],
        &["webex.token holds the name of a variable", "set WEBEX_BOT_TOKEN"],
    ),
    ("[webex]\ntoken = \"$TOKEN\"", &[], &["holds the name of a variable"]),
    ("[webex]\nroom_id = \"{{ room }}\"", &[], &["webex.room_id holds the name of a variable", "set WEBEX_ROOM_ID"]),
    ("[webex]\ntoken = \"...\"", &[], &["webex.token holds a placeholder"]),
    ("[webex]\ntoken = \"<your token>\"", &[], &["webex.token holds a placeholder"]),
    ("", &[("WEBEX_BOT_TOKEN", "${BOT_TOKEN}")], &["WEBEX_BOT_TOKEN (environment)", "give the value itself"]),
    ("", &[("WEBEX_BOT_TOKEN", "Bearer t0ken-t0ken-t0ken")], &["without \"Bearer\""]),
    ("", &[("WEBEX_BOT_TOKEN", "t0ken-t0ken-t0ken\r\n")], &["holds a line end or another control character"]),
    ("[webex]\ntoken = 47110815", &[], &["webex.token has the wrong type: it is a number; give a text in quotes"]),
    (
        "[webhook]\nsecret = \"4711-0815\"",
        &[],
        &["webhook.secret must be 16 characters or more", "`openssl rand -hex 32`"],
    ),
    (
        "",
        &[("WEBEX_WEBHOOK_SECRET", "s3cr3t")],
        &["WEBEX_WEBHOOK_SECRET (environment)", "must be 16 characters or more"],
    ),
    ("[audit]\nkey = \"k3y-k3y-k3y\"", &[], &["FILE, line 2: audit.key must be 16 characters or more"]),
    ("[cards]\nsecret = \"s3cr3t\"", &[], &["cards.secret must be 16 characters or more"]),
    ("[webex]\ntoken_file = \"\"", &[], &["webex.token_file is empty; give the path of a file"]),
    (
        "[webex]\ntoken_file = \"/nowhere/token\"",
        &[],
        &["webex.token_file names a file that cannot be read (/nowhere/token)"],
    ),
    ("[webex]\ntoken_file = \"${DIR}/token\"", &[], &["webex.token_file holds the name of a variable"]),
    ("[webex]\ntoken_file = 3", &[], &["webex.token_file has the wrong type; give a path in quotes"]),
    ("[webex]\ntoken = \"s3cr3t\"\ntoken_file = \"x\"", &[], &["webex.token and webex.token_file are both given"]),
    ("", &[("DATABASE_URL", "postgres://u:pa55word@h/d")], &["DATABASE_URL", "such as sqlite:switchboard.db"]),
    (
        "[access]\nadmins = [\"a@example.org\"]",
        &[("SWITCHBOARD_ACCESS__ADMINS", "")],
        &[
            "SWITCHBOARD_ACCESS__ADMINS (environment)",
            "would remove access.admins of FILE, line 2",
            "write [] to have none",
        ],
    ),
];

#[test]
fn each_wrong_setting_is_told_with_its_place_and_the_right_form() {
    let cases: Vec<_> = [VALUES, NAMES, SYNTAX, GIVEN].into_iter().flatten().collect();
    assert!(cases.len() >= 60, "{}", cases.len());
    for (file, variables, parts) in cases {
        let said = wrong(file, variables);
        assert_told(&said, parts, &format!("{file:?} {variables:?}"));
        let findings = said.lines().count();
        let most = parts.iter().filter(|part| part.contains("line ")).count().max(1);
        assert!(findings <= most, "one mistake has {findings} findings: {file:?} {variables:?}\n{said}");
    }
}

#[test]
fn nothing_wrong_hides_anything_else() {
    let file = r#"timeout = 3
[webex]
api_url = "https://webexapis.com"
token = "${WEBEX_BOT_TOKEN}"
timeout = 30
retires = 4
[commands]
echo = yes
[worker]
concurrency = -1
lease = soon
max_attempts = 0
[server
listen = "3000"
[access]
dm_policy = "opne"
admins = [
    "Alice",
    7
]
[command]
name = "report"
[[log]]
level = "info"
[audit]
key: "k3y-k3y-k3y"
[acess]
"#;
    let variables = [
        ("SWITCHBOARD_COMMAND", "x"),
        ("SWITCHBOARD_FLOOD__BURST", "0"),
        ("PORT", "x"),
        ("SWITCHBOARD_CARDS__EXPIRE", "7"),
    ];
    insta::assert_snapshot!(wrong(file, &variables), @r#"
    FILE, line 1: timeout is outside every section; it belongs to [server] or [sources] or [webex]; write that line before it
    FILE, line 3: webex.api_url must end in /v1: write https://webexapis.com/v1
    FILE, line 4: webex.token holds the name of a variable, and this file cannot use variables; leave it out, and set WEBEX_BOT_TOKEN
    FILE, line 5: webex.timeout has no unit: write "30s" for seconds, or "30ms", "30m"
    FILE, line 6: unknown key webex.retires; did you mean retries?
    FILE, line 8: not valid TOML: write echo = true
    FILE, line 10: worker.concurrency is negative; give a whole number of 0 or more, such as concurrency = 16
    FILE, line 11: not valid TOML: a text stands in quotes; write lease = "..."
    FILE, line 12: worker.max_attempts must be from 1 to 1000; the default is max_attempts = 5
    FILE, line 13: not valid TOML: the name of a section stands alone in brackets, such as [webex]
    FILE, line 14: server.listen is a port without a host: write "0.0.0.0:3000"
    FILE, line 16: access.dm_policy must be one of pairing, allowlist, open, disabled; did you mean "open"?
    FILE, line 18: access.admins entry 1 names nobody: give an email, a person id, or *@domain for a mail domain
    FILE, line 19: access.admins entry 2 has the wrong type: it is a number; give a text in quotes
    FILE, line 21: [command] is one of a list; write [[command]]
    FILE, line 23: [[log]] can be there only once; write [log]
    FILE, line 26: not valid TOML: write key = ..., with = and not with a colon
    FILE, line 27: unknown key acess; did you mean access?
    PORT (environment): not a port; give a number from 1 to 65535, or unset it to keep server.listen
    SWITCHBOARD_CARDS__EXPIRE (environment): cards.expire has no unit: write 7s for seconds, or 7ms, 7m
    SWITCHBOARD_COMMAND (environment): [[command]] stands in the settings file only; write it there, and unset this
    SWITCHBOARD_FLOOD__BURST (environment): flood.burst must be from 1 to 1000; the default is SWITCHBOARD_FLOOD__BURST=5
    "#);
}

/// Mistakes of the fingers, in a file that has everything: each is told once or not at all, in its own line and those
/// it breaks; and nothing is told of the secret.
#[test]
fn whatever_is_mistyped_is_told_in_few_words_and_no_secret_is_in_them() {
    let whole = "[webex]\ntoken = \"t0ken-t0ken-t0ken\"\ntimeout = \"30s\"\nretries = 3\n\n[worker]\nlease = \"60s\" # longer\n\
                 [access]\nadmins = [\n  \"a@example.org\", # me\n  \"b@example.org\",\n]\n[[command]]\nname = \"report\"\n\
                 approve = { by = [\"admins\"], quorum = 1 }\n[audit]\nkey = \"k3y-k3y-k3y-k3y-k3y\"\n";
    assert_eq!(wrong(whole, &[]), "");
    let at: Vec<_> = whole.char_indices().map(|(at, _)| at).collect();
    let typed = ["", "\"", "[", "]", "=", "\n", "\u{0}", "}", "#", "\\", "'"];
    for (nth, at) in at.into_iter().enumerate() {
        let (before, after) = whole.split_at(at);
        let without = &after[after.chars().next().map_or(0, char::len_utf8)..];
        let typed = typed[nth % typed.len()];
        for file in [format!("{before}{typed}{without}"), format!("{before}{typed}{after}")] {
            let said = wrong(&file, &[]);
            assert!(said.lines().count() <= 8, "{file}\n{said}");
            assert_told(&said, &[], &file);
        }
    }
}

#[test]
fn what_is_right_is_taken() {
    for (file, variables) in [
        ("", &[("SWITCHBOARD_ACCESS__ADMINS", "")][..]),
        ("[access]\nadmins = [\"a@example.org\"]", &[("SWITCHBOARD_ACCESS__ADMINS", "[]")]),
        ("[server]\nlisten = \"localhost:3000\"\n[admin]\nlisten = \"localhost:9090\"", &[]),
        ("\u{feff}[server]\r\nlisten = \"[::]:3000\"\r\n", &[("SWITCHBOARD_ADMIN__LISTEN", "")]),
        ("[webex]\napi_url = \"https://api-usgov.webex.com/v1/\"", &[]),
        ("[webex]\napi_url = \"https://webexapis.com/v1\"", &[("PORT", "")]),
        ("", &[("PORT", "9090"), ("SWITCHBOARD_ADMIN__LISTEN", "")]),
        ("", &[("SWITCHBOARD_SERVICE_HOST", "10.0.0.1"), ("SWITCHBOARD_PORT", "tcp://10.0.0.1:3000")]),
        ("", &[("SWITCHBOARD_PORT_3000_TCP_ADDR", "10.0.0.1"), ("SWITCHBOARD_ADMIN_SERVICE_PORT", "1")]),
        ("", &[("SWITCHBOARD_VERSION", "1.2"), ("SWITCHBOARD_ACCESS__ALLOW_FROM", "a@b.c, *@d.e")]),
        ("[webhook]\nsecret = \"a-secret-for-tests\"", &[("SWITCHBOARD_COMMANDS__ECHO", " true ")]),
    ] {
        assert_eq!(wrong(file, variables), "", "{file:?} {variables:?}");
    }
    let config = Config::from_parts("[server]\nlisten = \"localhost:3000\"", &[]).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:3000");
}

#[test]
fn the_bytes_of_a_file_and_of_the_environment_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let in_utf_16 = |text: &str, is_big: bool| -> Vec<u8> {
        let units = text.encode_utf16();
        units.flat_map(|unit| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let spoilt = "[worker]\nconcurrency = -1\n";
    let wrong_too = "bot.toml, line 2: worker.concurrency is negative";
    for (bytes, says) in [
        (
            in_utf_16(&format!("\u{feff}{spoilt}"), false),
            "bot.toml: it is in UTF-16; save it as UTF-8, such as by `iconv",
        ),
        (in_utf_16(&format!("\u{feff}{spoilt}"), true), "bot.toml: it is in UTF-16"),
        (in_utf_16(spoilt, false), "bot.toml: it is in UTF-16"),
        (spoilt.replace('\n', "\r").into_bytes(), "bot.toml, line 1: not valid TOML: a line ends in a carriage return"),
        (
            [spoilt.as_bytes(), b"# caf\xe9"].concat(),
            "bot.toml, line 3: it holds bytes that are not UTF-8; save the file",
        ),
        (format!("\u{feff}{spoilt}").replace('\n', "\r\n").into_bytes(), wrong_too),
    ] {
        let (code, said) = check(folder.path(), Some(&bytes), &[]);
        assert_eq!(code, 2, "{said}");
        assert_told(&said, &[says, wrong_too], "bytes");
    }
    std::fs::remove_file(folder.path().join("bot.toml")).unwrap();

    let mut command = switchboard();
    command.arg("check").current_dir(folder.path()).env("WEBEX_WEBHOOK_SECRET", SECRET);
    command.env("WEBEX_BOT_TOKEN", OsString::from_vec(b"t0ken-t0ken-t0ken\xff".to_vec()));
    let (code, said) = finished(command.env(OsString::from_vec(b"SWITCHBOARD_\xff".to_vec()), "s3cr3t"));
    assert_eq!(code, 2, "{said}");
    assert_told(&said, &["WEBEX_BOT_TOKEN (environment): it is not UTF-8; set it anew"], "a variable");
    assert!(!said.contains("is missing") && said.lines().count() == 2, "it is there, and wrong: {said}");

    let (code, said) = finished(switchboard().args(["check", "--config", "nowhere.toml"]).current_dir(folder.path()));
    assert_eq!(code, 2, "{said}");
    assert_told(&said, &["nowhere.toml: cannot read the settings file", "check the path"], "a file that is not there");
}

#[test]
fn the_files_of_secrets_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let name = path.to_str().unwrap();
    let utf_16: Vec<u8> = "\u{feff}t0ken-t0ken-t0ken".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, says) in [
        (&b""[..], "(webex.token_file): it is empty; put the secret into it"),
        (b" \n", "(webex.token_file): it is empty"),
        ("\u{feff}t0ken-t0ken-t0ken".as_bytes(), "(webex.token_file): it begins with a byte order mark"),
        (&utf_16, "(webex.token_file): it is in UTF-16; save it as UTF-8"),
        (b"t0ken-t0ken-t0ken\xff", "(webex.token_file): it holds bytes that are not UTF-8"),
        (b"t0ken-t0ken-t0ken\ns3cr3t\n", "(webex.token_file): webex.token holds a line end"),
        (
            b"WEBEX_BOT_TOKEN=\"t0ken-t0ken-t0ken\"",
            "(webex.token_file): webex.token holds characters that no token has",
        ),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let (code, said) = check(folder.path(), None, &[("WEBEX_BOT_TOKEN", "unset"), ("WEBEX_BOT_TOKEN_FILE", name)]);
        assert_eq!(code, 2, "{said}");
        assert_told(&said, &[name, says], "a file");
        assert!(!said.contains("is missing"), "{said}");
    }
}

#[test]
fn what_is_missing_is_told_with_what_is_wrong_and_with_what_hides_it() {
    let folder = tempfile::tempdir().unwrap();
    let both = [("WEBEX_BOT_TOKEN", "unset"), ("WEBEX_WEBHOOK_SECRET", "unset")];
    let rule = "[worker]\nlease = 60\n[[command]]\nname = \"reprot\"\n";
    let (code, said) = check(folder.path(), Some(rule.as_bytes()), &both);
    assert_eq!(code, 2, "{said}");
    assert_told(
        &said,
        &[
            "bot.toml, line 2: worker.lease has no unit",
            "webex.token is missing",
            "webhook.secret is missing",
            "bot.toml, line 3: command: no command is called \"reprot\"; did you mean report?",
        ],
        "all",
    );
    let token = "[webex]\ntoken = \"t0ken-t0ken-t0ken\"\n";
    let (code, said) = check(folder.path(), Some(token.as_bytes()), &[("WEBEX_BOT_TOKEN", "")]);
    assert_eq!(code, 2, "{said}");
    let hides = "WEBEX_BOT_TOKEN (environment) is empty, and hides that of bot.toml, line 2: unset it";
    assert_told(&said, &["webex.token is missing", hides], "an empty variable");
    let (code, said) = check(folder.path(), Some(b"[webex]\ntoken = 3"), &[("WEBEX_BOT_TOKEN", "unset")]);
    assert_eq!((code, said.contains("is missing")), (2, false), "it is there, and wrong: {said}");
}

/// Settings that work, each with what is doubtful about it.
const DOUBTFUL: &[Case] = &[
    ("", &[], &["webhook.secret has fewer than 32 characters and may be guessed"]),
    ("[audit]\nkey = \"k3y-k3y-k3y-k3y-k3y\"", &[], &["audit.key has fewer than 32 characters and may be guessed"]),
    (
        "[cards]\nsecret = \"k3y-k3y-k3y-k3y-k3y\"",
        &[],
        &["cards.secret has fewer than 32 characters and may be guessed"],
    ),
    ("[access]\ndm_policy = \"allowlist\"\ngroup_policy = \"open\"", &[], &["nobody can write to the bot directly"]),
    ("[access]\ndm_policy = \"disabled\"", &[], &["nobody can write to the bot, neither directly nor in spaces"]),
    ("", &[], &["nobody is told when a stranger asks to be let in"]),
    (
        "[webhook]\npublic_url = \"https://bot.example.org/hook\"",
        &[],
        &["webhook.public_url ends in another path than webhook.path: /hook, and not /webex/webhook"],
    ),
    ("", &[], &["webhook.public_url is not set, so no webhooks are registered or looked after"]),
    ("[worker]\nconcurrency = 0", &[], &["worker.concurrency is 0: events are received and kept"]),
    (
        "[[command]]\nname = \"report\"\napprove = { by = [\"a@example.org\"] }\n[cards]\nenabled = false",
        &[],
        &["nobody can approve what has to be approved: report"],
    ),
    (
        "",
        &[("SWITCHBOARD_WEBEX__TOKEN", "another-token")],
        &["WEBEX_BOT_TOKEN and SWITCHBOARD_WEBEX__TOKEN are both set; SWITCHBOARD_WEBEX__TOKEN is used"],
    ),
    (
        "[webex]\nroom_id = \"x\"",
        &[("WEBEX_ROOM_ID", "")],
        &["WEBEX_ROOM_ID (environment) is empty and removes webex.room_id"],
    ),
    ("", &[("SWITCHBOARD_VERSION", "1")], &["the variable SWITCHBOARD_VERSION sets nothing"]),
    (
        "",
        &[("switchboard_access__dm_policy", "open")],
        &["switchboard_access__dm_policy is in small letters and sets nothing"],
    ),
];

/// The log of a daemon up to where it listens.
fn log_of_start(command: &mut Command) -> String {
    let mut daemon = command.arg("run").stderr(Stdio::piped()).spawn().unwrap();
    let mut log = String::new();
    for line in BufReader::new(daemon.stderr.take().unwrap()).lines().map_while(Result::ok) {
        log.push_str(&(line.clone() + "\n"));
        if line.contains("listening") {
            break;
        }
    }
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn what_check_warns_of_without_a_network_the_daemon_logs_once_at_its_start() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    for (file, variables, parts) in DOUBTFUL {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bot.toml"), file).unwrap();
        let command = || {
            let mut command = switchboard();
            command.current_dir(folder.path()).env("PORT", "0").env("SWITCHBOARD_ADMIN__LISTEN", "");
            command.env("SWITCHBOARD_WEBEX__API_URL", cloud.api_url()).env("WEBEX_WEBHOOK_SECRET", SECRET);
            command.env("WEBEX_BOT_TOKEN", cloud.bot().token).envs(variables.iter().copied());
            command
        };
        let (_, said) = finished(command().arg("check"));
        assert_told(&said, parts, file);
        let log = log_of_start(&mut command());
        let of_settings = said.lines().filter_map(|line| line.strip_prefix("warn settings  "));
        for warning in of_settings.chain(parts.iter().copied()) {
            assert_eq!(log.matches(warning).count(), 1, "{warning:?} is not once in the log:\n{log}");
        }
        assert_told(&log, &[], file);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_the_settings_switch_on_may_have_a_rule() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = "[commands]\necho = true\n[[command]]\nname = \"echo\"\nallow = [\"admins\"]";
    let api = [("WEBEX_BOT_TOKEN", cloud.bot().token), ("SWITCHBOARD_WEBEX__API_URL", cloud.api_url())];
    let api: Vec<_> = api.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (code, said) = check(folder.path(), Some(file.as_bytes()), &api);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn the_simulator_minds_no_settings_of_a_real_bot() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = switchboard();
    command.arg("simulate").current_dir(folder.path()).env("WEBEX_BOT_TOKEN_FILE", "/nowhere/token");
    let (code, said) = finished(command.env("WEBEX_WEBHOOK_SECRET", "s3cr3t"));
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("both") && !said.contains("WARN"), "{said}");
}
