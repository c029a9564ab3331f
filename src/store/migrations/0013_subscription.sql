-- What is told to subscribers. A change that is of a topic puts a row into outbox in its own transaction; the sequencer
-- gives it the next number of each subscription that it matches and takes the row out. Numbers of a subscription have no
-- gap, because its counter and its events are written together.

{sqlite
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  topic TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
sqlite}
{postgres
CREATE TABLE outbox (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant TEXT NOT NULL,
  topic TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL
);
postgres}

-- The work of a subscription; what its client said of it is the resource of that id. `secret` holds the headers of its
-- channel, sealed with the key of the ring that `ring` names. `due_at` is when there is something to be done next;
-- `begun` says whether events are counted; `tried` is the last number of the notification that is being sent, so that it is
-- the same when it is sent again.
CREATE TABLE subscription (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  client TEXT NOT NULL,
  owner TEXT NOT NULL,
  role TEXT NOT NULL,
  scopes TEXT NOT NULL,
  purpose TEXT NOT NULL,
  topic TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  filters TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  host TEXT NOT NULL,
  payload TEXT NOT NULL,
  content TEXT NOT NULL,
  most BIGINT NOT NULL,
  timeout BIGINT NOT NULL,
  heartbeat BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  ring TEXT NOT NULL,
  secret TEXT NOT NULL,
  numbered BIGINT NOT NULL,
  acked BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  failing_since BIGINT NOT NULL,
  told_at BIGINT NOT NULL,
  begun BIGINT NOT NULL,
  tried BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, id)
) {heap};
CREATE INDEX subscription_due ON subscription (tenant, due_at, id);
CREATE INDEX subscription_client ON subscription (tenant, client);

CREATE TABLE subscription_event (
  tenant TEXT NOT NULL,
  subscription TEXT NOT NULL,
  n BIGINT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  numbered_at BIGINT NOT NULL,
  withheld BIGINT NOT NULL,
  PRIMARY KEY (tenant, subscription, n)
) {keyed};

CREATE INDEX subscription_event_record ON subscription_event (tenant, subscription, type, id, version);

-- What became of each attempt. No word of what was sent or answered.
CREATE TABLE subscription_attempt (
  tenant TEXT NOT NULL,
  subscription TEXT NOT NULL,
  at BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  kind TEXT NOT NULL,
  first BIGINT NOT NULL,
  last BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  status BIGINT NOT NULL,
  failure TEXT NOT NULL,
  millis BIGINT NOT NULL,
  PRIMARY KEY (tenant, subscription, at, fence, first)
) {keyed};

-- Where a client may be called: origins, such as https://ehr.example.org.
CREATE TABLE client_origin (
  tenant TEXT NOT NULL,
  client TEXT NOT NULL,
  origin TEXT NOT NULL,
  full_resource BIGINT NOT NULL,
  PRIMARY KEY (tenant, client, origin)
) {keyed};

-- What notifications to a client are signed with: Ed25519. The private half is sealed.
CREATE TABLE signing_key (
  tenant TEXT NOT NULL,
  client TEXT NOT NULL,
  kid TEXT NOT NULL,
  public TEXT NOT NULL,
  ring TEXT NOT NULL,
  sealed TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  retires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, client, kid)
) {keyed};

-- Alerts that nobody has acknowledged yet, and when they are told once more.
CREATE TABLE alert_watch (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  raised_at BIGINT NOT NULL,
  level BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, type, id)
) {keyed};
CREATE INDEX alert_watch_next ON alert_watch (tenant, next_at);

-- What the calendar made news of: a day that came nearer, or passed. `at` is the day that the record states.
CREATE TABLE calendar_told (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  what TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (tenant, type, id, what, at)
) {keyed};
