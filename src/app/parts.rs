//! The parts of a bot, besides its settings.

use std::path::Path;

use super::OnStart;
use crate::clock::Clock;
use crate::commands;
use crate::config::{Config, ConfigError, Loaded, Section};
use crate::event::Subscription;
use crate::handler::{self, Around, Command, EventHandler, HandlerThreads, Table};
use crate::hooks::Hooks;
use crate::program::Program;
use crate::state::State;

/// The parts that the author of a bot gave to its builder.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub program: Program,
    pub commands: Vec<Command>,
    pub events: Vec<EventHandler>,
    pub around: Vec<Around>,
    pub on_start: Vec<OnStart>,
    pub clock: Clock,
    /// The author's sections of the settings.
    pub sections: Vec<Section>,
    pub state: State,
    /// Where the author's code runs. None for the threads of the runtime that runs the bot.
    pub threads: Option<HandlerThreads>,
}

impl Default for Parts {
    /// The parts of a bot without an author.
    fn default() -> Self {
        Parts {
            program: Program::default(),
            commands: commands::table(),
            events: Vec::new(),
            around: Vec::new(),
            on_start: Vec::new(),
            clock: Clock::of_system(),
            sections: Vec::new(),
            state: State::default(),
            threads: None,
        }
    }
}

impl Parts {
    /// Reads the settings in `file` and in the environment. Gives them and everything that is wrong with them, side by
    /// side.
    pub(crate) fn look(&self, file: Option<&Path>) -> Result<Loaded, ConfigError> {
        Ok(self.signed(Config::look(file, &self.sections)?))
    }

    /// Like [`Parts::look`], with these variables above everything else.
    pub(crate) fn look_under(
        &self,
        file: Option<&Path>,
        variables: Vec<(String, String)>,
    ) -> Result<Loaded, ConfigError> {
        Ok(self.signed(Config::look_under(file, variables, &self.sections)?))
    }

    /// The settings in a text and in these variables.
    pub(crate) fn look_at(&self, toml: &str, variables: &[(String, String)]) -> Result<Loaded, ConfigError> {
        Ok(self.signed(Config::look_at(toml, variables, &self.sections)?))
    }

    /// Like [`Parts::look_at`], with the text above the variables.
    pub(crate) fn look_above(&self, toml: &str, variables: &[(String, String)]) -> Result<Loaded, ConfigError> {
        Ok(self.signed(Config::look_above(toml, variables, &self.sections)?))
    }

    fn signed(&self, mut loaded: Loaded) -> Loaded {
        self.sign(&mut loaded.config);
        loaded
    }

    /// The commands as they are used. Handlers of events are checked too.
    ///
    /// # Errors
    /// A command or an event handler is declared wrongly, or a rule names a command that does not exist. Do not start.
    pub(crate) fn table(&self, config: &Config) -> anyhow::Result<Table> {
        handler::check_events(&self.events)?;
        commands::used(config, self.commands.clone(), &self.around)
    }

    /// The hooks as they are used.
    ///
    /// # Errors
    /// A hook of the settings cannot be used. Do not start.
    pub(crate) fn hooks(config: &Config, clock: Clock) -> anyhow::Result<Hooks> {
        let room = config.webex.room_id.as_deref();
        let made = Hooks::new(&config.hook, &config.hooks, room, clock);
        made.map_err(|wrong| ConfigError(wrong).into())
    }

    /// The events that the handlers ask Webex for.
    pub(crate) fn subscriptions(&self) -> Vec<Subscription> {
        self.events.iter().map(|handler| handler.subscription.clone()).collect()
    }

    /// The values that handlers find by their type.
    ///
    /// # Errors
    /// The program has a mistake: there are two values of one type, or the settings were read without the bot's own
    /// sections.
    pub(crate) fn shared(&self, config: &Config) -> anyhow::Result<State> {
        if let Some(section) = self.sections.iter().find(|section| !section.is_in(&config.own)) {
            let name = section.name;
            anyhow::bail!("the settings were read without the bot's section [{name}]; read them by Bot::load");
        }
        let mut state = self.state.clone();
        state.extend(config.own.clone());
        if let Some(of) = state.repeated().first() {
            anyhow::bail!("the bot has two values of the type {of}; give each a type of its own");
        }
        Ok(state)
    }

    /// Writes the program's name and version into the settings.
    pub(super) fn sign(&self, config: &mut Config) {
        config.program = self.program;
        config.webex.agent = self.program.agent();
    }
}
