//! The store on real databases: SQLite always, PostgreSQL where `KAP_TEST_POSTGRES` gives its URL.

mod access;
mod agreement;
mod decide;
mod history;
mod job;
mod plans;
mod search;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::resource::{self, Draft};
use super::sql::{Conflict, Sql, Step};
use super::view::{Span, Versions};
use super::{Options, Store};
use crate::access::{Access, Caller, Disclosure, Labels, Role, Scopes, class};
use crate::fhir::index::{compartment, extract};
use crate::fhir::resource::Key;
use crate::kap::base::Id;

const T: &str = "t1";
const NOW: i64 = 1_700_000_000_000;

/// A store of its own for one test; gone when dropped.
struct Opened {
    store: Arc<Store>,
    path: Option<PathBuf>,
    schema: Option<String>,
}

impl std::ops::Deref for Opened {
    type Target = Arc<Store>;
    fn deref(&self) -> &Arc<Store> {
        &self.store
    }
}

impl Opened {
    async fn end(self) {
        if let Some(schema) = &self.schema {
            let drop = Sql {
                text: format!("DROP SCHEMA {schema} CASCADE").into(),
                args: vec![],
            };
            self.read(drop).await.expect("dropped");
        }
        self.store.close().await;
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            if let Some(path) = &self.path {
                let mut name = path.clone().into_os_string();
                name.push(end);
                // What is not there need not go.
                let _ = std::fs::remove_file(name);
            }
        }
    }
}

fn sqlite_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("kap-store-{name}-{}.db", std::process::id()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "tells the tests of a database to use"
)]
fn postgres_url() -> Option<String> {
    std::env::var("KAP_TEST_POSTGRES").ok()
}

async fn sqlite(name: &str) -> Opened {
    let path = sqlite_path(name);
    let opened = Opened {
        store: open(&path).await,
        path: Some(path),
        schema: None,
    };
    opened.ready().await.expect("ready");
    opened
}

async fn open(path: &std::path::Path) -> Arc<Store> {
    let url = format!("sqlite:{}", path.display());
    Arc::new(Store::open(&url, Options::default()).await.expect("opened"))
}

/// An empty store of each kind.
async fn stores(name: &str) -> Vec<Opened> {
    let mut out = vec![sqlite(name).await];
    if let Some(url) = postgres_url() {
        let schema = format!("kap_{name}_{}", std::process::id());
        let options = Options {
            schema: Some(schema.clone()),
            ..Options::default()
        };
        let store = Arc::new(Store::open(&url, options).await.expect("opened"));
        out.push(Opened {
            store,
            path: None,
            schema: Some(schema),
        });
    }
    out
}

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn key(kind: &str, text: &str) -> Key {
    Key::new(kind, id(text))
}

fn system(tenant: &str) -> Access {
    Access::system(tenant.into(), "test", NOW)
}

fn caller(organization: &str) -> Access {
    scoped(organization, "system/*.cruds")
}

/// A caller with these scopes.
fn scoped(organization: &str, scopes: &str) -> Access {
    let caller = Caller {
        client: "c".into(),
        organization: id(organization),
        role: Role::PartnerPrescriber,
        scopes: Scopes::parse(scopes).expect("scopes"),
        purpose: "TREAT".into(),
        token: "t".into(),
    };
    // Without a consent on file, the partner is told what the law lets it be told.
    Access::of(T.into(), caller, NOW).under(Disclosure::FederalBaseline)
}

/// A first version of `value`, owned by `practice`.
fn draft(value: &Value) -> Draft {
    let kind = value["resourceType"].as_str().expect("a type");
    let (patient, episode) = compartment(kind, value);
    let labels = Labels::stated(value);
    Draft {
        key: key(kind, value["id"].as_str().expect("an id")),
        version: 1,
        at: NOW,
        patient,
        episode,
        owner: id("practice"),
        author: id("practice"),
        labels,
        lowered: Labels::NONE,
        class: class::of(kind, value, labels),
        body: Some(value.to_string().into()),
        entries: extract(kind, value),
    }
}

/// The newest hundred versions, whenever they were written.
const fn every() -> Span {
    Span {
        since: None,
        at: None,
        count: 100,
        after: None,
    }
}

async fn put(store: &Store, steps: Vec<Step>) -> Result<(), Conflict> {
    store.write("test", steps).await.expect("a working store")
}

async fn create(store: &Store, value: &Value) {
    put(store, resource::create(T, &draft(value)))
        .await
        .expect("created");
}

/// A heart rate of `patient` on `day`, in `episode` where that is not empty.
fn heart_rate(name: &str, patient: &str, day: &str, episode: &str) -> Value {
    let mut value = json!({"resourceType": "Observation", "id": name, "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": format!("Patient/{patient}")}, "effectiveDateTime": day});
    if !episode.is_empty() {
        value["extension"] = json!([{
            "url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare",
            "valueReference": {"reference": format!("EpisodeOfCare/{episode}")}}]);
    }
    value
}
