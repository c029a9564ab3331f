//! Signatures of notifications: Standard Webhooks with Ed25519 (`v1a`,
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The three headers: `webhook-id`, `webhook-timestamp` (seconds since 1970, of the attempt), `webhook-signature` with one
/// signature of each key.
#[must_use]
pub fn headers(
    keys: &[Ed25519KeyPair],
    id: &str,
    seconds: i64,
    body: &str,
) -> [(&'static str, String); 3] {
    let signed = format!("{id}.{seconds}.{body}");
    let each = keys.iter().map(|key| {
        let signature = key.sign(signed.as_bytes());
        format!("v1a,{}", STANDARD.encode(signature.as_ref()))
    });
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", each.collect::<Vec<_>>().join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, KeyPair as _, UnparsedPublicKey};

    use super::*;

    #[test]
    fn each_key_signs_id_time_and_body() {
        let keys: Vec<_> = [[1; 32], [2; 32]]
            .iter()
            .map(|seed| Ed25519KeyPair::from_seed_unchecked(seed).expect("key"))
            .collect();
        let [id, time, signatures] = headers(&keys, "kap_1_2_3", 1_700_000_000, "{}");
        assert_eq!(
            (id.1.as_str(), time.1.as_str()),
            ("kap_1_2_3", "1700000000")
        );
        let parts: Vec<&str> = signatures.1.split(' ').collect();
        assert_eq!(parts.len(), 2);
        for (key, part) in keys.iter().zip(parts) {
            let bytes = STANDARD
                .decode(part.strip_prefix("v1a,").expect("scheme"))
                .expect("base64");
            let public = UnparsedPublicKey::new(&ED25519, key.public_key().as_ref());
            assert!(public.verify(b"kap_1_2_3.1700000000.{}", &bytes).is_ok());
            assert!(public.verify(b"kap_1_2_3.1700000000.[]", &bytes).is_err());
        }
    }
}
