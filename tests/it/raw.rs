//! A test's database behind the service's back.

use std::sync::Arc;

use kap_fhir::store::{Options, Store};
use rusqlite::types::ValueRef;
use tokio_postgres::SimpleQueryMessage;

use crate::app::postgres_url;
use crate::app::tempdir::Folder;

/// Where a test's database is.
#[derive(Debug)]
pub enum Place {
    /// SQLite: `kap.db` in this folder.
    File(Folder),
    /// PostgreSQL: a schema.
    Schema(String),
}

/// Rows as texts; null is empty.
pub type Rows = Vec<Vec<String>>;

impl Place {
    /// The URL for a program that is started.
    pub fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite:{}", folder.path().join("kap.db").display()),
            Self::Schema(schema) => {
                let url = postgres_url();
                let sign = if url.contains('?') { '&' } else { '?' };
                format!("{url}{sign}options=-csearch_path%3D{schema}")
            }
        }
    }

    /// Opens it once more, as another process would.
    pub async fn open(&self) -> Arc<Store> {
        let options = Options {
            connections: 8,
            ..Options::default()
        };
        Arc::new(Store::open(&self.url(), options).await.expect("store"))
    }

    /// Waits until a service that runs has brought its audit into the database.
    async fn settled(&self) {
        let Self::File(folder) = self else {
            return;
        };
        let waits = || {
            let files = std::fs::read_dir(folder.path()).into_iter().flatten();
            let mut files = files.filter_map(Result::ok);
            files.any(|file| {
                let name = file.file_name();
                let journal = name.to_string_lossy().contains("-audit-");
                journal && file.metadata().is_ok_and(|file| file.len() > 0)
            })
        };
        for _ in 0..1000 {
            if !waits() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Runs statements.
    pub async fn run(&self, sql: &str) -> Result<(), String> {
        self.settled().await;
        match self {
            Self::File(folder) => file(folder).execute_batch(sql).map_err(|e| e.to_string()),
            Self::Schema(schema) => {
                let sql = format!("SET search_path = {schema}; {sql}");
                let outcome = connected().await.batch_execute(&sql).await;
                outcome.map_err(|e| e.as_db_error().map_or(e.to_string(), ToString::to_string))
            }
        }
    }

    /// What a query finds.
    pub async fn rows(&self, sql: &str) -> Rows {
        self.settled().await;
        match self {
            Self::File(folder) => {
                let connection = file(folder);
                let mut statement = connection.prepare(sql).expect(sql);
                let columns = statement.column_count();
                let mut rows = statement.query([]).expect(sql);
                let mut out = vec![];
                while let Some(row) = rows.next().expect(sql) {
                    let cell = |i| match row.get_ref(i).expect("column") {
                        ValueRef::Integer(n) => n.to_string(),
                        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                        _ => String::new(),
                    };
                    out.push((0..columns).map(cell).collect());
                }
                out
            }
            Self::Schema(schema) => {
                let sql = format!("SET search_path = {schema}; {sql}");
                let answers = connected().await.simple_query(&sql).await.expect(&sql);
                let row = |message: &SimpleQueryMessage| match message {
                    SimpleQueryMessage::Row(row) => Some(
                        (0..row.len())
                            .map(|i| row.get(i).unwrap_or_default().to_owned())
                            .collect(),
                    ),
                    _ => None,
                };
                answers.iter().filter_map(row).collect()
            }
        }
    }

    /// The first column of what a query finds.
    pub async fn column(&self, sql: &str) -> Vec<String> {
        let rows = self.rows(sql).await.into_iter();
        rows.map(|mut row| row.swap_remove(0)).collect()
    }

    /// All that the database holds: on SQLite every byte of its files, on PostgreSQL every row of every table.
    pub async fn everything(&self) -> Vec<u8> {
        match self {
            Self::File(folder) => {
                let files = std::fs::read_dir(folder.path()).expect("folder").flatten();
                let all: Vec<_> = files
                    .filter(|f| f.file_name().to_string_lossy().starts_with("kap.db"))
                    .map(|f| std::fs::read(f.path()).unwrap_or_default())
                    .collect();
                assert!(!all.is_empty(), "no file of the database was found");
                all.concat()
            }
            Self::Schema(schema) => {
                let tables = format!(
                    "SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'"
                );
                let tables = self.column(&tables).await;
                assert!(tables.len() > 10, "{tables:?}");
                let mut all = String::new();
                for table in tables {
                    let rows = format!("SELECT t::text FROM {table} t");
                    all.push_str(&self.column(&rows).await.join("\n"));
                }
                all.into_bytes()
            }
        }
    }

    /// The one cell that a query finds.
    pub async fn cell(&self, sql: &str) -> String {
        let mut rows = self.rows(sql).await;
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.remove(0).remove(0)
    }
}

fn file(folder: &Folder) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(folder.path().join("kap.db")).expect("file");
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .expect("timeout");
    connection
}

pub async fn connected() -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&postgres_url(), tokio_postgres::NoTls)
        .await
        .expect("postgres");
    #[expect(
        clippy::disallowed_methods,
        reason = "the connection ends with its client"
    )]
    tokio::spawn(connection);
    client
}
