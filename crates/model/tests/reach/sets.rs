//! The sets that programs make: iptables of both kinds, ufw, firewalld. Each is loaded by its own program in a network
//! namespace, read back, and held against what clients see.

use std::time::Duration;

use evenkeel_model::reach::{Dumps, Firewall, Transport, Verdict};

use super::play;
use super::world::{self, CLIENTS, PORTS, Question, SERVERS, World};

/// How long a client waits.
const LIMIT: Duration = Duration::from_millis(500);

/// The same rules for both kinds of iptables.
const RULES: &str = "
ipset create allowed hash:ip,port 2>/dev/null
ipset add allowed 10.9.0.101,tcp:5000
ipset create nets hash:net
ipset add nets 192.168.0.0/16
I -P INPUT DROP
I -N web
I -N end
I -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
I -A INPUT -m conntrack --ctstate INVALID -j DROP
I -A INPUT -i lo -j ACCEPT
I -A INPUT -m set --match-set allowed src,dst -j ACCEPT
I -A INPUT -m set --match-set nets src -p tcp --dport 8080 -j REJECT --reject-with icmp-host-prohibited
I -A INPUT -p tcp -m multiport --dports 80,443,8000:8100 -m comment --comment \"the web\" -g web
I -A INPUT -p udp --dport 53 -m addrtype --dst-type LOCAL -j ACCEPT
I -A INPUT -p tcp --syn --dport 22 -m limit --limit 50/sec --limit-burst 50 -j ACCEPT
I -A INPUT -p tcp --dport 1080 -m iprange --src-range 10.9.0.90-10.9.0.100 -j ACCEPT
I -A INPUT -m mark --mark 0x7/0xf -j ACCEPT
I -A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j REJECT --reject-with tcp-reset
I -A web ! -s 10.9.0.101 -p tcp -j end
I -A web -j REJECT
I -A end -p tcp --dport 8080 -j RETURN
I -A end -j ACCEPT
I -t mangle -A PREROUTING -s 93.0.0.0/8 -p udp --dport 5000 -j MARK --set-mark 7
I -t nat -A PREROUTING -p tcp --dport 8443 -j REDIRECT --to-ports 443
6 -P INPUT DROP
6 -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
6 -A INPUT -p ipv6-icmp -j ACCEPT
6 -A INPUT -s fd09::/64 -p tcp -m multiport --dports 80,443 -j ACCEPT
6 -A INPUT -p tcp --dport 22 -j ACCEPT
6 -A INPUT -p tcp -j REJECT --reject-with icmp6-adm-prohibited
";

/// Debian's own, and what an administrator adds.
const UFW: &str = "
cp -a /etc/ufw /tmp/ufw.here; mount --bind /tmp/ufw.here /etc/ufw
cp /etc/default/ufw /tmp/ufw.here/default; mount --bind /tmp/ufw.here/default /etc/default/ufw
ufw --force enable
ufw allow 80/tcp
ufw allow from 10.9.0.100 to any port 443 proto tcp
ufw deny 8080/tcp
ufw reject 8443/tcp
ufw limit 22/tcp
ufw allow 53
";

/// The same of firewalld, whose service runs until the namespace ends.
const FIREWALLD: &str = "
mkdir -p /run/dbus
dbus-daemon --system --fork
cp -a /etc/firewalld /tmp/firewalld.here; mount --bind /tmp/firewalld.here /etc/firewalld
firewalld --nofork --nopid >/dev/null 2>&1 &
for i in $(seq 200); do [ \"$(firewall-cmd --state 2>/dev/null)\" = running ] && break; sleep 0.1; done
firewall-cmd --state >/dev/null
firewall-cmd --add-service=https
firewall-cmd --add-port=8080/tcp
firewall-cmd --add-port=53/udp
firewall-cmd --add-rich-rule='rule family=ipv4 source address=10.9.0.101 port port=8080 protocol=tcp reject'
";

/// What is sent where it goes anyway: no later chain decides, and nothing counts as moved.
const MOVED_NOWHERE: &str = "nft -f - <<'END'
table inet t {
  chain first {
    type nat hook prerouting priority -10
    ip daddr 10.9.0.1 tcp dport { 80, 22 } dnat ip to 10.9.0.1
    ip daddr 10.9.0.2 tcp dport { 80, 22 } dnat ip to 10.9.0.2
    ip6 daddr fd09::1 tcp dport { 80, 22 } dnat ip6 to fd09::1
  }
  chain second {
    type nat hook prerouting priority 10
    tcp dport { 80, 443 } redirect to :8443
    tcp dport 22 drop
  }
  chain input {
    type filter hook input priority 0
    ct status dnat counter drop
    udp dport 53 drop
    tcp dport { 1080, 5000 } drop
  }
}
END
";

#[test]
fn destination_that_is_moved_nowhere_is_read_right() {
    inside("sets::destination_that_is_moved_nowhere_is_read_right", || {
        let world = World::new();
        shell(MOVED_NOWHERE);
        let [blocked, reachable] = compare(&world, "nft");
        assert!(blocked > 10 && reachable > 10, "{blocked} blocked, {reachable} reachable");
    });
}

#[test]
fn both_kinds_of_iptables_are_read_right() {
    inside("sets::both_kinds_of_iptables_are_read_right", || {
        let world = World::new();
        for kind in ["nft", "legacy"] {
            let script = RULES
                .replace("\nI ", &format!("\niptables-{kind} "))
                .replace("\n6 ", &format!("\nip6tables-{kind} "));
            shell(&script);
            let [blocked, reachable] = compare(&world, kind);
            assert!(blocked > 20 && reachable > 10, "{kind}: {blocked} blocked, {reachable} reachable");
            shell(&format!(
                "for i in iptables-{kind} ip6tables-{kind}; do $i -P INPUT ACCEPT; for t in filter nat mangle; do \
                 $i -t $t -F; $i -t $t -X; done; done; nft flush ruleset; ipset destroy"
            ));
        }
    });
}

#[test]
fn default_set_of_ufw_is_read_right() {
    // Its files are root's alone to read: an ordinary user has no ufw to look at.
    if nix::unistd::geteuid().is_root() {
        inside("sets::default_set_of_ufw_is_read_right", || {
            let world = World::new();
            shell(UFW);
            let [blocked, reachable] = compare(&world, "ufw");
            assert!(blocked > 20 && reachable > 10, "{blocked} blocked, {reachable} reachable");
        });
    }
}

#[test]
fn default_set_of_firewalld_is_read_right() {
    // firewalld starts for root alone.
    if nix::unistd::geteuid().is_root() {
        inside("sets::default_set_of_firewalld_is_read_right", || {
            let world = World::new();
            shell(FIREWALLD);
            let [blocked, reachable] = compare(&world, "firewalld");
            assert!(blocked > 20 && reachable > 10, "{blocked} blocked, {reachable} reachable");
        });
    }
}

fn inside(test: &str, play: impl FnOnce()) {
    if std::env::var_os(world::INSIDE).is_none() {
        assert!(world::enter(test, &[Vec::new()]), "see above");
        return;
    }
    // Locks, sockets and copies of what is edited are this namespace's own.
    shell("mount -t tmpfs none /run\nmount -t tmpfs none /tmp");
    play();
}

fn shell(script: &str) {
    let output = std::process::Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(
        output.status.success(),
        "{script}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Asks the kernel and the verdict about every client and port; gives the numbers of both answers.
fn compare(world: &World, kind: &str) -> [usize; 2] {
    let dump = |program: &str, args: &[&str]| world::run(program, args);
    let (nft, words) = (dump("nft", &["-j", "list", "ruleset"]), dump("nft", &["-t", "list", "ruleset"]));
    let (v4, v6) = (dump("iptables-nft-save", &[]), dump("ip6tables-nft-save", &[]));
    let (old4, old6) = (dump("iptables-legacy-save", &[]), dump("ip6tables-legacy-save", &[]));
    let sets = dump("ipset", &["save"]);
    let firewall = Firewall::read(&Dumps {
        nft: Some(&nft),
        words: Some(&words),
        iptables: Some(&v4),
        ip6tables: Some(&v6),
        iptables_legacy: Some(&old4),
        ip6tables_legacy: Some(&old6),
        ipset: Some(&sets),
    })
    .unwrap();
    let mut questions = Vec::new();
    for from in CLIENTS {
        let to = *SERVERS.iter().find(|server| server.is_ipv4() == from.is_ipv4()).unwrap();
        for port in PORTS {
            for transport in [Transport::Tcp, Transport::Udp] {
                questions.push(Question { from: *from, to, port: *port, transport });
            }
        }
    }
    let mut seen = [0, 0];
    for (question, saw) in questions.iter().zip(world.ask(&questions, LIMIT)) {
        let verdict = play::verdict(&firewall, *question);
        assert!(!matches!(verdict, Verdict::Unknown { .. }), "{kind}: {question:?}: {verdict:?}");
        assert!(play::agrees(&verdict, *question, &saw), "{kind}: {question:?}: {verdict:?}, but {saw:?}");
        seen[usize::from(matches!(verdict, Verdict::Reachable { .. }))] += 1;
    }
    eprintln!("{kind}: {} blocked, {} reachable, none wrong, none unknown", seen[0], seen[1]);
    seen
}
