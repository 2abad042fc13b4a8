//! The findings of a check, printed one by one, or all at the end as JSON.

use serde::Serialize;

use crate::cli::output::{Format, print};
use crate::config::Mode;
use crate::program::Program;
use crate::webex::{Error, Fault};

/// The state of a checked part.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckState {
    Ok,
    /// It works, but probably not as intended.
    Warn,
    Fail,
}

/// One line of the report.
#[derive(Serialize)]
pub(super) struct CheckFinding {
    check: &'static str,
    state: CheckState,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl CheckFinding {
    pub(super) fn new(
        check: &'static str,
        state: CheckState,
        says: impl Into<String>,
        hint: Option<&str>,
    ) -> CheckFinding {
        CheckFinding { check, state, says: says.into(), hint: hint.map(str::to_owned) }
    }

    pub(super) fn ok(check: &'static str, says: impl Into<String>) -> CheckFinding {
        CheckFinding::new(check, CheckState::Ok, says, None)
    }

    pub(super) fn warn(check: &'static str, says: impl Into<String>, hint: &str) -> CheckFinding {
        CheckFinding::new(check, CheckState::Warn, says, Some(hint))
    }

    pub(super) fn fail(check: &'static str, says: impl Into<String>, hint: &str) -> CheckFinding {
        CheckFinding::new(check, CheckState::Fail, says, Some(hint))
    }

    /// The finding of a failed call. If Webex only asked to wait, the part could not be checked, which is a warning.
    pub(super) fn unless_asked_to_wait(
        check: &'static str,
        says: impl Into<String>,
        hint: &str,
        error: &Error,
    ) -> CheckFinding {
        match error.fault() {
            Fault::Wait(_) => {
                CheckFinding::warn(check, says, "Webex is asked too much just now; check again after the pause")
            }
            Fault::Away | Fault::Refused | Fault::NotFound | Fault::Broken | Fault::Final => {
                CheckFinding::fail(check, says, hint)
            }
        }
    }

    /// A finding for modes in which Webex does not call us: nothing to check.
    pub(super) fn not_needed(check: &'static str, mode: Mode) -> Option<CheckFinding> {
        match mode {
            Mode::Webhook | Mode::Both => None,
            Mode::Polling | Mode::Websocket => {
                Some(CheckFinding::ok(check, format!("not needed with delivery.mode = \"{}\"", mode.as_str())))
            }
        }
    }

    pub(super) fn state(&self) -> CheckState {
        self.state
    }
}

/// Everything found so far.
pub(super) struct CheckReport {
    format: Format,
    program: Program,
    findings: Vec<CheckFinding>,
}

impl CheckReport {
    pub(super) fn new(format: Format, program: Program) -> CheckReport {
        CheckReport { format, program, findings: Vec::new() }
    }

    pub(super) fn add(&mut self, finding: CheckFinding) -> anyhow::Result<()> {
        let hint = finding.hint.map(|hint| self.program.quoted(&hint).into_owned());
        let finding = CheckFinding { hint, ..finding };
        if !self.format.json {
            let state = match finding.state {
                CheckState::Ok => "ok",
                CheckState::Warn => "warn",
                CheckState::Fail => "FAIL",
            };
            print(&format!("{state:<5}{:<9} {}", finding.check, finding.says))?;
            if let Some(hint) = &finding.hint {
                print(&format!("{:15}{hint}", ""))?;
            }
        }
        self.findings.push(finding);
        Ok(())
    }

    pub(super) fn add_all(&mut self, findings: impl IntoIterator<Item = CheckFinding>) -> anyhow::Result<()> {
        findings.into_iter().try_for_each(|finding| self.add(finding))
    }

    pub(super) fn findings(&self) -> &[CheckFinding] {
        &self.findings
    }

    pub(super) fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.state != CheckState::Fail)
    }

    /// The state of a part: failed if any finding failed, else ok if any is ok, else a warning.
    pub(super) fn verdict(&self, check: &str) -> CheckState {
        let has = |state| self.findings.iter().any(|finding| finding.check == check && finding.state == state);
        match (has(CheckState::Fail), has(CheckState::Ok)) {
            (true, _) => CheckState::Fail,
            (false, true) => CheckState::Ok,
            (false, false) => CheckState::Warn,
        }
    }
}
