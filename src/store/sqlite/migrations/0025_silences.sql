-- The hooks that expect something to come, and since when nothing has. All times are by our clock, in milliseconds since
-- 1970.
CREATE TABLE expected (
    hook         TEXT    PRIMARY KEY,
    heard_at     INTEGER,               -- when the last delivery was accepted
    counts_from  INTEGER NOT NULL,      -- when a daemon began to take deliveries, after none did for long
    watched_at   INTEGER NOT NULL,      -- when a daemon took deliveries last
    silent_since INTEGER                -- the beginning of the silence that was told and has not ended
) WITHOUT ROWID;
