//! Commands that the settings make: each `[[command]]` with a source.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::config::{ArgumentType, CommandArgument, CommandRule, ConfigError};
use crate::handler::{Args, Command, Context, Param, Reply, Result};
use crate::template::{Given, Templates, Values, is_name};

/// The name of the template.
const TEXT: &str = "text";

/// What a template may name besides the arguments.
const NAMES: [&str; 4] = ["sender.email", "sender.id", "room.id", "room.direct"];

/// A secret begins so, and nobody may read one.
const SECRET: &str = "secret";

/// The commands of the settings, beside these others.
///
/// # Errors
/// Commands that cannot be used, each with its place.
pub(super) fn commands(rules: &[CommandRule], others: &[Command]) -> Result<Vec<Command>, ConfigError> {
    let (mut made, mut wrong) = (Vec::new(), Vec::new());
    for rule in rules {
        let Some(text) = &rule.text else { continue };
        let command = command(rule, text).and_then(|command| {
            let all = others.iter().chain(&made);
            command.check_beside(all).map_err(|error| error.to_string())?;
            Ok(command)
        });
        match command {
            Ok(command) => made.push(command),
            Err(says) => wrong.push(format!("{}: command {}: {says}", rule.place, rule.name)),
        }
    }
    if wrong.is_empty() { Ok(made) } else { Err(ConfigError(wrong)) }
}

/// A command that answers with this template.
fn command(rule: &CommandRule, text: &str) -> Result<Command, String> {
    let mut templates = Templates::new();
    templates.add(TEXT.to_owned(), text.to_owned()).map_err(|error| format!("text: {error}"))?;
    for argument in &rule.args {
        if !is_name(&argument.name) {
            let name = &argument.name;
            return Err(format!("args: no template can write the name {name:?}; take letters, digits and underscores"));
        }
    }
    let arguments = rule.args.iter().map(|argument| format!("args.{}", argument.name));
    let known: Vec<_> = arguments.chain(NAMES.map(str::to_owned)).collect();
    if let Some(name) = templates.stray(TEXT, &known) {
        return Err(if name.split('.').next() == Some(SECRET) {
            format!("text: {name} would be shown to whoever gives the command; take it out")
        } else {
            format!("text: there is no {name}; there are {}", known.join(", "))
        });
    }
    let (templates, arguments) = (Arc::new(templates), Arc::<[CommandArgument]>::from(rule.args.as_slice()));
    let run = move |context: Context, args: Args| {
        let (templates, arguments) = (Arc::clone(&templates), Arc::clone(&arguments));
        async move {
            let values = values(&context, &given(&arguments, &args)?);
            Ok(Reply::markdown(templates.render(TEXT, &values)?))
        }
    };
    let command = Command::new(&rule.name, rule.about.as_deref().unwrap_or_default(), run);
    let command = rule.aliases.iter().fold(command, |command, word| command.alias(word));
    Ok(rule.args.iter().map(param).fold(command, Command::param))
}

fn param(argument: &CommandArgument) -> Param {
    let CommandArgument { name, about, r#type, choices, default, rest } = argument;
    let param = Param::new(name, *r#type).about(about).choices(choices);
    let param = default.iter().fold(param, |param, value| param.default(value));
    if *rest { param.rest() } else { param }
}

/// The arguments by their names. Numbers and flags are such, everything else is a text.
fn given(arguments: &[CommandArgument], args: &Args) -> Result<Map<String, Value>> {
    let value = |CommandArgument { name, r#type, .. }: &CommandArgument| {
        let value = match r#type {
            ArgumentType::Integer => args.get::<i64>(name)?.into(),
            ArgumentType::Number => args.get::<f64>(name)?.into(),
            ArgumentType::Flag => args.get::<bool>(name)?.into(),
            ArgumentType::Text | ArgumentType::Duration | ArgumentType::Date | ArgumentType::Person => {
                args.get::<String>(name)?.into()
            }
        };
        Ok((name.clone(), value))
    };
    arguments.iter().map(value).collect()
}

/// What the template sees.
fn values(context: &Context, args: &Map<String, Value>) -> Values {
    let sender = json!({"email": context.sender().email, "id": context.sender().id.as_str()});
    let room = json!({"id": context.room().as_str(), "direct": context.is_direct()});
    let all = [("args", Value::from(args.clone())), ("sender", sender), ("room", room)];
    Values::new([], &Given::from(&Value::Null), all.map(|(name, value)| (name.to_owned(), Given::from(&value))))
}
