//! SELinux: port types, and what the domain of nginx may do with them.

use std::collections::BTreeMap;

use super::{Act, Answer, Socket};

/// What SELinux knows of nginx and of ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selinux {
    /// The domain that nginx runs in, `httpd_t` as a rule.
    pub domain: String,
    /// Which ports have which type; empty where `semanage` could not be asked.
    pub ports: Vec<PortType>,
    /// What the kernel's policy lets the domain do, booleans already taken into account: by class, permission and port
    /// type. What is not in it could not be asked.
    pub decisions: BTreeMap<Decision, bool>,
    /// The ports that the kernel hands out by itself, first and last; binding to them is not checked.
    pub ephemeral: Option<(u16, u16)>,
}

/// Ports that have a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortType {
    /// The type: `http_port_t`.
    pub name: String,
    /// Whether it is about UDP.
    pub udp: bool,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

/// A question to the policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decision {
    /// Whether it is about `udp_socket`, else about `tcp_socket`.
    pub udp: bool,
    /// `name_bind` or `name_connect`.
    pub act: Act,
    /// The type of the port.
    pub port_type: String,
}

impl Selinux {
    /// Says whether nginx may make a socket.
    ///
    /// Source: `selinux_socket_bind`, `selinux_socket_connect_helper`, security/selinux/hooks.c (Linux)
    #[must_use]
    pub fn ask(&self, socket: Socket) -> Answer {
        if socket.act == Act::Listen && self.is_ephemeral(socket.port) {
            return Answer::Allowed;
        }
        if socket.act == Act::Connect && socket.udp {
            return Answer::Allowed;
        }
        let protocol = if socket.udp { "udp" } else { "tcp" };
        let Some(port_type) = self.port_type(socket) else {
            return Answer::Unknown {
                because: "SELinux enforces, and the types of ports could not be read here".to_owned(),
                help: format!("as root: semanage port -l | grep -w {}", socket.port),
            };
        };
        let decision = Decision { udp: socket.udp, act: socket.act, port_type: port_type.name.clone() };
        let (domain, name, port) = (&self.domain, &port_type.name, socket.port);
        let permission = match socket.act {
            Act::Listen => "name_bind",
            Act::Connect => "name_connect",
        };
        match (self.decisions.get(&decision), socket.act) {
            (Some(true), _) => Answer::Allowed,
            (Some(false), Act::Listen) => Answer::Denied {
                because: format!("SELinux does not let `{domain}` bind a port of type `{name}`"),
                help: self.label(socket, port_type),
            },
            (Some(false), Act::Connect) => Answer::Denied {
                because: format!("SELinux does not let `{domain}` connect to a port of type `{name}`"),
                help: "setsebool -P httpd_can_network_connect on".to_owned(),
            },
            (None, _) => Answer::Unknown {
                because: format!(
                    "SELinux enforces, and what `{domain}` may do with `{name}` could not be read"
                ),
                help: format!(
                    "sesearch -A -s {domain} -t {name} -c {protocol}_socket -p {permission}    # port {port}"
                ),
            },
        }
    }

    fn is_ephemeral(&self, port: u16) -> bool {
        self.ephemeral.is_some_and(|(first, last)| port >= 1024 && (first..=last).contains(&port))
    }

    /// The type of a port: that of the narrowest range that holds it.
    fn port_type(&self, socket: Socket) -> Option<&PortType> {
        let holds =
            |ports: &&PortType| ports.udp == socket.udp && (ports.first..=ports.last).contains(&socket.port);
        self.ports.iter().filter(holds).min_by_key(|ports| ports.last - ports.first)
    }

    /// The command that gives a port the type of web servers. A port that has a type by its own number is modified.
    fn label(&self, socket: Socket, port_type: &PortType) -> String {
        let option = if port_type.first == port_type.last { "-m" } else { "-a" };
        let protocol = if socket.udp { "udp" } else { "tcp" };
        format!("semanage port {option} -t http_port_t -p {protocol} {}", socket.port)
    }
}

/// Reads what `semanage port -l` prints: a type, a protocol, then ports and ranges with commas.
#[must_use]
pub fn port_types(listing: &str) -> Vec<PortType> {
    let mut types = Vec::new();
    for line in listing.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(protocol)) = (words.next(), words.next()) else { continue };
        if !matches!(protocol, "tcp" | "udp") || !name.ends_with("_t") {
            continue;
        }
        for word in words {
            let word = word.trim_end_matches(',');
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let (Ok(first), Ok(last)) = (first.parse(), last.parse()) else { continue };
            types.push(PortType { name: name.to_owned(), udp: protocol == "udp", first, last });
        }
    }
    types
}

/// Reads the domain out of a context, `system_u:system_r:httpd_t:s0`.
#[must_use]
pub fn domain_of(context: &str) -> Option<&str> {
    context.trim_end_matches(['\0', '\n']).split(':').nth(2)
}

/// Reads the first number of the kernel's answer to an access question: the permissions that are allowed.
/// `None` when it is no such answer. A domain that is permissive (flag 1) is allowed everything.
///
/// Source: `sel_write_access`, security/selinux/selinuxfs.c (Linux)
#[must_use]
pub fn allowed_permissions(answer: &str) -> Option<u32> {
    let mut words = answer.trim_end_matches('\0').split_whitespace();
    let allowed = u32::from_str_radix(words.next()?, 16).ok()?;
    let flags: u32 = words.nth(4).and_then(|flags| u32::from_str_radix(flags, 16).ok()).unwrap_or(0);
    Some(if flags & 1 == 1 { u32::MAX } else { allowed })
}
