//! One SQL text for both databases: `$n` placeholders, `TEXT` and `BIGINT` values.

use std::borrow::Cow;
use std::sync::Arc;

/// A value that goes into or comes out of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Int(i64),
    Text(Arc<str>),
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}
impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Self::Text(s.into())
    }
}
impl From<String> for Value {
    fn from(s: String) -> Self {
        Self::Text(s.into())
    }
}
impl From<Arc<str>> for Value {
    fn from(s: Arc<str>) -> Self {
        Self::Text(s)
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

/// A statement with its arguments: `$1` is `args[0]`.
#[derive(Clone, Debug)]
pub struct Sql {
    pub text: Cow<'static, str>,
    pub args: Vec<Value>,
}

impl Sql {
    /// A statement of the program's own text; input only ever goes into `args`.
    #[must_use]
    pub fn new(text: &'static str, args: Vec<Value>) -> Self {
        Self {
            text: Cow::Borrowed(text),
            args,
        }
    }
}

/// A row of an answer.
#[derive(Clone, Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Column `i` as text; empty where it is null.
    #[must_use]
    pub fn text(&self, i: usize) -> Arc<str> {
        self.opt_text(i).unwrap_or_default()
    }
    /// Column `i` as text, if it is not null.
    #[must_use]
    pub fn opt_text(&self, i: usize) -> Option<Arc<str>> {
        match self.0.get(i) {
            Some(Value::Text(s)) => Some(s.clone()),
            _ => None,
        }
    }
    /// Column `i` as a number; 0 where it is null.
    #[must_use]
    pub fn int(&self, i: usize) -> i64 {
        self.opt_int(i).unwrap_or_default()
    }
    /// Column `i` as a number, if it is not null.
    #[must_use]
    pub fn opt_int(&self, i: usize) -> Option<i64> {
        match self.0.get(i) {
            Some(Value::Int(n)) => Some(*n),
            _ => None,
        }
    }
}

/// How many rows a guarded statement must change; another number rolls the whole write back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Any,
    /// Exactly one row, else the write fails with [`Conflict`] naming `guard`.
    One {
        guard: &'static str,
    },
}

/// One statement of a write.
#[derive(Clone, Debug)]
pub struct Step {
    pub sql: Sql,
    pub expect: Expect,
}

impl Step {
    /// A statement that may change any number of rows.
    #[must_use]
    pub fn any(text: &'static str, args: Vec<Value>) -> Self {
        Self {
            sql: Sql::new(text, args),
            expect: Expect::Any,
        }
    }
    /// A statement that must change exactly one row.
    #[must_use]
    pub fn one(guard: &'static str, text: &'static str, args: Vec<Value>) -> Self {
        Self {
            sql: Sql::new(text, args),
            expect: Expect::One { guard },
        }
    }
}

/// Why a write was rolled back although nothing is broken: a guard did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The guard's name, such as `episode version`.
    pub guard: &'static str,
}
