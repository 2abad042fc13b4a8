-- Cards whose one use is spent. Written in the transaction that settles the click, and kept for as long as its buttons
-- would work otherwise.
CREATE TABLE used (
    card     BLOB    PRIMARY KEY,
    until_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX used_until ON used (until_at);

-- One row: the key that seals buttons where no secret is set. It survives a restart as the cards do.
CREATE TABLE own_secret (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    bytes BLOB    NOT NULL
);
