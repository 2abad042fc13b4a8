//! `report`: has the table of reports, and lets people choose between them.

mod access;
mod activity;
mod period;

use std::sync::Arc;

use super::help::menu;
use crate::access::Permission;
use crate::card::Submit;
use crate::config::ADMINS;
use crate::handler::{Args, Command, CommandError, Context, Param, Reply, Result};
use crate::text::{escape, find, quoted};
use period::Period;

const NAME: &str = "report";
const SUMMARY: &str = "What I did: messages, commands and how fast";

/// A report in the table.
struct Report {
    /// The word that asks for the report.
    name: &'static str,
    /// The title of its button.
    title: &'static str,
    summary: &'static str,
    /// Who may have the report, among those who may give the command. For others it does not exist.
    permission: Permission,
    /// Whether the report is shown only in a direct message.
    is_direct_only: bool,
    kind: ReportKind,
}

/// The function that makes a report.
#[derive(Clone, Copy)]
enum ReportKind {
    Activity,
    Access,
}

/// The reports. A period without a report's name means the first one.
fn table() -> Vec<Report> {
    let mut admins = Permission::default();
    admins.allow([ADMINS]);
    vec![
        Report {
            name: "activity",
            title: "Activity",
            summary: SUMMARY,
            permission: Permission::default(),
            is_direct_only: false,
            kind: ReportKind::Activity,
        },
        Report {
            name: "access",
            title: "Access",
            summary: "Whom I refused, how often and by which rule",
            permission: admins,
            is_direct_only: true,
            kind: ReportKind::Access,
        },
    ]
}

pub(super) fn command() -> Command {
    let reports = Arc::new(table());
    let command = Command::new(NAME, SUMMARY, move |context, args| run(Arc::clone(&reports), context, args));
    command.param(Param::text("name").optional()).param(Param::text("period").optional()).details(
        "`report` shows what I did in the last day, or offers a choice to whoever may have several reports. A name asks \
         for one of them, as in `report activity`. The period is the last day unless you say otherwise: `report 7d`, \
         `report activity 12h`. It reaches back as far as the ledger keeps settled events. Who spoke to me, admins are \
         told in a direct message; others read how many did.",
    )
}

async fn run(reports: Arc<Vec<Report>>, context: Context, mut args: Args) -> Result<Reply> {
    let reports: Vec<_> = reports.iter().filter(|report| report.is_for(&context)).collect();
    // A direct-only report is not offered in other spaces. A person who asks for one there is told why not.
    let here: Vec<_> = reports.iter().copied().filter(|report| !report.is_direct_only || context.is_direct()).collect();
    let Some(&first) = here.first() else {
        return Err(CommandError::User("There is no report that you may have here.".to_owned()));
    };
    let (report, period) = match args.next() {
        None if here.len() > 1 => return Ok(choice(&here)),
        None => (first, None),
        Some(word) => match find(&word, reports.iter().copied(), |report| report.name) {
            Some(report) => (report, args.next()),
            None if reports.len() > 1 && Period::parse(&word).is_none() => {
                let names = reports.iter().map(|report| report.name).collect::<Vec<_>>().join(", ");
                let text = format!("\"{}\" is no report and no period; I have {names}.", quoted(&word));
                return Err(CommandError::Usage(text));
            }
            None if Period::parse(&word).is_none() => {
                let text = format!("\"{}\" is no report that you may have, and no period", quoted(&word));
                return Err(CommandError::Usage(format!("{text}; say 12h, 7d or the like.")));
            }
            None => (first, Some(word)),
        },
    };
    args.finish()?;
    let period = period.unwrap_or_else(|| Period::UNSAID.to_owned());
    let no_period = || CommandError::Usage(format!("\"{}\" is no period; say 12h, 7d or the like.", quoted(&period)));
    let period = Period::parse(&period).ok_or_else(no_period)?;
    match report.kind {
        ReportKind::Activity => activity::report(&context, &period).await,
        ReportKind::Access => access::report(&context, &period).await,
    }
}

impl Report {
    fn is_for(&self, context: &Context) -> bool {
        let Context { sender, room, room_type, services, .. } = context;
        services.policy.permits(&self.permission, &sender.id, &sender.email, room, *room_type).is_ok()
    }
}

/// Lists what to say for each report, with a button that says it.
fn choice(reports: &[&Report]) -> Reply {
    let lines = |line: fn(&Report) -> String| reports.iter().map(|report| line(report)).collect::<Vec<_>>().join("\n");
    let text = lines(|report| format!("- `{NAME} {}`: {}", report.name, escape(report.summary)));
    let shown = lines(|report| format!("- **{}**: {}", escape(report.title), escape(report.summary)));
    let reply = Reply::markdown(format!(
        "I have these reports, of the last day:\n\n{text}\n\nSay one of them; a period may follow, as in `{NAME} {} 7d`.",
        reports.last().map_or("", |report| report.name)
    ));
    let button = |report: &&Report| Submit::say(report.title, &format!("{NAME} {}", report.name));
    let buttons: Vec<_> = reports.iter().map(button).collect();
    match menu("Which report of the last day?", &shown, &buttons) {
        Some(card) => reply.with_card(card),
        None => reply,
    }
}
