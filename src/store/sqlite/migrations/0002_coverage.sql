-- Rows of a lane are worked on by when they happened at Webex, so that what was missed and fetched later still comes
-- before what was said after it. Replies have 0: they go by arrival.
ALTER TABLE ledger ADD COLUMN happened_at INTEGER NOT NULL DEFAULT 0;
UPDATE ledger SET happened_at = accepted_at WHERE queue = 0;
DROP INDEX ledger_open;
CREATE INDEX ledger_open ON ledger (queue, lane, happened_at, seq) WHERE state = 0;

-- Up to when everything said in a space is in the ledger, by Webex's clock, in milliseconds since 1970.
CREATE TABLE cursor (
    room TEXT    PRIMARY KEY,
    at   INTEGER NOT NULL
) WITHOUT ROWID;

-- One row, made by the very first start.
CREATE TABLE coverage (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    floor          INTEGER NOT NULL,        -- what was said before, by Webex's clock, is history; the cursor of every other space
    complete_from  INTEGER NOT NULL,        -- by our clock: from then
    complete_until INTEGER NOT NULL         -- until then nothing is missing
);

-- Times of which something may be missing for good.
CREATE TABLE gap (
    id       INTEGER PRIMARY KEY,
    from_at  INTEGER NOT NULL,              -- by our clock
    until_at INTEGER NOT NULL,
    why      TEXT    NOT NULL
);
