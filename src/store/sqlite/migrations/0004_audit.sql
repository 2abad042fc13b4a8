-- Who did what, where, allowed or not and by which rule. A chain: each row's hash covers the hash before it and the row
-- itself; the canonical form is in src/store/audit.rs. Rows are added and, once past audit.retention, taken from the
-- beginning; they are never changed.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,            -- counts from 1 without a gap
    at      INTEGER NOT NULL,               -- by our clock, in milliseconds since 1970
    via     TEXT    NOT NULL,               -- message, click, cli or daemon
    person  TEXT,                           -- Webex's id of who did it, or which operator
    email   TEXT,
    room    TEXT,                           -- Webex's id
    place   TEXT,                           -- direct or group
    action  TEXT    NOT NULL,               -- a command, what an operator did, or none; never what somebody typed
    verdict TEXT    NOT NULL,
    reason  TEXT    NOT NULL,               -- the rule, or what else decided
    event   BLOB,                           -- the ledger's id of the event it is about
    hash    BLOB    NOT NULL                -- SHA-256
) STRICT;
CREATE INDEX audit_event ON audit (event) WHERE event IS NOT NULL;

-- One row: where the chain begins and where it ends, so that rows missing at either end are noticed.
CREATE TABLE audit_head (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    anchor_seq  INTEGER NOT NULL,           -- the last row that was pruned; 0 when none was
    anchor_hash BLOB    NOT NULL,           -- its hash, on which the first row that is kept is built
    pruned_at   INTEGER,                    -- when
    seq         INTEGER NOT NULL,           -- the last row,
    hash        BLOB    NOT NULL,           -- and its hash
    seal        BLOB                        -- HMAC of all this with audit.key, if there is one
) STRICT;
INSERT INTO audit_head (id, anchor_seq, anchor_hash, seq, hash) VALUES (1, 0, zeroblob(32), 0, zeroblob(32));
