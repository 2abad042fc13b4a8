-- The bytes that a row was made from are read only by explain and echo, so they move out of the rows that are worked on.
CREATE TABLE raw (
    row   INTEGER PRIMARY KEY,          -- ledger.seq
    bytes BLOB    NOT NULL
);
INSERT INTO raw (row, bytes) SELECT seq, raw FROM ledger WHERE raw IS NOT NULL;
ALTER TABLE ledger DROP COLUMN raw;
