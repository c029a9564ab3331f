use super::*;
use crate::auth::tests::rsa_jwk;

fn refused(key: &Value) -> String {
    let set = KeySet::parse(&json!({ "keys": [key] }).to_string()).expect("set");
    assert!(set.keys.is_empty());
    set.refused.concat()
}

fn set_error(text: &str) -> String {
    KeySet::parse(text).expect_err("refused")
}

#[test]
fn a_key_that_is_not_fit_is_refused_with_its_reason() {
    type Bend = fn(&mut Value);
    const CASES: &[(Bend, &str)] = &[
        (|k| k["kid"] = json!(""), "'kid'"),
        (|k| k["kid"] = json!(1), "'kid'"),
        (|k| k["kid"] = json!("k".repeat(257)), "'kid'"),
        (|k| k["use"] = json!("enc"), "'use'"),
        (|k| k["use"] = json!(null), "'use'"),
        (|k| k["key_ops"] = json!(["sign"]), "'key_ops'"),
        (|k| k["key_ops"] = json!("verify"), "'key_ops'"),
        (|k| k["alg"] = json!("PS384"), "'alg'"),
        (|k| k["alg"] = json!(1), "'alg'"),
    ];
    let ec = PrivateKey::generate().expect("key").public_jwk();
    for key in [&ec, &rsa_jwk("rs")] {
        for (bend, why) in CASES {
            let mut key = key.clone();
            bend(&mut key);
            assert!(refused(&key).contains(why), "{why}: {}", refused(&key));
        }
    }
    let bent = |key: &Value, name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        refused(&key)
    };
    assert!(bent(&ec, "alg", json!("RS384")).contains("'alg'"));
    assert!(bent(&ec, "crv", json!("P-256")).contains("P-384"));
    assert!(bent(&ec, "x", json!("AA")).contains("48 bytes"));
    assert!(bent(&ec, "x", ec["y"].clone()).contains("on the curve"));
    let rsa = rsa_jwk("rs");
    assert!(bent(&rsa, "alg", json!("ES384")).contains("'alg'"));
    assert!(bent(&rsa, "e", json!("Aw")).contains("65537"));
    assert!(bent(&rsa, "e", json!("AAEAAQ")).contains("65537"));
    assert!(bent(&rsa, "n", json!("a+b=")).contains("base64url"));
    let modulus = |bytes: usize, first: u8| {
        let mut n = vec![0xff; bytes];
        n[0] = first;
        json!(URL_SAFE_NO_PAD.encode(n))
    };
    for n in [
        modulus(128, 0xff),
        modulus(256, 0x7f),
        modulus(257, 0),
        modulus(1025, 1),
    ] {
        assert!(bent(&rsa, "n", n).contains("2048 to 8192 bits"));
    }
    let mut even = URL_SAFE_NO_PAD
        .decode(rsa["n"].as_str().expect("n"))
        .expect("n");
    even[255] &= 0xfe;
    assert!(bent(&rsa, "n", json!(URL_SAFE_NO_PAD.encode(even))).contains("odd"));
}

#[test]
fn a_set_that_cannot_be_trusted_is_refused_as_a_whole() {
    let key = PrivateKey::generate().expect("key");
    let (public, private) = (key.public_jwk(), key.private_jwk().expect("jwk"));
    let set = |keys: &[&Value]| json!({ "keys": keys }).to_string();
    assert!(set_error(&set(&[&public, &private])).contains("private key"));
    assert!(
        set_error(&set(&[
            &json!({ "kty": "oct", "kid": "h", "k": "c2VjcmV0" })
        ]))
        .contains("private key")
    );
    assert!(set_error(&set(&[&public, &public])).contains("twice"));
    let mut unfit = public.clone();
    unfit["crv"] = json!("P-256");
    assert!(set_error(&set(&[&unfit, &public])).contains("twice"));
    assert!(set_error(&set(&[&json!({ "kty": "OKP" }); 21])).contains("more than 20"));
    assert!(set_error(&set(&[&json!("x")])).contains("position 0"));
    assert!(set_error(r#"{"keys":[],"keys":[]}"#).contains("repeated"));
    assert!(set_error("{}").contains("array"));
    assert!(set_error(&" ".repeat(64 * 1024 + 1)).contains("64 KiB"));
    let fine = KeySet::parse(&set(&[
        &json!({ "kty": "OKP", "kid": "o", "crv": "Ed25519" }),
        &public,
    ]));
    assert_eq!(fine.expect("set").keys.len(), 1);
}

/// The example of RFC 7638 §3.1, with its thumbprint.
#[test]
fn the_thumbprint_is_that_of_the_standard() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let key = json!({ "kty": "RSA", "n": n, "e": "AQAB", "kid": "2011-04-29" });
    let set = KeySet::parse(&json!({ "keys": [key] }).to_string()).expect("set");
    assert_eq!(
        set.keys[0].thumbprint,
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

#[test]
fn a_private_key_survives_being_written_down() {
    let key = PrivateKey::generate().expect("key");
    let text = key.private_jwk().expect("jwk").to_string();
    let read = PrivateKey::from_jwk(&text).expect("key");
    assert_eq!(read.public_set(), key.public_set());
    assert!(!format!("{key:?}").contains("\"d\""));
    let other = PrivateKey::generate()
        .expect("key")
        .private_jwk()
        .expect("jwk");
    let mut mixed: Value = serde_json::from_str(&text).expect("json");
    mixed["d"] = other["d"].clone();
    assert!(PrivateKey::from_jwk(&mixed.to_string()).is_err());
    assert!(PrivateKey::from_jwk(&key.public_jwk().to_string()).is_err());
}
