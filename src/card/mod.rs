//! Adaptive Cards: built from typed parts or taken as JSON, checked before they are sent, and their buttons sealed.
//!
//! ```
//! use switchboard::card::{Input, Submit, Text};
//! use switchboard::{Args, Card, Command, Context, Inputs, Param, Reply, Result};
//!
//! async fn deploy(_: Context, mut args: Args) -> Result<Reply> {
//!     let service = args.required("service")?;
//!     args.finish()?;
//!     let card = Card::new()
//!         .with(Text::foreign(&format!("Deploy {service}?")).large())
//!         .with(Input::choice("where", &[("Staging", "staging"), ("Production", "production")]).label("Where").required())
//!         .action(Submit::new("Deploy", "go").argument("service", service).for_asker());
//!     Ok(Reply::card(card))
//! }
//!
//! async fn go(context: Context, inputs: Inputs) -> Result<Reply> {
//!     let place = inputs.one_of("where", &["staging", "production"])?.unwrap_or("staging");
//!     // The argument was sealed when the card was made; nobody can have changed it.
//!     let service = inputs.argument("service").unwrap_or_default();
//!     Ok(Reply::text(format!("{} deploys {service} to {place}.", context.sender().email)))
//! }
//!
//! let command = Command::new("deploy", "Deploys a service", deploy).param(Param::text("service")).action("go", go);
//! # assert_eq!(command.name(), "deploy");
//! ```
//!
//! People choose what they put into a card's inputs, and anybody in the space can send any inputs to any card through
//! Webex's API. Nobody can choose what a button does: the button contains that under a seal, with the card, the bot,
//! the space, the people who may press it, and the time until when. A button works once, unless it says otherwise.

mod actions;
mod adaptive;
mod button;
mod check;
mod elements;
mod fields;
mod finding;
mod seal;

pub use actions::{Action, Submit};
pub use adaptive::Card;
pub(crate) use button::{Button, ButtonAction, ButtonRefusal, SEAL, Vote, carries_button};
pub use elements::{Column, Element, Input, Text};
pub use finding::CardError;
pub(crate) use seal::{Cards, Sealing, Venue};
