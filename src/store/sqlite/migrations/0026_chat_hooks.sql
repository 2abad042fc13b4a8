-- Hooks that admins made from the chat. No secret is here: each is made of a salt and of a key that only the settings have.
CREATE TABLE chat_hook (
    id         BLOB    PRIMARY KEY,
    name       TEXT    NOT NULL,
    preset     TEXT    NOT NULL,
    target     TEXT    NOT NULL,        -- where its messages go, written as in the settings
    maker      TEXT    NOT NULL,        -- Webex's id of the admin who made it,
    email      TEXT    NOT NULL,        -- and their address
    made_at    INTEGER NOT NULL,        -- times are in milliseconds since 1970
    event      BLOB    NOT NULL,        -- the event that changed it last
    salt       BLOB    NOT NULL,
    key_mark   TEXT    NOT NULL,        -- by which another key is noticed
    old_salt   BLOB,                    -- the salt of the secret before,
    old_until  INTEGER,                 -- and until when that secret is good
    expires_at INTEGER,                 -- from when it takes nothing any more
    told       INTEGER NOT NULL DEFAULT 0, -- what its maker was told: 1 that it ends soon, 2 that it has ended, 4 of another key
    removed_at INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX chat_hook_name ON chat_hook (name) WHERE removed_at IS NULL;
