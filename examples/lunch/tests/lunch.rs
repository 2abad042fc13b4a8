//! What people say to the bot and read of it.

use std::process::Command;

use switchboard::lab::Lab;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
async fn lunch_is_ordered() -> Result {
    let lab = Lab::start(lunchbot::bot()).await?;
    let alice = lab.person("alice");
    let asked = alice.says("lunch").await?;
    alice.presses(&asked[0], "Order", [("dish", "pizza")]).await?;
    assert!(lab.transcript().contains("alice@example.com gets pizza."));
    Ok(())
}

#[tokio::test]
async fn lunch_is_ordered_by_a_button_and_by_a_word() -> Result {
    let lab = Lab::with("[lunch]\nkitchen = 'Luigi'", lunchbot::bot()).await?;
    let (alice, bob) = (lab.person("alice"), lab.person("bob"));
    let asked = alice.says("lunch").await?;
    alice.presses(&asked[0], "Order", [("dish", "pizza")]).await?;
    let asked = bob.says("lunch").await?;
    bob.presses(&asked[0], "Something else", [("dish", "pizza")]).await?;
    bob.says("a salad").await?;
    alice.says("orders").await?;
    let expected = "\
alice: lunch
bot to alice: What would you like?
  | Lunch from Luigi
  | Dish [dish: pizza | soup]
  | <Order>
  | <Something else>
alice presses Order (dish=pizza)
bot to alice (reply): alice@example.com gets pizza.
bob: lunch
bot to bob: What would you like?
  | Lunch from Luigi
  | Dish [dish: pizza | soup]
  | <Order>
  | <Something else>
bob presses Something else (dish=pizza)
bot to bob (reply): What shall it be? Say cancel to leave it.
bob: a salad
bot to bob: bob@example.com gets a salad.
alice: orders
bot to alice: ```
  WHO                DISH
  alice@example.com  pizza
  bob@example.com    a salad
  ```
";
    assert_eq!(lab.transcript(), expected);
    lab.stop().await?;
    Ok(())
}

#[tokio::test]
async fn in_a_space_everybody_orders_on_one_card() -> Result {
    let lab = Lab::start(lunchbot::bot()).await?;
    let (alice, bob) = (lab.person("alice"), lab.person("bob"));
    let kitchen = lab.space("Kitchen", &[&alice, &bob]);
    let asked = alice.says_in(&kitchen, "lunch").await?;
    alice.presses(&asked[0], "Order", [("dish", "pizza")]).await?;
    let taken = bob.presses(&asked[0], "Order", [("dish", "soup")]).await?;
    assert_eq!(taken[0].said(), "bob@example.com gets soup.");
    assert!(lab.transcript().starts_with("alice in Kitchen: lunchbot lunch\nbot in Kitchen: "));
    Ok(())
}

#[test]
fn the_program_has_its_own_name_and_tells_what_is_wrong_with_its_settings() -> Result {
    let lunchbot = || Command::new(env!("CARGO_BIN_EXE_lunchbot"));
    let version = lunchbot().arg("--version").output()?;
    assert_eq!(String::from_utf8(version.stdout)?, "lunchbot 1.2.0\n");
    let folder = std::env::temp_dir().join(format!("lunchbot-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("bot.toml"), "[lunch]\nktichen = 'Luigi'\n")?;
    let checked = lunchbot().arg("check").current_dir(&folder).output()?;
    std::fs::remove_dir_all(&folder)?;
    assert_eq!(checked.status.code(), Some(2));
    let said = String::from_utf8(checked.stdout)?;
    assert!(said.contains("bot.toml, line 2: unknown key lunch.ktichen; did you mean kitchen?"), "{said}");
    Ok(())
}
