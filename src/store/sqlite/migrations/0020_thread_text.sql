-- What the root of a thread shows, if letters keep it up to date: in which state, which text (as a hash), how often it was
-- edited, when last (in milliseconds since 1970), by which letter (its ledger.seq), and where the root before it is.
ALTER TABLE thread ADD COLUMN state TEXT;
ALTER TABLE thread ADD COLUMN digest TEXT;
ALTER TABLE thread ADD COLUMN edits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE thread ADD COLUMN edited_at INTEGER;
ALTER TABLE thread ADD COLUMN shown_by INTEGER;
ALTER TABLE thread ADD COLUMN before TEXT;
