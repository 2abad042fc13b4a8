-- The event that a state is of. States of before have no order, and give way to any.
ALTER TABLE hook_state ADD COLUMN event INTEGER NOT NULL DEFAULT 0; -- ledger.seq
