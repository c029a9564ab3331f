//! What the record tells of private notes (nothing), and what a list does.

use serde_json::json;

use super::bare;
use super::bed::Bed;
use super::file::list;
use crate::app::Db;
use crate::both;
use crate::wire::Ask;

both!(
    the_record_does_not_tell_of_a_note,
    notes_are_listed_by_page_and_filter
);

async fn the_record_does_not_tell_of_a_note(db: Db) {
    let bed = Bed::new(db).await;
    let paths = [
        format!("/kap/v1/episodes/{}", bed.episode),
        format!("/kap/v1/episodes/{}/timeline", bed.episode),
        format!("/kap/v1/episodes/{}/$export-episode", bed.episode),
        "/kap/v1/episodes".to_owned(),
        "/fhir/Provenance?_total=accurate&_count=200".to_owned(),
        format!("/fhir/EpisodeOfCare/{}", bed.episode),
    ];
    let look = async || {
        let mut seen = vec![];
        for path in &paths {
            let heard = Ask::get(path).send(bed.own()).await;
            assert_eq!(heard.status, 200, "{path}: {}", heard.text);
            seen.push((path.clone(), heard.header("etag").to_owned(), heard.text));
        }
        seen
    };
    let before = look().await;
    let note = bed.stored(&bed.note("said in confidence")).await;
    let amend = Ask {
        method: "PUT",
        ..Ask::json(bare(&bed.one(&note)), &bed.note("more"))
    };
    assert_eq!(amend.send(bed.own()).await.status, 200);
    assert_eq!(look().await, before);
    bed.end().await;
}

async fn notes_are_listed_by_page_and_filter(db: Db) {
    let bed = Bed::new(db).await;
    for n in 0..7 {
        let mut note = bed.note(&format!("note {n}"));
        if n % 2 == 0 {
            note["sessionId"] = json!(bed.session);
        }
        if n > 4 {
            note["kind"] = json!("imagery");
        }
        bed.stored(&note).await;
        bed.app.app.clock.advance(time::Duration::seconds(1));
    }
    let all = bed.heads("").await;
    assert_eq!(all.len(), 7);
    let times: Vec<_> = all.iter().map(|h| h["createdAt"].as_str()).collect();
    assert!(
        times.is_sorted_by(|a, b| a > b),
        "the newest first: {times:?}"
    );
    assert!(
        all.iter().all(|h| h.get("text").is_none()),
        "a list has no words"
    );
    assert_eq!(bed.heads("&kind=imagery").await.len(), 2);
    assert_eq!(
        bed.heads(&format!("&sessionId={}", bed.session))
            .await
            .len(),
        4
    );
    assert_eq!(
        bed.heads(&format!("&kind=imagery&sessionId={}", bed.session))
            .await
            .len(),
        1
    );
    let (mut pages, mut next) = (vec![], Some(String::new()));
    while let Some(cursor) = next {
        let page = Ask::get(format!("{}&limit=3{cursor}", bed.all()))
            .send(bed.own())
            .await;
        assert_eq!(page.status, 200, "{}", page.text);
        let page = page.json();
        pages.extend(list(&page["items"]).cloned());
        next = page["next"].as_str().map(|c| format!("&cursor={c}"));
    }
    assert_eq!(pages, all);
    for wrong in [
        "&limit=0",
        "&limit=201",
        "&kind=diary",
        "&cursor=x",
        "&more=1",
    ] {
        let heard = Ask::get(format!("{}{wrong}", bed.all()))
            .send(bed.own())
            .await;
        assert_eq!(heard.status, 400, "{wrong}: {}", heard.text);
    }
    let nobody = Ask::get(bare(&bed.all())).send(bed.own()).await;
    assert_eq!(nobody.status, 400, "for whom? {}", nobody.text);
    bed.end().await;
}
