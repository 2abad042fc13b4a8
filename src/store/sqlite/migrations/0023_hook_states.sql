-- How things stood when a hook was last told of them, such as the builds of a branch.
CREATE TABLE hook_state (
    key   TEXT    PRIMARY KEY,          -- the hook, and what the state is of
    state TEXT    NOT NULL,
    at    INTEGER NOT NULL              -- when that was told, in milliseconds since 1970
) WITHOUT ROWID;
CREATE INDEX hook_state_at ON hook_state (at);
