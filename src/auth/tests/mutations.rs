//! Each way to bend a token request, and the answer that it must meet (`tests/oauth/mutations.json`).

use super::bend::{self, Base, NOT_PROVED, Pairs, Scene, applies};
use super::*;

static PAIRS: LazyLock<Pairs> = LazyLock::new(Pairs::generate);

fn scene(base: Base) -> Scene<'static> {
    Scene {
        pairs: &PAIRS,
        base,
        stranger: false,
        client: "ehr",
        token_url: TOKEN_URL,
        issuer: ISSUER,
        fhir: FHIR,
        now: NOW,
    }
}

/// An authorization server with the client whose requests are bent.
async fn bed() -> Bed {
    let bed = Bed::new().await;
    let keys = Keys::Set(PAIRS.public_set().to_string());
    bed.auth.rotate_keys("ehr", keys).await.expect("rotated");
    bed
}

async fn send(bed: &Bed, scene: Scene<'_>, row: &Value) -> Result<TokenAnswer, OAuthError> {
    let sent = scene.request(row);
    let (media, authorization) = (sent.content_type, sent.authorization);
    let (media, trail) = (media.as_deref(), trail());
    let asked = bed
        .auth
        .token(media, authorization.as_deref(), &sent.body, &trail);
    asked.await
}

async fn refused(bed: &Bed, scene: Scene<'_>, row: &Value) -> OAuthError {
    let name = format!("{} {:?}", row["name"], scene.base);
    let refused = send(bed, scene, row).await.expect_err(&name);
    // RFC 6749 §5.2: printable ASCII without quotation marks and backslashes.
    let legal = |b: u8| (b' '..=b'~').contains(&b) && !b"\"\\".contains(&b);
    let text = &refused.error_description;
    assert!(text.bytes().all(legal), "{name}: {refused}");
    refused
}

#[test]
fn the_table_is_long_enough() {
    let names: std::collections::BTreeSet<_> = bend::bad_rows()
        .iter()
        .map(|row| row["name"].to_string())
        .collect();
    assert!(names.len() >= 150 && names.len() == bend::bad_rows().len());
}

#[tokio::test]
async fn every_bent_request_meets_its_error_with_either_algorithm() {
    let bed = bed().await;
    for base in [Base::Es, Base::Rs] {
        for row in bend::bad_rows()
            .iter()
            .filter(|row| applies(row, base, false))
        {
            let refused = refused(&bed, scene(base), row).await;
            let found = json!([refused.status, refused.error]);
            assert_eq!(
                found,
                json!([row["status"], row["error"]]),
                "{row}: {refused}"
            );
            let (text, says) = (&refused.error_description, row["says"].as_str());
            assert!(text.contains(says.expect("text")), "{row}: {refused}");
            let hidden = row["seen"] == "hidden";
            assert_eq!(text == NOT_PROVED, hidden, "{row}: {refused}");
        }
        assert!(
            send(&bed, scene(base), &json!({})).await.is_ok(),
            "{base:?}"
        );
    }
}

/// What depends on a client is told to those alone who have its key: to all others each request looks the same, whether
/// there is such a client or not.
#[tokio::test]
async fn who_has_not_the_key_learns_nothing_of_a_client() {
    let bed = bed().await;
    for base in [Base::Es, Base::Rs] {
        let own = scene(base);
        let unknown = Scene {
            client: "nobody",
            ..own
        };
        let stranger = Scene {
            stranger: true,
            ..own
        };
        for row in &bend::bad_rows() {
            let mut answers = vec![];
            for scene in [unknown, stranger] {
                if applies(row, base, scene.stranger) {
                    answers.push(refused(&bed, scene, row).await);
                }
            }
            for answer in answers {
                if row["seen"] == "always" {
                    let own = refused(&bed, own, row).await;
                    assert_eq!(
                        (answer.status, answer.body()),
                        (own.status, own.body()),
                        "{row}"
                    );
                } else {
                    let found = (answer.status, answer.error, &*answer.error_description);
                    assert_eq!(found, (401, "invalid_client", NOT_PROVED), "{row}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_at_the_edge_of_a_rule_is_good() {
    let bed = bed().await;
    for base in [Base::Es, Base::Rs] {
        for row in bend::rows("good") {
            let answer = send(&bed, scene(base), &row).await;
            assert!(answer.is_ok(), "{row} {base:?}: {answer:?}");
        }
    }
}
