//! A connection: its packets in order, each through the hooks of its way.

use super::How;
use super::fields::Transport;
use super::oracle::DoubtKind;
use super::packet::{Connection, Packet, Tracked};
use super::ruleset::{Family, Hook};
use super::value::Value;
use super::walk::{End, Run, Stop};

/// TCP's flags.
const SYN: u128 = 2;
const PSH_ACK: u128 = 16 | 8;
const ACK: u128 = 16;

/// Where connections are followed, and where nat decides, as priorities: `NF_IP_PRI_*`, the same for IPv6. nat's chains
/// hang here whatever their own priority is; it only orders them among each other (`nf_nat_register_fn`,
/// net/netfilter/nf_nat_core.c).
const TRACKING: i64 = -200;
const NAT_DESTINATION: i64 = -100;
const NAT_SOURCE: i64 = 100;

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) family: Family,
    pub(super) transport: Transport,
    /// The client's end.
    pub(super) client: (Value, Value),
    /// The listening end, as the client knows it.
    pub(super) listen: (Value, Value),
    /// Whether it listens on every address.
    pub(super) everywhere: bool,
    /// Chains of equal priority in the other order.
    pub(super) reversed: bool,
}

/// One thing that happens to a packet at a hook.
enum Stage {
    Track,
    Nat,
    Chain(usize),
}

/// How a request and its answer fare.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// The client has its answer.
    Answered,
    /// One packet went no further.
    Stopped(Stop),
}

impl Run<'_> {
    /// Follows a connection until its first answer.
    pub(super) fn connection(&mut self, asked: &Asked) -> Fate {
        let flow: &[(bool, u128)] = match asked.transport {
            Transport::Tcp => {
                &[(true, SYN), (false, SYN | ACK), (true, ACK), (true, PSH_ACK), (false, PSH_ACK)]
            }
            Transport::Udp => &[(true, 0), (false, 0), (true, 0), (false, 0)],
        };
        if let Some(stop) = self.frames() {
            return Fate::Stopped(stop);
        }
        for (incoming, flags) in flow {
            if let End::Stop(stop) = self.packet(asked, *incoming, *flags) {
                // The data that comes behind it says the same as the last packet of the handshake; a reset is heard.
                let repeated = *flags == ACK && stop.how != How::Reset && stop.unknown.is_none();
                if !repeated {
                    return Fate::Stopped(stop);
                }
            }
        }
        Fate::Answered
    }

    /// Frames of a bridge, and questions for hardware addresses, have chains of their own, which are not followed: what
    /// they stop is not known.
    fn frames(&mut self) -> Option<Stop> {
        let ruleset = self.ruleset;
        let bridged = |name: &str| self.host.interfaces.iter().any(|one| one.name == name && one.bridge);
        let may_be_bridged = self.interface.is_none_or(bridged);
        for (at, chain) in ruleset.chains.iter().enumerate() {
            let Some(base) = &chain.base else { continue };
            let place = &chain.place;
            let concerns = place.family == "arp" || place.family == "bridge" && may_be_bridged;
            if concerns && (base.drops || !chain.rules.is_empty()) {
                let question = format!("table {} {}, which works on frames", place.family, place.table);
                if self.oracle.ask(&question, DoubtKind::Fixed, false) {
                    return Some(Stop { chain: Some(at), rule: None, how: How::Dropped, unknown: None });
                }
            }
        }
        None
    }

    fn packet(&mut self, asked: &Asked, incoming: bool, flags: u128) -> End {
        let here = match self.connection.as_ref().and_then(|connection| connection.moved_to.clone()) {
            Some(moved) if !incoming => moved,
            _ => asked.listen.clone(),
        };
        let (source, destination) =
            if incoming { (asked.client.clone(), here) } else { (here, asked.client.clone()) };
        let hooks = if incoming {
            [Hook::Ingress, Hook::Prerouting, Hook::Input]
        } else {
            [Hook::Output, Hook::Postrouting, Hook::Egress]
        };
        let mut packet = Packet {
            incoming,
            family: asked.family,
            transport: asked.transport,
            source,
            destination,
            flags,
            mark: Value::Number(0),
            tracked: Tracked::Nothing,
            hook: hooks[0],
        };
        for hook in hooks {
            packet.hook = hook;
            if let End::Stop(stop) = self.hook(&mut packet, asked.reversed) {
                return End::Stop(stop);
            }
            if hook == Hook::Prerouting
                && let Some(stop) = self.elsewhere(asked, &packet)
            {
                return End::Stop(stop);
            }
        }
        End::Pass
    }

    fn hook(&mut self, packet: &mut Packet, reversed: bool) -> End {
        for (_, stage) in self.stages(packet, reversed) {
            let end = match stage {
                Stage::Track => {
                    self.track(packet);
                    End::Pass
                }
                Stage::Nat => self.nat(packet, reversed),
                Stage::Chain(chain) => self.enter(chain, packet),
            };
            if let End::Stop(_) = end {
                return end;
            }
        }
        End::Pass
    }

    /// What happens at a hook, in order.
    fn stages(&self, packet: &Packet, reversed: bool) -> Vec<(i64, Stage)> {
        let mut stages = Vec::new();
        match packet.hook {
            Hook::Prerouting | Hook::Output => {
                stages.push((TRACKING, Stage::Track));
                stages.push((NAT_DESTINATION, Stage::Nat));
            }
            Hook::Input | Hook::Postrouting => stages.push((NAT_SOURCE, Stage::Nat)),
            Hook::Ingress | Hook::Forward | Hook::Egress => {}
        }
        let chains = self.base_chains(packet, false);
        stages.extend(chains.into_iter().map(|(priority, chain)| (priority, Stage::Chain(chain))));
        if reversed {
            stages.reverse();
        }
        stages.sort_by_key(|(priority, _)| *priority);
        stages
    }

    fn base_chains(&self, packet: &Packet, nat: bool) -> Vec<(i64, usize)> {
        let chains = self.ruleset.chains.iter().enumerate();
        chains
            .filter_map(|(at, chain)| {
                let base = chain.base.as_ref()?;
                let here = base.hook == packet.hook && base.nat == nat && chain.sees(packet.family);
                here.then_some((base.priority, at))
            })
            .collect()
    }

    /// Enters a chain; one of a device only if it is this device.
    fn enter(&mut self, chain: usize, packet: &mut Packet) -> End {
        let place = &self.ruleset.chains[chain].place;
        let base = self.ruleset.chains[chain].base.as_ref();
        if base.is_some_and(|base| base.drowsy) {
            let question = format!("the flags of table {} {}", place.family, place.table);
            if !self.oracle.ask(&question, DoubtKind::Fixed, true) {
                return End::Pass;
            }
        }
        if matches!(packet.hook, Hook::Ingress | Hook::Egress) {
            let devices = base.map_or(&[][..], |base| &base.devices);
            let is_here = match self.interface {
                Some(name) if !devices.is_empty() => devices.iter().any(|device| device == name),
                _ => {
                    let question =
                        format!("the device of chain {} {} {}", place.family, place.table, place.chain);
                    self.oracle.ask(&question, DoubtKind::Fixed, true)
                }
            };
            if !is_here {
                return End::Pass;
            }
        }
        self.chain(chain, packet)
    }

    /// Source: `nf_conntrack_in`, `tcp_new`, net/netfilter/nf_conntrack_{core,proto_tcp}.c; packets in the middle of a
    /// connection begin one (`nf_conntrack_tcp_loose`), the second of a handshake does not.
    fn track(&mut self, packet: &mut Packet) {
        if packet.tracked == Tracked::Untracked || !self.ruleset.tracked.contains(&packet.family) {
            return;
        }
        if let Some(connection) = &mut self.connection {
            let reply = packet.incoming != connection.from_client;
            connection.answered |= reply;
            connection.assured |= packet.flags == ACK;
            packet.tracked = Tracked::Known { established: connection.answered, reply };
        } else if packet.transport == Transport::Udp || packet.flags != SYN | ACK {
            self.connection = Some(Connection {
                from_client: packet.incoming,
                original: [packet.source.clone(), packet.destination.clone()],
                moved_to: None,
                mark: Value::Number(0),
                answered: false,
                assured: false,
                destination_done: false,
                source_done: false,
            });
            packet.tracked = Tracked::Known { established: false, reply: false };
        }
    }

    /// Source: `nf_nat_inet_fn`, net/netfilter/nf_nat_core.c
    fn nat(&mut self, packet: &mut Packet, reversed: bool) -> End {
        let Tracked::Known { established, reply } = packet.tracked else { return End::Pass };
        let destination = matches!(packet.hook, Hook::Prerouting | Hook::Output);
        let done = self.connection.as_ref().is_none_or(|connection| {
            if destination { connection.destination_done } else { connection.source_done }
        });
        if !established && !done {
            let mut chains = self.base_chains(packet, true);
            if reversed {
                chains.reverse();
            }
            chains.sort_by_key(|(priority, _)| *priority);
            for (_, chain) in chains {
                if let End::Stop(stop) = self.chain(chain, packet) {
                    return End::Stop(stop);
                }
                if destination
                    && self.connection.as_ref().is_some_and(|connection| connection.moved_to.is_some())
                {
                    break;
                }
            }
            if let Some(connection) = &mut self.connection {
                if destination {
                    connection.destination_done = true;
                } else {
                    connection.source_done = true;
                }
            }
        }
        let moved = self.connection.as_ref().and_then(|connection| connection.moved_to.clone());
        if let Some(moved) = moved {
            match packet.hook {
                Hook::Prerouting if !reply => packet.destination = moved,
                Hook::Postrouting if reply => {
                    let original = self.connection.as_ref().map(|connection| connection.original[1].clone());
                    packet.source = original.unwrap_or(moved);
                }
                _ => {}
            }
        }
        End::Pass
    }

    /// Says whether the packet is somebody else's now.
    fn elsewhere(&mut self, asked: &Asked, packet: &Packet) -> Option<Stop> {
        self.connection.as_ref()?.moved_to.as_ref()?;
        let (address, port) = &packet.destination;
        let (our_address, our_port) = &asked.listen;
        let same_address = address == our_address || asked.everywhere && self.is_ours(packet.family, address);
        if same_address && port == our_port {
            return None;
        }
        let known = matches!((address, port), (Value::Number(_), Value::Number(_)));
        let shown = shown(packet.family, address, port);
        Some(Stop {
            chain: self.moved_by.map(|(chain, _)| chain),
            rule: self.moved_by.map(|(_, rule)| rule),
            how: How::Elsewhere(shown.clone()),
            unknown: (!known).then(|| format!("nat to {shown}")),
        })
    }

    fn is_ours(&self, family: Family, address: &Value) -> bool {
        let Value::Number(address) = address else { return false };
        self.host.address_type(family, *address, None) == Value::Number(2)
    }
}

fn shown(family: Family, address: &Value, port: &Value) -> String {
    let port = match port {
        Value::Number(port) => port.to_string(),
        _ => "?".to_owned(),
    };
    match (address, family) {
        (Value::Number(number), Family::V4) => {
            let number = u32::try_from(*number).unwrap_or_default();
            format!("{}:{port}", std::net::Ipv4Addr::from(number))
        }
        (Value::Number(number), Family::V6) => format!("[{}]:{port}", std::net::Ipv6Addr::from(*number)),
        _ => format!("?:{port}"),
    }
}
