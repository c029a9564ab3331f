//! Which URLs of others this service will call: the first fence against being made to call its own network.
//!
//! Names are not resolved here; an address that a name leads to is not checked yet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Longest URL that is called.
const MAX_BYTES: usize = 2048;

/// Whether plain HTTP is ever good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// HTTPS only.
    #[default]
    Never,
    /// Plain HTTP to this machine, for a demonstration.
    Loopback,
}

/// Checks a URL before it is registered and before each call.
pub(super) fn guard(text: &str, plain: PlainHttp) -> Result<Url, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("The URL is longer than 2048 bytes.");
    }
    let url = Url::parse(text).map_err(|_| "The URL is not absolute.")?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("The URL must have no user, password or fragment.");
    }
    // Judged after parsing: `0x7f.1` and `127.1` are other spellings of 127.0.0.1.
    let host = url.host().ok_or("The URL must have a host.")?;
    let here = is_here(&host);
    match (url.scheme(), plain) {
        ("https", PlainHttp::Never) if !here && is_public(&host) => Ok(url),
        ("https", PlainHttp::Loopback) if here || is_public(&host) => Ok(url),
        ("http", PlainHttp::Loopback) if here => Ok(url),
        ("https", _) => Err("The URL must not name a private, local or reserved address."),
        _ => Err("The URL must be https."),
    }
}

fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.to_canonical().is_loopback(),
    }
}

fn is_public(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(_) => true,
        Host::Ipv4(ip) => public_v4(*ip),
        Host::Ipv6(ip) => match ip.to_canonical() {
            IpAddr::V4(ip) => public_v4(ip),
            IpAddr::V6(ip) => public_v6(ip),
        },
    }
}

/// Whether the address is outside of every network that IANA reserves
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>).
fn public_v4(ip: Ipv4Addr) -> bool {
    const RESERVED: [([u8; 4], u32); 15] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 4),
        ([240, 0, 0, 0], 4),
    ];
    let bits = ip.to_bits();
    let within = |(net, len): &([u8; 4], u32)| {
        let mask = u32::MAX << (32 - len);
        bits & mask == u32::from_be_bytes(*net)
    };
    !RESERVED.iter().any(within)
}

/// As [`public_v4`] (<https://www.iana.org/assignments/iana-ipv6-special-registry>).
fn public_v6(ip: Ipv6Addr) -> bool {
    const RESERVED: [(u128, u32); 13] = [
        (0, 96),
        (0x0064_ff9b << 96, 96),
        (0x0064_ff9b_0001 << 80, 48),
        (0x0100 << 112, 64),
        (0x2001 << 112, 23),
        (0x2001_0db8 << 96, 32),
        (0x2002 << 112, 16),
        (0x3fff << 112, 20),
        (0x5f00 << 112, 16),
        (0xfc00 << 112, 7),
        (0xfe80 << 112, 10),
        (0xfec0 << 112, 10),
        (0xff00 << 112, 8),
    ];
    let bits = ip.to_bits();
    !RESERVED
        .iter()
        .any(|(net, len)| bits & (u128::MAX << (128 - len)) == *net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_https_is_called() {
        for good in [
            "https://ehr.example.org/jwks.json",
            "https://ehr.example.org:8443/k?a=b",
            "https://93.184.216.34/k",
        ] {
            assert!(guard(good, PlainHttp::Never).is_ok(), "{good}");
        }
        for bad in [
            "http://ehr.example.org/k",
            "ftp://ehr.example.org/k",
            "file:///etc/passwd",
            "/k",
            "",
            "https://user@ehr.example.org/k",
            "https://:pw@ehr.example.org/k",
            "https://ehr.example.org/k#f",
            "https://127.0.0.1/k",
            "https://127.1/k",
            "https://0x7f.1/k",
            "https://2130706433/k",
            "https://0/k",
            "https://10.1.2.3/k",
            "https://172.31.0.1/k",
            "https://192.168.0.1/k",
            "https://169.254.169.254/k",
            "https://100.64.0.1/k",
            "https://198.19.0.1/k",
            "https://224.0.0.1/k",
            "https://255.255.255.255/k",
            "https://[::1]/k",
            "https://[::]/k",
            "https://[::ffff:127.0.0.1]/k",
            "https://[::ffff:10.0.0.1]/k",
            "https://[fe80::1]/k",
            "https://[fd00::1]/k",
            "https://[64:ff9b::a00:1]/k",
            "https://[2001:db8::1]/k",
            "https://[2002:a00:1::]/k",
            "https://[ff02::1]/k",
            "https://localhost/k",
            "https://localhost./k",
            "https://a.localhost/k",
        ] {
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
        for bad in [
            "http://ehr.example.org/k",
            "http://10.0.0.1/k",
            "https://10.0.0.1/k",
        ] {
            assert!(guard(bad, PlainHttp::Loopback).is_err(), "{bad}");
        }
    }
}
