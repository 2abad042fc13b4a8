//! What the author of a bot gives to its builder, beside commands.

use switchboard::Bot;

use crate::harness::Harness;

#[tokio::test]
async fn a_bot_of_another_name_says_so_in_status() {
    let bot = Harness::with("", Bot::builder().name("lunchbot").version("1.2.0")).await;
    bot.cloud.person("alice@example.com").says("status");
    let said = bot.transcript().await;
    let library = env!("CARGO_PKG_VERSION");
    assert!(said.contains(&format!("version      lunchbot 1.2.0 on switchboard {library}\n")), "{said}");
}
