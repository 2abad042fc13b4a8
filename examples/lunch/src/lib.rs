//! A bot that takes orders for lunch: a card with buttons, a question, settings of its own and state.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use switchboard::card::{Input, Submit, Text};
use switchboard::{
    Args, Bot, Card, Command, CommandError, Context, Inputs, Question, Reply, Result, code_block, table,
};

/// `[lunch]` in `bot.toml`, or variables such as `SWITCHBOARD_LUNCH__KITCHEN`.
#[derive(serde::Deserialize)]
#[serde(default)]
pub struct Lunch {
    /// Who cooks.
    pub kitchen: String,
    /// What there is.
    pub dishes: Vec<String>,
}

impl Default for Lunch {
    fn default() -> Self {
        Lunch { kitchen: "the canteen".to_owned(), dishes: vec!["pizza".to_owned(), "soup".to_owned()] }
    }
}

/// What everybody ordered, by their address. It lives as long as the process, which is enough for a lunch.
#[derive(Default)]
struct Orders(Mutex<BTreeMap<String, String>>);

impl Orders {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bot, for `main` and for the tests.
pub fn bot() -> Bot {
    let lunch = Command::new("lunch", "Orders lunch", lunch).action("order", order).action("other", other);
    Bot::builder()
        .name("lunchbot")
        .version(env!("CARGO_PKG_VERSION"))
        .settings::<Lunch>("lunch")
        .state(Orders::default())
        .command(lunch.action("wish", wish))
        .command(Command::new("orders", "Who ordered what", orders))
}

async fn lunch(context: Context, _: Args) -> Result<Reply> {
    let lunch = context.settings::<Lunch>()?;
    let dishes: Vec<_> = lunch.dishes.iter().map(|dish| (dish.as_str(), dish.as_str())).collect();
    let card = Card::new()
        .with(Text::foreign(&format!("Lunch from {}", lunch.kitchen)).large())
        .with(Input::choice("dish", &dishes).label("Dish").required())
        .action(Submit::new("Order", "order").repeatable().positive())
        .action(Submit::new("Something else", "other").for_asker());
    Ok(Reply::text("What would you like?").with_card(card))
}

async fn order(context: Context, inputs: Inputs) -> Result<Reply> {
    let lunch = context.settings::<Lunch>()?;
    let dishes: Vec<_> = lunch.dishes.iter().map(String::as_str).collect();
    let dish = inputs.one_of("dish", &dishes)?.ok_or_else(|| CommandError::User("Which dish?".to_owned()))?;
    taken(&context, dish)
}

async fn other(_: Context, _: Inputs) -> Result<Reply> {
    Ok(Reply::text("What shall it be? Say cancel to leave it.").ask(Question::new("wish").input("dish")))
}

async fn wish(context: Context, inputs: Inputs) -> Result<Reply> {
    taken(&context, inputs.required("dish", "dish")?)
}

fn taken(context: &Context, dish: &str) -> Result<Reply> {
    let who = &context.sender().email;
    context.state::<Orders>()?.lock().insert(who.clone(), dish.to_owned());
    Ok(Reply::text(format!("{who} gets {dish}.")))
}

async fn orders(context: Context, _: Args) -> Result<Reply> {
    let orders = context.state::<Orders>()?.lock().clone();
    if orders.is_empty() {
        return Ok(Reply::text("Nobody has ordered yet."));
    }
    Ok(Reply::markdown(code_block(&table(["WHO", "DISH"], &[], orders.into_iter().map(<[String; 2]>::from)))))
}
