-- What Webex sent of an event, to the byte. Only whoever looks reads it, so it lies beside the rows that are worked on. Rows of
-- before have none, nor has what Webex did not send.
CREATE TABLE raw (
    row   INTEGER PRIMARY KEY,          -- ledger.seq
    bytes BLOB    NOT NULL
);

-- The event of the request has it.
ALTER TABLE approval DROP COLUMN envelope;
