//! What a handler returns, and the messages it becomes.

use std::io;
use std::path::Path;

use bytes::Bytes;

use super::{CommandSpec, Question};
use crate::card::Card;
use crate::outbox::{Destination, is_on_the_web};
use crate::text::{MOST_BYTES, is_blank, is_invisible, split, split_plain};
use crate::webex::{File, NewMessage};

/// An answer. It goes to the space, and the thread, that the question came from.
///
/// ```no_run
/// use switchboard::{Args, Context, Reply, Result};
///
/// async fn export(_: Context, args: Args) -> Result<Reply> {
///     args.finish()?;
///     let table = "name,hours\nAlice,7\n";
///     Ok(Reply::text("Here are the hours.").with_file("hours.csv", "text/csv", table))
/// }
///
/// async fn handbook(_: Context, args: Args) -> Result<Reply> {
///     args.finish()?;
///     Ok(Reply::default().with_path("/srv/bot/handbook.pdf").await?)
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Reply {
    body: Body,
    cards: Vec<Card>,
    files: Vec<File>,
    /// Addresses of files that Webex fetches.
    addresses: Vec<String>,
    question: Option<Question>,
    elsewhere: Vec<(Destination, Reply)>,
}

#[derive(Clone, Debug)]
enum Body {
    Text(String),
    Markdown(String),
}

impl Default for Body {
    fn default() -> Self {
        Body::Text(String::new())
    }
}

/// One message to send: Webex takes one card or one file in each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outgoing {
    pub message: NewMessage,
    pub card: Option<Card>,
    pub file: Option<File>,
    /// The address of a file that we fetch when the message is sent.
    pub fetch: Option<String>,
    /// Whether this message asks the reply's question.
    pub asks: bool,
}

impl Reply {
    /// Plain text: nothing in it is markup, so foreign text is harmless here.
    pub fn text(text: impl Into<String>) -> Reply {
        Reply { body: Body::Text(text.into()), ..Reply::default() }
    }

    /// Webex markdown. Foreign text in it goes through [`escape`](crate::escape),
    /// [`code_block`](crate::code_block) or [`code_span`](crate::code_span).
    pub fn markdown(markdown: impl Into<String>) -> Reply {
        Reply { body: Body::Markdown(markdown.into()), ..Reply::default() }
    }

    /// A card alone. Notifications, and apps without cards, show the texts of the card instead. With
    /// [`Reply::with_card`] you can write that text yourself.
    pub fn card(card: Card) -> Reply {
        Reply::default().with_card(card)
    }

    /// Adds a card. The text of the reply is then read where no card is shown: in notifications, where cards are off,
    /// or if Webex refuses the card. The first card goes out with the text; each further one is a message of its own.
    #[must_use]
    pub fn with_card(mut self, card: Card) -> Reply {
        self.cards.push(card);
        self
    }

    /// Asks a question: the person's next message goes to an action of the command. See [`Question`].
    #[must_use]
    pub fn ask(mut self, question: Question) -> Reply {
        self.question = Some(question);
        self
    }

    /// Checks that the command can send this reply: the addresses of its files, and its question.
    ///
    /// # Errors
    /// The sentence says what the author of the command did wrong.
    pub(crate) fn check(&self, command: &CommandSpec) -> anyhow::Result<()> {
        self.check_addresses()?;
        self.check_all_elsewhere()?;
        let Some(question) = &self.question else { return Ok(()) };
        let (name, action) = (command.name(), question.action());
        anyhow::ensure!(
            !self.is_empty(),
            "{name} asks a question for {name}/{action} with a reply that says nothing; say in its text what is asked"
        );
        question.check(command)
    }

    /// Adds what is said elsewhere beside the reply.
    pub(super) fn and_elsewhere(mut self, said: Vec<(Destination, Reply)>) -> Reply {
        self.elsewhere.extend(said);
        self
    }

    pub(crate) fn take_elsewhere(&mut self) -> Vec<(Destination, Reply)> {
        std::mem::take(&mut self.elsewhere)
    }

    /// The files of this reply and of what is said elsewhere.
    pub(crate) fn files(&self) -> Vec<&File> {
        let elsewhere = self.elsewhere.iter().flat_map(|(_, said)| &said.files);
        self.files.iter().chain(elsewhere).collect()
    }

    /// Whether the reply shows nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        let (Body::Text(text) | Body::Markdown(text)) = &self.body;
        text.chars().all(|c| is_blank(c) || is_invisible(c))
            && self.cards.is_empty()
            && self.files.is_empty()
            && self.addresses.is_empty()
    }

    /// Adds a line below the text, if there is a text.
    pub(crate) fn with_line(mut self, line: &str) -> Reply {
        let (Body::Text(text) | Body::Markdown(text)) = &mut self.body;
        if !text.is_empty() {
            text.push_str("\n\n");
            text.push_str(line);
        }
        self
    }

    /// Checks everything that is said elsewhere beside the reply.
    ///
    /// # Errors
    /// What is wrong with it, for the author of the program.
    pub(crate) fn check_all_elsewhere(&self) -> anyhow::Result<()> {
        self.elsewhere.iter().try_for_each(|(to, said)| said.check_elsewhere(to))
    }

    /// Checks that this can be said elsewhere, to somebody it does not answer.
    ///
    /// # Errors
    /// What is wrong with it, for the author of the program.
    pub(crate) fn check_elsewhere(&self, to: &Destination) -> anyhow::Result<()> {
        to.check().map_err(anyhow::Error::msg)?;
        anyhow::ensure!(self.question.is_none(), "only an answer can ask a question; what is said to {to} cannot");
        self.check_addresses()
    }

    fn check_addresses(&self) -> anyhow::Result<()> {
        match self.addresses.iter().find(|address| !is_on_the_web(address)) {
            Some(wrong) => anyhow::bail!("{wrong} is no http or https address of a file"),
            None => Ok(()),
        }
    }

    pub(crate) fn has_card(&self) -> bool {
        !self.cards.is_empty()
    }

    pub(crate) fn take_question(&mut self) -> Option<Question> {
        self.question.take()
    }

    /// A file alone.
    pub fn file(name: &str, content_type: &str, bytes: impl Into<Bytes>) -> Reply {
        Reply::default().with_file(name, content_type, bytes)
    }

    /// Adds a file. The first one goes out with the text, or with the last part of a long text. Each further one is a
    /// message of its own, since Webex takes one file in a message, and none beside a card. If the name is a path, its
    /// last part is used.
    #[must_use]
    pub fn with_file(mut self, name: &str, content_type: &str, bytes: impl Into<Bytes>) -> Reply {
        self.files.push(File::new(name, content_type, bytes));
        self
    }

    /// Adds a local file. It is read at once, so a temporary file of the handler may be deleted before the reply is
    /// sent. The ending of the name decides the content type.
    ///
    /// # Errors
    /// The file cannot be read, or is larger than the 100 MB that Webex takes.
    pub async fn with_path(mut self, path: impl AsRef<Path>) -> io::Result<Reply> {
        self.files.push(File::read(path).await?);
        Ok(self)
    }

    /// Adds a file that Webex fetches from a public address when the reply is sent. Webex names the file by the
    /// address. It is a message of its own after everything else, so nothing else is lost if Webex cannot fetch it.
    ///
    /// ```no_run
    /// # use switchboard::Reply;
    /// Reply::text("This week's menu:").with_file_url("https://kitchen.example.org/menu.pdf");
    /// ```
    #[must_use]
    pub fn with_file_url(mut self, url: impl Into<String>) -> Reply {
        self.addresses.push(url.into());
        self
    }

    /// The messages to send, none longer than Webex takes. An empty reply is no message.
    pub(crate) fn into_messages(self) -> Vec<Outgoing> {
        let mut messages: Vec<_> = match self.body {
            Body::Text(text) => {
                split_plain(&text, MOST_BYTES).into_iter().map(|text| Outgoing::from(NewMessage::text(text))).collect()
            }
            Body::Markdown(markdown) => split(&markdown, MOST_BYTES).into_iter().map(Outgoing::markdown).collect(),
        };
        for (nth, card) in self.cards.into_iter().enumerate() {
            match messages.last_mut().filter(|_| nth == 0) {
                Some(last) => last.card = Some(card),
                None => messages.push(Outgoing::from(card)),
            }
        }
        let mut files = self.files.into_iter();
        if let Some(last) = messages.last_mut().filter(|last| last.card.is_none()) {
            last.file = files.next();
        }
        messages.extend(files.map(|file| Outgoing { file: Some(file), ..Outgoing::default() }));
        let fetched = |address| NewMessage { files: vec![address], ..NewMessage::default() };
        messages.extend(self.addresses.into_iter().map(|address| Outgoing::from(fetched(address))));
        messages
    }
}

impl Outgoing {
    fn markdown(markdown: String) -> Outgoing {
        Outgoing::from(NewMessage { markdown: Some(markdown), ..NewMessage::default() })
    }
}

impl From<Card> for Outgoing {
    fn from(card: Card) -> Self {
        // A fallback text that is too long is cut, since the rest would only repeat the card.
        let fallback = split(&card.fallback(), MOST_BYTES).into_iter().next().unwrap_or_default();
        Outgoing { card: Some(card), ..Outgoing::markdown(fallback) }
    }
}

impl From<NewMessage> for Outgoing {
    fn from(message: NewMessage) -> Self {
        Outgoing { message, ..Outgoing::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(reply: Reply) -> Vec<(usize, Option<String>)> {
        let shape = |sent: Outgoing| (sent.message.text.unwrap_or_default().len(), sent.file.map(|file| file.name));
        reply.into_messages().into_iter().map(shape).collect()
    }

    #[test]
    fn a_file_that_webex_fetches_is_a_message_of_its_own() {
        let url = "https://example.org/menu.pdf";
        let reply = Reply::text("said").with_file("f", "text/plain", "f").with_file_url(url).with_file_url(url);
        let fetched: Vec<_> = reply.into_messages().into_iter().map(|sent| sent.message.files).collect();
        assert_eq!(fetched, [vec![], vec![url.to_owned()], vec![url.to_owned()]]);
        assert!(!Reply::default().with_file_url(url).is_empty());
        let on_the_web = ["https://example.org", "file:///etc/passwd", "menu.pdf"].map(is_on_the_web);
        assert_eq!(on_the_web, [true, false, false]);
    }

    #[test]
    fn a_card_has_text_beside_it_and_no_file() {
        use crate::card::Text;
        let card = |text: &str| Card::new().with(Text::new(text));
        let shape = |reply: Reply| {
            let shape = |sent: Outgoing| {
                let NewMessage { text, markdown, .. } = sent.message;
                (text.or(markdown).unwrap_or_default(), sent.card.is_some(), sent.file.is_some())
            };
            reply.into_messages().into_iter().map(shape).collect::<Vec<_>>()
        };
        let said = |text: &str, has_card, has_file| (text.to_owned(), has_card, has_file);
        assert_eq!(shape(Reply::card(card("a"))), [said("a", true, false)]);
        let all = Reply::text("said").with_file("f", "text/plain", "f").with_card(card("a")).with_card(card("b"));
        assert_eq!(shape(all), [said("said", true, false), said("b", true, false), said("", false, true)]);
        let long = shape(Reply::card(card(&"a ".repeat(MOST_BYTES))));
        assert!(long.len() == 1 && long[0].0.len() <= MOST_BYTES);
    }

    #[test]
    fn a_file_goes_with_the_end_of_the_text_and_each_further_one_alone() {
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(shape(Reply::default()), []);
        assert_eq!(shape(Reply::file("../a.txt", "text/plain", "a")), [(0, named("a.txt"))]);
        let two = |reply: Reply| reply.with_file("a", "text/plain", "a").with_file("b", "text/plain", "b");
        assert_eq!(shape(two(Reply::default())), [(0, named("a")), (0, named("b"))]);
        assert_eq!(shape(two(Reply::text("said"))), [(4, named("a")), (0, named("b"))]);
        let long = two(Reply::text("x".repeat(MOST_BYTES + 5)));
        assert_eq!(shape(long), [(MOST_BYTES, None), (5, named("a")), (0, named("b"))]);
    }

    #[test]
    fn a_question_fits_its_command_and_the_ledger_or_says_why_not() {
        let act = async |_, _| Ok(Reply::text(""));
        let command = crate::handler::Command::new("deploy", "", async |_, _| Ok(Reply::text(""))).action("place", act);
        let says =
            |question: Question, reply: Reply| reply.ask(question).check(&command).map_err(|error| error.to_string());
        let wrong = |question| says(question, Reply::text("Where?"));
        assert_eq!(wrong(Question::new("place").argument("a", "x".repeat(4095))), Ok(()));
        let large = wrong(Question::new("place").argument("a", "x".repeat(4096))).unwrap_err();
        assert!(large.starts_with("a question of deploy keeps 4097 bytes of arguments for deploy/place"), "{large}");
        let typo = wrong(Question::new("palce")).unwrap_err();
        assert!(typo.contains("an action \"palce\" that it does not have"), "{typo}");
        let timeless = wrong(Question::new("place").within(std::time::Duration::ZERO)).unwrap_err();
        assert!(timeless.contains("for deploy/place that waits for no time"), "{timeless}");
        let silent = says(Question::new("place"), Reply::text(" \n")).unwrap_err();
        assert!(silent.contains("for deploy/place with a reply that says nothing"), "{silent}");
        assert_eq!(says(Question::new("place"), Reply::file("a.txt", "text/plain", "a")), Ok(()));
    }
}
