//! `args` of a `[[command]]`.

use serde::Deserialize;

/// What people give a command that the settings make.
#[derive(Clone, Debug, Deserialize)]
pub struct CommandArgument {
    /// What it is called where people write `name=value`, and in templates.
    pub name: String,
    /// What `help` says of it.
    #[serde(default)]
    pub about: String,
    /// What values it takes.
    #[serde(default)]
    pub r#type: ArgumentType,
    /// The only values that it takes. Empty if it takes any of its type.
    #[serde(default)]
    pub choices: Vec<String>,
    /// The value if none is given. Without a default one has to be given.
    pub default: Option<String>,
    /// Whether it takes all text that is left, exactly as it was typed.
    #[serde(default)]
    pub rest: bool,
}

/// What values an argument takes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentType {
    /// A word, or several in quotation marks.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `90s`, `15m`, `2h` or `7d`.
    Duration,
    /// A day such as `2026-11-30`.
    Date,
    /// An email address or the id of a person.
    Person,
    /// On if it is given, else off.
    Flag,
}
