-- When a question was seen, by the one clock that also says when its answer was: Webex's. Written in the transaction that
-- settles the message which asks.
ALTER TABLE conversation ADD COLUMN message BLOB;      -- the row of the outbox whose message asks
ALTER TABLE conversation ADD COLUMN shown_at INTEGER;  -- in milliseconds since 1970, when Webex made that message
ALTER TABLE conversation ADD COLUMN shown_as TEXT;     -- Webex's id of it

-- The event whose question an event answered: tried again by hand, an answer is never taken for a command.
ALTER TABLE ledger ADD COLUMN answers BLOB;

-- What the one use of a card was spent on: the action's name, nothing where nobody noted it.
ALTER TABLE used ADD COLUMN action TEXT;
