//! How a receiver in Rust judges kap-fhir's notifications: Standard Webhooks signatures (`v1a`, Ed25519), not older than five
//! minutes. What it had before it knows by `webhook-id`, which it keeps with its data.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Seconds that a call may be old, or ahead.
const TOLERANCE: i64 = 300;

/// The public keys of the service, from `/.well-known/kap-webhook-jwks.json`.
#[derive(Debug)]
pub struct Keys(Vec<Vec<u8>>);

impl Keys {
    pub fn of(jwks: &serde_json::Value) -> Self {
        let all = jwks["keys"].as_array().into_iter().flatten();
        let points = all.filter_map(|key| key["x"].as_str());
        Self(
            points
                .filter_map(|x| URL_SAFE_NO_PAD.decode(x).ok())
                .collect(),
        )
    }

    /// Whether one of the keys signed this body under these headers, just now. `now` is in seconds since 1970.
    pub fn prove(&self, [id, time, signatures]: [&str; 3], body: &[u8], now: i64) -> bool {
        let Ok(sent) = time.parse::<i64>() else {
            return false;
        };
        if (now - sent).abs() > TOLERANCE {
            return false;
        }
        let mut signed = format!("{id}.{time}.").into_bytes();
        signed.extend_from_slice(body);
        let each = signatures
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1a,"));
        let mut each = each.filter_map(|one| STANDARD.decode(one).ok());
        each.any(|signature| {
            self.0.iter().any(|key| {
                UnparsedPublicKey::new(&ED25519, key)
                    .verify(&signed, &signature)
                    .is_ok()
            })
        })
    }
}
