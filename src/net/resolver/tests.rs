use super::*;

async fn found(name: &str, addresses: &'static [&'static str], plain: PlainHttp) -> Option<usize> {
    let parse = |text: &&str| text.parse().expect("address");
    let lookup = Lookup::told(move |_| addresses.iter().map(parse).collect());
    let name = name.parse().expect("name");
    let answer = Filtered::new(plain, lookup).resolve(name).await;
    answer.ok().map(Iterator::count)
}

#[tokio::test]
async fn a_name_leads_to_public_addresses_or_nowhere() {
    let never = PlainHttp::Never;
    let public: &[&str] = &["93.184.216.34", "2606:4700::1111"];
    assert_eq!(found("ehr.example.org", public, never).await, Some(2));
    for bad in [
        &[][..],
        &["127.0.0.1"],
        &["::1"],
        &["0.0.0.0"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["10.0.0.1"],
        &["100.64.0.1"],
        &["169.254.169.254"],
        &["168.63.129.16"],
        &["fd00:ec2::254"],
        &["fe80::1"],
        &["224.0.0.1"],
        // A mixed answer is refused as a whole.
        &["93.184.216.34", "127.0.0.1"],
        &["2606:4700::1111", "fd00::1"],
    ] {
        assert_eq!(found("ehr.example.org", bad, never).await, None, "{bad:?}");
    }
}

#[tokio::test]
async fn this_machine_is_reached_by_its_own_name_alone() {
    let demo = PlainHttp::Loopback;
    assert_eq!(
        found("localhost", &["127.0.0.1", "::1"], demo).await,
        Some(2)
    );
    assert_eq!(found("localhost", &["93.184.216.34"], demo).await, None);
    assert_eq!(found("ehr.example.org", &["127.0.0.1"], demo).await, None);
    assert_eq!(
        found("localhost", &["127.0.0.1"], PlainHttp::Never).await,
        None
    );
}

/// A name that leads to a public address when it is judged first, and to this machine from then on.
#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    let here = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let here = here.expect("a listener");
    let port = here.local_addr().expect("address").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let lookup = Lookup::told(move |_| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let address = if first { "93.184.216.34" } else { "127.0.0.1" };
        vec![address.parse().expect("address")]
    });
    let http = super::super::client(PlainHttp::Never, lookup).expect("a client");
    let url = format!("http://ehr.example.org:{port}/hook");
    for _ in 0..3 {
        let call = http.get(&url).timeout(Duration::from_millis(300)).send();
        assert!(call.await.is_err());
    }
    assert!(asked.load(Ordering::SeqCst) >= 2, "it was asked for again");
    let came = tokio::time::timeout(Duration::from_millis(50), here.accept()).await;
    assert!(came.is_err(), "somebody called this machine");
}
