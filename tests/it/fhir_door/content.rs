//! Bodies and searches that are not what FHIR says: each is refused with its place, on both databases alike.

use std::fmt::Write as _;

use super::world::World;
use super::*;
use crate::both;
use crate::wire::Ask;

both!(
    elements_that_are_not_fhir,
    long_values_are_stored_and_found,
    searches_that_cannot_be_meant,
);

async fn elements_that_are_not_fhir(db: Db) {
    let w = World::new(db).await;
    let before = w.messages().await;
    let good = w.message(&[]).to_string();
    let with = |extra: &str| {
        let mut text = good.clone();
        text.truncate(text.len() - 1);
        let _ = write!(text, ",{extra}}}");
        text
    };
    let extension = |value: &str| {
        with(&format!(
            r#""extension":[{{"url":"https://x.example.org/e",{value}}}]"#
        ))
    };
    let narrative = |inner: &str| {
        let div = json!(format!(
            "<div xmlns=\"http://www.w3.org/1999/xhtml\">{inner}</div>"
        ));
        with(&format!(r#""text":{{"status":"generated","div":{div}}}"#))
    };
    let inner = r#"{"resourceType":"Observation","id":"a","status":"final","code":{"text":"x"},"contained":[{"resourceType":"Patient","id":"b"}]}"#;
    for (body, status, at) in [
        (with(r#""note":[{"text":"a\u0001"}]"#), 400, "note[0].text"),
        (
            extension(r#""valueString":"x","valueBoolean":true"#),
            400,
            "Communication.extension[0].value",
        ),
        (
            extension(r#""valueDateTime":"2026-07-18T10:03:00""#),
            400,
            "Communication.extension[0].value",
        ),
        (
            extension(r#""valueCode":" a""#),
            400,
            "Communication.extension[0].value",
        ),
        (
            extension(r#""valueUri":"a b""#),
            400,
            "Communication.extension[0].value",
        ),
        (
            good.replace("2026-11-01T10", "0000-11-01T10"),
            400,
            "Communication.sent",
        ),
        (
            good.replace("10:00:00Z", "10:00:00+15:00"),
            400,
            "Communication.sent",
        ),
        (
            good.replace("T10:00:00Z", "T10:00:00"),
            400,
            "Communication.sent",
        ),
        (
            with(&format!(r#""contained":[{inner}]"#)),
            400,
            "Communication.contained[0]",
        ),
        (
            narrative("<script>alert(1)</script>"),
            422,
            "Communication.text.div",
        ),
        (
            narrative("<p onclick=\"x()\">a</p>"),
            422,
            "Communication.text.div",
        ),
        (
            narrative("<a href=\"javascript:x()\">a</a>"),
            422,
            "Communication.text.div",
        ),
        (
            with(r#""text":{"status":"generated","div":"hello"}"#),
            422,
            "Communication.text.div",
        ),
    ] {
        let answer = call(
            w.practice(),
            Method::POST,
            "/fhir/Communication",
            &[],
            Some(body),
        )
        .await;
        assert_eq!(
            (answer.status, answer.expression().as_str()),
            (status, at),
            "{}",
            answer.text
        );
        let code = answer.json()["issue"][0]["code"].clone();
        assert!(status == 400 || code == "invariant", "{}", answer.text);
    }
    assert_eq!(w.messages().await, before);
    let answer = call(
        w.practice(),
        Method::POST,
        "/fhir/Communication",
        &[],
        Some(narrative("<b>ok</b>")),
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    w.app.stop().await;
}

/// Text that no compression makes short.
fn noise(length: usize) -> String {
    let mut state = 7_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 33) % 26).expect("a letter"))
    };
    (0..length).map(|_| next()).collect()
}

async fn long_values_are_stored_and_found(db: Db) {
    let w = World::new(db).await;
    let (long, far) = (noise(20_000), noise(2_000));
    let practitioner = json!({ "resourceType": "Practitioner",
        "identifier": [{ "system": format!("https://x.example.org/{far}"), "value": long }],
        "name": [{ "family": long, "given": [long] }] });
    let stored = post(w.practice(), "/fhir/Practitioner", &practitioner)
        .await
        .expect(201);
    let path = format!("/fhir/Practitioner?identifier={}", &long[..4000]);
    assert_eq!(only(w.practice(), &path).await["id"], stored["id"]);
    let path = format!("/fhir/Practitioner?family={}", &long[..100]);
    assert_eq!(
        only(w.practice(), &path).await["name"][0]["family"],
        long.as_str()
    );
    let about = w
        .send(&[&format!("https://ehr.example.org/fhir/Patient/{long}")])
        .await;
    assert_eq!(about.status, 201, "{}", about.text);
    w.app.stop().await;
}

async fn searches_that_cannot_be_meant(db: Db) {
    let w = World::new(db).await;
    let first = get(w.practice(), "/fhir/Observation?_count=1")
        .await
        .expect(200);
    let next = first["link"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|l| l["relation"] == "next");
    let cursor = next
        .and_then(|l| text(&l["url"]).split_once("_cursor="))
        .expect("a next page")
        .1;
    for (query, status) in [
        ("_count=1&_count=2", 400),
        ("_sort=date&_sort=-date", 400),
        ("_total=none&_total=accurate", 400),
        ("_format=json&_format=json", 400),
        (&format!("_count=1&_cursor={cursor}"), 200),
        (&format!("_count=1&_cursor={cursor}&_cursor={cursor}"), 400),
        (&format!("_count=1&_cursor={cursor}x"), 400),
        (&format!("_count=0&_cursor={cursor}x"), 400),
        ("_count=1&_cursor=YS4wLmI", 400),
        ("_count=-1", 400),
        ("_count=4294967296", 400),
        ("_count=0", 200),
        ("code=%00", 400),
        ("code=%ff", 400),
        ("code=", 200),
        ("colour=red", 200),
    ] {
        let path = format!("/fhir/Observation?{query}");
        let heard = Ask::get(&path).send(w.practice()).await;
        assert_eq!(heard.status, status, "{query}: {}", heard.text);
        let strict = Ask::get(&path)
            .with("Prefer", "handling=strict")
            .send(w.practice())
            .await;
        let refused = status == 400 || query == "code=" || query == "colour=red";
        assert_eq!(strict.status == 400, refused, "{query}: {}", strict.text);
    }
    let lenient = get(w.practice(), "/fhir/Observation?patient=&_count=1")
        .await
        .expect(200);
    let said = lenient["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|e| e["search"]["mode"] == "outcome");
    assert!(
        said.is_some(),
        "an empty criterion is not passed over in silence: {lenient}"
    );

    // A criterion of a conditional create that says nothing would find just anything.
    let message = w.message(&[]).to_string();
    for (criteria, status) in [
        ("identifier=&status=completed", 400),
        ("", 412),
        ("_count=0", 412),
        ("colour=red", 400),
        ("identifier=%00", 400),
        ("identifier=%ff", 400),
    ] {
        let headers = [("If-None-Exist", criteria)];
        let answer = call(
            w.practice(),
            Method::POST,
            "/fhir/Communication",
            &headers,
            Some(message.clone()),
        )
        .await;
        assert_eq!(answer.status, status, "{criteria}: {}", answer.text);
        let entry = json!({ "resource": w.message(&[]), "request": { "method": "POST", "url": "Communication", "ifNoneExist": criteria } });
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
        let answer = post(w.practice(), "/fhir", &bundle).await;
        assert_eq!(
            (answer.status, answer.expression().as_str()),
            (status, "Bundle.entry[0].request.ifNoneExist"),
            "{criteria}: {}",
            answer.text
        );
    }
    // The page size of the criteria does not hide what is there.
    let known = json!({ "resourceType": "Practitioner", "name": [{ "family": "Elm" }], "identifier": [{ "system": "https://x.example.org", "value": "7" }] });
    post(w.practice(), "/fhir/Practitioner", &known)
        .await
        .expect(201);
    let headers = [(
        "If-None-Exist",
        "identifier=https://x.example.org|7&_count=0",
    )];
    let again = call(
        w.practice(),
        Method::POST,
        "/fhir/Practitioner",
        &headers,
        Some(known.to_string()),
    )
    .await;
    assert_eq!(again.status, 200, "{}", again.text);
    w.app.stop().await;
}
