-- The bytes that a row was made from, of which there is a limit in all. Those of Webex's own deliveries have no size.
ALTER TABLE raw ADD COLUMN size INTEGER;
CREATE INDEX raw_size ON raw (row, size) WHERE size IS NOT NULL;
