-- What decides who sees a record: its labels and class as bits, the organization that wrote it, and what the patients'
-- consents permit and deny. A row that is not yet classified (class 0) is seen by nobody but its owner.

ALTER TABLE resource ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE resource ADD COLUMN labels BIGINT NOT NULL DEFAULT 4611686018427387905;
ALTER TABLE resource ADD COLUMN class BIGINT NOT NULL DEFAULT 0;
CREATE INDEX resource_unclassified ON resource (tenant, type, id) WHERE class = 0;

ALTER TABLE resource_history ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE resource_history ADD COLUMN labels BIGINT NOT NULL DEFAULT 4611686018427387905;
ALTER TABLE resource_history ADD COLUMN class BIGINT NOT NULL DEFAULT 0;
CREATE INDEX resource_history_unclassified ON resource_history (tenant, type, id, version) WHERE class = 0;

-- One row for each recipient of each rule of a consent. effect: 1 permit, 2 deny, 3 withdrawn, 4 no table of defaults.
CREATE TABLE consent_grant (
  tenant TEXT NOT NULL,
  patient TEXT NOT NULL,
  org TEXT NOT NULL,
  effect BIGINT NOT NULL,
  purposes BIGINT NOT NULL,
  classes BIGINT NOT NULL,
  labels BIGINT NOT NULL,
  valid_from BIGINT NOT NULL,
  valid_to BIGINT NOT NULL,
  granted_at BIGINT NOT NULL,
  episode TEXT NOT NULL,
  consent TEXT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (tenant, patient, org, effect, episode, consent, n)
) {keyed};

-- Whether the grants of the episode's consents are there: 0 for an episode of an older schema.
ALTER TABLE episode_head ADD COLUMN granted BIGINT NOT NULL DEFAULT 0;
CREATE INDEX episode_head_ungranted ON episode_head (tenant, episode) WHERE granted = 0;
