-- What Webex has given for a letter that it took: its id of the message, and why it has that without its card or outside of
-- its thread. Before, this stood in the note, as "ID" or "ID without its card: REASON".
ALTER TABLE ledger ADD COLUMN sent_as TEXT;
ALTER TABLE ledger ADD COLUMN without_card TEXT;
ALTER TABLE ledger ADD COLUMN without_thread TEXT;
UPDATE ledger SET sent_as = substr(note, 1, instr(note, ' without its card: ') - 1),
    without_card = substr(note, instr(note, ' without its card: ') + 19), note = NULL
WHERE queue = 1 AND verdict = 'sent' AND instr(note, ' without its card: ') = instr(note, ' ') AND instr(note, ' ') > 1;
UPDATE ledger SET sent_as = note, note = NULL
WHERE queue = 1 AND verdict = 'sent' AND note <> '' AND instr(note, ' ') = 0;

-- What a letter edits: 16 bytes made of how it names the message. Of those that wait in a lane only the last is carried out.
ALTER TABLE ledger ADD COLUMN target BLOB;
CREATE INDEX ledger_target ON ledger (lane, target, seq) WHERE state = 0 AND target IS NOT NULL;

-- How often the message of this letter was edited.
ALTER TABLE ledger ADD COLUMN edits INTEGER NOT NULL DEFAULT 0;

-- 0 where somebody waits for a letter of the lane, or did since the lane was idle last; 1 where nobody does. Of the lanes
-- that are due, those of 0 go first.
ALTER TABLE lane ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;
DROP INDEX lane_due;
CREATE INDEX lane_due ON lane (queue, urgency, due_at) WHERE due_at IS NOT NULL;

-- Which message began the thread that letters of a lane join by this key.
CREATE TABLE thread (
    lane    BLOB    NOT NULL,
    key     TEXT    NOT NULL,
    message TEXT    NOT NULL,           -- Webex's id of the root,
    letter  BLOB    NOT NULL,           -- and the ledger's id of the letter that posted it
    used_at INTEGER NOT NULL,           -- when a letter was sent by this key last, in milliseconds since 1970
    PRIMARY KEY (lane, key)
) WITHOUT ROWID;
CREATE INDEX thread_used ON thread (used_at);
