//! What a token is for, and the emergency that breaks the glass (security reference §1.10 and §2.6): asked for in the
//! assertion's `extensions`, only where the operator switched it on, only by whoever is registered for it, only with a
//! reason.
//!
//! ```json
//! {"extensions": {"hl7-b2b": {"purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#BTG"]},
//!                 "kap-emergency": {"reason": "unconscious in our emergency department"}}}
//! ```

use serde_json::Value;

use super::client::{Client, ClientSpec, Purpose};
use super::{Auth, OAuthError};
use crate::access::Role;
use crate::kap::base::Id;

/// ActReason, as the B2B extension writes a code of it.
const ACT_REASON: &str = "urn:oid:2.16.840.1.113883.5.8#";
/// Characters of a reason.
const REASON: std::ops::RangeInclusive<usize> = 10..=500;

/// What a token is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) purpose: Purpose,
    /// Of an emergency, why. For the audit alone.
    pub(super) reason: Option<String>,
}

/// Whether an emergency can break the glass: the operator's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glass {
    Fixed,
    Breakable,
}

impl Auth {
    /// Lets registered clients break the glass, from now on.
    pub fn allow_emergencies(&self) {
        self.emergencies.get_or_init(|| ());
    }

    /// Whether the glass can be broken at all.
    #[must_use]
    pub fn glass(&self) -> Glass {
        match self.emergencies.get() {
            Some(()) => Glass::Breakable,
            None => Glass::Fixed,
        }
    }
}

/// What `extensions` of an assertion ask for on behalf of `client`; `glass` says whether the operator
/// allows emergencies.
pub(super) fn asked(
    extensions: Option<&Value>,
    client: &Client,
    glass: Glass,
) -> Result<Use, OAuthError> {
    let usual = client.purposes.first().copied();
    let usual = usual.unwrap_or(Purpose::Treatment);
    let extension = |name: &str| extensions.and_then(|all| all.get(name));
    let b2b = |name: &str| extension("hl7-b2b").and_then(|b2b| b2b.get(name));
    if b2b("organization_id").is_some_and(|named| !is_own(named, client)) {
        let text =
            "hl7-b2b.organization_id is not the organization that the client is registered for.";
        return Err(OAuthError::invalid_request(text));
    }
    let purpose = match b2b("purpose_of_use") {
        None => usual,
        Some(list) => registered(list, client, glass)?,
    };
    if purpose != Purpose::Emergency {
        return Ok(Use {
            purpose,
            reason: None,
        });
    }
    let reason = extension("kap-emergency").and_then(|e| e["reason"].as_str());
    let reason = reason.map(str::trim).filter(|text| is_reason(text));
    let text = "An emergency says why: extensions[\"kap-emergency\"].reason, 10 to 500 characters on one line.";
    let reason = reason.ok_or_else(|| OAuthError::invalid_request(text))?;
    Ok(Use {
        purpose,
        reason: Some(reason.to_owned()),
    })
}

/// Whether this names the client's organization: by its id, or by a URL that ends in it, as the extension wants.
fn is_own(named: &Value, client: &Client) -> bool {
    let last = named.as_str().and_then(|text| text.rsplit('/').next());
    last == Some(client.organization.as_str())
}

fn is_reason(text: &str) -> bool {
    REASON.contains(&text.chars().count()) && !text.contains(char::is_control)
}

/// The one purpose of the list, which must be the client's.
fn registered(list: &Value, client: &Client, glass: Glass) -> Result<Purpose, OAuthError> {
    let text = "hl7-b2b.purpose_of_use is a list of one code of ActReason, such as \"TREAT\".";
    let [Value::String(code)] = list.as_array().map_or(&[][..], Vec::as_slice) else {
        return Err(OAuthError::invalid_request(text));
    };
    let code = code.strip_prefix(ACT_REASON).unwrap_or(code);
    let purpose = Purpose::from_code(code);
    if purpose == Some(Purpose::Emergency) && glass == Glass::Fixed {
        return Err(OAuthError::invalid_scope(OFF));
    }
    let own = purpose.filter(|purpose| client.purposes.contains(purpose));
    own.ok_or_else(|| {
        let all = print(&client.purposes);
        OAuthError::invalid_scope(format!(
            "This purpose is not the client's. Registered: {all}."
        ))
    })
}

/// What is said where the operator did not switch emergencies on.
const OFF: &str =
    "Emergency access (the purpose BTG) is off in this service: it needs --emergency-access.";

/// Why a client cannot have these purposes, if so.
pub(super) fn refused(spec: &ClientSpec, glass: Glass) -> Option<String> {
    let purposes = &spec.purposes;
    let twice = |n: usize| purposes[..n].contains(&purposes[n]);
    match purposes.first() {
        None => return Some("A client has at least one purpose.".into()),
        Some(Purpose::Emergency) => {
            let text = "BTG cannot come first: it is asked for anew with each token.";
            return Some(text.into());
        }
        Some(_) if (0..purposes.len()).any(twice) => {
            return Some("A purpose stands twice.".into());
        }
        Some(_) => {}
    }
    if !purposes.contains(&Purpose::Emergency) {
        return None;
    }
    let treats = matches!(
        spec.role,
        Role::ExternalEhr | Role::PartnerPrescriber | Role::PartnerNurse
    );
    if glass == Glass::Fixed {
        return Some(OFF.into());
    }
    (!treats).then(|| {
        format!(
            "The role {} treats no emergencies: no BTG for it.",
            spec.role
        )
    })
}

/// The purposes as they are kept: codes separated by blanks.
pub(super) fn print(purposes: &[Purpose]) -> String {
    let codes: Vec<&str> = purposes.iter().map(|purpose| purpose.code()).collect();
    codes.join(" ")
}

/// Reads what [`print`] wrote.
pub(super) fn parse(text: &str) -> Option<Vec<Purpose>> {
    text.split(' ').map(Purpose::from_code).collect()
}

/// Tells whoever watches the service that a token was given to break the glass. The reason is in the audit alone.
pub(super) fn alert(client: &str, organization: &Id, token: &str) {
    tracing::warn!(
        client,
        organization = organization.as_str(),
        token,
        "emergency access: a token was given that breaks the glass"
    );
}

#[cfg(test)]
mod tests;
