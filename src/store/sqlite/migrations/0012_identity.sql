-- One row: what tells this ledger apart from every other, and whether its daemon was the one that answers when it last
-- looked.
CREATE TABLE identity (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    born_at INTEGER NOT NULL,           -- milliseconds since 1970
    chance  INTEGER NOT NULL,
    answers INTEGER NOT NULL DEFAULT 0
);
