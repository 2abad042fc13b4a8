//! Files: their bytes, who may read them, and the malware scan before they can be read.

use axum::http::StatusCode;

use super::ids;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, Content, ScanVerdict, no_such_content};
use crate::webex::local_part;

/// The `Retry-After` while a file is scanned, in seconds.
const SCAN_PAUSE: u32 = 1;

impl World {
    /// A file for a Webex app. It does not wait for the scan, and gets a file that cannot be scanned.
    pub(crate) fn content_for_app(&self, actor: &Account, id: &str) -> Result<&Content, Refusal> {
        let content = self.content_for(actor, id)?;
        if content.scan.verdict == ScanVerdict::Infected { Err(infected()) } else { Ok(content) }
    }

    /// A file for a program, which has to wait for the scan.
    pub(crate) fn content_for_program(
        &mut self,
        actor: &Account,
        id: &str,
        takes_risk: bool,
    ) -> Result<&Content, Refusal> {
        self.content_for(actor, id)?;
        let content = self.contents.get_mut(&local_part(id)).ok_or_else(no_such_content)?;
        if content.scan.locked_reads > 0 {
            content.scan.locked_reads -= 1;
            return Err(Refusal::new(StatusCode::LOCKED, "The file is being scanned for malware.").retry_in(SCAN_PAUSE));
        }
        match content.scan.verdict {
            ScanVerdict::Clean => Ok(content),
            ScanVerdict::Unscannable if takes_risk => Ok(content),
            ScanVerdict::Unscannable => {
                let why = "The file cannot be scanned for malware; add allow=unscannable to download it.";
                Err(Refusal::new(StatusCode::PRECONDITION_REQUIRED, why))
            }
            ScanVerdict::Infected => Err(infected()),
        }
    }

    /// Removes the files of a message that was deleted.
    pub(crate) fn drop_files(&mut self, message_id: &str, count: usize) {
        for index in 0..count {
            self.contents.remove(&local_part(&ids::content(message_id, index)));
        }
    }
}

fn infected() -> Refusal {
    Refusal::new(StatusCode::GONE, "The file is infected with malware.")
}
