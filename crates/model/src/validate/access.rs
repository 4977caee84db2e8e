//! Addresses and networks: `allow`, `deny`, `set_real_ip_from`.
//!
//! Source: `ngx_ptocidr`, src/core/ngx_inet.c; `ngx_http_access_rule`, src/http/modules/ngx_http_access_module.c

use std::net::{IpAddr, Ipv6Addr};

use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::listen::ipv4;
use crate::number::atoi;

pub(super) fn values(checker: &mut Checker<'_>, node: Node<'_>, setter: Setter) -> bool {
    let value = node.arg(0).unwrap_or(b"");
    match setter {
        Setter::HttpAccessRule | Setter::StreamAccessRule => {
            if value != b"all" && value != b"unix:" && cidr(value).is_none() {
                checker.invalid_parameter(node, 0);
            }
        }
        // Without a mask it may be a name, which would be resolved.
        Setter::HttpRealipFrom | Setter::StreamRealipFrom | Setter::MailRealipFrom => {
            if value != b"unix:" && value.contains(&b'/') && cidr(value).is_none() {
                let message = format!("invalid host in set_real_ip_from \"{}\"", lossy(value));
                checker.refuse_arg(node, 0, "invalid-value", message);
            }
        }
        _ => return false,
    }
    true
}

/// An address with its number of network bits. Bits of the host that are set pass with a warning.
pub(super) fn cidr(text: &[u8]) -> Option<(IpAddr, u8)> {
    let slash = text.iter().position(|&byte| byte == b'/');
    let ip = address(&text[..slash.unwrap_or(text.len())])?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let bits = match slash {
        Some(slash) => u8::try_from(atoi(&text[slash + 1..])?).ok()?,
        None => most,
    };
    (bits <= most).then_some((ip, bits))
}

/// An IPv4 or IPv6 address, without brackets.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    // 255.255.255.255 is nginx's INADDR_NONE, so it is none; `geo` alone makes an exception.
    let v4 = ipv4(text).filter(|ip| !ip.is_broadcast()).map(IpAddr::V4);
    v4.or_else(|| std::str::from_utf8(text).ok()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_nginx_reads_them() {
        for (text, valid) in [
            ("10.0.0.0/8", true),
            ("10.0.0.1/8", true),
            ("10.0.0.0/33", false),
            ("10.0.0.0/", false),
            ("10.0.0", false),
            ("10.0.0.256", false),
            ("192.168.1.1", true),
            ("2001:db8::/32", true),
            ("2001:db8::/129", false),
            ("::1", true),
            ("localhost", false),
            ("", false),
        ] {
            assert_eq!(cidr(text.as_bytes()).is_some(), valid, "{text}");
        }
    }
}
