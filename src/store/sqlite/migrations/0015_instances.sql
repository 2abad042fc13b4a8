-- Daemons that have the ledger open: one row each. A lease names its holder, so that the leases of one that is known to be
-- dead can be told from those of the living; a lease of before has none.
CREATE TABLE instance (
    id         INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL             -- by our clock, in milliseconds since 1970
);
ALTER TABLE lane ADD COLUMN holder INTEGER;
