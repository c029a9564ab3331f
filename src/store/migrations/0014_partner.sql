-- Systems of others with which episodes are kept in agreement: what is sent there, what is fetched there, and what each
-- record is there. Times are milliseconds since 1970; words are separated by spaces.

-- `client` is the client here as which what is sent is read and what is fetched is written. `since` is the newest change of
-- theirs that was looked at; `due_at` to `ok_at` are about fetching.
CREATE TABLE partner (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  client TEXT NOT NULL,
  base TEXT NOT NULL,
  client_there TEXT NOT NULL,
  scopes TEXT NOT NULL,
  sends TEXT NOT NULL,
  receives TEXT NOT NULL,
  every BIGINT NOT NULL,
  disabled BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  since TEXT NOT NULL,
  due_at BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  failing_since BIGINT NOT NULL,
  reason TEXT NOT NULL,
  said TEXT NOT NULL,
  ok_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  PRIMARY KEY (tenant, id)
) {heap};

-- What this service proves with who it is there: ES384. The private half is sealed.
CREATE TABLE partner_key (
  tenant TEXT NOT NULL,
  partner TEXT NOT NULL,
  kid TEXT NOT NULL,
  public TEXT NOT NULL,
  ring TEXT NOT NULL,
  sealed TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  retires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, partner, kid)
) {keyed};

-- Up to which version of an episode everything was sent.
CREATE TABLE partner_episode (
  tenant TEXT NOT NULL,
  partner TEXT NOT NULL,
  episode TEXT NOT NULL,
  sent BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  failing_since BIGINT NOT NULL,
  reason TEXT NOT NULL,
  said TEXT NOT NULL,
  ok_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  PRIMARY KEY (tenant, partner, episode)
) {keyed};

-- What a record is there. `sent` and `received` are digests of what was sent and fetched last; empty where nothing was.
CREATE TABLE partner_link (
  tenant TEXT NOT NULL,
  partner TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  there TEXT NOT NULL,
  version TEXT NOT NULL,
  sent TEXT NOT NULL,
  received TEXT NOT NULL,
  PRIMARY KEY (tenant, partner, type, id)
) {keyed};
CREATE INDEX partner_link_there ON partner_link (tenant, partner, type, there);

-- What was fetched and does not fit: kept as it came until it does or somebody has seen to it. `digest` is that of what came.
CREATE TABLE partner_review (
  tenant TEXT NOT NULL,
  partner TEXT NOT NULL,
  type TEXT NOT NULL,
  there TEXT NOT NULL,
  digest TEXT NOT NULL,
  patient TEXT NOT NULL,
  at BIGINT NOT NULL,
  reason TEXT NOT NULL,
  body TEXT NOT NULL,
  answered BIGINT NOT NULL,
  settled_at BIGINT NOT NULL,
  tried_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, partner, type, there)
) {keyed};
