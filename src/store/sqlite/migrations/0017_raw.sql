-- What Webex sent of an event, to the byte. Rows of before have none, nor has what Webex did not send.
ALTER TABLE ledger ADD COLUMN raw BLOB;

-- The event of the request has it.
ALTER TABLE approval DROP COLUMN envelope;
