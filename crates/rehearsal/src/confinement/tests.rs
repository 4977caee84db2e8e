use evenkeel_model::{Answer as FileAnswer, Files, Settings, Want, load};

use super::apparmor::{Source, profile_and_mode, rules_of};
use super::selinux::{Decision, allowed_permissions, domain_of, port_types};
use super::*;

/// As `semanage port -l` prints it, cut.
const PORTS: &str = "
SELinux Port Type              Proto    Port Number

http_cache_port_t              tcp      8080, 8118, 8123, 10001-10010
http_cache_port_t              udp      3130
http_port_t                    tcp      80, 81, 443, 488, 8008, 8009, 8443, 9000
hi_reserved_port_t             tcp      512-1023
postgresql_port_t              tcp      5432, 9898
unreserved_port_t              tcp      61001-65535, 1024-32767
unreserved_port_t              udp      61001-65535, 1024-32767
";

/// What the kernel of a Fedora with `httpd_can_network_connect` off answers for `httpd_t`.
fn enforcing() -> Selinux {
    let decision = |act, port_type: &str| Decision { udp: false, act, port_type: port_type.to_owned() };
    Selinux {
        domain: "httpd_t".to_owned(),
        ports: port_types(PORTS),
        decisions: [
            (decision(Act::Listen, "http_port_t"), true),
            (decision(Act::Listen, "http_cache_port_t"), true),
            (decision(Act::Listen, "unreserved_port_t"), false),
            (decision(Act::Listen, "postgresql_port_t"), false),
            (decision(Act::Connect, "http_port_t"), true),
            (decision(Act::Connect, "unreserved_port_t"), false),
        ]
        .into(),
        ephemeral: Some((32768, 60999)),
    }
}

fn config(http: &str) -> Config {
    let settings = Settings::new(b"/etc/nginx/nginx.conf".to_vec());
    let text = format!("events {{ }}\nhttp {{\n{http}\n}}\n");
    let mut files = Files::new();
    files.supply(Want::Bytes(b"/etc/nginx/nginx.conf".to_vec()), FileAnswer::Bytes(text.as_bytes().into()));
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(wants) => wants.0.into_iter().for_each(|want| files.supply(want, FileAnswer::Absent)),
        }
    }
}

/// What is said, with the line of the directive: `4 denied listening on …: why [how]`.
fn said(new: &str, live: Option<&str>, facts: &Facts) -> Vec<String> {
    let (config, live) = (config(new), live.map(config));
    let denials = ask(&config, live.as_ref(), facts);
    let line = |denial: &Denial| {
        let Denial { verdict, node, message, help, .. } = denial;
        format!("{} {verdict:?} {message} [{help}]", config.node(*node).line())
    };
    denials.iter().map(line).collect()
}

const TREE: &str =
    "upstream app { server 10.0.0.5:3000; server unix:/run/app.sock; server 10.0.0.6:3001 down; }
server { listen 80; listen [::]:8090; location / { proxy_pass http://app; } }
server { listen 40000; location / { proxy_pass http://127.0.0.1:8008; } }
server { listen 5432; location / { proxy_pass http://$host; } }";

#[test]
fn selinux_denies_ports_by_their_type_and_says_what_allows_them() {
    let facts = Facts { selinux: Some(enforcing()), apparmor: None };
    assert_eq!(
        said(TREE, None, &facts),
        [
            "3 Denied connecting to tcp port 3000: SELinux does not let `httpd_t` connect to a port of type \
             `unreserved_port_t` [setsebool -P httpd_can_network_connect on]",
            "4 Denied listening on tcp port 8090: SELinux does not let `httpd_t` bind a port of type \
             `unreserved_port_t` [semanage port -a -t http_port_t -p tcp 8090]",
            "6 Denied listening on tcp port 5432: SELinux does not let `httpd_t` bind a port of type \
             `postgresql_port_t` [semanage port -m -t http_port_t -p tcp 5432]",
        ]
    );
}

#[test]
fn what_the_live_tree_has_is_not_asked_about() {
    let facts = Facts { selinux: Some(enforcing()), apparmor: None };
    assert_eq!(said(TREE, Some(TREE), &facts), [""; 0]);
    let live = "server { listen 8090; location / { proxy_pass http://10.0.0.5:3000; } }";
    let new = "server { listen 8090; listen 8091; location / { proxy_pass http://10.0.0.5:3000; } }";
    let said = said(new, Some(live), &facts);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("3 Denied listening on tcp port 8091"), "{said:?}");
}

#[test]
fn without_any_policy_nothing_is_said() {
    assert_eq!(said(TREE, None, &Facts::default()), [""; 0]);
}

#[test]
fn what_could_not_be_read_is_no_denial() {
    let facts = |selinux| Facts { selinux: Some(selinux), apparmor: None };
    let unread = facts(Selinux { ports: Vec::new(), ..enforcing() });
    let unanswered = facts(Selinux { decisions: [].into(), ..enforcing() });
    let tree = "server { listen 8090; }";
    assert_eq!(
        said(tree, None, &unread),
        [
            "3 Unknown listening on tcp port 8090: SELinux enforces, and the types of ports could not be read here \
          [as root: semanage port -l | grep -w 8090]"
        ]
    );
    let said = said(tree, None, &unanswered);
    assert!(said[0].contains("Unknown") && said[0].contains("sesearch -A -s httpd_t"), "{said:?}");
}

#[test]
fn the_narrowest_range_gives_a_port_its_type() {
    let ports = port_types(PORTS);
    assert_eq!(ports.len(), 20);
    let selinux = enforcing();
    let socket = |port| Socket { act: Act::Listen, udp: false, inet6: Some(false), port };
    assert_eq!(selinux.ask(socket(10_005)), Answer::Allowed);
    assert!(matches!(selinux.ask(socket(10_011)), Answer::Denied { .. }));
    // Nobody has said anything of this type.
    assert!(matches!(selinux.ask(socket(600)), Answer::Unknown { .. }));
}

#[test]
fn contexts_and_answers_of_the_kernel_are_read() {
    assert_eq!(domain_of("system_u:system_r:httpd_t:s0\0"), Some("httpd_t"));
    assert_eq!(domain_of("unconfined\n"), None);
    assert_eq!(allowed_permissions("600 ffffffff 0 ffffffff 14 0\0"), Some(0x600));
    assert_eq!(allowed_permissions("0 ffffffff 0 ffffffff 14 1"), Some(u32::MAX), "a permissive domain");
    assert_eq!(allowed_permissions(""), None);
}

const PROFILE: &str = r#"#include <tunables/global>

profile other /usr/bin/other {
  network,
}

/usr/sbin/nginx flags=(attach_disconnected) {
  #include <abstractions/base>
  include <abstractions/nameservice>
  capability setuid,
  capability net_bind_service,   # ports below 1024
  # network inet6 stream,
  network inet tcp,
  ^hat {
    network inet6 stream,
  }
  /etc/nginx/** r,
}
"#;

/// The facts with a profile whose includes hold `included`.
fn confined(profile: &str, included: Option<&str>) -> Facts {
    let mut read = |_: &str| included.map(str::to_owned);
    let (rules, incomplete) = rules_of(profile, "/usr/sbin/nginx", &mut read).unwrap();
    let source = Source { path: "/etc/apparmor.d/usr.sbin.nginx".to_owned(), rules, incomplete };
    let apparmor = AppArmor { profile: "/usr/sbin/nginx".to_owned(), source: Some(source) };
    Facts { apparmor: Some(apparmor), selinux: None }
}

#[test]
fn apparmor_denies_the_family_that_no_rule_allows() {
    assert_eq!(
        said(TREE, None, &confined(PROFILE, Some("/etc/ld.so.cache r,\n"))),
        ["4 Denied listening on tcp port 8090: no rule of the profile `/usr/sbin/nginx` of AppArmor allows \
          `network inet6 stream` [add `network inet6 stream,` to /etc/apparmor.d/usr.sbin.nginx, then: \
          apparmor_parser -r /etc/apparmor.d/usr.sbin.nginx]"]
    );
}

#[test]
fn rules_of_included_files_count() {
    assert_eq!(said(TREE, None, &confined(PROFILE, Some("network inet6 stream,\n"))), [""; 0]);
    let unreadable = said(TREE, None, &confined(PROFILE, None));
    assert_eq!(unreadable.len(), 1);
    assert!(unreadable[0].starts_with("4 Unknown listening on tcp port 8090"), "{unreadable:?}");
}

#[test]
fn privileged_ports_need_a_capability() {
    let profile = PROFILE.replace("  capability net_bind_service,", "  deny capability net_bind_service,");
    let said = said("server { listen 80; listen 8080; }", None, &confined(&profile, Some("network,\n")));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("port 80: the profile `/usr/sbin/nginx` of AppArmor does not grant"),
        "{said:?}"
    );
}

#[test]
fn deny_wins_and_conditions_are_not_guessed() {
    let tree = "server { listen 8080; }";
    let denied = PROFILE.replace("  network inet tcp,", "  network,\n  deny network inet,");
    assert!(said(tree, None, &confined(&denied, Some("")))[0].contains("Denied"));
    let conditional = PROFILE.replace("network inet tcp,", "network inet stream ip=127.0.0.1 port=80,");
    assert!(said(tree, None, &confined(&conditional, Some("")))[0].contains("Unknown"));
}

#[test]
fn profiles_are_told_by_name_and_mode() {
    assert_eq!(profile_and_mode("/usr/sbin/nginx (enforce)\n"), Some(("/usr/sbin/nginx", "enforce")));
    assert_eq!(profile_and_mode("unconfined\n"), None);
    assert!(rules_of(PROFILE, "nginx", &mut |_| None).is_none());
    let nowhere = AppArmor { profile: "nginx".to_owned(), source: None };
    let facts = Facts { apparmor: Some(nowhere), selinux: None };
    assert!(said("server { listen 8080; }", None, &facts)[0].contains("grep -rl 'nginx' /etc/apparmor.d"));
}
