-- Whether what may be done once was begun for this event, and has not failed: it is then finished before anything else of
-- its lane, also after the end of the process. Written before it is done, in a transaction of its own.
ALTER TABLE ledger ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
