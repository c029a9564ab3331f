-- What was done, by whom, with whose data; rows are only ever added. What stands between {sqlite and sqlite} or
-- {postgres and postgres}, each on a line of its own, is for one database alone: triggers have no words in common.

-- The id is a UUID of version 7, so that rows are added at the end. What is absent is null.
CREATE TABLE audit (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  at BIGINT NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  outcome BIGINT NOT NULL,
  reason TEXT,
  client TEXT,
  organization TEXT,
  role TEXT,
  token TEXT,
  purpose TEXT,
  peer TEXT,
  request TEXT,
  patient TEXT,
  detail TEXT,
  target_type TEXT,
  target_id TEXT,
  target_version BIGINT,
  PRIMARY KEY (tenant, id)
) {keyed};
CREATE INDEX audit_patient ON audit (tenant, patient, id) WHERE patient IS NOT NULL;

-- The chain. `leaves` holds id and hash of each row of the batch.
CREATE TABLE audit_batch (
  tenant TEXT NOT NULL,
  n BIGINT NOT NULL,
  prev TEXT NOT NULL,
  root TEXT NOT NULL,
  leaves TEXT NOT NULL,
  sealed_at BIGINT NOT NULL,
  key TEXT NOT NULL,
  head TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (tenant, n)
) {heap};

{sqlite
CREATE TRIGGER audit_not_updated BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END;
CREATE TRIGGER audit_not_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END;
CREATE TRIGGER audit_batch_not_updated BEFORE UPDATE ON audit_batch
  BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END;
CREATE TRIGGER audit_batch_not_deleted BEFORE DELETE ON audit_batch
  BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END;
sqlite}
{postgres
CREATE FUNCTION audit_only_added() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''the audit is only ever added to''; END';
CREATE TRIGGER audit_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION audit_only_added();
CREATE TRIGGER audit_batch_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_batch
  FOR EACH STATEMENT EXECUTE FUNCTION audit_only_added();
postgres}
