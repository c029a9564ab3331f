//! A service in a process of its own, with every kind of client.

use std::collections::HashMap;

use kap_fhir::access::Role;
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::cli::assemble;
use kap_fhir::clock::Clock;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::demo::token::Login;
use kap_fhir::demo::{Account, log_in, set_up};
use kap_fhir::kap::{Episode, Id, lift};

use crate::app::tempdir::Folder;
use crate::app::{Db, store};
use crate::client::register;
use crate::peer::{Habits, Peer};
use crate::program::{Program, free_address, keys, run};
use crate::raw::Place;
use crate::scenarios::Case;
use crate::telemetry::{Seen, collector};

/// A service in a process of its own, with every kind of client.
pub struct Stage {
    pub program: Program,
    pub database: Place,
    pub episode: Episode,
    accounts: Vec<Account>,
    more: Vec<(&'static str, PrivateKey)>,
    base: String,
    pub sent: Seen,
    /// The system of the partner, which is sent what it may have.
    pub peer: Peer,
    _folder: Folder,
}

impl Stage {
    pub async fn set(db: Db, case: Case) -> Self {
        let folder = Folder::new();
        let address = free_address();
        let episode = lift::lift(case.text).expect("an episode file").episode;
        let (store, database) = store(db).await;
        let base = format!("http://{address}");
        let app = assemble(store, Clock::system(), "default", &base, None).expect("app");
        let accounts = set_up(&app, &episode).await.expect("parties");
        let practice = &episode.organizations.practice.id;
        let mut more = vec![];
        for (name, organization, role) in [
            ("twin", practice, Role::PracticeTherapist),
            ("admin", practice, Role::PracticeAdmin),
            (
                "nurse",
                &episode.organizations.partner.id,
                Role::PartnerNurse,
            ),
            ("integrator", practice, Role::Integrator),
            ("officer", practice, Role::PrivacyOfficer),
            (
                "stranger",
                &Id::new("org-other").expect("id"),
                Role::PracticeTherapist,
            ),
        ] {
            let id = organization.as_str();
            let key = register(&app.auth, name, id, role, "system/*.cruds").await;
            more.push((name, key));
        }
        app.store.close().await;
        let (endpoint, sent) = collector().await;
        let keys = keys(folder.path()).display().to_string();
        let peer = Peer::start(Habits::default()).await;
        let partner = accounts.iter().find(|a| a.party == Party::Partner);
        let partner = partner.expect("a partner").client;
        joined(&database, &keys, &peer, partner);
        let words = [
            "--private-keys",
            &keys,
            "--local-endpoints",
            "--log",
            "trace",
            "--otlp-endpoint",
            &endpoint,
        ];
        let program = Program::serve(&address, &database.url(), folder.path(), &words).await;
        Self {
            program,
            database,
            episode,
            accounts,
            more,
            base,
            sent,
            peer,
            _folder: folder,
        }
    }

    /// The parties of the episode, each with a token: those of before may have come to their end.
    pub async fn parties(&self) -> HashMap<Party, Caller> {
        let clock = Clock::system();
        let callers = log_in(&self.base, &self.accounts, &clock).await;
        callers.expect("tokens")
    }

    /// Every client by its name.
    pub async fn everybody(&self) -> Vec<(&'static str, Caller)> {
        let parties = self.parties().await;
        let mut all: Vec<_> = [
            ("practice", Party::Practice),
            ("partner", Party::Partner),
            ("pharmacy", Party::Pharmacy),
            ("ehr", Party::Ehr),
        ]
        .into_iter()
        .filter_map(|(name, party)| Some((name, parties.get(&party)?.clone())))
        .collect();
        for (name, key) in &self.more {
            let http = kap_fhir::demo::http().expect("http");
            let login = Login {
                base: &self.base,
                client: name,
                scope: "system/*.cruds",
            };
            let token = login.token(&http, key, &Clock::system()).await;
            let caller = Caller {
                token: token.expect("token"),
                base: self.base.clone(),
                http,
            };
            all.push((name, caller));
        }
        all
    }

    /// A client by its name, with a new token.
    pub async fn client(&self, name: &str) -> Caller {
        let all = self.everybody().await;
        let found = all.into_iter().find(|(own, _)| *own == name);
        found.expect("a client").1
    }
}

/// Has everything that may be exchanged with the partner's system exchanged.
fn joined(database: &Place, keys: &str, peer: &Peer, client: &str) {
    let base = peer.base();
    let words = [
        ["--id", "elsewhere"],
        ["--client", client],
        ["--base", &base],
        ["--private-keys", keys],
        ["--send", "referral,sessions,documents"],
        ["--fetch", "referral,clearance,prescriptions,dispenses"],
    ];
    let words = words.as_flattened();
    let words = [&["partner", "add", "--local"], words].concat();
    let told = run(&words, &database.url());
    assert!(told.status.success(), "{told:?}");
}
