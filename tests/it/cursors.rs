//! Every door that tells a list page by page: its cursor is sealed, of one client and one list, and good for minutes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kap_fhir::access::Role;
use kap_fhir::auth::cursor::CURSOR_MINUTES;
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use serde_json::Value;
use time::Duration;

use crate::app::Db;
use crate::both;
use crate::client::{log_in, register};
use crate::fhir_door::{get, text};
use crate::private_note::bed::Bed;
use crate::wire::Ask;

both!(a_cursor_is_sealed_and_of_its_list_its_client_and_its_time);

const SCOPE: &str = "system/*.cruds";

/// A list that has more than one page.
struct Door {
    /// Its first page, of one entry.
    path: String,
    /// The same list by other criteria.
    narrower: &'static str,
    /// Whose it is: the name of the client, and of another one like it.
    clients: [&'static str; 2],
}

impl Door {
    fn is_fhir(&self) -> bool {
        self.path.starts_with("/fhir/")
    }

    fn at(&self, cursor: &str) -> String {
        let name = if self.is_fhir() { "_cursor" } else { "cursor" };
        format!("{}&{name}={cursor}", self.path)
    }

    /// The cursor of the page after this one.
    fn next(&self, page: &Value) -> Option<String> {
        if !self.is_fhir() {
            return page["next"].as_str().map(str::to_owned);
        }
        let links = page["link"].as_array().into_iter().flatten();
        let mut next = links.filter(|link| link["relation"] == "next");
        let url = text(&next.next()?["url"]).to_owned();
        url.split_once("_cursor=").map(|(_, c)| c.to_owned())
    }
}

/// The clients of the test, registered: each can log in again when its token is too old.
struct Clients(Vec<(&'static str, PrivateKey)>);

impl Clients {
    async fn new(bed: &Bed) -> Self {
        let mut all = Vec::new();
        for (name, role) in [
            ("own", Role::PracticeTherapist),
            ("twin", Role::PracticeTherapist),
            ("officer", Role::PrivacyOfficer),
            ("second-officer", Role::PrivacyOfficer),
        ] {
            let auth = &bed.app.app.auth;
            let key = register(auth, name, &bed.practice(), role, SCOPE).await;
            all.push((name, key));
        }
        Self(all)
    }

    async fn caller(&self, bed: &Bed, name: &str) -> Caller {
        let key = self.0.iter().find(|(own, _)| *own == name);
        log_in(&bed.app, name, &key.expect("a client").1, SCOPE).await
    }
}

fn doors(bed: &Bed, patient: &str) -> Vec<Door> {
    let therapists = ["own", "twin"];
    let door = |path: String, narrower: &'static str, clients| Door {
        path,
        narrower,
        clients,
    };
    vec![
        door(
            "/fhir/EpisodeOfCare?_count=1&_sort=-_lastUpdated".into(),
            "&_lastUpdated=ge2020",
            therapists,
        ),
        door(
            "/fhir/EpisodeOfCare?_count=1".into(),
            "&_lastUpdated=ge2020",
            therapists,
        ),
        door(
            "/fhir/AuditEvent?date=ge2020&_count=1".into(),
            "&outcome=0",
            ["officer", "second-officer"],
        ),
        door(
            "/kap/v1/episodes?limit=1".into(),
            "&due=2030-01-01",
            therapists,
        ),
        door(
            "/kap/v1/worklist?limit=1".into(),
            "&due=2030-01-01",
            therapists,
        ),
        door(
            format!("{}&limit=1", bed.all()),
            "&kind=psychotherapy-note",
            therapists,
        ),
        door(
            format!("/kap/v1/patients/{patient}/disclosures?limit=1"),
            "&since=2020-01-01",
            therapists,
        ),
    ]
}

/// What an error of either API says: status, issue type or problem code, words.
async fn refused(caller: &Caller, path: &str) -> (u16, String, String) {
    let answer = get(caller, path).await;
    let body = answer.json();
    let issue = &body["issue"][0];
    if body["resourceType"] == "OperationOutcome" {
        let words = text(&issue["diagnostics"]).to_owned();
        return (answer.status, text(&issue["code"]).to_owned(), words);
    }
    let words = text(&body["detail"]).to_owned();
    (answer.status, text(&body["code"]).to_owned(), words)
}

/// Every id of the length of a UUID that a page names.
fn ids(page: &str) -> Vec<&str> {
    let parts = page.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
    parts.filter(|part| part.len() == 36).collect()
}

async fn a_cursor_is_sealed_and_of_its_list_its_client_and_its_time(db: Db) {
    let bed = Bed::new(db).await;
    let clients = Clients::new(&bed).await;
    let own = clients.caller(&bed, "own").await;
    let notes = format!("/kap/v1/episodes/{}/private-notes", bed.episode);
    for words in ["one", "two"] {
        let heard = Ask::json(&notes, &bed.note(words)).send(&own).await;
        assert_eq!(heard.status, 201, "{}", heard.text);
    }
    let patient = bed.played.names["pat-0001"].clone();
    let partner = bed.app.as_party(Party::Partner);
    for _ in 0..2 {
        get(partner, &format!("/fhir/Patient/{patient}"))
            .await
            .expect(200);
    }

    let doors = doors(&bed, &patient);
    let mut cursors = Vec::new();
    for door in &doors {
        let [name, twin] = door.clients;
        let (caller, twin) = (
            clients.caller(&bed, name).await,
            clients.caller(&bed, twin).await,
        );
        let first = get(&caller, &door.path).await;
        let page = first.text.clone();
        let cursor = door.next(&first.expect(200)).expect("another page");
        let second = get(&caller, &door.at(&cursor)).await;
        assert_eq!(second.status, 200, "{}: {}", door.path, second.text);
        assert_ne!(second.text, page, "{}", door.path);

        // It says nothing of the row.
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("base64url");
        let known = ids(&page);
        assert!(!known.is_empty(), "{page}");
        for id in known.iter().flat_map(|id| [&id[..8], &id[24..]]) {
            let shown = bytes.windows(id.len()).any(|w| w == id.as_bytes());
            assert!(!shown && !cursor.contains(id), "{}: {id}", door.path);
        }

        // No byte of it can be changed.
        let foreign = "none of this client and this list, or it was changed";
        let invalid = if door.is_fhir() { "value" } else { "invalid" };
        for at in [0, 3, 10, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(&changed);
            let (status, code, words) = refused(&caller, &door.at(&changed)).await;
            assert_eq!((status, code.as_str()), (400, invalid), "{}", door.path);
            assert!(words.contains(foreign), "{words}");
        }
        // It is neither another client's nor another list's.
        let other = format!("{}{}", door.at(&cursor), door.narrower);
        for (who, path) in [(&twin, door.at(&cursor)), (&caller, other)] {
            let (status, code, words) = refused(who, &path).await;
            assert_eq!((status, code.as_str()), (400, invalid), "{path}");
            assert!(words.contains(foreign), "{words}");
        }
        cursors.push(cursor);
    }
    for (n, door) in doors.iter().enumerate() {
        let caller = clients.caller(&bed, door.clients[0]).await;
        for (m, cursor) in cursors.iter().enumerate() {
            let status = get(&caller, &door.at(cursor)).await.status;
            let good = if n == m { 200 } else { 400 };
            assert_eq!(status, good, "{} at {}", doors[m].path, door.path);
        }
    }
    // A search by POST is the same search.
    let form = format!("_count=1&_cursor={}", cursors[1]);
    let post = Ask::post("/fhir/EpisodeOfCare/_search", form)
        .with("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(post.send(&own).await.status, 200);

    let clock = &bed.app.app.clock;
    clock.advance(Duration::minutes(CURSOR_MINUTES) + Duration::milliseconds(1));
    for (door, cursor) in doors.iter().zip(&cursors) {
        let caller = clients.caller(&bed, door.clients[0]).await;
        let (status, code, words) = refused(&caller, &door.at(cursor)).await;
        let expected = if door.is_fhir() {
            "processing"
        } else {
            "cursor-expired"
        };
        assert_eq!((status, code.as_str()), (410, expected), "{}", door.path);
        assert!(words.contains("good for 10 minutes"), "{words}");
        // Whose it is not, is told nothing of its age; the list begins anew.
        let twin = clients.caller(&bed, door.clients[1]).await;
        assert_eq!(refused(&twin, &door.at(cursor)).await.0, 400);
        get(&caller, &door.path).await.expect(200);
    }
    bed.end().await;
}
