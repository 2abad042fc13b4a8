-- What the next process has to know of a try that this one may leave unfinished. The other side's clock is read from its
-- answers; both are in milliseconds since 1970.
ALTER TABLE lane ADD COLUMN claimed_at INTEGER;   -- when the lane was claimed last, by the other side's clock
ALTER TABLE lane ADD COLUMN pause INTEGER;        -- how long its last pause was asked to be, in milliseconds
ALTER TABLE ledger ADD COLUMN doubt_from INTEGER; -- when the first try began that may have had its effect, and
ALTER TABLE ledger ADD COLUMN doubt_at INTEGER;   -- when the last of them did, by the other side's clock
