-- Whether the operator lets a client have a key that another client has too.
ALTER TABLE client ADD COLUMN shared_key BIGINT NOT NULL DEFAULT 0;
