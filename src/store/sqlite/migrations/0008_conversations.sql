-- What people were asked: the newest question of each person in each space. Written in the transaction that settles the
-- event whose reply asks, and marked as ended in the one that settles the answer.
CREATE TABLE conversation (
    room     TEXT    NOT NULL,           -- the part of its id that is the same however it is spelled
    person   TEXT    NOT NULL,           -- likewise
    event    BLOB    NOT NULL,           -- the event whose reply asks
    asked_at INTEGER NOT NULL,           -- all times in milliseconds since 1970
    until_at INTEGER NOT NULL,           -- what is said later is no answer
    body     TEXT    NOT NULL,           -- JSON: what is called with the answer, and what was kept for it
    ended_by BLOB,                       -- the event that answered it, or ended it otherwise
    PRIMARY KEY (room, person)
) WITHOUT ROWID;
CREATE INDEX conversation_until ON conversation (until_at);
