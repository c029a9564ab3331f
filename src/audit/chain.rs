//! The chain that seals the rows: batches of them, each a Merkle tree (RFC 6962 §2.1) whose head names the batch before.
//!
//! A batch keeps the id and the hash of each of its rows, so that what was changed is found by name. Whoever knows a head
//! (the log tells one every few minutes) can tell whether anything before it was changed, added or taken away.

mod walk;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use walk::{Finding, Report, Walk};

/// Names what a head is a hash of.
const DOMAIN: &str = "kap-audit-v1";
/// Bytes of a leaf as it is kept: id and hash.
const LEAF: usize = 48;

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands before the first batch.
    pub const NONE: Self = Self([0; 32]);

    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, to be signed.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Bytes of which every part says how long it is, so that no two lists of parts are the same bytes.
#[derive(Default)]
struct Canonical(Sha256);

impl Canonical {
    fn cell(&mut self, cell: Cell<'_>) -> &mut Self {
        match cell {
            Cell::Null => self.0.update([0]),
            Cell::Text(text) => {
                self.0.update([1]);
                self.0.update((text.len() as u64).to_be_bytes());
                self.0.update(text);
            }
            Cell::Int(number) => {
                self.0.update([2]);
                self.0.update(number.to_be_bytes());
            }
        }
        self
    }

    fn hash(&mut self, hash: &Hash) -> &mut Self {
        self.0.update(hash.0);
        self
    }

    fn end(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

/// What stands in a column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    Text(&'a str),
}

/// The hash of a row, as a leaf of its tree: every column goes in as it is kept.
#[must_use]
pub fn leaf<'a>(cells: impl IntoIterator<Item = Cell<'a>>) -> Hash {
    let mut canonical = Canonical::default();
    canonical.0.update([0]);
    for cell in cells {
        canonical.cell(cell);
    }
    canonical.end()
}

/// The root of the tree over these leaves (RFC 6962 §2.1).
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash(Sha256::digest([]).into()),
        [one] => *one,
        many => {
            let half = many.len().next_power_of_two() / 2;
            let (left, right) = many.split_at(half);
            let mut node = Canonical::default();
            node.0.update([1]);
            node.hash(&root(left)).hash(&root(right));
            node.end()
        }
    }
}

/// A row in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub id: Uuid,
    pub hash: Hash,
}

/// Rows that were sealed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// 1 for the first.
    pub n: i64,
    /// The head of the batch before; [`Hash::NONE`] for the first.
    pub prev: Hash,
    pub root: Hash,
    /// In the order of their ids. Never empty.
    pub leaves: Vec<Leaf>,
    /// Milliseconds since 1970.
    pub sealed_at: i64,
    /// Names the key of the signature.
    pub key: Arc<str>,
    /// What the batch says its head is.
    pub head: Hash,
    /// Signature of the head, Ed25519, base64url.
    pub signature: Arc<str>,
}

impl Batch {
    /// A batch after `prev`, not signed yet. `leaves` must not be empty.
    #[must_use]
    pub fn after(
        prev: &Tip,
        tenant: &str,
        mut leaves: Vec<Leaf>,
        sealed_at: i64,
        key: Arc<str>,
    ) -> Self {
        leaves.sort_unstable_by_key(|leaf| leaf.id);
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf.hash).collect();
        let mut batch = Self {
            n: prev.n + 1,
            prev: prev.head,
            root: root(&hashes),
            leaves,
            sealed_at,
            key,
            head: Hash::NONE,
            signature: Arc::from(""),
        };
        batch.head = batch.computed_head(tenant);
        batch
    }

    /// What the head must be: it covers the batch before, the root, the number of rows, the first and the last of them.
    #[must_use]
    pub fn computed_head(&self, tenant: &str) -> Hash {
        let id = |leaf: Option<&Leaf>| leaf.map_or(String::new(), |leaf| leaf.id.to_string());
        let (first, last) = (id(self.leaves.first()), id(self.leaves.last()));
        let mut canonical = Canonical::default();
        canonical.cell(Cell::Text(DOMAIN)).cell(Cell::Text(tenant));
        canonical.hash(&self.prev).cell(Cell::Int(self.n));
        canonical.hash(&self.root);
        let count = i64::try_from(self.leaves.len()).unwrap_or(i64::MAX);
        for cell in [
            Cell::Int(count),
            Cell::Text(&first),
            Cell::Text(&last),
            Cell::Int(self.sealed_at),
            Cell::Text(&self.key),
        ] {
            canonical.cell(cell);
        }
        canonical.end()
    }

    /// The end of the chain, were this the last batch.
    #[must_use]
    pub const fn tip(&self) -> Tip {
        Tip {
            n: self.n,
            head: self.head,
            sealed_at: self.sealed_at,
        }
    }

    /// The leaves as they are kept.
    #[must_use]
    pub fn print_leaves(&self) -> String {
        let mut bytes = Vec::with_capacity(self.leaves.len() * LEAF);
        for leaf in &self.leaves {
            bytes.extend_from_slice(leaf.id.as_bytes());
            bytes.extend_from_slice(&leaf.hash.0);
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// Reads what [`Batch::print_leaves`] writes.
#[must_use]
pub fn parse_leaves(text: &str) -> Option<Vec<Leaf>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let one = |bytes: &[u8]| {
        let (id, hash) = bytes.split_at_checked(16)?;
        Some(Leaf {
            id: Uuid::from_slice(id).ok()?,
            hash: Hash(hash.try_into().ok()?),
        })
    };
    bytes.chunks(LEAF).map(one).collect()
}

/// The end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    pub n: i64,
    pub head: Hash,
    pub sealed_at: i64,
}

impl Tip {
    /// Before the first batch.
    pub const START: Self = Self {
        n: 0,
        head: Hash::NONE,
        sealed_at: 0,
    };
}

/// A head that was told earlier: `N:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub n: i64,
    pub head: Hash,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.n, self.head)
    }
}

impl std::str::FromStr for Anchor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once(':').and_then(|(n, head)| {
            Some(Self {
                n: n.parse().ok()?,
                head: Hash::parse(head)?,
            })
        });
        parsed.ok_or("a head is written NUMBER:HASH, as `kap-fhir audit head` prints it")
    }
}

#[cfg(test)]
mod tests;
