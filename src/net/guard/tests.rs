use super::*;

/// URLs that are refused, each for its host or its form.
const BAD: &[&str] = &[
    // Forms.
    "",
    "/k",
    "ehr.example.org/k",
    "//ehr.example.org/k",
    "http://ehr.example.org/k",
    "ftp://ehr.example.org/k",
    "ws://ehr.example.org/k",
    "gopher://ehr.example.org/k",
    "file:///etc/passwd",
    "data:application/json,{}",
    "https://",
    "https://user@ehr.example.org/k",
    "https://user:pw@ehr.example.org/k",
    "https://:pw@ehr.example.org/k",
    "https://ehr.example.org@127.0.0.1/k",
    "https://ehr.example.org/k#f",
    "https://ehr.example.org./k",
    "https://ehr.example.org:99999/k",
    // This machine, in its spellings.
    "https://localhost/k",
    "https://LOCALHOST/k",
    "https://localhost./k",
    "https://a.localhost/k",
    "https://loc\u{ad}alhost/k",
    "https://127.0.0.1/k",
    "https://127.0.0.1./k",
    "https://127.1/k",
    "https://127.255.255.254/k",
    "https://0x7f.1/k",
    "https://0x7f000001/k",
    "https://0177.0.0.1/k",
    "https://2130706433/k",
    "https://%31%32%37.0.0.1/k",
    "https:127.0.0.1/k",
    "https:\\\\127.0.0.1/k",
    "https://127.0.0\t.1/k",
    "https://①②⑦.⓪.⓪.①/k",
    "https://127。0。0。1/k",
    "https://0/k",
    "https://0.0.0.0/k",
    "https://[::1]/k",
    "https://[::]/k",
    "https://[0:0:0:0:0:0:0:1]/k",
    // Private, shared and reserved networks.
    "https://0.1.2.3/k",
    "https://10.0.0.0/k",
    "https://10.255.255.255/k",
    "https://100.64.0.1/k",
    "https://100.127.255.255/k",
    "https://169.254.0.1/k",
    "https://172.16.0.1/k",
    "https://172.31.255.255/k",
    "https://192.0.0.8/k",
    "https://192.0.2.1/k",
    "https://192.88.99.1/k",
    "https://192.168.0.1/k",
    "https://198.18.0.1/k",
    "https://198.19.255.255/k",
    "https://198.51.100.1/k",
    "https://203.0.113.1/k",
    "https://224.0.0.1/k",
    "https://239.255.255.255/k",
    "https://240.0.0.1/k",
    "https://255.255.255.255/k",
    // Where clouds keep secrets.
    "https://169.254.169.254/latest/meta-data",
    "https://169.254.170.2/k",
    "https://100.100.100.200/k",
    "https://192.0.0.192/k",
    "https://168.63.129.16/k",
    "https://[fd00:ec2::254]/k",
    "https://[fe80::a9fe:a9fe]/k",
    // IPv6, and IPv4 within it.
    "https://[::ffff:127.0.0.1]/k",
    "https://[::ffff:7f00:1]/k",
    "https://[::ffff:10.0.0.1]/k",
    "https://[::ffff:169.254.169.254]/k",
    "https://[::ffff:0:127.0.0.1]/k",
    "https://[::127.0.0.1]/k",
    "https://[64:ff9b::127.0.0.1]/k",
    "https://[64:ff9b::a00:1]/k",
    "https://[64:ff9b:1::1]/k",
    "https://[100::1]/k",
    "https://[100:0:0:1::1]/k",
    "https://[2001::1]/k",
    "https://[2001:10::1]/k",
    "https://[2001:db8::1]/k",
    "https://[2002:a00:1::]/k",
    "https://[2002:7f00:1::]/k",
    "https://[3fff::1]/k",
    "https://[4000::1]/k",
    "https://[5f00::1]/k",
    "https://[fc00::1]/k",
    "https://[fd12:3456::1]/k",
    "https://[fe80::1]/k",
    "https://[fe80::1%25eth0]/k",
    "https://[febf::1]/k",
    "https://[fec0::1]/k",
    "https://[ff02::1]/k",
    "https://[ff0e::1]/k",
    // Endpoints of subscribers, as somebody who means harm would write them.
    "https://ehr.example.org:0443@127.0.0.1/k",
    "https://127.0.0.1#ehr.example.org",
    "https://127.0.0.1\\@ehr.example.org/k",
    "https://127.0.0.1?ehr.example.org",
    "https://127.0.0.1:443/k",
    "https://127.0.0.1:8443/k",
    "https://127.00.0.1/k",
    "https://0x7F.0x0.0x0.0x1/k",
    "https://017700000001/k",
    "https://0x7f.0.0.1/k",
    "https://127.0.1/k",
    "https://[::ffff:7f.0.0.1]/k",
    "https://[0:0:0:0:0:ffff:10.0.0.1]/k",
    "https://[::ffff:c0a8:1]/k",
    "https://[::ffff:a9fe:a9fe]/k",
    "https://[64:ff9b::a9fe:a9fe]/k",
    "https://[2002:a9fe:a9fe::]/k",
    "https://[fe80::1%eth0]/k",
    "https://172.20.10.5:8443/k",
    "https://192.168.1.254/admin",
    "https://10.96.0.1/api",
    "https://100.64.0.10/k",
    "https://3232235777/k",
    "https://0xc0a80101/k",
    "https://0300.0250.1.1/k",
    "https://2852039166/latest/meta-data",
    "https://0xa9fea9fe/latest/meta-data",
    "https://169.254.43518/latest/meta-data",
    "https://１９２.１６８.０.１/k",
    "https://ehr.example.org\r\nHost: x/k\u{0}",
    "https:///127.0.0.1/k",
    "HTTP://ehr.example.org/k",
    "mailto:a@ehr.example.org",
    "javascript:alert(1)",
    "unix:/var/run/docker.sock",
    "https://ehr example.org/k",
];

#[test]
fn there_are_enough_of_them() {
    assert!(BAD.len() >= 120, "{}", BAD.len());
}

#[test]
fn only_public_https_is_called() {
    for good in [
        "https://ehr.example.org/jwks.json",
        "https://ehr.example.org:8443/k?a=b",
        "https://bücher.example/k",
        "https://93.184.216.34/k",
        "https://9.255.255.255/k",
        "https://11.0.0.0/k",
        "https://100.63.255.255/k",
        "https://100.128.0.0/k",
        "https://172.15.255.255/k",
        "https://172.32.0.0/k",
        "https://168.63.129.17/k",
        "https://[2606:4700::1111]/k",
        "https://[2001:200::1]/k",
        "https://[::ffff:93.184.216.34]/k",
    ] {
        assert!(guard(good, PlainHttp::Never).is_ok(), "{good}");
    }
    for bad in BAD {
        assert!(guard(bad, PlainHttp::Never).is_err(), "{bad}");
    }
    let long = format!("https://ehr.example.org/{}", "a".repeat(2048));
    assert!(guard(&long, PlainHttp::Never).is_err());
}

#[test]
fn plain_http_stays_on_this_machine() {
    for good in [
        "http://127.0.0.1:9/k",
        "http://localhost:9/k",
        "http://[::1]:9/k",
        "https://ehr.example.org/k",
    ] {
        assert!(guard(good, PlainHttp::Loopback).is_ok(), "{good}");
    }
    let elsewhere = BAD.iter().filter(|url| {
        let host = Url::parse(url).ok();
        host.is_none_or(|url| !url.host().is_some_and(|host| place(&host).0))
    });
    for bad in elsewhere {
        assert!(guard(bad, PlainHttp::Loopback).is_err(), "{bad}");
    }
}
