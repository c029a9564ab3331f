-- Work that goes on after its request was answered, on whichever replica takes it. Who works on a job holds its lease;
-- every claim raises the fence, and whatever a worker writes is guarded by it, so that one who was given up cannot write.

CREATE TABLE job (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  client TEXT NOT NULL,
  payload TEXT NOT NULL,
  progress TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  run_at BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, id)
) {heap};
CREATE INDEX job_open ON job (tenant, run_at, id) WHERE state = 'open';
CREATE INDEX job_client ON job (tenant, client, kind) WHERE state = 'open';
CREATE INDEX job_expires ON job (tenant, expires_at);

-- The files that a job has finished. What is in them stands beside the database.
CREATE TABLE job_file (
  tenant TEXT NOT NULL,
  job TEXT NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  n BIGINT NOT NULL,
  resources BIGINT NOT NULL,
  PRIMARY KEY (tenant, job, name)
) {keyed};
