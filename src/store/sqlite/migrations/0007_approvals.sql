-- Commands that wait for the approval of others, or did: one row for each that was asked for. Written, voted on and ended
-- in the transactions that settle the events which do so.
CREATE TABLE approval (
    card         BLOB    PRIMARY KEY,        -- the ledger's id of the card's message, which stands for the whole
    event        BLOB    NOT NULL,           -- the ledger's id of the event that asked
    command      TEXT    NOT NULL,
    asked        TEXT    NOT NULL,           -- what was typed
    person       TEXT    NOT NULL,           -- who: the part of their id that is the same however it is spelled
    person_id    TEXT    NOT NULL,           -- as it was spelled
    email        TEXT    NOT NULL,
    room         TEXT    NOT NULL,           -- where, by Webex's id
    thread       TEXT    NOT NULL,           -- the root of the thread there
    message      TEXT    NOT NULL,           -- what the handler is told of the event: its message,
    envelope     TEXT    NOT NULL,           -- what arrived,
    files        TEXT    NOT NULL,           -- and the addresses of what was attached, as a list in JSON
    requested_at INTEGER NOT NULL,           -- all times in milliseconds since 1970
    expires_at   INTEGER NOT NULL,
    state        INTEGER NOT NULL DEFAULT 0, -- 0 open, 1 approved, 2 denied, 3 withdrawn, 4 expired, 5 failed, 6 refused
    ended_at     INTEGER,
    ended_by     TEXT,                       -- who, for people to read
    ended_event  BLOB                        -- the ledger's id of the event that ended it
) WITHOUT ROWID;
CREATE INDEX approval_open ON approval (expires_at) WHERE state = 0;
CREATE INDEX approval_event ON approval (event);
CREATE INDEX approval_ended ON approval (ended_at) WHERE ended_at IS NOT NULL;

-- Who approved: each person once.
CREATE TABLE approval_vote (
    card      BLOB    NOT NULL,
    person    TEXT    NOT NULL,              -- in the one spelling
    person_id TEXT    NOT NULL,
    email     TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (card, person)
) WITHOUT ROWID;
