//! One database, any number of services over it, and a client of each role.

use std::sync::Arc;

use kap_fhir::access::{Disclosure, Role};
use kap_fhir::app::App;
use kap_fhir::auth::client::{ClientSpec, Keys, Purpose};
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::cli::under;
use kap_fhir::clock::Clock;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::token::Login;
use kap_fhir::interaction::directory::put_organization;
use kap_fhir::kap::Id;
use kap_fhir::kap::people::{Organization, OrganizationType};
use kap_fhir::server::{self, Running};
use kap_fhir::store::Store;
use time::macros::datetime;

use super::oracle::{Policy, Who};
use crate::app::{Db, sealed, store};
use crate::raw::Place;

/// A client to log in with.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub name: &'static str,
    pub organization: &'static str,
    pub role: Role,
    pub purpose: Purpose,
}

const fn client(
    name: &'static str,
    organization: &'static str,
    role: Role,
    purpose: Purpose,
) -> Client {
    Client {
        name,
        organization,
        role,
        purpose,
    }
}

/// A client of every role, and of organizations that are strangers to each other.
#[rustfmt::skip]
pub const CLIENTS: [Client; 12] = [
    client("therapist", "practice-1", Role::PracticeTherapist, Purpose::Treatment),
    client("admin", "practice-1", Role::PracticeAdmin, Purpose::Treatment),
    client("officer", "practice-1", Role::PrivacyOfficer, Purpose::Operations),
    client("therapist-2", "practice-2", Role::PracticeTherapist, Purpose::Treatment),
    client("prescriber", "partner-1", Role::PartnerPrescriber, Purpose::Treatment),
    client("nurse", "partner-1", Role::PartnerNurse, Purpose::Treatment),
    client("payer-desk", "partner-1", Role::PartnerPrescriber, Purpose::Payment),
    client("prescriber-2", "partner-2", Role::PartnerPrescriber, Purpose::Treatment),
    client("pharmacy", "pharmacy-1", Role::Pharmacy, Purpose::Treatment),
    client("ehr", "external-1", Role::ExternalEhr, Purpose::Treatment),
    client("ehr-2", "external-2", Role::ExternalEhr, Purpose::Treatment),
    client("integrator", "integrator-1", Role::Integrator, Purpose::Operations),
];

impl Client {
    const fn scopes(&self) -> &'static str {
        match self.role {
            Role::ExternalEhr | Role::Integrator | Role::PrivacyOfficer => "system/*.rs",
            _ => "system/*.cruds",
        }
    }

    /// As the oracle names it.
    pub fn who(&self) -> Who {
        Who {
            organization: self.organization,
            role: self.role.code(),
            purpose: self.purpose.code(),
        }
    }
}

/// A database with the directory and the clients.
pub struct Bench {
    pub store: Arc<Store>,
    pub clock: Clock,
    pub place: Place,
    pub keys: Arc<Vec<PrivateKey>>,
}

/// A service over the database of a [`Bench`].
pub struct Service {
    pub app: App,
    pub base: String,
    running: Running,
}

impl Service {
    /// Stops it. Every request of a known client must have left a trace in the audit.
    pub async fn stop(self, place: &Place) {
        self.running.stop().await;
        let recorder = &self.app.recorder;
        let sql = format!(
            "SELECT COUNT(DISTINCT request) FROM audit WHERE source = '{}'",
            recorder.source()
        );
        let counted = recorder.counted().to_string();
        assert_eq!(
            place.cell(&sql).await,
            counted,
            "requests with a trace, requests"
        );
    }
}

fn organization(id: &str, name: &str, kind: OrganizationType) -> Organization {
    let practice = kind == OrganizationType::Practice;
    Organization {
        id: Id::new(id).expect("id"),
        name: format!("{name} (SYNTHETIC)"),
        npi: None,
        kind,
        endpoint: None,
        timezone: practice.then(|| "America/Los_Angeles".to_owned()),
        taxonomy: None,
    }
}

impl Bench {
    pub async fn new(db: Db) -> Self {
        use OrganizationType as T;
        let (store, place) = store(db).await;
        let keys = CLIENTS.map(|_| PrivateKey::generate().expect("key"));
        let bench = Self::over(store, place, Arc::new(keys.into()));
        let app = bench.app("http://127.0.0.1:1", Policy::ConsentRequired);
        for (id, name, kind) in [
            ("practice-1", "Example Harbor", T::Practice),
            ("practice-2", "Example Hill", T::Practice),
            ("partner-1", "Remote Medical", T::Partner),
            ("partner-2", "Distant Medical", T::Partner),
            ("pharmacy-1", "Compounding", T::Pharmacy),
            ("external-1", "Primary Care", T::External),
            ("external-2", "Another EHR", T::External),
            ("integrator-1", "Integrator", T::External),
        ] {
            let organization = organization(id, name, kind);
            put_organization(&app, &organization)
                .await
                .expect("organization");
        }
        for (client, key) in CLIENTS.into_iter().zip(&*bench.keys) {
            let spec = ClientSpec {
                id: Some(client.name.into()),
                name: client.name.into(),
                organization: Id::new(client.organization).expect("id"),
                role: client.role,
                scopes: client.scopes().into(),
                purposes: vec![client.purpose],
                keys: Keys::Set(key.public_set().to_string()),
            };
            app.auth.register(spec).await.expect("client");
        }
        bench
    }

    /// A database that has the directory and the clients already.
    pub fn over(store: Arc<Store>, place: Place, keys: Arc<Vec<PrivateKey>>) -> Self {
        let clock = Clock::fixed(datetime!(2026-11-22 12:00:00 UTC));
        Self {
            store,
            clock,
            place,
            keys,
        }
    }

    /// How many ids the clock gave, this one included.
    pub fn ids(&self) -> u128 {
        self.clock.uuid().as_u128() & 0xffff_ffff
    }

    fn app(&self, base: &str, policy: Policy) -> App {
        let disclosure = match policy {
            Policy::ConsentRequired => Disclosure::ConsentRequired,
            Policy::FederalBaseline => Disclosure::FederalBaseline,
        };
        let (store, clock) = (self.store.clone(), self.clock.clone());
        sealed(under(disclosure, store, clock, "default", base, None))
    }

    /// A service with this choice of the operator.
    pub async fn serve(&self, policy: Policy) -> Service {
        let listener = server::bind("127.0.0.1:0".parse().expect("address"));
        let listener = listener.await.expect("bind");
        let base = format!("http://{}", listener.local_addr().expect("address"));
        let app = self.app(&base, policy);
        let running = server::start(app.clone(), listener, 512).expect("server");
        Service { app, base, running }
    }

    /// The clients, each with a fresh token.
    pub async fn log_in(&self, service: &Service) -> Vec<(Client, Caller)> {
        let http = kap_fhir::demo::http().expect("http");
        let mut out = vec![];
        for (client, key) in CLIENTS.into_iter().zip(&*self.keys) {
            let login = Login {
                base: &service.base,
                client: client.name,
                scope: client.scopes(),
            };
            let token = login.token(&http, key, &self.clock).await.expect("token");
            let caller = Caller {
                http: http.clone(),
                base: service.base.clone(),
                token,
            };
            out.push((client, caller));
        }
        out
    }

    /// The client of that name.
    pub fn named<'c>(callers: &'c [(Client, Caller)], name: &str) -> &'c Caller {
        let mut found = callers.iter().filter(|(client, _)| client.name == name);
        &found.next().expect("a client of that name").1
    }
}
