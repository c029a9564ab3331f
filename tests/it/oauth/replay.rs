//! Two replicas with connections of their own to one database, and a clock that runs.

use std::time::{Duration, Instant};

use super::*;

both!(
    one_of_a_thousand_wins,
    what_is_revoked_ends_everywhere_within_a_second
);

/// Posts of one assertion at once.
const POSTS: usize = 1000;

/// Replicas A and B, behind one public address: A's.
struct Pair {
    a: App,
    b: App,
    door: Door,
    b_base: String,
    running: [Running; 2],
    // Outlives the stores.
    _folder: tempdir::Folder,
}

impl Pair {
    async fn start(db: Db) -> Self {
        let folder = tempdir::Folder::new();
        let url = match db {
            Db::Sqlite => format!("sqlite:{}", folder.path().join("kap.db").display()),
            Db::Postgres => postgres_url(),
        };
        let options = Options {
            connections: 8,
            schema: (db == Db::Postgres).then(|| unique("oauth")),
            ..Options::default()
        };
        let open = async || Arc::new(Store::open(&url, options.clone()).await.expect("store"));
        let listen = async || {
            let any = "127.0.0.1:0".parse().expect("address");
            let listener = server::bind(any).await.expect("bind");
            let base = format!("http://{}", listener.local_addr().expect("address"));
            (listener, base)
        };
        let ((first, base), (second, b_base)) = (listen().await, listen().await);
        let clock = Clock::system();
        let app = async || {
            sealed(assemble(
                open().await,
                clock.clone(),
                "default",
                &base,
                None,
            ))
        };
        let (a, b) = (app().await, app().await);
        let door = Door::new(&a, &base).await;
        let running = [
            server::start(a.clone(), first, 2 * POSTS).expect("server"),
            server::start(b.clone(), second, 2 * POSTS).expect("server"),
        ];
        Self {
            a,
            b,
            door,
            b_base,
            running,
            _folder: folder,
        }
    }

    fn bases(&self) -> [&str; 2] {
        [&self.door.base, &self.b_base]
    }

    async fn token(&self, base: &str) -> Heard {
        let sent = self.door.scene(Base::Es).request(&json!({}));
        heard(self.door.post(&format!("{base}/auth/token"), &sent)).await
    }

    /// The status of a read.
    async fn read(&self, base: &str, token: &str) -> u16 {
        let request = self.door.http.get(format!("{base}/fhir/Patient"));
        heard(request.bearer_auth(token)).await.status
    }

    /// Reads at B again and again, so that it remembers the token, until a second after `since`; then once more.
    async fn a_second_after(&self, since: Instant, token: &str) -> u16 {
        while since.elapsed() < Duration::from_secs(1) {
            self.read(&self.b_base, token).await;
        }
        self.read(&self.b_base, token).await
    }

    async fn stop(self) {
        for running in self.running {
            running.stop().await;
        }
        self.a.store.close().await;
        self.b.store.close().await;
    }
}

fn access_token(heard: &Heard) -> String {
    let said = heard.json();
    said["access_token"].as_str().expect(&heard.text).to_owned()
}

async fn one_of_a_thousand_wins(db: Db) {
    let pair = Pair::start(db).await;
    let sent = pair.door.scene(Base::Es).request(&json!({}));
    let urls = pair.bases().map(|base| format!("{base}/auth/token"));
    // Asked by a thousand at once, it may say that it cannot answer now: who hears that asks again.
    let post = async |n: usize| loop {
        let answer = heard(pair.door.post(&urls[n % 2], &sent)).await;
        if answer.status != 503 {
            return answer;
        }
    };
    let posts = (0..POSTS).map(post);
    let (good, bad): (Vec<_>, Vec<_>) = join_all(posts)
        .await
        .into_iter()
        .partition(|h| h.status == 200);
    assert_eq!((good.len(), bad.len()), (1, POSTS - 1));
    for refused in bad {
        let said = refused.json();
        assert_eq!(
            (refused.status, &said["error"]),
            (401, &json!("invalid_client")),
            "{said}"
        );
        assert!(
            said["error_description"]
                .as_str()
                .is_some_and(|text| text.contains("jti"))
        );
    }
    let token = access_token(&good[0]);
    for base in pair.bases() {
        assert_eq!(pair.read(base, &token).await, 200);
    }
    pair.stop().await;
}

async fn what_is_revoked_ends_everywhere_within_a_second(db: Db) {
    let pair = Pair::start(db).await;
    let own = async || {
        let token = access_token(&pair.token(&pair.b_base).await);
        assert_eq!(pair.read(&pair.b_base, &token).await, 200);
        token
    };
    let (token, other) = (own().await, own().await);
    // Revoked at A by its client.
    let row = json!({ "form": { "token": token } });
    let revoke = pair.door.scene(Base::Rs).request(&row);
    let url = format!("{}/auth/revoke", pair.door.base);
    assert_eq!(heard(pair.door.post(&url, &revoke)).await.status, 200);
    let revoked = Instant::now();
    assert_eq!(pair.read(&pair.door.base, &token).await, 401);
    assert_eq!(pair.a_second_after(revoked, &token).await, 401);
    assert_eq!(pair.read(&pair.b_base, &other).await, 200);

    // The client is disabled at A: its tokens end, and B gives it no new one from then on.
    pair.a.auth.disable("ehr").await.expect("disabled");
    let disabled = Instant::now();
    assert_eq!(pair.token(&pair.b_base).await.status, 401);
    assert_eq!(pair.a_second_after(disabled, &other).await, 401);
    pair.a.auth.enable("ehr").await.expect("enabled");
    assert_eq!(
        pair.read(&pair.b_base, &other).await,
        401,
        "it stays revoked"
    );

    // The client gets other keys at A: the tokens of the old ones end, and B refuses the old ones from then on.
    let token = own().await;
    let keys = Keys::Set(Pairs::generate().public_set().to_string());
    pair.a.auth.rotate_keys("ehr", keys).await.expect("rotated");
    let rotated = Instant::now();
    assert_eq!(pair.token(&pair.b_base).await.status, 401);
    assert_eq!(pair.a_second_after(rotated, &token).await, 401);
    pair.stop().await;
}
