//! Middleware: what an author does around every command, before it, after it, or in its place.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::command::Handler;
use super::{Command, Context, Reply, Result};

type Running = Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;

/// The command or action that is about to run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The command's name.
    pub command: String,
    /// The command's action, if a button was pressed or a question answered.
    pub action: Option<String>,
}

/// The rest of the way to the command: see [`Bot::around`](crate::Bot::around).
pub struct Next(Box<dyn FnOnce(Context) -> Running + Send>);

impl Next {
    /// Runs the command. If you drop this instead, the command does not run, and the person gets what you return.
    ///
    /// # Errors
    /// The error of the command, or of the middleware closer to it. Return it, or a reply in its place.
    pub async fn run(self, context: Context) -> Result<Reply> {
        let elsewhere = context.elsewhere.clone();
        let reply = (self.0)(context).await;
        if reply.is_err() {
            // A command that failed says nothing elsewhere, whatever the middleware returns in its place.
            elsewhere.take();
        }
        reply
    }
}

/// Middleware: one function around all commands and their actions.
#[derive(Clone)]
pub(crate) struct Around(Arc<dyn Fn(Call, Context, Next) -> Running + Send + Sync>);

impl Around {
    pub fn new<H, F>(around: H) -> Around
    where
        H: Fn(Call, Context, Next) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply>> + Send + 'static,
    {
        Around(Arc::new(move |call, context, next| Box::pin(around(call, context, next))))
    }

    /// The command with this middleware around it.
    pub fn enclose(&self, mut command: Command) -> Command {
        let call = |action: Option<&String>| Call { command: command.name().to_owned(), action: action.cloned() };
        let run = self.around(call(None), &command.run);
        let actions = command.spec.actions.iter().zip(&command.actions);
        let actions = actions.map(|(name, action)| self.around(call(Some(name)), action)).collect();
        (command.run, command.actions) = (run, actions);
        command
    }

    fn around<A: Send + 'static>(&self, call: Call, handler: &Arc<Handler<A>>) -> Arc<Handler<A>> {
        let (around, handler) = (self.clone(), Arc::clone(handler));
        Arc::new(move |context, given| {
            let handler = Arc::clone(&handler);
            (around.0)(call.clone(), context, Next(Box::new(move |context| handler(context, given))))
        })
    }
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Around")
    }
}
