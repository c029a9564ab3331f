//! Which addresses are of the public Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the address is of this machine.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether the address is outside of every network that is private, local, reserved or a cloud's own.
pub(super) fn is_public(ip: IpAddr) -> bool {
    // An IPv4 address in IPv6 dress is judged as what it is.
    match ip.to_canonical() {
        IpAddr::V4(ip) => public_v4(ip),
        IpAddr::V6(ip) => public_v6(ip),
    }
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry>
fn public_v4(ip: Ipv4Addr) -> bool {
    const RESERVED: [([u8; 4], u32); 16] = [
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
        // Looks public, and on an Azure machine answers with that machine's own secrets.
        ([168, 63, 129, 16], 32),
    ];
    let bits = ip.to_bits();
    let within = |(net, len): &([u8; 4], u32)| {
        let mask = u32::MAX << (32 - len);
        bits & mask == u32::from_be_bytes(*net)
    };
    !RESERVED.iter().any(within)
}

/// Global unicast is 2000::/3 alone, less what is special in it: so mapped, translated (NAT64), unique local, link-local
/// and multicast addresses are out without being named
/// (<https://www.iana.org/assignments/iana-ipv6-special-registry>).
fn public_v6(ip: Ipv6Addr) -> bool {
    const GLOBAL: (u128, u32) = (0x2000 << 112, 3);
    const SPECIAL: [(u128, u32); 4] = [
        (0x2001 << 112, 23),
        (0x2001_0db8 << 96, 32),
        (0x2002 << 112, 16),
        (0x3fff << 112, 20),
    ];
    let bits = ip.to_bits();
    let within = |(net, len): &(u128, u32)| bits & (u128::MAX << (128 - len)) == *net;
    within(&GLOBAL) && !SPECIAL.iter().any(within)
}
