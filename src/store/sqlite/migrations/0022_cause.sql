-- The event that a letter belongs to, if the letter's id is not one that follows from the event's.
ALTER TABLE ledger ADD COLUMN cause BLOB;
CREATE INDEX ledger_cause ON ledger (cause) WHERE cause IS NOT NULL;
