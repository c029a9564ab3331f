//! What is said beside the body: methods, media types, preferences, preconditions, tokens.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::world::{World, patient};
use super::*;
use crate::both;
use crate::wire::Ask;

both!(
    every_answer_is_asked_for_as_json,
    tokens_and_preconditions,
    preferences_of_a_write,
);

async fn every_answer_is_asked_for_as_json(db: Db) {
    let w = World::new(db).await;
    let own = format!("/fhir/Patient/{}", patient(&w.own));
    let message = w.message(&[]).to_string();
    let empty = json!({ "resourceType": "Bundle", "type": "transaction" }).to_string();
    let fhir = |ask: Ask| ask.with("Content-Type", "application/fhir+json");
    let form = |body: &str| {
        Ask {
            body: body.into(),
            ..Ask::new("POST", "/fhir/Patient/_search")
        }
        .with("Content-Type", "application/x-www-form-urlencoded")
    };
    for ask in [
        Ask::get("/fhir/metadata"),
        Ask::get(&own),
        Ask::get(format!("{own}/_history/1")),
        Ask::get("/fhir/Patient"),
        Ask::get("/fhir/Composition/none/$document"),
        form("_count=1"),
        fhir(Ask::post("/fhir/Communication", message.clone())),
        fhir(Ask {
            method: "PUT",
            ..Ask::post(&own, "{}")
        }),
        fhir(Ask::post("/fhir", empty.clone())),
    ] {
        let xml = ask.clone().with("Accept", "application/fhir+xml");
        let mut named = ask.clone();
        named.path.push_str("?_format=xml");
        for refused in [xml, named] {
            let heard = refused.send(w.practice()).await;
            assert_eq!(
                heard.status, 406,
                "{} {}: {}",
                ask.method, ask.path, heard.text
            );
            assert_eq!(heard.json()["resourceType"], "OperationOutcome");
        }
    }
    assert_eq!(form("_format=xml").send(w.practice()).await.status, 406);
    let public = Ask::get("/fhir/.well-known/smart-configuration").with("Accept", "text/html");
    assert_eq!(public.send_bare(&w.app.base).await.status, 200);

    for (name, value) in [
        ("Content-Type", "application/fhir+json; charset=iso-8859-1"),
        ("Content-Type", "application/fhir+json; fhirVersion=3.0"),
        ("Content-Encoding", "gzip"),
    ] {
        let ask = fhir(Ask::post("/fhir/Communication", message.clone())).with(name, value);
        let heard = ask.send(w.practice()).await;
        assert_eq!(heard.status, 415, "{value}: {}", heard.text);
    }
    for method in ["OPTIONS", "TRACE", "PATCH", "DELETE", "BREW"] {
        // What a record takes, the paths of no record do not.
        let changes = ["PATCH", "DELETE"].contains(&method);
        let none = ["/fhir", "/fhir/metadata"];
        let all = [&*own, "/fhir/Patient", "/fhir", "/fhir/metadata"];
        for path in if changes { &none[..] } else { &all[..] } {
            let heard = Ask::new(method, *path).send(w.practice()).await;
            assert_eq!(heard.status, 405, "{method} {path}: {}", heard.text);
            assert_eq!(heard.json()["resourceType"], "OperationOutcome");
            assert!(!heard.header("allow").is_empty(), "{method} {path}");
        }
    }
    let head = Ask::new("HEAD", &own).send(w.practice()).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    w.app.stop().await;
}

async fn tokens_and_preconditions(db: Db) {
    let w = World::new(db).await;
    let own = format!("/fhir/Patient/{}", patient(&w.own));
    let token = &w.practice().token;
    for path in [
        format!("{own}?access_token={token}"),
        format!("/kap/v1/episodes?access_token={token}"),
    ] {
        assert_eq!(
            Ask::get(&path).send(w.practice()).await.status,
            400,
            "{path}"
        );
        assert_eq!(
            Ask::get(&path).send_bare(&w.app.base).await.status,
            400,
            "{path}"
        );
    }
    let form = Ask {
        body: format!("access_token={token}").into(),
        ..Ask::new("POST", "/fhir/Patient/_search")
    };
    let form = form.with("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(form.send(w.practice()).await.status, 400);

    for version in [
        "0",
        "01",
        "+1",
        "-1",
        "1.0",
        "a",
        "1%00",
        "99999999999999999999",
    ] {
        let heard = Ask::get(format!("{own}/_history/{version}"))
            .send(w.practice())
            .await;
        assert_eq!(heard.status, 404, "{version}: {}", heard.text);
    }
    let stored = get(w.practice(), &own).await;
    let update = Ask {
        method: "PUT",
        ..Ask::post(&own, stored.text)
    }
    .with("Content-Type", "application/fhir+json");
    for (name, value) in [
        ("If-None-Match", "*"),
        ("If-Match", "W/\"01\""),
        ("If-Match", "W/\"+1\""),
        ("If-Match", "1"),
        ("If-Match", ""),
    ] {
        let heard = update.clone().with(name, value).send(w.practice()).await;
        assert_eq!(heard.status, 400, "{name}: {value}: {}", heard.text);
    }
    // A prescription, an agreement, a decision: who changes one says what was read.
    let decision = only(w.partner(), "/fhir/ClinicalImpression").await;
    let path = format!("/fhir/ClinicalImpression/{}", text(&decision["id"]));
    let change = Ask {
        method: "PUT",
        ..Ask::json(&path, &decision)
    }
    .with("Content-Type", "application/fhir+json");
    for unsaid in [change.clone(), change.clone().with("If-Match", "*")] {
        let heard = unsaid.send(w.partner()).await;
        assert_eq!(heard.status, 428, "{}", heard.text);
    }
    let stale = change
        .clone()
        .with("If-Match", "W/\"77\"")
        .send(w.partner())
        .await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    let entry = json!({ "resource": decision, "request": { "method": "PUT", "url": path.trim_start_matches("/fhir/") } });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    let answer = post(w.partner(), "/fhir", &bundle).await;
    assert_eq!(
        (answer.status, answer.expression().as_str()),
        (428, "Bundle.entry[0].request.ifMatch"),
        "{}",
        answer.text
    );
    let etag = format!("W/\"{}\"", text(&decision["meta"]["versionId"]));
    let heard = change.with("If-Match", &etag).send(w.partner()).await;
    assert_eq!(heard.status, 200, "{}", heard.text);
    let twice = update
        .with("If-Match", "W/\"1\"")
        .twice("If-Match", "W/\"1\"");
    assert_eq!(twice.send(w.practice()).await.status, 400);
    w.app.stop().await;
}

async fn preferences_of_a_write(db: Db) {
    let w = World::new(db).await;
    let send = async |preference: &str, path: &str, body: &Value| {
        let headers = [("Prefer", preference)];
        call(
            w.practice(),
            Method::POST,
            path,
            &headers,
            Some(body.to_string()),
        )
        .await
    };
    let message = w.message(&[]);
    let answer = send("return=minimal", "/fhir/Communication", &message).await;
    assert_eq!((answer.status, answer.text.as_str()), (201, ""));
    assert_eq!(answer.header("preference-applied"), "return=minimal");
    assert!(answer.header("location").contains("/fhir/Communication/"));
    let answer = send("return=OperationOutcome", "/fhir/Communication", &message).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.json()["issue"][0]["severity"], "information");
    let answer = send(
        "respond-async, return=representation",
        "/fhir/Communication",
        &message,
    )
    .await;
    assert_eq!(
        answer.json()["resourceType"],
        "Communication",
        "{}",
        answer.text
    );

    let entry =
        json!({ "resource": message, "request": { "method": "POST", "url": "Communication" } });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    for (preference, shown) in [("return=minimal", false), ("return=representation", true)] {
        let answer = send(preference, "/fhir", &bundle).await.expect(200);
        assert_eq!(
            answer["entry"][0]["resource"].is_object(),
            shown,
            "{answer}"
        );
        assert_eq!(answer["entry"][0]["response"]["status"], "201 Created");
    }
    for (preference, status) in [
        ("handling=strict", 400),
        ("Handling = \"STRICT\"", 400),
        ("handling=lenient", 200),
    ] {
        let headers = [("Prefer", preference)];
        let answer = call(
            w.practice(),
            Method::GET,
            "/fhir/Patient?colour=red",
            &headers,
            None,
        )
        .await;
        assert_eq!(answer.status, status, "{preference}: {}", answer.text);
    }
    w.app.stop().await;
}

/// A body that stops arriving is given up, and said to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_lags_is_given_up() {
    let app = TestApp::start(Db::Sqlite, &referred()).await;
    let host = app.base.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(host)
        .await
        .expect("connection");
    let token = &app.as_party(Party::Practice).token;
    let head = format!(
        "POST /fhir/Communication HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: 1000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.expect("head");
    let mut heard = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut heard));
    let n = read.await.expect("an answer in time").expect("an answer");
    let text = String::from_utf8_lossy(&heard[..n]).into_owned();
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    drop(stream);
    app.stop().await;
}
