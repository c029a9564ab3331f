//! Services whose episode is played already: the first test that asks for one plays it, the others copy its database.
//!
//! A copy goes on where the original ended: the same parties with the same keys, and the next id. There is an original of
//! each kind of database, so that what the tests find was written by the database that they are for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kap_fhir::auth::key::PrivateKey;
use kap_fhir::auth::seal::SealingKey;
use kap_fhir::demo::Account;
use kap_fhir::demo::player::Played;
use kap_fhir::kap::Episode;
use kap_fhir::private::Ring;
use kap_fhir::store::{Options, Store};
use tokio::sync::OnceCell;

use crate::app::{Db, Kept, TestApp, exports, store, tempdir};
use crate::raw::{Place, connected};

/// What is copied.
struct Template {
    data: Data,
    /// The key that seals the audit, as a file has it.
    seal: Vec<u8>,
    /// The keys of private notes, as a file has them.
    ring: String,
    accounts: Vec<Account>,
    /// Ids that were given.
    ids: u128,
    played: Played,
}

enum Data {
    /// The bytes of an SQLite file.
    File(Vec<u8>),
    /// A schema of PostgreSQL.
    Schema(String),
}

type Cells = HashMap<(Db, String), Arc<OnceCell<Template>>>;

static ALL: Mutex<Option<Cells>> = Mutex::new(None);

/// The service of this episode when all of it was played.
pub async fn played(db: Db, episode: &Episode) -> (TestApp, Played) {
    let which = (db, format!("{episode:?}"));
    let cell = {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        let cells = all.get_or_insert_with(HashMap::new);
        Arc::clone(cells.entry(which).or_default())
    };
    let template = cell.get_or_init(|| Template::of(db, episode)).await;
    (template.copy(db).await, template.played.clone())
}

impl Template {
    async fn of(db: Db, episode: &Episode) -> Self {
        let kept = Kept::new();
        let (clock, seal) = (kept.clock.clone(), printed(&kept.seal));
        let ring = kept.ring.print().expect("keys").to_string();
        let (store, place) = store(db).await;
        let app = TestApp::open(store, kept, exports()).await.at(place);
        let app = app.with_parties(episode).await;
        let played = app.play(episode).await;
        let accounts = app.logins.iter().map(same).collect();
        let place = app.leave().await.expect("a place");
        let data = match &place {
            Place::File(_) => Data::File(whole(&place)),
            Place::Schema(schema) => Data::Schema(schema.clone()),
        };
        Self {
            data,
            seal,
            ring,
            accounts,
            ids: clock.uuid().as_u128(),
            played,
        }
    }

    async fn copy(&self, db: Db) -> TestApp {
        let (store, place) = match &self.data {
            Data::File(bytes) => file(bytes).await,
            Data::Schema(from) => {
                let (store, place) = store(db).await;
                if let Place::Schema(to) = &place {
                    copy_rows(from, to).await;
                }
                (store, place)
            }
        };
        let kept = Kept {
            seal: read(&self.seal),
            ring: Ring::parse(&self.ring).expect("keys"),
            ..Kept::new()
        };
        while kept.clock.uuid().as_u128() < self.ids {}
        let app = TestApp::open(store, kept, exports()).await.at(place);
        app.known(self.accounts.iter().map(same).collect()).await
    }
}

fn same(account: &Account) -> Account {
    let key = account.key.private_jwk().expect("a key").to_string();
    Account {
        party: account.party,
        client: account.client,
        role: account.role,
        organization: account.organization.clone(),
        scope: account.scope,
        key: PrivateKey::from_jwk(&key).expect("a key"),
    }
}

fn printed(key: &SealingKey) -> Vec<u8> {
    let folder = tempdir::Folder::new();
    let file = folder.path().join("audit.pem");
    key.create(&file).expect("a file");
    std::fs::read(file).expect("the file")
}

fn read(bytes: &[u8]) -> SealingKey {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir::Folder::new();
    let file = folder.path().join("audit.pem");
    std::fs::write(&file, bytes).expect("a file");
    let own = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&file, own).expect("its owner's alone");
    SealingKey::read(&file).expect("a key")
}

/// An SQLite database in one file: its bytes.
pub fn whole(place: &Place) -> Vec<u8> {
    let Place::File(folder) = place else {
        panic!("not a file");
    };
    let (from, to) = (folder.path().join("kap.db"), folder.path().join("whole.db"));
    let connection = rusqlite::Connection::open(from).expect("the database");
    let sql = format!("VACUUM INTO '{}'", to.display());
    connection.execute_batch(&sql).expect("one file");
    std::fs::read(to).expect("the file")
}

/// Opens a database that is these bytes.
pub async fn file(bytes: &[u8]) -> (Arc<Store>, Place) {
    let folder = tempdir::Folder::new();
    let file = folder.path().join("kap.db");
    std::fs::write(&file, bytes).expect("a copy");
    let url = format!("sqlite:{}", file.display());
    let store = Store::open(&url, Options::default()).await.expect("sqlite");
    (Arc::new(store), Place::File(folder))
}

/// Copies the rows of one schema into an empty one.
async fn copy_rows(from: &str, to: &str) {
    let sql = format!(
        "DO $$ DECLARE t text; n bigint; BEGIN \
           FOR t IN SELECT c.relname FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace \
             WHERE s.nspname = '{from}' AND c.relkind = 'r' AND c.relname <> 'schema_version' ORDER BY c.oid LOOP \
             EXECUTE format('INSERT INTO {to}.%I OVERRIDING SYSTEM VALUE SELECT * FROM {from}.%I', t, t); \
             EXECUTE format('ANALYZE {to}.%I', t); \
           END LOOP; \
           FOR t, n IN SELECT sequencename, last_value FROM pg_sequences \
             WHERE schemaname = '{from}' AND last_value IS NOT NULL LOOP \
             PERFORM setval(format('{to}.%I', t), n); \
           END LOOP; \
         END $$"
    );
    connected().await.batch_execute(&sql).await.expect("a copy");
}
