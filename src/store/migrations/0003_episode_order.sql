-- The keys of an episode's records in order, from the index alone: where the order is missing, SQLite walks the
-- tenant's primary key instead, because that one has it.
DROP INDEX resource_episode;
CREATE INDEX resource_episode ON resource (tenant, episode, type, id) WHERE episode <> '';
