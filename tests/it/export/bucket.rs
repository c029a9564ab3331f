//! Exports that lie in a bucket: the same as on disk, whatever the store does meanwhile, and nothing stays behind.

use std::io::Read as _;

use kap_fhir::cli::assemble;
use kap_fhir::delivery::files::Files;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::interaction::job::{remove_orphans, set_clock};
use kap_fhir::server;
use reqwest::Method;
use serde_json::{Value, json};

use super::store::{BUCKET, ID, SECRET, Shop};
use super::{done, kick_off, place, searched, taken};
use crate::app::{Db, TestApp, sample, store};
use crate::both;
use crate::crash::{Place, practice};
use crate::fhir_door::{FIRST, call, get, post, text};
use crate::program::free_address;

both!(
    an_export_lies_in_a_bucket,
    a_part_of_a_file_can_be_taken,
    a_store_may_be_away_for_a_while,
    what_was_left_behind_is_removed,
    replicas_share_a_bucket,
    the_program_is_told_of_a_bucket,
    a_lease_is_by_the_clock_that_all_share,
);

/// A service with a played episode that keeps its exports in this store.
async fn service(db: Db, shop: &Shop) -> TestApp {
    let (episode, _) = sample(FIRST);
    let (store, at) = store(db).await;
    let files = Files::of_bucket(shop.place(2048)).expect("a bucket");
    let app = TestApp::keeping(store, &episode, files).await.at(at);
    app.play(&episode).await;
    app
}

fn files_of(manifest: &Value) -> Vec<&Value> {
    manifest["output"]
        .as_array()
        .into_iter()
        .flatten()
        .collect()
}

/// The path of the first file that has more than one part.
fn large(caller: &Caller, manifest: &Value) -> String {
    let files = files_of(manifest);
    let file = files.iter().find(|f| f["type"] == "Observation");
    let file = file.expect("Observations");
    text(&file["url"]).replace(&caller.base, "")
}

async fn an_export_lies_in_a_bucket(db: Db) {
    let shop = Shop::open().await;
    let app = service(db, &shop).await;
    let caller = app.as_party(Party::Practice);
    // Some refusals on the way change nothing.
    shop.fail(3);
    let begun = kick_off(caller, "/fhir/$export").await;
    let state = place(caller, &begun);
    let manifest = done(caller, &state).await;
    let mut told = taken(caller, &manifest).await;
    told.retain(|key, _| !key.starts_with("Endpoint/"));
    assert_eq!(told, searched(caller).await);
    // A file and what stands beside it, for each; nothing half done.
    let job = state.rsplit('/').next().expect("an id");
    let mut expected: Vec<String> = files_of(&manifest)
        .iter()
        .map(|f| text(&f["url"]).rsplit('/').next().expect("a name"))
        .flat_map(|name| [name.to_owned(), format!("{name}.index")])
        .map(|name| format!("kap/{job}/{name}"))
        .collect();
    expected.sort();
    assert_eq!(shop.keys(), expected);
    assert_eq!(shop.unfinished(), 0);
    assert!(shop.most_parts() > 3, "{}", shop.most_parts());
    assert_eq!(shop.complaints(), Vec::<String>::new());
    // Cancelled, it is gone.
    let cancelled = call(caller, Method::DELETE, &state, &[], None).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    assert_eq!(shop.keys(), Vec::<String>::new());
    app.stop().await;
}

async fn bytes(caller: &Caller, path: &str, headers: &[(&str, &str)]) -> (u16, Vec<u8>, String) {
    let url = format!("{}{path}", caller.base);
    let mut request = caller.http.get(url).bearer_auth(&caller.token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("answer");
    let status = response.status().as_u16();
    let said = |name: &str| {
        let value = response.headers().get(name);
        value.map_or("-", |v| v.to_str().expect("text")).to_owned()
    };
    let named = [
        "content-range",
        "content-encoding",
        "content-length",
        "vary",
    ];
    let said = named.map(said).join(" ");
    (
        status,
        response.bytes().await.expect("bytes").to_vec(),
        said,
    )
}

async fn ranges(caller: &Caller) {
    let begun = kick_off(caller, "/fhir/$export?_type=Observation").await;
    let manifest = done(caller, &place(caller, &begun)).await;
    let path = large(caller, &manifest);
    let (status, whole, said) = bytes(caller, &path, &[]).await;
    let n = whole.len();
    assert!(n > 5000, "{n}");
    assert_eq!(said, format!("- - {n} accept-encoding"));
    assert_eq!(status, 200);
    for (range, expected) in [
        ("bytes=0-0", Some(0..1)),
        ("bytes=2000-4999", Some(2000..5000)),
        ("bytes=5000-", Some(5000..n)),
        ("bytes=-10", Some(n - 10..n)),
        ("bytes=0-9999999999", Some(0..n)),
        ("bytes=0-1,5-6", None),
        ("bytes=x", None),
    ] {
        // What is packed has no parts.
        let headers = [("Range", range), ("Accept-Encoding", "gzip")];
        let headers = &headers[..if expected.is_some() { 2 } else { 1 }];
        let (status, part, said) = bytes(caller, &path, headers).await;
        let Some(expected) = expected else {
            assert_eq!((status, &part), (200, &whole), "{range}");
            continue;
        };
        assert_eq!((status, &*part), (206, &whole[expected.clone()]), "{range}");
        let (first, last) = (expected.start, expected.end - 1);
        let words = format!("bytes {first}-{last}/{n} - {} accept-encoding", part.len());
        assert_eq!(said, words, "{range}");
    }
    let outside = call(
        caller,
        Method::GET,
        &path,
        &[("Range", "bytes=99999999-")],
        None,
    )
    .await;
    assert_eq!(outside.status, 416, "{}", outside.text);
    assert_eq!(outside.json()["resourceType"], "OperationOutcome");
    let under = [("Range", "bytes=0-0"), ("If-Range", "\"x\"")];
    assert_eq!(bytes(caller, &path, &under).await.0, 200);
    // The whole of it packed.
    let packing = [("Accept-Encoding", "br, gzip;q=0.8")];
    let (status, packed, said) = bytes(caller, &path, &packing).await;
    assert_eq!((status, &*said), (200, "- gzip - accept-encoding"));
    assert!(packed.len() < n / 4, "{} of {n}", packed.len());
    let mut unpacked = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(&*packed);
    decoder.read_to_end(&mut unpacked).expect("gzip");
    assert!(unpacked == whole, "what was packed is what was there");
    let not = [("Accept-Encoding", "gzip;q=0, br")];
    assert_eq!(bytes(caller, &path, &not).await.1, whole);
}

async fn a_part_of_a_file_can_be_taken(db: Db) {
    let shop = Shop::open().await;
    let app = service(db, &shop).await;
    ranges(app.as_party(Party::Practice)).await;
    assert_eq!(shop.complaints(), Vec::<String>::new());
    app.stop().await;
    // On disk it is the same.
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    ranges(app.as_party(Party::Practice)).await;
    let root = app.app.exports.files().and_then(Files::root);
    let _ = std::fs::remove_dir_all(root.expect("a folder"));
    app.stop().await;
}

async fn a_store_may_be_away_for_a_while(db: Db) {
    let shop = Shop::open().await;
    let app = service(db, &shop).await;
    let caller = app.as_party(Party::Practice);
    shop.fail(usize::MAX);
    let begun = kick_off(caller, "/fhir/$export?_type=Observation,Patient").await;
    let state = place(caller, &begun);
    // The work was tried and given back.
    let job = state.rsplit('/').next().expect("an id");
    let tried =
        format!("SELECT COUNT(*) FROM job WHERE id = '{job}' AND attempt > 0 AND lease_until = 0");
    while app.place().cell(&tried).await != "1" {
        tokio::task::yield_now().await;
    }
    let answer = get(caller, &state).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    shop.fail(0);
    app.app.clock.advance(time::Duration::seconds(40));
    let manifest = done(caller, &state).await;
    let path = large(caller, &manifest);
    assert_eq!(get(caller, &path).await.status, 200);
    // Who takes a file meanwhile is told to come again; nothing of the store or its keys is told.
    for silent in [true, false] {
        shop.hush(silent);
        shop.fail(if silent { 0 } else { usize::MAX });
        let answer = get(caller, &path).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert_eq!(answer.json()["resourceType"], "OperationOutcome");
        assert!(!answer.header("retry-after").is_empty());
        for word in [ID, SECRET, &shop.url(), BUCKET] {
            assert!(!answer.text.contains(word), "{}", answer.text);
        }
    }
    shop.fail(0);
    assert_eq!(get(caller, &path).await.status, 200);
    app.stop().await;
    // With other keys nothing is to be had, and what the store says of them is in no error.
    let mut other = shop.place(2048);
    other.keys = Some((ID.to_owned().into(), "another secret".to_owned().into()));
    let files = Files::of_bucket(other).expect("a bucket");
    let error = files.reach().await.expect_err("refused");
    let said = format!("{error:?}");
    assert!(said.contains("403"), "{said}");
    assert!(
        !said.contains(ID) && !said.contains("another secret"),
        "{said}"
    );
    assert_eq!(shop.complaints(), ["the signature is another"]);
}

/// Half a file of more than one part, as a worker leaves it that is killed.
async fn half(files: &Files, folder: &str) {
    let mut writer = files
        .create(folder, "Patient-9-9.ndjson")
        .await
        .expect("it");
    writer.write(&[b'x'; 10_000]).await.expect("written");
}

async fn what_was_left_behind_is_removed(db: Db) {
    let shop = Shop::open().await;
    let app = service(db, &shop).await;
    let files = app.app.exports.files().expect("a bucket");
    let caller = app.as_party(Party::Practice);
    let begun = kick_off(caller, "/fhir/$export?_type=Patient").await;
    let state = place(caller, &begun);
    done(caller, &state).await;
    let kept = shop.keys();
    // Of a job that there is: it goes with that.
    let job = state.rsplit('/').next().expect("an id");
    half(files, job).await;
    assert_eq!((shop.unfinished(), shop.keys().len()), (1, kept.len() + 1));
    let names: Vec<String> = kept
        .iter()
        .map(|key| key.rsplit('/').next().expect("a name").to_owned())
        .collect();
    files.keep_only(job, &names).await.expect("tidied");
    assert_eq!((shop.unfinished(), shop.keys()), (0, kept.clone()));
    half(files, job).await;
    let cancelled = call(caller, Method::DELETE, &state, &[], None).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    assert_eq!((shop.unfinished(), shop.keys().len()), (0, 0));
    // Of a job that nobody knows of: it goes when it is older than any export.
    half(files, "nobodys").await;
    remove_orphans(&app.app).await.expect("looked");
    assert_eq!(shop.unfinished(), 1, "it may be another service's");
    app.app.clock.advance(time::Duration::hours(26));
    remove_orphans(&app.app).await.expect("looked");
    assert_eq!((shop.unfinished(), shop.keys().len()), (0, 0));
    app.stop().await;
}

async fn replicas_share_a_bucket(db: Db) {
    let shop = Shop::open().await;
    let app = service(db, &shop).await;
    let here = app.as_party(Party::Practice);
    let second = app.place().open().await;
    let listener = server::bind("127.0.0.1:0".parse().expect("address")).await;
    let listener = listener.expect("bound");
    let address = listener.local_addr().expect("address");
    let key = crate::replicas::key_of(&app);
    let clock = app.app.clock.clone();
    let other = assemble(second.clone(), clock, "default", &app.base, None);
    let other = other.expect("app").sealed_with(key);
    other
        .exports
        .keep_in(Files::of_bucket(shop.place(2048)).expect("a bucket"));
    let running = server::start(other, listener, 64).expect("server");
    let there = Caller {
        base: format!("http://{address}"),
        ..here.clone()
    };
    // Whoever made it, both tell of it and give it.
    let begun = kick_off(here, "/fhir/$export?_type=Observation").await;
    let state = place(here, &begun);
    let manifest = done(here, &state).await;
    let path = large(here, &manifest);
    let (first, second_) = (get(here, &path).await, get(&there, &path).await);
    assert_eq!(
        (first.status, second_.status),
        (200, 200),
        "{}",
        second_.text
    );
    assert_eq!(first.text, second_.text);
    // Either removes it for both.
    let cancelled = call(&there, Method::DELETE, &state, &[], None).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    assert_eq!(get(here, &path).await.status, 404);
    assert_eq!(shop.keys(), Vec::<String>::new());
    running.stop().await;
    second.close().await;
    app.stop_in_the_dark().await;
}

/// So many requests of the program are answered before it is killed: it looks for the store once, and each file is two.
const ANSWERED: usize = 8;

async fn the_program_is_told_of_a_bucket(db: Db) {
    let shop = Shop::open().await;
    let address = free_address();
    let base = format!("http://{address}");
    let (place_of, accounts) = Place::new(db, &base).await;
    let (url, bucket) = (shop.url(), format!("s3://{BUCKET}/kap"));
    let words = [
        "--exports",
        &*bucket,
        "--s3-endpoint",
        &*url,
        "--s3-region",
        "eu-test-1",
        "--s3-access-key",
        ID,
        "--s3-secret-key",
        SECRET,
        "--export-file-size",
        "1",
    ];
    let program = place_of.program_with(&address, &words).await;
    let caller = practice(&base, &accounts).await;
    for n in 0..30 {
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": format!("Family{n}") }],
            "identifier": [{ "system": "https://numbers.example.org", "value": n.to_string() }],
            "birthDate": "1984-03-12", "gender": "female" });
        post(&caller, "/fhir/Patient", &patient).await.expect(201);
    }
    shop.hush_after(ANSWERED);
    let begun = kick_off(&caller, "/fhir/$export?_type=Patient").await;
    let state = place(&caller, &begun);
    // It is killed while it waits for the store, with a file that nobody noted.
    while shop.requests() <= ANSWERED {
        tokio::task::yield_now().await;
    }
    program.kill();
    shop.hush(false);
    let job = state.rsplit('/').next().expect("an id");
    half(&Files::of_bucket(shop.place(2048)).expect("a bucket"), job).await;
    let program = place_of.program_with(&address, &words).await;
    let caller = practice(&base, &accounts).await;
    let manifest = done(&caller, &state).await;
    assert_eq!(taken(&caller, &manifest).await.len(), 30);
    assert_eq!((shop.keys().len(), shop.unfinished()), (60, 0));
    assert_eq!(shop.complaints(), Vec::<String>::new());
    program.kill();
}

async fn a_lease_is_by_the_clock_that_all_share(db: Db) {
    let shop = Shop::open().await;
    let app = service(db, &shop).await;
    let caller = app.as_party(Party::Practice);
    shop.hush(true);
    // The test's own clock stood still while the server's went on.
    set_clock(&app.app).await.expect("compared");
    let begun = kick_off(caller, "/fhir/$export?_type=Patient").await;
    place(caller, &begun);
    let leased = "SELECT COALESCE(MAX(lease_until), 0) FROM job WHERE fence > 0";
    let until: i64 = loop {
        match app.place().cell(leased).await.parse() {
            Ok(0) | Err(_) => tokio::task::yield_now().await,
            Ok(until) => break until,
        }
    };
    let now = match app.app.store.time().await.expect("a clock") {
        Some(time) => time,
        None => app.app.clock.millis(),
    };
    assert_eq!(db == Db::Postgres, now != app.app.clock.millis());
    // So long it may take to look; the two clocks of the test are days apart.
    let near = now - 60_000..now + 31_000;
    assert!(near.contains(&until), "{until} at {now}");
    shop.hush(false);
    app.stop().await;
}
