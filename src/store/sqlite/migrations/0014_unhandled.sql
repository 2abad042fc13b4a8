-- Deliveries of kinds that nobody works on have rows of their own, closed at once. They are counted and taken away by this
-- index, without a look at the other rows.
CREATE INDEX ledger_unhandled ON ledger (seq) WHERE verdict = 'unhandled';
