//! The register of clients: who may ask for tokens, with which keys, for what.
//!
//! Clients are registered by the operator; there is no open registration.

use std::sync::Arc;

use super::Auth;
use super::emergency;
use super::key::KeySet;
use crate::access::{Role, Scopes};
use crate::audit::event::{Event, Kind as Act};
use crate::error::{Error, Issue, Kind, Result};
use crate::kap::base::{Id, codes};
use crate::net::guard;
use crate::store::audit;
use crate::store::identity::{self, ClientRow};
use crate::store::sql::{Conflict, Step};

/// Longest client id.
const MAX_ID: usize = 128;

codes! {
    /// What a client uses data for: codes of HL7 v3 ActReason.
    Purpose {
        Treatment = "TREAT", Payment = "HPAYMT", Operations = "HOPERAT", PatientRequest = "PATRQT",
        /// To break the glass: asked for anew with each token, with a reason.
        Emergency = "BTG",
    }
}

/// The keys that a client signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// A JWK set, as text.
    Set(String),
    /// Where the client publishes its set. Better: the client can change its keys alone.
    Url(String),
}

/// A client to register.
#[derive(Clone, Debug)]
pub struct ClientSpec {
    /// 1 to 128 of `A–Z a–z 0–9 . _ : / -`; made up where it is not given.
    pub id: Option<String>,
    /// For people.
    pub name: String,
    /// The organization that the client acts for.
    pub organization: Id,
    pub role: Role,
    /// SMART scopes, separated by spaces: the most that a token may have.
    pub scopes: String,
    /// What it may use data for; the first is what a token is for that says nothing else.
    pub purposes: Vec<Purpose>,
    pub keys: Keys,
}

/// A registered client.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub organization: Id,
    pub role: Role,
    pub scopes: Scopes,
    /// As [`ClientSpec::purposes`].
    pub purposes: Vec<Purpose>,
    pub keys: Keys,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Since when the client gets no tokens, milliseconds since 1970.
    pub disabled_at: Option<i64>,
}

impl Auth {
    /// Registers a client.
    ///
    /// # Errors
    /// `Unprocessable` with everything that is wrong with `spec`; `Conflict` where the id is taken or a key is
    /// another client's.
    pub async fn register(&self, spec: ClientSpec) -> Result<Client> {
        self.add(spec, false).await
    }

    /// As [`Auth::register`], for a client whose keys may be another client's too: then a key does not tell which of
    /// them calls, and whoever has it is both.
    pub async fn register_with_shared_key(&self, spec: ClientSpec) -> Result<Client> {
        self.add(spec, true).await
    }

    async fn add(&self, spec: ClientSpec, shared_key: bool) -> Result<Client> {
        let mut issues = vec![];
        let scopes = check_scopes(&spec, &mut issues);
        let glass = self.glass();
        issues.extend(emergency::refused(&spec, glass).map(|why| issue("/purposes", why)));
        let thumbprints = self.check_keys(&spec.keys, &mut issues);
        if spec.id.as_deref().is_some_and(|id| !is_client_id(id)) {
            issues.push(issue(
                "/id",
                "A client id is 1 to 128 of A-Z a-z 0-9 . _ : / -.".into(),
            ));
        }
        if spec.name.trim().is_empty() || spec.name.len() > 256 {
            issues.push(issue("/name", "A name has 1 to 256 bytes.".into()));
        }
        if !issues.is_empty() {
            return Err(Error::with_issues(Kind::Unprocessable, issues));
        }
        let row = ClientRow {
            shared_key,
            ..self.row(spec, &scopes)
        };
        let mut steps = vec![identity::add_client(self.tenant(), &row)];
        steps.extend(self.own_keys(&row, &thumbprints));
        steps.extend(self.acted(Act::ClientAdd, &row.id));
        self.write_client("register client", steps).await?;
        Client::of(&row)
    }

    /// Every client, by id.
    pub async fn clients(&self) -> Result<Vec<Client>> {
        self.store
            .clients(self.tenant())
            .await?
            .iter()
            .map(Client::of)
            .collect()
    }

    /// Stops a client: it gets no more tokens and those it has are revoked.
    pub async fn disable(&self, id: &str) -> Result<()> {
        let now = self.clock.millis();
        let mut steps = vec![
            identity::set_disabled(self.tenant(), id, Some(now), now),
            identity::revoke_tokens_of(self.tenant(), id, now),
        ];
        steps.extend(self.acted(Act::ClientDisable, id));
        self.write_client("disable client", steps).await
    }

    /// Lets a disabled client ask for tokens again.
    pub async fn enable(&self, id: &str) -> Result<()> {
        let now = self.clock.millis();
        let mut steps = vec![identity::set_disabled(self.tenant(), id, None, now)];
        steps.extend(self.acted(Act::ClientEnable, id));
        self.write_client("enable client", steps).await
    }

    /// Gives a client other keys and revokes its tokens, because the old keys may be in wrong hands.
    pub async fn rotate_keys(&self, id: &str, keys: Keys) -> Result<()> {
        let mut issues = vec![];
        let thumbprints = self.check_keys(&keys, &mut issues);
        if !issues.is_empty() {
            return Err(Error::with_issues(Kind::Unprocessable, issues));
        }
        let row = self.store.client(self.tenant(), id).await?;
        let row = row.ok_or_else(Error::not_found)?;
        let now = self.clock.millis();
        let mut steps = identity::set_keys(self.tenant(), id, columns(keys), now);
        steps.extend(self.own_keys(&row, &thumbprints));
        steps.push(identity::revoke_tokens_of(self.tenant(), id, now));
        steps.extend(self.acted(Act::ClientKeys, id));
        self.write_client("rotate client keys", steps).await
    }

    /// Says whose the keys are, unless they may be another's too.
    fn own_keys(&self, row: &ClientRow, thumbprints: &[String]) -> Vec<Step> {
        let own = thumbprints.iter().filter(|_| !row.shared_key);
        own.map(|key| identity::add_key(self.tenant(), &row.id, key))
            .collect()
    }

    /// The event of what the operator did with a client.
    fn acted(&self, kind: Act, client: &str) -> Vec<Step> {
        let row = self
            .recorder
            .row(Event::new(kind).target("client", client, None));
        audit::steps(self.tenant(), vec![row])
    }

    fn row(&self, spec: ClientSpec, scopes: &Scopes) -> ClientRow {
        let id = spec.id.unwrap_or_else(|| self.clock.uuid().to_string());
        let (jwks, jwks_url) = columns(spec.keys);
        let now = self.clock.millis();
        ClientRow {
            id: id.into(),
            name: spec.name.trim().into(),
            organization: spec.organization.as_str().into(),
            role: spec.role.code().into(),
            scopes: scopes.to_string().into(),
            purpose: emergency::print(&spec.purposes).into(),
            jwks,
            jwks_url,
            created_at: now,
            updated_at: now,
            disabled_at: None,
            shared_key: false,
        }
    }

    /// Checks keys that a client is to have; gives their thumbprints, where they are known.
    fn check_keys(&self, keys: &Keys, issues: &mut Vec<Issue>) -> Vec<String> {
        let set = match keys {
            Keys::Url(url) => {
                let checked = guard(url, self.settings.plain_http);
                issues.extend(checked.err().map(|why| issue("/jwksUrl", why.into())));
                return vec![];
            }
            Keys::Set(text) => match KeySet::parse(text) {
                Ok(set) => set,
                Err(why) => {
                    issues.push(issue("/jwks", why));
                    return vec![];
                }
            },
        };
        if set.keys.is_empty() && set.refused.is_empty() {
            let text = "The key set has no RSA key (RS384) and no P-384 key (ES384).";
            issues.push(issue("/jwks", text.into()));
        }
        issues.extend(set.refused.into_iter().map(|why| issue("/jwks", why)));
        let mut thumbprints: Vec<_> = set.keys.into_iter().map(|key| key.thumbprint).collect();
        thumbprints.sort_unstable();
        thumbprints.dedup();
        thumbprints
    }

    async fn write_client(&self, name: &'static str, steps: Vec<Step>) -> Result<()> {
        let outcome = self.store.write(name, steps).await?;
        self.tokens.clear();
        outcome.map_err(|Conflict { guard }| match guard {
            "client id" => Error::new(Kind::Conflict, "There is a client with this id already."),
            "client key" => Error::new(
                Kind::Conflict,
                "A key of this set is another client's already.",
            ),
            _ => Error::not_found(),
        })
    }
}

impl Client {
    /// A client as the store has it.
    pub(super) fn of(row: &ClientRow) -> Result<Self> {
        let broken =
            |what| Error::internal(format!("client {}: its {what} cannot be read", row.id));
        let keys = match (&row.jwks, &row.jwks_url) {
            (Some(set), None) => Keys::Set(set.to_string()),
            (None, Some(url)) => Keys::Url(url.to_string()),
            _ => return Err(broken("key")),
        };
        Ok(Self {
            id: row.id.clone(),
            name: row.name.clone(),
            organization: Id::new(&*row.organization).ok_or_else(|| broken("organization"))?,
            role: Role::from_code(&row.role).ok_or_else(|| broken("role"))?,
            scopes: Scopes::parse(&row.scopes).map_err(|_| broken("scopes"))?,
            purposes: emergency::parse(&row.purpose).ok_or_else(|| broken("purpose"))?,
            keys,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
        })
    }
}

/// A client that there is not, with these keys: read where there is no client, so that it takes as long.
pub(super) fn decoy(jwks: &str) -> ClientRow {
    ClientRow {
        id: "".into(),
        name: "".into(),
        organization: "none".into(),
        role: Role::ExternalEhr.code().into(),
        scopes: "system/Patient.rs system/Encounter.rs system/Observation.rs".into(),
        purpose: Purpose::Treatment.code().into(),
        jwks: Some(jwks.into()),
        jwks_url: None,
        created_at: 0,
        updated_at: 0,
        disabled_at: None,
        shared_key: false,
    }
}

/// Whether `text` may be a client id.
pub(super) fn is_client_id(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._:/-".contains(&b);
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(legal)
}

fn columns(keys: Keys) -> (Option<Arc<str>>, Option<Arc<str>>) {
    match keys {
        Keys::Set(text) => (Some(text.into()), None),
        Keys::Url(url) => (None, Some(url.into())),
    }
}

fn issue(at: &str, text: String) -> Issue {
    Issue {
        text,
        at: Some(at.into()),
        ..Issue::default()
    }
}

/// Checks the scopes that a client is to have against its role.
fn check_scopes(spec: &ClientSpec, issues: &mut Vec<Issue>) -> Scopes {
    let mut refuse = |text: String| issues.push(issue("/scopes", text));
    let scopes = Scopes::parse(&spec.scopes).unwrap_or_else(|why| {
        refuse(why.to_string());
        Scopes::default()
    });
    if scopes.is_empty() {
        refuse("A client needs at least one scope.".into());
    }
    for (kind, letters) in scopes.named() {
        let ceiling = spec.role.letters(kind);
        for interaction in letters.interactions().filter(|i| !ceiling.has(*i)) {
            refuse(format!(
                "The role {} may never {interaction} {kind}.",
                spec.role
            ));
        }
    }
    scopes
}
