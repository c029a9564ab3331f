//! A database is filled once, through the service, and copied for each test: that takes a hundredth of the time.

use std::path::Path;
use std::sync::Arc;

use kap_fhir::auth::key::PrivateKey;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;

use super::bench::Bench;
use super::cohort::Plan;
use super::oracle::{Policy, Row};
use super::rows::owned;
use super::seed::{Hands, Made, seed};
use crate::app::tempdir::Folder;
use crate::app::{Db, store};
use crate::raw::{Place, connected};
use crate::template::{file, whole};

/// Patients of one practice.
pub struct Filling {
    /// The client that writes for the practice, and the practice's organization.
    pub by: (&'static str, &'static str),
    /// What makes keys and identifiers its own.
    pub prefix: &'static str,
    pub plans: Vec<Plan>,
}

/// A database to make copies of.
pub struct Mould {
    file: Vec<u8>,
    keys: Arc<Vec<PrivateKey>>,
    ids: u128,
    /// Everybody, in the order of the plans.
    pub made: Vec<Made>,
    /// What the practices own, as they are shown it.
    pub rows: Vec<Row>,
    /// The same as it is stored.
    pub values: Vec<Value>,
}

impl Filling {
    /// Of the first practice.
    pub fn first(prefix: &'static str, plans: Vec<Plan>) -> Self {
        let by = ("therapist", "practice-1");
        Self { by, prefix, plans }
    }

    /// Of the other one.
    pub fn far(prefix: &'static str, plans: Vec<Plan>) -> Self {
        let by = ("therapist-2", "practice-2");
        Self { by, prefix, plans }
    }
}

impl Mould {
    /// Fills it. `variant` is what those records say that carry a topic of their own: 0 or 1. Where `at_once` is one,
    /// every run gives the same ids.
    pub async fn of(fillings: Vec<Filling>, variant: usize, at_once: usize) -> Self {
        let bench = Bench::new(Db::Sqlite).await;
        // Under the looser policy the partner can write for patients who have not consented yet.
        let service = bench.serve(Policy::FederalBaseline).await;
        let callers = bench.log_in(&service).await;
        let (mut made, mut rows) = (vec![], vec![]);
        for Filling { by, prefix, plans } in fillings {
            let hands = Hands {
                therapist: Bench::named(&callers, by.0),
                prescriber: Bench::named(&callers, "prescriber"),
                practice: by.1,
                prefix,
                variant,
                at_once,
            };
            made.extend(seed(&hands, plans).await);
        }
        for (therapist, practice) in [("therapist", "practice-1"), ("therapist-2", "practice-2")] {
            rows.extend(owned(Bench::named(&callers, therapist), practice).await);
        }
        let ids = bench.ids();
        service.stop(&bench.place).await;
        bench.store.close().await;
        let (rows, values) = rows.into_iter().unzip();
        Self {
            file: whole(&bench.place),
            keys: bench.keys,
            ids,
            made,
            rows,
            values,
        }
    }

    /// Type and id of each record.
    pub fn names(&self) -> Vec<(String, String)> {
        let name = |row: &Row| (row.kind.clone(), row.id.clone());
        self.rows.iter().map(name).collect()
    }

    /// A copy in a database of that kind. Its clock stands where this one stood, and gives other ids.
    pub async fn copy(&self, db: Db) -> Bench {
        let (store, place) = match db {
            Db::Sqlite => file(&self.file).await,
            Db::Postgres => {
                let folder = Folder::new();
                let file = folder.path().join("kap.db");
                std::fs::write(&file, &self.file).expect("a copy");
                let (store, place) = store(db).await;
                if let Place::Schema(schema) = &place {
                    fill(schema, &file).await;
                }
                (store, place)
            }
        };
        let bench = Bench::over(store, place, self.keys.clone());
        while bench.ids() < self.ids {}
        bench
    }
}

/// Fills the tables of an empty schema with the rows of an SQLite database.
async fn fill(schema: &str, file: &Path) {
    let connection = Connection::open(file).expect("the database");
    // What numbers itself begins anew: nothing waits in a mould.
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' \
        AND name NOT IN ('schema_version', 'sqlite_sequence', 'outbox')";
    let mut tables = connection.prepare(tables).expect("tables");
    let tables = tables.query_map([], |row| row.get::<_, String>(0));
    let tables: Vec<String> = tables
        .expect("tables")
        .map(|t| t.expect("a name"))
        .collect();
    let client = connected().await;
    for table in tables {
        let (columns, rows) = rows(&connection, &table);
        let sql = format!("COPY {schema}.{table} ({columns}) FROM STDIN");
        let sink = client.copy_in(&sql).await.expect(&sql);
        let mut sink = std::pin::pin!(sink);
        futures_util::SinkExt::send(&mut sink, bytes::Bytes::from(rows))
            .await
            .expect(&sql);
        sink.finish().await.expect(&sql);
        // Without statistics PostgreSQL plans as if the tables were empty.
        let statistics = format!("ANALYZE {schema}.{table}");
        client.batch_execute(&statistics).await.expect(&statistics);
    }
}

/// The columns of a table, and its rows as PostgreSQL's COPY reads them.
fn rows(connection: &Connection, table: &str) -> (String, String) {
    let sql = format!("SELECT * FROM {table}");
    let mut statement = connection.prepare(&sql).expect(&sql);
    let names: Vec<&str> = statement.column_names().collect();
    let names = names.join(", ");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect(&sql);
    let mut out = String::new();
    while let Some(row) = rows.next().expect(&sql) {
        for i in 0..columns {
            if i > 0 {
                out.push('\t');
            }
            match row.get_ref(i).expect("a column") {
                ValueRef::Integer(n) => out.push_str(&n.to_string()),
                ValueRef::Text(text) => escaped(&mut out, &String::from_utf8_lossy(text)),
                ValueRef::Null => out.push_str("\\N"),
                other => panic!("{table}: {other:?}"),
            }
        }
        out.push('\n');
    }
    (names, out)
}

fn escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
}
