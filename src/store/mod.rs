//! The store: SQL lives here only.

pub(crate) mod identity;
pub mod sql;

use crate::error::{Error, Result};
use sql::{Conflict, Row, Sql, Step};

#[derive(Debug)]
pub struct Store;

impl Store {
    pub(crate) async fn read(&self, _sql: Sql) -> Result<Vec<Row>> {
        Err(Error::internal("stub"))
    }
    pub(crate) async fn write(
        &self,
        _name: &'static str,
        _steps: Vec<Step>,
    ) -> Result<std::result::Result<(), Conflict>> {
        Err(Error::internal("stub"))
    }
}
