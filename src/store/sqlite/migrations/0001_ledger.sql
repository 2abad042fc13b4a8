-- One row per event received (queue 0, the inbox) and per message to send (queue 1, the outbox).
-- The row is dedupe key, order, attempts, dead letter and result at once.
CREATE TABLE ledger (
    seq         INTEGER PRIMARY KEY,        -- order of arrival
    id          BLOB    NOT NULL,           -- 16 bytes made from Webex's own id: the same thing twice has the same id
    queue       INTEGER NOT NULL,
    lane        BLOB    NOT NULL,
    state       INTEGER NOT NULL DEFAULT 0, -- 0 open, 1 done, 2 dead letter, 3 forgotten but for its id
    attempts    INTEGER NOT NULL DEFAULT 0, -- tries that failed or settled it
    deaths      INTEGER NOT NULL DEFAULT 0, -- tries during which the process ended
    uncertain   INTEGER NOT NULL DEFAULT 0, -- whether a try may have had its effect
    failing_at  INTEGER,                    -- when the first try failed
    accepted_at INTEGER NOT NULL,           -- all times in milliseconds since 1970; a reply carries its event's
    settled_at  INTEGER,
    verdict     TEXT,                       -- one word: why it ended so
    subject     TEXT,                       -- who it was about
    label       TEXT,                       -- what it was about
    note        TEXT,                       -- a sentence: the last error, or the reason
    body        TEXT                        -- what arrived or is to be sent; opaque to the store
);
CREATE UNIQUE INDEX ledger_id ON ledger (id);
CREATE INDEX ledger_open ON ledger (queue, lane, seq) WHERE state = 0;
CREATE INDEX ledger_dead ON ledger (queue, seq) WHERE state = 2;
CREATE INDEX ledger_settled ON ledger (settled_at) WHERE settled_at IS NOT NULL;

-- One row per space and queue: only the oldest open row of a lane is worked on. Claiming looks at lanes alone, so a
-- space with a hundred thousand waiting events costs no more than one with a single event.
CREATE TABLE lane (
    id       BLOB    PRIMARY KEY,
    queue    INTEGER NOT NULL,
    due_at   INTEGER,                       -- when it may be claimed: now, after a pause, or when its lease ends; NULL when idle
    leased   INTEGER NOT NULL DEFAULT 0,    -- claims since the last settlement: 1 in hand, 2 taken over from a lost lease
    fence    INTEGER NOT NULL DEFAULT 0,    -- grows with each claim, so that a late settlement of a lost lease changes nothing
    head     INTEGER,                       -- the row that was claimed last,
    before   INTEGER,                       -- and the one before it
    mark     TEXT                           -- left by the last settlement for the next claim
) WITHOUT ROWID;
CREATE INDEX lane_due ON lane (queue, due_at) WHERE due_at IS NOT NULL;

-- One row that is written to see whether the ledger can be.
CREATE TABLE heartbeat (id INTEGER PRIMARY KEY, at INTEGER NOT NULL);
