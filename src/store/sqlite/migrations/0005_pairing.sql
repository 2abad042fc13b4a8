-- Who asked to be let in, and what was decided: one row a request. The newest one of a person says how they stand.
CREATE TABLE pairing (
    id           INTEGER PRIMARY KEY,
    code         TEXT    NOT NULL,           -- what the person was given
    person       TEXT    NOT NULL,           -- the part of their id that is the same however it is spelled
    person_id    TEXT    NOT NULL,           -- as it was spelled
    email        TEXT    NOT NULL,           -- in lower case
    room         TEXT    NOT NULL,           -- where they asked, and hear of the decision
    event        BLOB    NOT NULL,           -- the ledger's id of what they wrote
    asked        TEXT    NOT NULL,           -- the beginning of it; emptied when the event's row is
    requested_at INTEGER NOT NULL,           -- all times in milliseconds since 1970
    expires_at   INTEGER NOT NULL,
    state        INTEGER NOT NULL DEFAULT 0, -- 0 pending, 1 approved, 2 denied, 3 revoked
    decisions    INTEGER NOT NULL DEFAULT 0, -- how often it was decided on, so that two do not decide at once
    decided_at   INTEGER,
    decided_by   TEXT
);
CREATE UNIQUE INDEX pairing_code ON pairing (code);
CREATE INDEX pairing_person ON pairing (person, id);
CREATE INDEX pairing_requested ON pairing (requested_at);
