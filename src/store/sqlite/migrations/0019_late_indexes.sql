-- Rows get their entries in these two indexes late and in bulk, in the order of the index. Row by row, each entry would
-- be on a page of its own in each commit. Until then a row is found because its seq is greater than indexed.up_to.
CREATE TABLE id_index (
    id  BLOB    PRIMARY KEY,            -- ledger.id
    row INTEGER NOT NULL                -- ledger.seq
) WITHOUT ROWID;
INSERT INTO id_index (id, row) SELECT id, seq FROM ledger ORDER BY id;
DROP INDEX ledger_id;
CREATE TABLE open_index (
    lane        BLOB    NOT NULL,       -- of rows whose state is 0: ledger.lane,
    happened_at INTEGER NOT NULL,       -- and the order of the lane
    row         INTEGER NOT NULL,
    queue       INTEGER NOT NULL,
    PRIMARY KEY (lane, happened_at, row)
) WITHOUT ROWID;
INSERT INTO open_index (lane, happened_at, row, queue)
    SELECT lane, happened_at, seq, queue FROM ledger WHERE state = 0 ORDER BY lane, happened_at, seq;
DROP INDEX ledger_open;
CREATE TABLE indexed (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    up_to INTEGER NOT NULL              -- every row up to this one has its entries
);
INSERT INTO indexed (id, up_to) SELECT 1, coalesce(max(seq), 0) FROM ledger;
-- The rows by id, and the open rows. While entries are written, their rows may be twice in the first.
CREATE VIEW row_by_id (id, row) AS
    SELECT id, row FROM id_index
    UNION ALL SELECT id, seq FROM ledger WHERE seq > (SELECT up_to FROM indexed);
CREATE VIEW open_row (row, lane, queue) AS
    SELECT row, lane, queue FROM open_index WHERE row <= (SELECT up_to FROM indexed)
    UNION ALL SELECT seq, lane, queue FROM ledger WHERE seq > (SELECT up_to FROM indexed) AND state = 0;
-- No longer read.
ALTER TABLE lane DROP COLUMN before;
