//! Logs and metrics. No other room names a metric.
//!
//! A log line is a sentence that can be read alone, with the ids repeated as fields. Neither logs nor metrics contain
//! what people type.

mod log;
mod seldom;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

use crate::clock;
use crate::verdict::Verdict;

pub use log::start_log;
pub use seldom::Seldom;

/// The outcome of something that Webex sent, as the label `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is in the inbox.
    Accepted,
    /// It was there already.
    Duplicate,
    /// The bot caused it itself.
    Own,
    /// Not signed by Webex, or not an envelope.
    Rejected,
    /// It is of a kind that this bot does not work on.
    Ignored,
}

impl Received {
    /// The word for it.
    pub fn label(self) -> &'static str {
        match self {
            Received::Accepted => "accepted",
            Received::Duplicate => "duplicate",
            Received::Own => "own",
            Received::Rejected => "rejected",
            Received::Ignored => "ignored",
        }
    }
}

/// The depths a scrape shows, read from the ledger.
#[derive(Clone, Copy, Debug, Default)]
pub struct Depths {
    /// Open events.
    pub inbox: u64,
    /// Unsent replies.
    pub outbox: u64,
    /// Age of the oldest open event, in seconds.
    pub inbox_seconds: f64,
    /// Age of the event whose reply waits longest, in seconds.
    pub outbox_seconds: f64,
    /// Dead letters of both queues.
    pub dead: u64,
    /// For how many seconds it has not been proven that nothing is missing. `None` if this bot does not check that.
    pub complete_seconds: Option<f64>,
    /// The number of times whose messages may be missing for good.
    pub gaps: u64,
}

/// The metrics of one bot. Cheap to clone; nothing here is global, so two bots in one process do not mix.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

/// A label, and its value from a fixed set.
type Label = (&'static str, &'static str);

type Waits = Family<[Label; 1], Histogram, fn() -> Histogram>;

struct Inner {
    registry: Registry,
    /// By source, resource and outcome; by the event too if nobody works on that.
    events: Family<([Label; 3], Vec<Label>), Counter>,
    handled: Family<[Label; 3], Counter>,
    hooks: Family<[(&'static str, String); 2], Counter>,
    rules: Family<[(&'static str, String); 2], Counter>,
    undefined: Family<[(&'static str, String); 2], Counter>,
    commands: Family<[(&'static str, String); 2], Counter>,
    approvals: Family<[Label; 1], Counter>,
    replies: Counter,
    canaries: Family<[Label; 1], Counter>,
    canary: Histogram,
    api_requests: Family<[(&'static str, String); 2], Counter>,
    unreadable: Family<[Label; 2], Counter>,
    ledger: LedgerGauges,
    ack: Histogram,
    reply: Histogram,
    api_wait: Waits,
    pace: Gauge<f64, AtomicU64>,
    pace_from: OnceLock<Box<dyn Fn() -> Option<f64> + Send + Sync>>,
    answered: AtomicU64,
    started: Instant,
    /// Milliseconds from the start to the last delivery.
    delivered: AtomicU64,
}

/// What a scrape reads from the ledger.
struct LedgerGauges {
    inbox: Gauge,
    outbox: Gauge,
    oldest: Gauge<f64, AtomicU64>,
    ages: Family<[Label; 1], Gauge<f64, AtomicU64>>,
    dead: Gauge<i64, AtomicI64>,
    complete: Gauge<f64, AtomicU64>,
    gaps: Gauge<i64, AtomicI64>,
    delivery: Gauge<f64, AtomicU64>,
}

impl LedgerGauges {
    fn register(all: &mut Registry) -> LedgerGauges {
        LedgerGauges {
            inbox: add(all, "inbox_depth", "Events accepted and not yet settled", Gauge::default()),
            outbox: add(all, "outbox_depth", "Replies not yet sent", Gauge::default()),
            oldest: add(all, "oldest_open_seconds", "Age of the oldest open event or reply", Gauge::default()),
            ages: add(all, "queue_age_seconds", "Age of the oldest open row of each queue", Family::default()),
            dead: add(all, "dead_letters", "Events and replies that were given up", Gauge::default()),
            complete: {
                let help = "Time until now of which something may still be missing";
                add(all, "complete_age_seconds", help, Gauge::default())
            },
            gaps: add(all, "gaps", "Times of which something may be missing for good", Gauge::default()),
            delivery: {
                let help = "Time since the way in was last proven to work";
                add(all, "delivery_age_seconds", help, Gauge::default())
            },
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("switchboard");
        let all = &mut registry;
        let inner = Inner {
            events: add(all, "events_received", "Events that Webex sent, by what became of them", Family::default()),
            handled: add(all, "events_handled", "Events that handlers were there for, by outcome", Family::default()),
            hooks: add(all, "hooks_received", "Posts to hooks, by what became of them", Family::default()),
            rules: add(all, "rules_matched", "Posts for which a rule of a hook held", Family::default()),
            undefined: {
                let help = "Posts for which a rule of a hook did not hold since it names what is not defined";
                add(all, "rules_undefined", help, Family::default())
            },
            commands: add(all, "commands", "Commands that people gave, by outcome", Family::default()),
            approvals: {
                let help = "Commands that others have to approve, by what became of them";
                add(all, "approvals", help, Family::default())
            },
            replies: add(all, "replies_sent", "Messages that Webex took from the outbox", Counter::default()),
            canaries: {
                let help = "Messages sent to oneself to test the way in, by outcome";
                add(all, "canaries", help, Family::default())
            },
            canary: {
                let help = "Time from sending such a message until it was delivered";
                add(all, "canary_seconds", help, histogram(0.01, 14))
            },
            api_requests: add(all, "api_requests", "Requests to Webex, by endpoint and HTTP status", Family::default()),
            unreadable: {
                let help = "Fields and list items in answers of Webex that have an odd form and count as missing";
                add(all, "unreadable", help, Family::default())
            },
            ledger: LedgerGauges::register(all),
            ack: add(all, "ack_seconds", "Time from a webhook's arrival to its HTTP 200", histogram(0.000_25, 16)),
            reply: add(all, "reply_seconds", "Time from an event accepted to its reply sent", histogram(0.001, 18)),
            api_wait: {
                let help = "How long calls that waited for their turn did so";
                add(all, "api_wait_seconds", help, Waits::new_with_constructor(waits))
            },
            pace: {
                let help = "Calls a minute after Webex asked to slow down; 0: no limit";
                add(all, "api_pace_per_minute", help, Gauge::default())
            },
            pace_from: OnceLock::new(),
            answered: AtomicU64::new(0),
            started: clock::instant(),
            delivered: AtomicU64::new(0),
            registry,
        };
        Metrics(Arc::new(inner))
    }
}

/// Adds a metric to the registry, in the order of the scrape.
fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// A histogram with this many buckets, each twice as wide as the one before. `first` is the upper bound of the first,
/// in seconds.
fn histogram(first: f64, buckets: u16) -> Histogram {
    Histogram::new(exponential_buckets(first, 2.0, buckets))
}

/// A histogram from a hundredth of a second to five minutes.
fn waits() -> Histogram {
    histogram(0.01, 16)
}

impl Metrics {
    /// An event arrived. `resource` is one of a fixed set, never text from outside.
    pub fn event(&self, source: &'static str, resource: &'static str, outcome: Received) {
        let labels = [("source", source), ("resource", resource), ("outcome", outcome.label())];
        self.0.events.get_or_create(&(labels, Vec::new())).inc();
    }

    /// Something arrived that nobody works on. `resource` and `event` each have a fixed set of values.
    pub fn unhandled(&self, source: &'static str, resource: &'static str, event: &'static str) {
        let outcome = Received::Ignored.label();
        let labels = [("source", source), ("resource", resource), ("outcome", outcome)];
        self.0.events.get_or_create(&(labels, vec![("event", event)])).inc();
    }

    /// An event for which there was a handler was settled. `resource` and `event` each have a fixed set of values.
    pub fn handled(&self, resource: &'static str, event: &'static str, outcome: Verdict) {
        let labels = [("resource", resource), ("event", event), ("outcome", outcome.word())];
        self.0.handled.get_or_create(&labels).inc();
    }

    /// Something was posted to a hook of the settings.
    pub fn hook(&self, hook: &str, outcome: &'static str) {
        self.0.hooks.get_or_create(&[("hook", hook.to_owned()), ("outcome", outcome.to_owned())]).inc();
    }

    /// A rule held for something that was posted to a hook. Both names are of the settings.
    pub fn rule(&self, hook: &str, rule: &str) {
        self.0.rules.get_or_create(&[("hook", hook.to_owned()), ("rule", rule.to_owned())]).inc();
    }

    /// A rule did not hold for something that was posted to a hook, since it names what is not defined.
    pub fn rule_undefined(&self, hook: &str, rule: &str) {
        self.0.undefined.get_or_create(&[("hook", hook.to_owned()), ("rule", rule.to_owned())]).inc();
    }

    /// Deliveries work: one has just arrived.
    pub fn delivery_proven(&self) {
        let at = self.0.started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        self.0.delivered.fetch_max(at, Ordering::Relaxed);
    }

    /// How long ago the last delivery arrived. If none has, how long ago the start was.
    pub fn delivery_age(&self) -> Duration {
        self.0.started.elapsed().saturating_sub(Duration::from_millis(self.0.delivered.load(Ordering::Relaxed)))
    }

    /// A canary came back after this time, or did not.
    pub fn canary(&self, outcome: &'static str, took: Option<Duration>) {
        self.0.canaries.get_or_create(&[("outcome", outcome)]).inc();
        if let Some(took) = took {
            self.0.canary.observe(took.as_secs_f64());
        }
    }

    /// An event was settled. `command` is a name from the table, or a fixed word when none was found.
    pub fn command(&self, command: &str, outcome: Verdict) {
        let labels = [("command", command.to_owned()), ("outcome", outcome.word().to_owned())];
        self.0.commands.get_or_create(&labels).inc();
        if outcome.is_answer() {
            self.0.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An approval request was made or has ended.
    pub fn approval(&self, outcome: &'static str) {
        self.0.approvals.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// How many events were answered since the start.
    pub fn answered(&self) -> u64 {
        self.0.answered.load(Ordering::Relaxed)
    }

    /// Webex took a reply to an event accepted this long ago.
    pub fn reply_sent(&self, since_accepted: Duration) {
        self.0.replies.inc();
        self.0.reply.observe(since_accepted.as_secs_f64());
    }

    /// A webhook was answered with 200 after this long.
    pub fn ack(&self, took: Duration) {
        self.0.ack.observe(took.as_secs_f64());
    }

    /// A request to Webex ended. `status` is the HTTP status or a word for having none.
    pub fn api_request(&self, endpoint: &'static str, status: &str) {
        self.0.api_requests.get_or_create(&[("endpoint", endpoint.to_owned()), ("status", status.to_owned())]).inc();
    }

    /// A field or an item of a list in an answer of Webex counts as missing.
    pub fn unreadable(&self, endpoint: &'static str, part: &'static str) {
        self.0.unreadable.get_or_create(&[("endpoint", endpoint), ("part", part)]).inc();
    }

    /// A call waited this long for its turn.
    pub fn api_wait(&self, priority: &'static str, waited: Duration) {
        self.0.api_wait.get_or_create(&[("priority", priority)]).observe(waited.as_secs_f64());
    }

    /// Sets the source of the pace that a scrape shows, in calls a minute; it gives `None` when there is no limit. Later
    /// calls change nothing.
    pub fn pace_from(&self, pace: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        let _ = self.0.pace_from.set(Box::new(pace));
    }

    /// The text for a scrape, in the OpenMetrics format that Prometheus reads.
    pub fn render(&self, depths: Depths) -> String {
        self.0.ledger.inbox.set(depths.inbox.try_into().unwrap_or(i64::MAX));
        self.0.ledger.outbox.set(depths.outbox.try_into().unwrap_or(i64::MAX));
        self.0.ledger.oldest.set(depths.inbox_seconds.max(depths.outbox_seconds));
        self.0.ledger.ages.get_or_create(&[("queue", "inbox")]).set(depths.inbox_seconds);
        self.0.ledger.ages.get_or_create(&[("queue", "outbox")]).set(depths.outbox_seconds);
        self.0.pace.set(self.0.pace_from.get().and_then(|pace| pace()).unwrap_or_default());
        self.0.ledger.dead.set(depths.dead.try_into().unwrap_or(i64::MAX));
        self.0.ledger.complete.set(depths.complete_seconds.unwrap_or(f64::NAN));
        self.0.ledger.gaps.set(depths.gaps.try_into().unwrap_or(i64::MAX));
        self.0.ledger.delivery.set(self.delivery_age().as_secs_f64());
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.0.registry);
        text
    }
}
