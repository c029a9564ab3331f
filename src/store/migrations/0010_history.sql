-- What the history of a type and of everything is read in: versions in the order of time.
CREATE INDEX resource_changed ON resource (tenant, at, type, id);
CREATE INDEX resource_history_at ON resource_history (tenant, type, at, id);
CREATE INDEX resource_history_changed ON resource_history (tenant, at, type, id);
