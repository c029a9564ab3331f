//! The test vectors of Project Wycheproof for JSON Web Signatures (`tests/wycheproof`).

use std::collections::BTreeMap;

use jsonwebtoken::jwk::Jwk;
use serde_json::json;

use super::*;

const VECTORS: &str = include_str!("../../../tests/wycheproof/json_web_signature_test.json");
/// Called invalid by the file, though byte for byte the same as its valid vector 357: a defect of the file.
const SAME_AS_357: [u64; 2] = [367, 370];
/// Called valid by the file and refused here: an empty payload (225, 264, 268, 272 …), ES521, which is no algorithm's
/// name, and base64url with characters that are not of its alphabet.
const STRICTER: usize = 12;

/// Each vector: number, what the file says of it, key, text.
fn vectors() -> Vec<(u64, bool, Value, String)> {
    let file: Value = serde_json::from_str(VECTORS).expect("json");
    let mut all = vec![];
    for group in file["testGroups"].as_array().expect("groups") {
        let key = group.get("public").unwrap_or(&group["private"]);
        for test in group["tests"].as_array().expect("tests") {
            let text = test["jws"].as_str().expect("compact form").to_owned();
            let id = test["tcId"].as_u64().expect("number");
            all.push((id, test["result"] == "valid", key.clone(), text));
        }
    }
    assert_eq!(all.len(), 401);
    all
}

/// The key's algorithm and the key, where it is fit to verify with: the key decides, as for a client's.
fn verifier(jwk: &Value) -> Option<(Algorithm, DecodingKey)> {
    let verifies = |ops: &Value| {
        ops.as_array()
            .is_some_and(|ops| ops.contains(&json!("verify")))
    };
    if jwk.get("use").is_some_and(|r#use| r#use != "sig") {
        return None;
    }
    if jwk.get("key_ops").is_some_and(|ops| !verifies(ops)) {
        return None;
    }
    let algorithm = jwk["alg"].as_str()?.parse().ok()?;
    let jwk: Jwk = serde_json::from_value(jwk.clone()).ok()?;
    Some((algorithm, DecodingKey::from_jwk(&jwk).ok()?))
}

/// The layer that reads and verifies, given keys of every algorithm, though a client may have two kinds only.
#[test]
fn the_reader_accepts_no_vector_that_is_invalid() {
    let mut wrong = vec![];
    let mut refused = vec![];
    let mut good: BTreeMap<String, usize> = BTreeMap::new();
    for (id, valid, key, text) in vectors() {
        let jws = Jws::parse(&text).ok().zip(verifier(&key));
        let holds = jws.is_some_and(|(jws, (algorithm, key))| jws.holds(algorithm, &key));
        match (holds, valid) {
            (true, false) => wrong.push(id),
            (false, true) => refused.push(id),
            (true, true) => *good.entry(key["alg"].to_string()).or_default() += 1,
            (false, false) => {}
        }
    }
    assert_eq!(wrong, SAME_AS_357);
    assert_eq!(refused.len(), STRICTER, "{refused:?}");
    let texts: BTreeMap<_, _> = vectors().into_iter().map(|v| (v.0, v.3)).collect();
    assert!(SAME_AS_357.iter().all(|id| texts[id] == texts[&357]));
    // Every algorithm but ES384 is there, so that the test can fail.
    assert_eq!(good["\"RS384\""], 3);
    assert_eq!(good.len(), 8, "{good:?}");
}

/// The whole wrapper, as the token endpoint uses it. No vector is a client assertion.
#[test]
fn no_vector_is_an_assertion() {
    for (id, _, key, text) in vectors() {
        let set = KeySet::parse(&json!({ "keys": [key] }).to_string());
        if key["kty"] != "oct" && key.get("d").is_none() {
            assert!(set.is_ok(), "{id}: {set:?}");
        }
        assert!(Assertion::parse(&text).is_err(), "{id}");
    }
}

/// The valid vectors of RS384, verified with the key as a client would publish it.
#[test]
fn a_published_key_verifies_the_vectors_of_its_algorithm() {
    let mut good = 0;
    for (_, valid, key, text) in vectors() {
        let Ok(set) = KeySet::parse(&json!({ "keys": [key] }).to_string()) else {
            continue;
        };
        for key in &set.keys {
            let jws = Jws::parse(&text);
            let holds = jws.is_ok_and(|jws| jws.holds(key.signing.algorithm(), &key.verifier.0));
            assert!(valid || !holds);
            good += usize::from(holds);
        }
    }
    assert_eq!(good, 3);
}
