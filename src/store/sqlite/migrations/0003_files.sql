-- The file that goes with a message to send, beside its row: put in the same transaction, and dropped once the row is
-- done or pruned. A dead letter keeps it, so that it can be tried again. Not in the ledger itself, whose rows are read
-- and written by the thousand and stay readable after they are settled.
CREATE TABLE file (
    row   INTEGER PRIMARY KEY,              -- the ledger's seq
    bytes BLOB    NOT NULL
);
