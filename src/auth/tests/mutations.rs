//! Each way to bend a token request, and the error that it must meet.

use super::*;

/// What is bent, how, and the error with a part of its description.
type Case = (&'static str, Bend, &'static str, &'static str);
type Bend = fn(&mut Request);

#[rustfmt::skip]
const FORM_CASES: &[Case] = &[
    ("no content type", |r| r.content_type = None, "invalid_request", "Content-Type"),
    ("json content type", |r| r.content_type = Some("application/json"), "invalid_request", "Content-Type"),
    ("other charset", |r| r.content_type = Some("application/x-www-form-urlencoded; charset=latin1"), "invalid_request", "Content-Type"),
    ("repeated scope", |r| r.tail = "&scope=system/*.rs", "invalid_request", "twice"),
    ("repeated assertion", |r| r.tail = "&client_assertion=x", "invalid_request", "twice"),
    ("repeated grant type", |r| r.tail = "&grant_type=client_credentials", "invalid_request", "twice"),
    ("repeated by escape", |r| r.tail = "&%73cope=x", "invalid_request", "twice"),
    ("escape that is not UTF-8", |r| r.tail = "&x=%ff", "invalid_request", "not UTF-8"),
    ("NUL", |r| r.tail = "&x=%00", "invalid_request", "not UTF-8"),
    ("huge body", |r| r.set("x", &"x".repeat(16 * 1024)), "invalid_request", "16 KiB"),
    ("basic authentication too", |r| r.authorization = Some("Basic ZWhyOng="), "invalid_request", "Authorization"),
    ("bearer authentication too", |r| r.authorization = Some("Bearer x"), "invalid_request", "Authorization"),
    ("client secret too", |r| r.set("client_secret", "x"), "invalid_request", "client_secret"),
    ("no grant type", |r| r.set("grant_type", ""), "invalid_request", "grant_type"),
    ("password grant", |r| r.set("grant_type", "password"), "unsupported_grant_type", ""),
    ("code grant", |r| r.set("grant_type", "authorization_code"), "unsupported_grant_type", ""),
    ("grant type in capitals", |r| r.set("grant_type", "CLIENT_CREDENTIALS"), "unsupported_grant_type", ""),
    ("no assertion type", |r| r.set("client_assertion_type", ""), "invalid_request", "client_assertion_type"),
    ("saml assertion type", |r| r.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), "invalid_request", "client_assertion_type"),
    ("other client id", |r| r.set("client_id", "other"), "invalid_client", "client_id"),
    ("no scope", |r| r.set("scope", ""), "invalid_scope", "missing"),
    ("scope of a user", |r| r.set("scope", "user/Patient.rs"), "invalid_scope", "None of these"),
    ("scope out of order", |r| r.set("scope", "system/Patient.sr"), "invalid_scope", "None of these"),
    ("scope that is not registered", |r| r.set("scope", "system/Goal.rs"), "invalid_scope", "None of these"),
    ("narrowed scope", |r| r.set("scope", "system/Patient.rs?_tag=x"), "invalid_scope", "None of these"),
    ("scopes beyond the limit", |r| r.set("scope", &"system/Patient.rs ".repeat(101)), "invalid_scope", "100"),
    ("other resource", |r| r.set("resource", "https://evil.example.org/fhir"), "invalid_target", ""),
];

#[rustfmt::skip]
const SHAPE_CASES: &[Case] = &[
    ("no assertion", |r| { r.set("client_assertion", ""); r.form.push(("client_assertion", String::new())); }, "invalid_client", "missing"),
    ("not a JWT", |r| r.set("client_assertion", "x"), "invalid_client", "three parts"),
    ("two parts", |r| r.bend = |t| t.rsplit_once('.').map_or(t.clone(), |(a, _)| a.into()), "invalid_client", "three parts"),
    ("four parts", |r| r.bend = |t| t + ".e30", "invalid_client", "three parts"),
    ("five parts (JWE)", |r| r.bend = |t| t + ".e30.e30", "invalid_client", "three parts"),
    ("dot at the end", |r| r.bend = |t| t + ".", "invalid_client", "three parts"),
    ("dot at the start", |r| r.bend = |t| format!(".{t}"), "invalid_client", "three parts"),
    ("empty signature", |r| r.sign = Sign::Empty, "invalid_client", "three parts"),
    ("padding", |r| r.bend = |t| t + "=", "invalid_client", "three parts"),
    ("space", |r| r.bend = |t| t + " ", "invalid_client", "three parts"),
    ("line break", |r| r.bend = |t| t.replacen('.', "\n.", 1), "invalid_client", "three parts"),
    ("base64 of the other alphabet", |r| r.bend = |t| t.replace(['-', '_'], "+") + "+", "invalid_client", "three parts"),
    ("bits left over", |r| { r.claims["p"] = json!(""); while r.claims.to_string().len() % 3 != 1 { let p = r.claims["p"].as_str().map(|p| p.to_owned() + "x"); r.claims["p"] = json!(p); } r.bend = |t| left_over(&t); }, "invalid_client", "three parts"),
    ("huge", |r| r.claims["x"] = json!("x".repeat(8192)), "invalid_client", "8192"),
    ("header is a list", |r| r.header_text = Some("[]".into()), "invalid_client", "header must be a JSON object"),
    ("header is no JSON", |r| r.header_text = Some("{".into()), "invalid_client", "header must be a JSON object"),
    ("claims are a text", |r| r.claims_text = Some("\"x\"".into()), "invalid_client", "claims must be a JSON object"),
    ("repeated alg", |r| r.header_text = Some(r#"{"alg":"none","alg":"ES384","kid":"es","typ":"JWT"}"#.into()), "invalid_client", "repeated members"),
    ("repeated kid by escape", |r| r.header_text = Some(r#"{"alg":"ES384","kid":"es","\u006bid":"es","typ":"JWT"}"#.into()), "invalid_client", "repeated members"),
    ("repeated iss", |r| r.claims_text = Some(r.claims.to_string().replacen('{', r#"{"iss":"ehr","#, 1)), "invalid_client", "repeated members"),
    ("repeated exp", |r| r.claims_text = Some(r.claims.to_string().replacen('{', r#"{"exp":1,"#, 1)), "invalid_client", "repeated members"),
    ("repeated inside", |r| r.claims_text = Some(r.claims.to_string().replacen('{', r#"{"x":{"a":1,"a":2},"#, 1)), "invalid_client", "repeated members"),
    ("text after the claims", |r| r.claims_text = Some(r.claims.to_string() + "{}"), "invalid_client", "claims must be"),
    ("claims with a NUL byte", |r| r.claims_text = Some(r.claims.to_string() + "\0"), "invalid_client", "claims must be"),
];

/// Claims of which the last character of base64url says bits that are not there.
fn left_over(text: &str) -> String {
    let mut parts: Vec<_> = text.split('.').map(str::to_owned).collect();
    let last = parts[1].pop().expect("claims");
    let next = char::from(u8::try_from(last).expect("ascii") + 1);
    parts[1].push(next);
    parts.join(".")
}

#[rustfmt::skip]
const HEADER_CASES: &[Case] = &[
    ("alg none", |r| { r.header["alg"] = json!("none"); r.sign = Sign::Rs256; }, "invalid_client", "alg must be"),
    ("alg none in capitals", |r| r.header["alg"] = json!("None"), "invalid_client", "alg must be"),
    ("alg missing", |r| { r.header.as_object_mut().map(|h| h.remove("alg")); }, "invalid_client", "header"),
    ("alg a number", |r| r.header["alg"] = json!(384), "invalid_client", "header"),
    ("HS256 with the public key", |r| { r.header["alg"] = json!("HS256"); r.sign = Sign::Hmac; }, "invalid_client", "alg must be"),
    ("HS384", |r| { r.header["alg"] = json!("HS384"); r.sign = Sign::Hmac; }, "invalid_client", "alg must be"),
    ("RS256", |r| { r.header = json!({"alg": "RS256", "kid": "rs", "typ": "JWT"}); r.sign = Sign::Rs256; }, "invalid_client", "alg must be"),
    ("PS384", |r| { r.header = json!({"alg": "PS384", "kid": "rs", "typ": "JWT"}); r.sign = Sign::Ps384; }, "invalid_client", "alg must be"),
    ("ES256", |r| r.header["alg"] = json!("ES256"), "invalid_client", "alg must be"),
    ("EdDSA", |r| r.header["alg"] = json!("EdDSA"), "invalid_client", "alg must be"),
    ("RS384 named, ES384 signed", |r| r.header["alg"] = json!("RS384"), "invalid_client", "not signed"),
    ("RS384 named, HMAC signed", |r| { r.header = json!({"alg": "RS384", "kid": "rs", "typ": "JWT"}); r.sign = Sign::Hmac; }, "invalid_client", "not signed"),
    ("RS384 named, RS256 signed", |r| { r.header = json!({"alg": "RS384", "kid": "rs", "typ": "JWT"}); r.sign = Sign::Rs256; }, "invalid_client", "not signed"),
    ("RS384 named, PS384 signed", |r| { r.header = json!({"alg": "RS384", "kid": "rs", "typ": "JWT"}); r.sign = Sign::Ps384; }, "invalid_client", "not signed"),
    ("ES384 named, key is RSA", |r| r.header["kid"] = json!("rs"), "invalid_client", "not signed"),
    ("kid missing", |r| { r.header.as_object_mut().map(|h| h.remove("kid")); }, "invalid_client", "kid"),
    ("kid empty", |r| r.header["kid"] = json!(""), "invalid_client", "kid"),
    ("kid a number", |r| r.header["kid"] = json!(1), "invalid_client", "kid"),
    ("kid huge", |r| r.header["kid"] = json!("k".repeat(257)), "invalid_client", "kid"),
    ("kid unknown", |r| r.header["kid"] = json!("other"), "invalid_client", "not signed"),
    ("kid a path", |r| r.header["kid"] = json!("../../dev/null"), "invalid_client", "not signed"),
    ("kid an injection", |r| r.header["kid"] = json!("es' OR '1'='1"), "invalid_client", "not signed"),
    ("typ missing", |r| { r.header.as_object_mut().map(|h| h.remove("typ")); }, "invalid_client", "typ"),
    ("typ of an access token", |r| r.header["typ"] = json!("at+jwt"), "invalid_client", "typ"),
    ("typ in small letters", |r| r.header["typ"] = json!("jwt"), "invalid_client", "typ"),
    ("crit", |r| r.header["crit"] = json!(["x"]), "invalid_client", "crit"),
    ("crit empty", |r| r.header["crit"] = json!([]), "invalid_client", "crit"),
    ("crit null", |r| r.header["crit"] = json!(null), "invalid_client", "crit"),
    ("b64", |r| { r.header["b64"] = json!(false); }, "invalid_client", "b64"),
    ("own key", |r| { r.header["jwk"] = STRANGER.public_jwk(); r.sign = Sign::Stranger; }, "invalid_client", "jwk"),
    ("own certificate", |r| r.header["x5c"] = json!(["MIIB"]), "invalid_client", "x5c"),
    ("certificate by URL", |r| r.header["x5u"] = json!("https://evil.example.org/c"), "invalid_client", "x5u"),
    ("encrypted", |r| r.header["enc"] = json!("A256GCM"), "invalid_client", "enc"),
    ("compressed", |r| r.header["zip"] = json!("DEF"), "invalid_client", "zip"),
    ("key set by URL", |r| r.header["jku"] = json!("https://evil.example.org/k"), "invalid_client", "not signed"),
    ("jku a number", |r| r.header["jku"] = json!(1), "invalid_client", "jku"),
    ("member of a wrong type", |r| r.header["x5t"] = json!(1), "invalid_client", "wrong type"),
    ("a stranger's key", |r| r.sign = Sign::Stranger, "invalid_client", "not signed"),
    ("signature of zeros", |r| r.bend = |t| format!("{}.{}", t.rsplit_once('.').map_or("", |(a, _)| a), B64.encode([0; 96])), "invalid_client", "not signed"),
    ("signature cut short", |r| r.bend = |t| t[..t.len() - 4].to_owned(), "invalid_client", "not signed"),
    ("claims changed after signing", |r| { r.bend = |t| { let p: Vec<_> = t.split('.').collect(); let c = String::from_utf8(B64.decode(p[1]).expect("b64")).expect("utf8").replace("jti-", "jtx-"); format!("{}.{}.{}", p[0], B64.encode(c), p[2]) } }, "invalid_client", "not signed"),
];

#[rustfmt::skip]
const CLAIM_CASES: &[Case] = &[
    ("iss missing", |r| { r.claims.as_object_mut().map(|c| c.remove("iss")); }, "invalid_client", "iss"),
    ("iss a list", |r| r.claims["iss"] = json!(["ehr"]), "invalid_client", "iss"),
    ("iss unknown", |r| { r.claims["iss"] = json!("other"); r.claims["sub"] = json!("other"); }, "invalid_client", "not signed"),
    ("iss not a client id", |r| r.claims["iss"] = json!("ehr\u{0}"), "invalid_client", "not signed"),
    ("sub missing", |r| { r.claims.as_object_mut().map(|c| c.remove("sub")); }, "invalid_client", "must be texts"),
    ("sub other than iss", |r| r.claims["sub"] = json!("other"), "invalid_client", "client id"),
    ("aud missing", |r| { r.claims.as_object_mut().map(|c| c.remove("aud")); }, "invalid_client", "must be texts"),
    ("aud null", |r| r.claims["aud"] = json!(null), "invalid_client", "must be texts"),
    ("aud a number", |r| r.claims["aud"] = json!(1), "invalid_client", "must be texts"),
    ("aud empty list", |r| r.claims["aud"] = json!([]), "invalid_client", "must be texts"),
    ("aud of two", |r| r.claims["aud"] = json!([TOKEN_URL, "https://evil.example.org"]), "invalid_client", "must be texts"),
    ("aud twice ours", |r| r.claims["aud"] = json!([TOKEN_URL, ISSUER]), "invalid_client", "must be texts"),
    ("aud another server", |r| r.claims["aud"] = json!("https://evil.example.org/auth/token"), "invalid_client", TOKEN_URL),
    ("aud with a slash more", |r| r.claims["aud"] = json!(TOKEN_URL.to_owned() + "/"), "invalid_client", TOKEN_URL),
    ("aud the FHIR base", |r| r.claims["aud"] = json!(FHIR), "invalid_client", TOKEN_URL),
    ("aud with port", |r| r.claims["aud"] = json!("https://kap.example.org:443/auth/token"), "invalid_client", TOKEN_URL),
    ("exp missing", |r| { r.claims.as_object_mut().map(|c| c.remove("exp")); }, "invalid_client", "whole numbers"),
    ("exp a text", |r| r.claims["exp"] = json!((NOW + 300).to_string()), "invalid_client", "whole numbers"),
    ("exp a fraction", |r| r.claims["exp"] = json!(1_800_000_200.5), "invalid_client", "whole numbers"),
    ("exp null", |r| r.claims["exp"] = json!(null), "invalid_client", "whole numbers"),
    ("exp negative", |r| r.claims["exp"] = json!(-1), "invalid_client", "whole numbers"),
    ("exp zero", |r| r.claims["exp"] = json!(0), "invalid_client", "expired"),
    ("exp past", |r| r.claims["exp"] = json!(NOW - 10), "invalid_client", "expired"),
    ("exp too far", |r| r.claims["exp"] = json!(NOW + 311), "invalid_client", "300 seconds"),
    ("exp in ten years", |r| r.claims["exp"] = json!(NOW + 315_360_000), "invalid_client", "300 seconds"),
    ("exp in milliseconds", |r| r.claims["exp"] = json!((NOW + 300) * 1000), "invalid_client", "300 seconds"),
    ("exp the greatest number", |r| r.claims["exp"] = json!(u64::MAX), "invalid_client", "300 seconds"),
    ("nbf in the future", |r| r.claims["nbf"] = json!(NOW + 11), "invalid_client", "nbf"),
    ("nbf a text", |r| r.claims["nbf"] = json!("now"), "invalid_client", "whole numbers"),
    ("iat in the future", |r| r.claims["iat"] = json!(NOW + 11), "invalid_client", "iat"),
    ("iat long ago", |r| r.claims["iat"] = json!(NOW - 601), "invalid_client", "iat"),
    ("iat a fraction", |r| r.claims["iat"] = json!(1_800_000_000.5), "invalid_client", "whole numbers"),
    ("jti missing", |r| { r.claims.as_object_mut().map(|c| c.remove("jti")); }, "invalid_client", "must be texts"),
    ("jti a number", |r| r.claims["jti"] = json!(7), "invalid_client", "must be texts"),
    ("jti empty", |r| r.claims["jti"] = json!(""), "invalid_client", "jti"),
    ("jti too long", |r| r.claims["jti"] = json!("j".repeat(256)), "invalid_client", "jti"),
];

#[tokio::test]
async fn every_bent_request_meets_its_error() {
    let bed = Bed::new().await;
    for (name, bend, error, text) in [FORM_CASES, SHAPE_CASES, HEADER_CASES, CLAIM_CASES].concat() {
        let mut request = Request::new();
        bend(&mut request);
        let refused = bed.send(&request).await.expect_err(name);
        let status = if error == "invalid_client" { 401 } else { 400 };
        assert_eq!(
            (refused.status, refused.error),
            (status, error),
            "{name}: {refused}"
        );
        assert!(
            refused.error_description.contains(text),
            "{name}: {refused}"
        );
        // RFC 6749 §5.2: printable ASCII without quotation marks and backslashes.
        let legal = |b: u8| (b' '..=b'~').contains(&b) && !b"\"\\".contains(&b);
        assert!(
            refused.error_description.bytes().all(legal),
            "{name}: {refused}"
        );
        let assertion = request.assertion();
        assert!(
            assertion.is_empty() || !format!("{refused:?}").contains(&assertion),
            "{name}"
        );
    }
    assert!(
        bed.send(&Request::new()).await.is_ok(),
        "the request that was bent is good"
    );
}

#[tokio::test]
async fn what_is_at_the_edge_of_a_rule_is_good() {
    #[rustfmt::skip]
    const GOOD: &[(&str, Bend)] = &[
        ("RS384", |r| { r.header = json!({"alg": "RS384", "kid": "rs", "typ": "JWT"}); r.sign = Sign::Rs384; }),
        ("aud the issuer", |r| r.claims["aud"] = json!(ISSUER)),
        ("aud a list of one", |r| r.claims["aud"] = json!([TOKEN_URL])),
        ("exp as far as can be", |r| r.claims["exp"] = json!(NOW + 310)),
        ("exp just past, within the leeway", |r| r.claims["exp"] = json!(NOW - 9)),
        ("nbf within the leeway", |r| r.claims["nbf"] = json!(NOW + 10)),
        ("iat within the leeway", |r| r.claims["iat"] = json!(NOW + 10)),
        ("iat old but not too old", |r| r.claims["iat"] = json!(NOW - 600)),
        ("the longest jti", |r| r.claims["jti"] = json!("j".repeat(255))),
        ("other claims", |r| r.claims["extensions"] = json!({"hl7-b2b": {"purpose_of_use": ["TREAT"]}})),
        ("other header members", |r| r.header["cty"] = json!("x")),
        ("own client id", |r| r.set("client_id", "ehr")),
        ("our resource", |r| r.set("resource", FHIR)),
        ("charset", |r| r.content_type = Some("application/x-www-form-urlencoded; charset=UTF-8")),
        ("unknown parameter", |r| r.set("x", "y")),
    ];
    let bed = Bed::new().await;
    for (name, bend) in GOOD {
        let mut request = Request::new();
        bend(&mut request);
        let answer = bed.send(&request).await;
        assert!(answer.is_ok(), "{name}: {answer:?}");
    }
}
