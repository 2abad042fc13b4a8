-- The space that the settings mean by a title. It stays the one that was found first, whatever its title becomes.
CREATE TABLE place (
    title   TEXT    PRIMARY KEY,        -- as the settings have it
    room    TEXT    NOT NULL,           -- Webex's id of the space,
    seen    TEXT    NOT NULL,           -- the title it had when it was last looked at,
    made_at INTEGER                     -- and when it was created at Webex, in milliseconds since 1970
) WITHOUT ROWID;
