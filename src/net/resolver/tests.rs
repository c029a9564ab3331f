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
