-- States of an approval besides those of 0007: 7 running, 8 declined by the command itself, 9 unasked: put before nobody.
-- While it runs, ended_event is the event that runs it.
ALTER TABLE approval ADD COLUMN ends INTEGER;          -- as what the daemon has to end it, for a reason that is not its time
ALTER TABLE approval_vote ADD COLUMN event BLOB;    -- the ledger's id of the click
ALTER TABLE approval_vote ADD COLUMN message TEXT;  -- Webex's id of the card's message that was clicked
