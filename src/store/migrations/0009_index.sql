-- Numbers and values that stand together, as they are searched for; and how each record's rows of the index were made.
-- Numbers are texts that sort like them. The keys begin with the id, so that SQLite takes none of them for a way to a value.

CREATE TABLE index_quantity (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  n BIGINT NOT NULL,
  param TEXT NOT NULL,
  lo TEXT NOT NULL,
  hi TEXT NOT NULL,
  code TEXT NOT NULL,
  unit TEXT NOT NULL,
  base TEXT NOT NULL,
  base_lo TEXT NOT NULL,
  base_hi TEXT NOT NULL,
  PRIMARY KEY (id, type, tenant, param, n)
) {keyed};
CREATE INDEX index_quantity_base ON index_quantity (tenant, type, param, base, base_lo, id);

-- The second value is in `a` and `b` (system and code, type and id, exact and folded text, unit and code) or in `lo` and
-- `hi`, by its kind.
CREATE TABLE index_pair (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  n BIGINT NOT NULL,
  param TEXT NOT NULL,
  system TEXT NOT NULL,
  code TEXT NOT NULL,
  a TEXT NOT NULL,
  b TEXT NOT NULL,
  lo TEXT NOT NULL,
  hi TEXT NOT NULL,
  base TEXT NOT NULL,
  base_lo TEXT NOT NULL,
  base_hi TEXT NOT NULL,
  PRIMARY KEY (id, type, tenant, param, n)
) {keyed};
CREATE INDEX index_pair_code ON index_pair (tenant, type, param, code, id);

-- The version of the index by which the record's rows were made, times 2^32, plus the version of the record that they
-- are of: a writer that does not know of it leaves it behind.
ALTER TABLE resource ADD COLUMN indexed BIGINT NOT NULL DEFAULT 0;

-- The version by which every record's rows are made at least.
CREATE TABLE index_state (
  tenant TEXT NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL
) {heap};
