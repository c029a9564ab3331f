-- Labels that an operator took off a record: later writes do not put them on again by themselves.

ALTER TABLE resource ADD COLUMN lowered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE resource_history ADD COLUMN lowered BIGINT NOT NULL DEFAULT 0;
