use super::*;

#[test]
fn a_bucket_has_a_name_and_perhaps_a_prefix() {
    let of = |url: &str| Place::of(url, "here").map(|place| (place.bucket, place.prefix));
    let pair = |bucket: &str, prefix: &str| (bucket.to_owned(), prefix.to_owned());
    assert_eq!(of("s3://data").expect("a bucket"), pair("data", ""));
    assert_eq!(of("s3://data/").expect("a bucket"), pair("data", ""));
    assert_eq!(of("s3://data/a/b/").expect("it"), pair("data", "a/b"));
    for wrong in [
        "data",
        "s3:/data",
        "s3://",
        "s3://a b/x",
        "s3://data/a//b",
        "https://data",
    ] {
        assert!(of(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn clinical_data_leave_over_https() {
    for (url, fits) in [
        ("https://s3.example.org", true),
        ("https://10.0.0.7:9000", true),
        ("http://127.0.0.1:9000", true),
        ("http://localhost:9000", true),
        ("http://s3.example.org", false),
        ("http://10.0.0.7:9000", false),
        ("https://key:word@s3.example.org", false),
        ("https://s3.example.org?x=1", false),
        ("s3.example.org", false),
        ("ftp://s3.example.org", false),
    ] {
        assert_eq!(of_store(url).is_ok(), fits, "{url}");
    }
}

#[test]
fn no_log_shows_a_secret() {
    let mut place = Place::of("s3://data", "here").expect("a bucket");
    let word = |word: &str| Secret::from(word.to_owned());
    place.keys = Some((word("the id"), word("the key")));
    place.session = Some(word("the token"));
    let bucket = Bucket::at(place.clone()).expect("a bucket");
    let said = format!("{place:?} {bucket:?}");
    assert!(
        !said.contains("the key") && !said.contains("the token"),
        "{said}"
    );
}
