//! The chat page in a real browser: Chromium, driven by its WebDriver. Without `chromedriver` these tests say that they are
//! skipped and pass, except where `CI` is set.

use reqwest::Method;
use serde_json::json;
use switchboard::Bot;
use switchboard::simulator::Fault;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::harness::{Harness, arrived, eventually, http};
use crate::webdriver::{Browser, ENTER, TAB};

/// A browser on the page of a bot's cloud.
struct Page {
    bot: Harness,
    browser: Browser,
    _place: SemaphorePermit<'static>,
}

/// So many browsers at once: each is several processes.
static BROWSERS: Semaphore = Semaphore::const_new(2);

impl Page {
    /// None where there is no browser to drive.
    async fn open(width: u32) -> Option<Page> {
        Page::with("", width).await
    }

    /// With these settings above those of an open bot.
    async fn with(settings: &str, width: u32) -> Option<Page> {
        let place = BROWSERS.acquire().await.unwrap();
        let browser = Browser::start(width).await?;
        let bot = Harness::with(settings, Bot::builder()).await;
        bot.cloud.person("alice@example.com");
        bot.cloud.space("Lab", &["alice@example.com", "bob@example.com"]);
        browser.goto(&bot.cloud.page_url()).await;
        browser.appears("#rooms button").await;
        Some(Page { bot, browser, _place: place })
    }

    /// Waits until there is such an element that holds this text.
    async fn shows(&self, css: &str, text: &str) -> String {
        let mut shown = None;
        let find = async || {
            for element in self.browser.find_all(css).await {
                // What is drawn anew meanwhile is looked for again.
                shown = element.text().await.ok().filter(|found| found.contains(text));
                if shown.is_some() {
                    return true;
                }
            }
            false
        };
        assert!(eventually(find).await, "no {css} with {text:?} in\n{}", self.browser.source().await);
        shown.unwrap()
    }

    /// Waits until there is no such element any more.
    async fn gone(&self, css: &str) {
        let gone = async || self.browser.find_all(css).await.is_empty();
        assert!(eventually(gone).await, "there is still {css} in\n{}", self.browser.source().await);
    }

    async fn click(&self, css: &str) {
        // What is drawn anew meanwhile is looked for again.
        let mut clicked = Err(String::new());
        let click = async || {
            clicked = match self.browser.find(css).await {
                Ok(element) => element.click().await,
                Err(error) => Err(error),
            };
            clicked.is_ok()
        };
        let is_clicked = eventually(click).await;
        assert!(is_clicked, "{css} cannot be clicked: {clicked:?}\n{}", self.browser.source().await);
    }

    /// Goes on as somebody else.
    async fn becomes(&self, email: &str) {
        let id = self.bot.cloud.person(email).account().id.clone();
        self.shows("#person option", "").await;
        let person = self.browser.find("#person").await.unwrap();
        person.selects(&id).await;
        self.shows("#rooms button", "").await;
    }

    async fn says(&self, text: &str) {
        let composer = self.browser.appears("#composer").await;
        composer.types(text).await;
        composer.types(ENTER).await;
    }
}

const BOTS: &str = "#messages [data-message-id]";

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_chats_at_once_and_sees_markdown() {
    let Some(page) = Page::open(1280).await else { return };
    page.click("button.suggestion").await;
    page.shows(BOTS, "I know these commands").await;
    // The card of help: what is no markup in it is none, and its button does what typing would.
    let list = page.browser.find("#messages .card ul li strong").await.unwrap();
    assert_eq!(list.text().await.unwrap(), "help [command]");
    page.click("#messages [data-action=status]").await;
    page.shows("#messages pre code", "version").await;
    page.says("help status").await;
    page.shows("#messages .said strong", "status").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_typed_runs() {
    let Some(page) = Page::open(1280).await else { return };
    let hostile = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> [x](javascript:alert(1)) **bold**";
    page.says(hostile).await;
    page.shows("#messages .said strong", "bold").await;
    let said = page.shows("#messages .said", "<script>").await;
    assert!(said.contains("onerror"), "the markup is shown as it was typed: {said}");
    // Whoever sends html gets no further: the cloud cleans it, and so does the page by itself.
    let rebuild = "const [html, done] = arguments; import('/assets/rich.js').then(({ fromHtml }) => { \
                   const box = document.createElement('div'); box.append(...fromHtml(html)); done(box.innerHTML); })";
    for (html, rebuilt) in [
        ("<p onclick=\"x()\">a<script>x()</script><style>p{}</style><b>b</b></p>", "<p>a<b>b</b></p>"),
        ("<img src=x onerror=x()><iframe src=\"https://x.test\">c</iframe><svg><p>d</p></svg>e", "<p>d</p>e"),
        ("<a href=\"javascript:x()\">f</a><a href=\"data:text/html,x\">g</a><form><input name=x></form>", "fg"),
        (
            "<spark-mention data-object-id=\"ID\" onmouseover=x()>Bot</spark-mention>",
            "<span class=\"mention\">Bot</span>",
        ),
    ] {
        let found = page.browser.execute_async(rebuild, &[json!(html)]).await;
        assert_eq!(found, json!(rebuilt), "{html}");
    }
    let alice = page.bot.cloud.person("alice@example.com");
    let html = json!({"toPersonEmail": page.bot.cloud.bot().email, "html": "raw &lt;b&gt;<script>document.title='owned'</script><a href=\"javascript:alert(1)\">click</a>"});
    let url = format!("{}/messages", page.bot.cloud.api_url());
    http().post(url).bearer_auth(&alice.account().token).json(&html).send().await.unwrap();
    page.shows("#messages .said", "raw <b>").await;
    for css in ["#messages script", "#messages img[onerror]", "#messages a[href^=javascript]"] {
        assert!(page.browser.find_all(css).await.is_empty(), "{css}");
    }
    assert_eq!(page.browser.title().await, "Switchboard simulator");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_space_the_completion_mentions_the_bot_and_a_reply_is_in_the_thread() {
    let Some(page) = Page::open(1280).await else { return };
    let room = page.bot.cloud.rooms().into_iter().find(|room| room.title == "Lab").unwrap();
    page.click(&format!("[data-room-id=\"{}\"]", room.id)).await;
    page.shows("#hint", "only sees what mentions it").await;
    let composer = page.browser.find("#composer").await.unwrap();
    composer.types("@swi").await;
    page.shows("#completion [aria-selected=true]", "switchboard@webex.bot").await;
    composer.types(TAB).await;
    composer.types(&format!("status{ENTER}")).await;
    page.shows(BOTS, "version").await;
    page.shows("#messages .mention", "Switchboard").await;
    let message = page.bot.cloud.messages()[0].id.clone();
    page.click(&format!("[data-message-id=\"{message}\"] [data-tool=reply]")).await;
    page.shows("#replying", "In reply to Alice").await;
    page.says("@Switchboard help").await;
    page.shows(&format!("[data-message-id=\"{message}\"] .thread"), "I know these commands").await;
    // The day stands above what was said on it, and once.
    page.says("@Switchboard nothing").await;
    page.shows(BOTS, "I don't know that").await;
    page.shows("#messages > li.day:first-child + li", "status").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_filled_in_and_submitted() {
    let Some(page) = Page::open(1280).await else { return };
    let card = json!({"type": "AdaptiveCard", "version": "1.3", "body": [
        {"type": "TextBlock", "text": "Book a **room**"},
        {"type": "Input.Text", "id": "topic", "label": "Topic", "isRequired": true, "errorMessage": "Say what it is about"},
        {"type": "Input.Toggle", "id": "quiet", "title": "Quiet", "valueOn": "yes", "valueOff": "no"},
    ], "actions": [{"type": "Action.Submit", "title": "Book", "data": {"action": "book"}}]});
    let attachment = json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": card});
    let body = json!({"toPersonEmail": "alice@example.com", "text": "a card", "attachments": [attachment]});
    let url = format!("{}/messages", page.bot.cloud.api_url());
    let bot = page.bot.cloud.bot();
    let posted = http().post(url).bearer_auth(&bot.token).json(&body).send().await.unwrap();
    assert_eq!(posted.status(), 200, "{}", posted.text().await.unwrap());
    page.click("[data-action=Book]").await;
    page.shows(".card .problem", "Say what it is about").await;
    assert!(page.bot.cloud.delivery_log().iter().all(|delivery| delivery.resource != "attachmentActions"));
    let topic = page.browser.find("[data-input=topic]").await.unwrap();
    topic.types("Planning").await;
    page.click("[data-input=quiet]").await;
    page.click("[data-action=Book]").await;
    page.shows(".card [role=status]", "Sent.").await;
    page.bot.settle().await;
    let calls = page.bot.cloud.calls();
    let click = calls.iter().find(|call| call.path.starts_with("/attachment/actions/")).unwrap();
    let click: serde_json::Value = serde_json::from_str(click.response.as_ref().unwrap()).unwrap();
    assert_eq!(click["inputs"], json!({"action": "book", "topic": "Planning", "quiet": "yes"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_leads_from_the_event_to_its_inbox_row_and_its_reply() {
    let Some(page) = Page::open(1280).await else { return };
    page.says("status").await;
    page.shows(BOTS, "version").await;
    let said = page.bot.cloud.messages()[0].id.clone();
    page.click(&format!("[data-message-id=\"{said}\"] [data-tool=trace]")).await;
    page.shows("#deliveries details[open] .signature", "valid").await;
    page.shows("#deliveries details[open] dd", "application/json;charset=UTF-8").await;
    page.shows("#deliveries details[open] pre", "\"resource\": \"messages\"").await;
    page.shows("#deliveries details[open] .pairs dd", "200").await;
    page.click("#tab-calls").await;
    page.shows("#calls summary", "POST /messages").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_injected_429_the_reply_is_late_and_comes_once() {
    let Some(page) = Page::open(1280).await else { return };
    page.says("status").await;
    page.shows(BOTS, "version").await;
    page.click("#tab-faults").await;
    page.click("[data-fault=\"429\"]").await;
    page.shows("#set-faults", "POST /messages: answer 429, 1 more").await;
    page.says("help").await;
    page.shows(BOTS, "I know these commands").await;
    page.bot.settle().await;
    let sends: Vec<_> = page
        .bot
        .cloud
        .calls()
        .into_iter()
        .filter(|call| call.path == "/messages" && call.method == Method::POST)
        .collect();
    assert_eq!(sends.iter().map(|call| call.status).collect::<Vec<_>>(), [Some(200), Some(429), Some(200)]);
    let waited = sends[2].at.duration_since(sends[1].at);
    assert!(waited >= jiff::SignedDuration::from_secs(3), "Retry-After said 3 s, and it was {waited}");
    assert_eq!(page.bot.cloud.messages().len(), 4, "{}", page.bot.cloud.transcript());
    page.click("#tab-calls").await;
    page.shows("#calls .note", "fault: 429").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_back_is_released_from_the_page() {
    let Some(page) = Page::open(1280).await else { return };
    page.click("#tab-faults").await;
    page.click("[data-fault=stall]").await;
    page.says("status").await;
    arrived(&page.bot.cloud, Method::POST, "/messages", 1).await;
    page.shows("#set-faults", "1 held now").await;
    page.click("#set-faults li button").await;
    page.shows(BOTS, "version").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_phone_one_thing_is_shown_at_a_time_and_nothing_is_wider_than_the_screen() {
    let Some(page) = Page::open(500).await else { return };
    page.says("status").await;
    page.shows(BOTS, "version").await;
    let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
    let shown =
        "return ['sidebar', 'conversation', 'inspector'].filter(id => document.getElementById(id).offsetWidth > 0)";
    for (button, part) in
        [("#inspector-toggle", "inspector"), ("#inspector-back", "conversation"), ("#back", "sidebar")]
    {
        page.click(button).await;
        assert_eq!(page.browser.execute(shown).await, json!([part]));
        assert_eq!(page.browser.execute(wide).await, json!(false), "{part} is too wide");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_lost_the_cloud_says_so() {
    let Some(page) = Page::open(1280).await else { return };
    page.shows("#connection", "live").await;
    page.bot.cloud.fault(Fault::on_any().always().reset());
    // Faults are the bot's trouble; the page goes on.
    page.says("hello").await;
    page.shows(BOTS, "hello").await;
    page.bot.cloud.clear_faults();
    page.bot.cloud.stop().await;
    page.shows("#connection", "reconnecting").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_asks_to_be_let_in_is_and_is_answered() {
    let settings = "[access]\ndm_policy = \"pairing\"\nadmins = [\"alice@example.com\"]";
    let Some(page) = Page::with(settings, 1280).await else { return };
    page.becomes("bob@example.com").await;
    page.says("help status").await;
    page.shows(BOTS, "To be let in, please give the code").await;
    page.becomes("alice@example.com").await;
    page.shows("#messages .card", "bob@example.com asks to be let in.").await;
    page.shows("#messages .card", "They wrote: help status").await;
    page.click("#messages [data-action=Approve]").await;
    page.shows(BOTS, "bob@example.com is let in").await;
    page.becomes("bob@example.com").await;
    page.shows(BOTS, "You are let in").await;
    page.says("help status").await;
    page.shows("#messages .said strong", "status").await;
    // What he wrote as a stranger was not worked on.
    assert_eq!(page.bot.transcript().await.matches("**status**: How I am").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_approve_and_the_card_is_frozen() {
    let settings = "[[command]]\nname = \"status\"\napprove = { by = [\"*@example.com\"], quorum = 2 }";
    let Some(page) = Page::with(settings, 1280).await else { return };
    let lab = page.bot.cloud.rooms().into_iter().find(|room| room.title == "Lab").unwrap().id;
    page.bot.cloud.person("alice@example.com").adds(&lab, "person3@example.com").unwrap();
    let enters = async |email: &str| {
        page.becomes(email).await;
        page.click(&format!("[data-room-id=\"{lab}\"]")).await;
    };
    enters("alice@example.com").await;
    let composer = page.browser.find("#composer").await.unwrap();
    composer.types("@swi").await;
    page.shows("#completion [aria-selected=true]", "switchboard@webex.bot").await;
    composer.types(TAB).await;
    composer.types(&format!("status{ENTER}")).await;
    page.shows("#messages .card", "status has to be approved").await;
    page.click("#messages [data-action=Approve]").await;
    page.shows(BOTS, "You asked for that yourself").await;
    enters("bob@example.com").await;
    page.click("#messages [data-action=Approve]").await;
    page.shows(BOTS, "bob@example.com approved: 1 of 2.").await;
    enters("person3@example.com").await;
    page.click("#messages [data-action=Approve]").await;
    page.shows("#messages .card", "Approved by bob@example.com and person3@example.com; ran at").await;
    page.shows(BOTS, "version").await;
    page.gone("#messages [data-action=Approve]").await;
    assert_eq!(page.bot.transcript().await.matches("version").count(), 1);
}
