//! Audit completeness: whatever anybody asks for, allowed or not, leaves as many traces as there were requests.

use super::bench::{Bench, CLIENTS};
use super::dice::Dice;
use super::scene::Scene;
use super::worlds::ask::{Ask, Known};
use crate::app::Db;
use crate::both;

both!(every_request_of_every_role_leaves_a_trace);

const SEED: u64 = 1_996;
const REQUESTS: usize = 30;

async fn every_request_of_every_role_leaves_a_trace(db: Db) {
    let scene = Scene::new(db).await;
    let keys = scene.mould.names();
    let source = scene.service.app.recorder.source();
    let count = async |what: &str| {
        let sql =
            format!("SELECT COUNT(DISTINCT request) FROM audit WHERE source = '{source}'{what}");
        scene
            .bench
            .place
            .cell(&sql)
            .await
            .parse::<u64>()
            .expect("a number")
    };
    let (before, failed_before) = (count("").await, count(" AND outcome <> 0").await);
    let counted = scene.service.app.recorder.counted();
    let mut dice = Dice::new(SEED);
    let (mut asked, mut refused) = (0, 0);
    for client in CLIENTS {
        let caller = Bench::named(&scene.callers, client.name);
        let sql = format!(" AND client = '{}'", client.name);
        let own = count(&sql).await;
        let mut known = Known::new(keys.clone());
        for n in 0..REQUESTS {
            let answer = Ask::random(&mut dice, &known, n).send(caller, 0).await;
            assert!(
                answer.status < 500 || answer.status == 501,
                "{} {}",
                answer.status,
                answer.text
            );
            known.learn([&answer; 2], [&*caller.base; 2]);
            asked += 1;
            refused += u64::from(answer.status >= 400);
        }
        assert_eq!(count(&sql).await - own, REQUESTS as u64, "{}", client.name);
    }
    // The test's own count, the recorder's, and the rows that are there.
    assert_eq!(scene.service.app.recorder.counted() - counted, asked);
    assert_eq!(count("").await - before, asked);
    assert_eq!(count(" AND outcome <> 0").await - failed_before, refused);
    assert!(
        asked > 300 && refused > 100 && refused < asked - 100,
        "{refused} of {asked}"
    );
    scene.stop().await;
}
