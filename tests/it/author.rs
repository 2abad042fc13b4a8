//! What the author of a bot gives to its builder, beside commands.

use std::time::Duration;

use switchboard::lab::Lab;
use switchboard::simulator::{Cloud, Options};
use switchboard::{Args, Bot, Command, Config, Context, Param, Reply, Result};

use crate::harness::Harness;

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(default)]
struct Lunch {
    kitchen: String,
    seats: u8,
    price: f64,
    closes_within: Duration,
    opens: Option<jiff::civil::Time>,
    menu: Menu,
    days: Vec<String>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Menu {
    Cold,
    Warm,
}

impl Default for Lunch {
    fn default() -> Self {
        Lunch {
            kitchen: "the canteen".to_owned(),
            seats: 4,
            price: 7.5,
            closes_within: Duration::from_secs(60),
            opens: None,
            menu: Menu::Warm,
            days: vec!["monday".to_owned()],
        }
    }
}

#[derive(serde::Deserialize)]
struct Kitchen {
    #[allow(dead_code, reason = "it is only asked for")]
    address: String,
}

struct Orders(std::sync::Mutex<u32>);

async fn menu(context: Context, _: Args) -> Result<Reply> {
    let (lunch, orders) = (context.settings::<Lunch>()?, context.state::<Orders>()?);
    let mut orders = orders.0.lock().unwrap();
    *orders += 1;
    Ok(Reply::text(format!("Order {} from {} at {}.", *orders, lunch.kitchen, lunch.price)))
}

fn lunch() -> Bot {
    Bot::builder().settings::<Lunch>("lunch")
}

/// What is wrong with these settings of a bot.
fn wrong(bot: &Bot, toml: &str, variables: &[(&str, &str)]) -> String {
    let variables: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    bot.load_from_parts(toml, &variables).unwrap_err().to_string()
}

async fn built(bot: Bot, config: Config) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    bot.build_on(listener, config).await.err().unwrap().to_string()
}

#[tokio::test]
async fn a_bot_of_another_name_says_so_in_status() {
    let bot = Harness::with("", Bot::builder().name("lunchbot").version("1.2.0")).await;
    bot.cloud.person("alice@example.com").says("status");
    let said = bot.transcript().await;
    let library = env!("CARGO_PKG_VERSION");
    assert!(said.contains(&format!("version      lunchbot 1.2.0 on switchboard {library}\n")), "{said}");
}

#[tokio::test]
async fn a_handler_has_settings_and_state_of_the_bots_own() {
    let bot = lunch().state(Orders(0.into())).command(Command::new("menu", "What there is", menu));
    let bot = Harness::with("[lunch]\nkitchen = \"Luigi\"\nprice = 8", bot).await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says("menu");
    alice.says("menu");
    insta::assert_snapshot!(bot.transcript().await, @r"
    alice: menu
    alice: menu
    bot: Order 1 from Luigi at 8.
    bot: Order 2 from Luigi at 8.
    ");
}

#[tokio::test]
async fn a_handler_that_asks_for_what_the_bot_lacks_is_told_how_to_give_it() {
    let lacking = |context: Context, _: Args| async move {
        let error = context.state::<Orders>().err().unwrap().to_string();
        Ok(Reply::text(format!("{error}; {}", context.settings::<Lunch>().err().unwrap())))
    };
    let bot = Harness::with("", Bot::builder().command(Command::new("lacking", "Looks for it", lacking))).await;
    bot.cloud.person("alice@example.com").says("lacking");
    insta::assert_snapshot!(bot.transcript().await, @r"
    alice: lacking
    bot: the bot has no state of the type it::author::Orders; give it to Bot::builder() by .state(value); the bot has no settings of the type it::author::Lunch; give it to Bot::builder() by .settings::<T>(section)
    ");
}

#[test]
fn a_section_of_the_bots_own_is_read_with_the_same_care() {
    let variables = [
        ("SWITCHBOARD_LUNCH__DAYS", "monday, friday"),
        ("SWITCHBOARD_LUNCH__SEATS", "300"),
        ("SWITCHBOARD_LUNCH__KITCEN", "Luigi"),
        ("SWITCHBOARD_LUNCH_KITCHEN", "Luigi"),
    ];
    let toml = "[lunch]\nktichen = \"Luigi\"\nprice = \"8\"\ncloses_within = \"soon\"\nopens = \"25:00\"\nmenu = \"warn\"\n\
                [lunhc]\nseats = 1";
    insta::assert_snapshot!(wrong(&lunch(), toml, &variables), @r#"
    the given settings, line 2: unknown key lunch.ktichen; did you mean kitchen?
    the given settings, line 3: lunch.price has the wrong type: it is a text; give a number, such as 0.5
    the given settings, line 4: lunch.closes_within is not a duration; write "500ms", "30s", "5m", "24h" or "30d"
    the given settings, line 5: lunch.opens is wrong: failed to parse two digit integer as hour: parameter 'hour' is not in the required range of 0..=23
    the given settings, line 6: lunch.menu must be one of cold, warm; did you mean "warm"?
    the given settings, line 7: unknown key lunhc; did you mean lunch?
    SWITCHBOARD_LUNCH_KITCHEN (environment): a section and its key are joined by two underscores; write SWITCHBOARD_LUNCH__KITCHEN
    SWITCHBOARD_LUNCH__KITCEN (environment): unknown key lunch.kitcen; did you mean kitchen?
    SWITCHBOARD_LUNCH__SEATS (environment): lunch.seats is too large
    "#);
}

#[test]
fn what_a_section_of_the_bots_own_needs_is_missed_before_the_bot_runs() {
    let bot = Bot::builder().settings::<Kitchen>("kitchen");
    let config = bot.load_from_parts("[delivery]\nmode = \"polling\"\n[webex]\ntoken = \"x\"", &[]).unwrap();
    insta::assert_snapshot!(config.require_run().unwrap_err(), @"kitchen.address is missing: set SWITCHBOARD_KITCHEN__ADDRESS, or give address under [kitchen] in bot.toml");
    let mistaken = wrong(&bot, "[kitchen]\naddress = 5", &[]);
    insta::assert_snapshot!(mistaken, @"the given settings, line 2: kitchen.address has the wrong type: it is a number; give a text in quotes");
}

#[tokio::test]
async fn what_a_program_gives_to_its_builder_by_mistake_is_refused_at_the_start() {
    let toml = "[delivery]\nmode = \"polling\"\n[webex]\ntoken = \"x\"";
    insta::assert_snapshot!(wrong(&Bot::builder().settings::<Lunch>("webex"), "", &[]), @"the program gives its settings it::author::Lunch the section [webex], which is one of Switchboard's; take another name");
    insta::assert_snapshot!(wrong(&Bot::builder().settings::<Lunch>("Lunch Bot"), "", &[]), @"the program gives its settings it::author::Lunch the section [Lunch Bot], which is no name for one: small letters, digits and single underscores are");
    insta::assert_snapshot!(wrong(&lunch().settings::<Kitchen>("lunch"), "", &[]), @"the program gives its settings it::author::Kitchen the section [lunch], which it has given away already; take another name");
    let config = Config::from_parts(toml, &[]).unwrap();
    insta::assert_snapshot!(built(lunch(), config.clone()).await, @"the settings were read without the bot's section [lunch]; read them by Bot::load");
    insta::assert_snapshot!(built(Bot::builder().state(1_u8).state(2_u8), config).await, @"the bot has two values of the type u8; give each a type of its own");
}

#[tokio::test]
async fn webex_reads_the_name_of_the_program_after_that_of_the_library() {
    let webex = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (api_url, place) = (webex.local_addr().unwrap(), folder.path().display());
    let settings = format!(
        "[delivery]\nmode = \"polling\"\n[webex]\ntoken = \"x\"\napi_url = \"http://{api_url}/v1\"\n\
         [store]\nurl = \"sqlite:{place}/ledger.db\"\n[admin]\nlisten = \"\""
    );
    let bot = Bot::builder().name("lunchbot").version("1.2.0");
    let config = bot.load_from_parts(&settings, &[]).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = bot.build_on(listener, config).await.unwrap();
    let running = tokio::spawn(app.run_until(std::future::pending()));
    let mut request = [0; 4096];
    let (mut call, _) = webex.accept().await.unwrap();
    let length = tokio::io::AsyncReadExt::read(&mut call, &mut request).await.unwrap();
    running.abort();
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let agent = format!("user-agent: switchboard/{} lunchbot/1.2.0\r\n", env!("CARGO_PKG_VERSION"));
    assert!(request.contains(&agent), "{request}");
}

#[tokio::test]
async fn a_file_by_its_address_is_fetched_by_webex_and_takes_no_text_with_it() -> anyhow::Result<()> {
    let menu = |_: Context, mut args: Args| async move {
        Ok(Reply::text("This week's menu:").with_file_url(args.required("address")?))
    };
    let menu = || Bot::builder().command(Command::new("menu", "This week's menu", menu).param(Param::text("address")));
    let lab = Lab::start(menu()).await?;
    lab.person("alice").says("menu https://kitchen.example.org/menu.pdf").await?;
    insta::assert_snapshot!(lab.transcript(), @r"
    alice: menu https://kitchen.example.org/menu.pdf
    bot: This week's menu:
    bot: [file menu.pdf of https://kitchen.example.org/menu.pdf]
    ");
    // Where Webex does not get the file, the text is there all the same.
    let lab = Lab::on(Cloud::start(Options::default()).await?, "", menu()).await?;
    let said = lab.person("alice").says("menu http://127.0.0.1/menu.pdf").await?;
    assert_eq!(said.iter().map(|message| message.said()).collect::<Vec<_>>(), ["This week's menu:"]);
    Ok(())
}
