//! The smallest bot: one command beside those that every bot has. Try it: `cargo run -- simulate`.

use switchboard::{Args, Bot, Command, Context, Param, Reply, Result};

async fn hello(_: Context, args: Args) -> Result<Reply> {
    Ok(Reply::text(format!("Hello, {}!", args.get::<String>("name")?)))
}

fn bot() -> Bot {
    let hello = Command::new("hello", "Says hello", hello).param(Param::text("name").default("world"));
    Bot::builder().name("hello").command(hello)
}

fn main() -> std::process::ExitCode {
    bot().run()
}

#[cfg(test)]
mod tests {
    use switchboard::lab::Lab;

    #[tokio::test]
    async fn it_says_hello() -> Result<(), Box<dyn std::error::Error>> {
        let lab = Lab::start(super::bot()).await?;
        let alice = lab.person("alice");
        alice.says("hello").await?;
        alice.says("hello Webex").await?;
        assert_eq!(lab.transcript(), "alice: hello\nbot: Hello, world!\nalice: hello Webex\nbot: Hello, Webex!\n");
        Ok(())
    }
}
