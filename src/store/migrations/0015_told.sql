-- What subscriptions were told of a record, of events that are kept no more: its last version of these.
CREATE TABLE subscription_told (
  tenant TEXT NOT NULL,
  subscription TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (tenant, subscription, type, id)
) {keyed};

-- Where a partner's server gives tokens, as the operator said it.
ALTER TABLE partner ADD COLUMN token_url TEXT NOT NULL DEFAULT '';

-- When consents begin and end to open or close something.
CREATE INDEX consent_grant_from ON consent_grant (tenant, valid_from);
CREATE INDEX consent_grant_to ON consent_grant (tenant, valid_to);
