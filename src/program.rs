//! The program's name and version, which people, Webex and the log read.

use std::borrow::Cow;

/// A name and a version. The default is Switchboard's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    pub name: &'static str,
    pub version: &'static str,
}

/// The library, and the program of that name.
const SWITCHBOARD: Program = Program { name: "switchboard", version: env!("CARGO_PKG_VERSION") };

impl Default for Program {
    fn default() -> Self {
        SWITCHBOARD
    }
}

impl Program {
    /// The part that is added to the library's `User-Agent`.
    pub fn agent(&self) -> Option<String> {
        (*self != SWITCHBOARD).then(|| format!("{}/{}", self.name, self.version))
    }

    /// The version, as `status` shows it.
    pub fn versions(&self) -> String {
        let Program { name, version } = self;
        let library = SWITCHBOARD.version;
        if *self == SWITCHBOARD { library.to_owned() } else { format!("{name} {version} on switchboard {library}") }
    }

    /// The bot's name and address in a simulated cloud.
    pub fn in_simulation(&self) -> (String, String) {
        let name = if *self == SWITCHBOARD { "Switchboard" } else { self.name };
        (name.to_owned(), format!("{}@webex.bot", self.name))
    }

    /// One of our texts that quotes a command line, such as `switchboard check`, with the name that people type.
    pub fn quoted<'text>(&self, text: &'text str) -> Cow<'text, str> {
        if self.name == SWITCHBOARD.name {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.replace("`switchboard ", &format!("`{} ", self.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_quoted_command_line_gets_the_name() {
        let program = Program { name: "lunchbot", version: "1.2.0" };
        assert_eq!(program.quoted("`switchboard check` of switchboard"), "`lunchbot check` of switchboard");
    }
}
