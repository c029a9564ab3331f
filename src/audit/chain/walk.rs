//! Goes through rows and batches in order and finds what was changed.

use std::collections::HashMap;
use std::fmt;

use uuid::Uuid;

use super::{Anchor, Batch, Hash, Tip, root};

/// Something that is not as it was sealed. Names rows and batches, never what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A batch is gone; the next one found is this.
    Gap {
        expected: i64,
        found: i64,
    },
    /// A batch does not follow the one before it.
    Order {
        batch: i64,
    },
    /// The batch says another root or head than its leaves give, or its list of leaves cannot be read.
    Batch {
        batch: i64,
    },
    /// The signature is none of the known keys'.
    Signature {
        batch: i64,
    },
    Edited {
        batch: i64,
        row: Uuid,
    },
    Deleted {
        batch: i64,
        row: Uuid,
    },
    /// A row stands in two batches.
    Twice {
        batch: i64,
        row: Uuid,
    },
    /// A row stands among sealed ones and in no batch.
    Inserted {
        row: Uuid,
    },
    /// The chain ends before the head that was told.
    Truncated {
        told: i64,
        last: i64,
    },
    /// The batch of the head that was told has another head by now.
    Rewritten {
        batch: i64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { expected, found } => {
                write!(f, "batch {expected} is missing: the next one is {found}")
            }
            Self::Order { batch } => write!(f, "batch {batch} does not follow the one before it"),
            Self::Batch { batch } => write!(f, "batch {batch} is not what was sealed"),
            Self::Signature { batch } => {
                write!(f, "batch {batch} is not signed by a key that was given")
            }
            Self::Edited { batch, row } => write!(f, "batch {batch}: row {row} was edited"),
            Self::Deleted { batch, row } => write!(f, "batch {batch}: row {row} was deleted"),
            Self::Twice { batch, row } => write!(f, "batch {batch}: row {row} was sealed before"),
            Self::Inserted { row } => write!(f, "row {row} was inserted: it is in no batch"),
            Self::Truncated { told, last } => {
                write!(
                    f,
                    "the chain ends at batch {last}, the head told is of {told}"
                )
            }
            Self::Rewritten { batch } => {
                write!(f, "batch {batch} has another head than the one told")
            }
        }
    }
}

/// The outcome of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub batches: i64,
    /// Rows that are as they were sealed.
    pub rows: u64,
    /// Rows that are too young to be in a batch.
    pub waiting: u64,
    pub tip: Tip,
}

/// A walk along a chain: rows are given in the order of their ids, batches in the order of their numbers, and before
/// each batch all rows up to its last one.
#[derive(Debug)]
pub struct Walk {
    tenant: String,
    anchor: Option<Anchor>,
    /// Rows that were seen and not found in a batch yet.
    loose: HashMap<Uuid, Hash>,
    /// The rows of the last batches, to tell a row that is in two of them from one that is gone.
    recent: Vec<Vec<Uuid>>,
    report: Report,
}

/// Batches of which the rows are remembered.
const REMEMBERED: usize = 64;

impl Walk {
    /// A walk from the first batch on. `anchor` is a head that was told earlier.
    #[must_use]
    pub fn new(tenant: &str, anchor: Option<Anchor>) -> Self {
        Self {
            tenant: tenant.to_owned(),
            anchor,
            loose: HashMap::new(),
            recent: Vec::new(),
            report: Report {
                findings: Vec::new(),
                batches: 0,
                rows: 0,
                waiting: 0,
                tip: Tip::START,
            },
        }
    }

    /// Takes the next row.
    pub fn row(&mut self, id: Uuid, hash: Hash) {
        self.loose.insert(id, hash);
    }

    fn found(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    /// Takes the next batch; `signed` is whether its signature of its head is good.
    pub fn batch(&mut self, batch: &Batch, signed: bool) {
        let tip = self.report.tip;
        if batch.n != tip.n + 1 {
            let expected = tip.n + 1;
            self.found(Finding::Gap {
                expected,
                found: batch.n,
            });
        } else if batch.prev != tip.head {
            self.found(Finding::Order { batch: batch.n });
        }
        let hashes: Vec<Hash> = batch.leaves.iter().map(|leaf| leaf.hash).collect();
        if batch.leaves.is_empty()
            || root(&hashes) != batch.root
            || batch.computed_head(&self.tenant) != batch.head
        {
            self.found(Finding::Batch { batch: batch.n });
        }
        if !signed {
            self.found(Finding::Signature { batch: batch.n });
        }
        let told = self.anchor.filter(|anchor| anchor.n == batch.n);
        if told.is_some_and(|anchor| anchor.head != batch.head) {
            self.found(Finding::Rewritten { batch: batch.n });
        }
        self.leaves(batch);
        self.report.batches += 1;
        self.report.tip = batch.tip();
    }

    fn leaves(&mut self, batch: &Batch) {
        for leaf in &batch.leaves {
            let (batch, row) = (batch.n, leaf.id);
            match self.loose.remove(&row) {
                Some(hash) if hash == leaf.hash => self.report.rows += 1,
                Some(_) => self.found(Finding::Edited { batch, row }),
                None if self.recent.iter().any(|b| b.binary_search(&row).is_ok()) => {
                    self.found(Finding::Twice { batch, row });
                }
                None => self.found(Finding::Deleted { batch, row }),
            }
        }
        if self.recent.len() == REMEMBERED {
            self.recent.remove(0);
        }
        let mut ids: Vec<Uuid> = batch.leaves.iter().map(|leaf| leaf.id).collect();
        ids.sort_unstable();
        self.recent.push(ids);
    }

    /// Ends the walk, after all rows were given. Rows from `young` on may be in no batch yet.
    #[must_use]
    pub fn end(mut self, young: Uuid) -> Report {
        let last = self.report.tip.n;
        if let Some(anchor) = self.anchor.filter(|anchor| anchor.n > last) {
            let told = anchor.n;
            self.found(Finding::Truncated { told, last });
        }
        let mut loose: Vec<Uuid> = self.loose.drain().map(|(id, _)| id).collect();
        loose.sort_unstable();
        for row in loose {
            if row >= young {
                self.report.waiting += 1;
            } else {
                self.found(Finding::Inserted { row });
            }
        }
        self.report
    }
}
