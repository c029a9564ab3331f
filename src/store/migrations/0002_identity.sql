-- Clients, the key each one signs with, the assertions that were used, and the tokens that were given.

CREATE TABLE client (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  organization TEXT NOT NULL,
  role TEXT NOT NULL,
  scopes TEXT NOT NULL,
  purpose TEXT NOT NULL,
  jwks TEXT,
  jwks_url TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  disabled_at BIGINT,
  PRIMARY KEY (tenant, id)
);

-- One public key belongs to one client.
CREATE TABLE client_key (
  tenant TEXT NOT NULL,
  thumbprint TEXT NOT NULL,
  client TEXT NOT NULL,
  PRIMARY KEY (tenant, thumbprint)
);
CREATE INDEX client_key_client ON client_key (tenant, client);

CREATE TABLE client_jti (
  tenant TEXT NOT NULL,
  client TEXT NOT NULL,
  jti_hash TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, client, jti_hash)
);
CREATE INDEX client_jti_expires ON client_jti (tenant, expires_at);

CREATE TABLE access_token (
  tenant TEXT NOT NULL,
  tid TEXT NOT NULL,
  secret_hash TEXT NOT NULL,
  client TEXT NOT NULL,
  organization TEXT NOT NULL,
  role TEXT NOT NULL,
  scopes TEXT NOT NULL,
  purpose TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  PRIMARY KEY (tenant, tid)
);
CREATE INDEX access_token_expires ON access_token (tenant, expires_at);
CREATE INDEX access_token_client ON access_token (tenant, client);
