-- The records, what they are found by, who may see them, and the episodes as lists show them.
-- TEXT compares by bytes on both databases; {keyed} marks tables that live in
-- their primary key, {heap} the others.
-- An absent patient or episode is ''.

CREATE TABLE resource (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  deleted BIGINT NOT NULL,
  patient TEXT NOT NULL,
  episode TEXT NOT NULL,
  owner TEXT NOT NULL,
  date BIGINT NOT NULL,
  body TEXT,
  PRIMARY KEY (tenant, type, id)
) {heap};
CREATE INDEX resource_patient ON resource (tenant, patient, type, id) WHERE patient <> '';
CREATE INDEX resource_episode ON resource (tenant, episode) WHERE episode <> '';
CREATE INDEX resource_date ON resource (tenant, type, date, id);
CREATE INDEX resource_at ON resource (tenant, type, at, id);

CREATE TABLE resource_history (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  deleted BIGINT NOT NULL,
  patient TEXT NOT NULL,
  episode TEXT NOT NULL,
  owner TEXT NOT NULL,
  body TEXT,
  PRIMARY KEY (tenant, type, id, version)
) {heap};

CREATE TABLE index_token (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  patient TEXT NOT NULL,
  param TEXT NOT NULL,
  system TEXT NOT NULL,
  code TEXT NOT NULL,
  PRIMARY KEY (tenant, type, id, param, code, system)
) {keyed};
CREATE INDEX index_token_code ON index_token (tenant, type, param, code, patient, id, system);

CREATE TABLE index_date (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  param TEXT NOT NULL,
  lo BIGINT NOT NULL,
  hi BIGINT NOT NULL,
  PRIMARY KEY (tenant, type, id, param, lo, hi)
) {keyed};
CREATE INDEX index_date_lo ON index_date (tenant, type, param, lo, hi, id);

CREATE TABLE index_text (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  param TEXT NOT NULL,
  folded TEXT NOT NULL,
  exact TEXT NOT NULL,
  PRIMARY KEY (tenant, type, id, param, folded, exact)
) {keyed};
CREATE INDEX index_text_folded ON index_text (tenant, type, param, folded, id);

CREATE TABLE index_reference (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  param TEXT NOT NULL,
  target_type TEXT NOT NULL,
  target_id TEXT NOT NULL,
  PRIMARY KEY (tenant, type, id, param, target_id, target_type)
) {keyed};
CREATE INDEX index_reference_target ON index_reference (tenant, target_id, type, param, target_type, id);

CREATE TABLE episode_head (
  tenant TEXT NOT NULL,
  episode TEXT NOT NULL,
  patient TEXT NOT NULL,
  owner TEXT NOT NULL,
  version BIGINT NOT NULL,
  phase TEXT NOT NULL,
  status TEXT NOT NULL,
  due_day TEXT,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, episode)
) {heap};
CREATE INDEX episode_head_updated ON episode_head (tenant, updated_at, episode);
CREATE INDEX episode_head_patient ON episode_head (tenant, patient);

CREATE TABLE episode_party (
  tenant TEXT NOT NULL,
  episode TEXT NOT NULL,
  patient TEXT NOT NULL,
  org TEXT NOT NULL,
  role TEXT NOT NULL,
  valid_from BIGINT NOT NULL,
  valid_to BIGINT NOT NULL,
  PRIMARY KEY (tenant, episode, org, role, valid_from)
) {keyed};
-- Covers the access predicate: SQLite would otherwise walk the tenant's whole primary key for it.
CREATE INDEX episode_party_patient ON episode_party (tenant, patient, org, valid_from, valid_to);

CREATE TABLE idempotency (
  tenant TEXT NOT NULL,
  client TEXT NOT NULL,
  key TEXT NOT NULL,
  request TEXT NOT NULL,
  status BIGINT NOT NULL,
  headers TEXT NOT NULL,
  body TEXT,
  at BIGINT NOT NULL,
  PRIMARY KEY (tenant, client, key)
) {heap};
CREATE INDEX idempotency_at ON idempotency (at);
