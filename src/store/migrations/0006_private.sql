-- Private notes, sealed. What stands here in the clear is where a note belongs; all of it is authenticated with the seal.

-- The keys that notes of a tenant are sealed with, each with a mark that only that key makes.
CREATE TABLE private_key (
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  mark TEXT NOT NULL,
  PRIMARY KEY (tenant, key)
) {heap};

-- One row per version; rows are only added, and their data keys wrapped anew.
CREATE TABLE private_note (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  patient TEXT NOT NULL,
  episode TEXT NOT NULL,
  kind TEXT NOT NULL,
  author TEXT NOT NULL,
  client TEXT NOT NULL,
  session TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  key TEXT NOT NULL,
  wrapped TEXT NOT NULL,
  sealed TEXT NOT NULL,
  PRIMARY KEY (tenant, id, version),
  FOREIGN KEY (tenant, key) REFERENCES private_key (tenant, key)
) {heap};
CREATE INDEX private_note_author ON private_note (tenant, episode, client, author, created_at, id);
CREATE INDEX private_note_key ON private_note (tenant, key, id, version);
CREATE INDEX private_note_client ON private_note (tenant, client, id, version);
