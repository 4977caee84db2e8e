//! An application and its configuration as one release: a real application process (an nginx of its own, updated by a
//! script of the host), brought forward before the configuration and back after it, whoever is killed.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use support::{Host, Ran, get, kill_group, processes_mentioning};

/// A host whose site passes `/cart` to a shop of version 1.0. Version 1.1 has a `/checkout`, too.
struct Shop {
    host: Host,
    port: u16,
}

impl Shop {
    fn start() -> Shop {
        let host = Host::start();
        let shop = Shop { port: support::free_port(), host };
        std::fs::create_dir_all(shop.host.path("shop")).unwrap();
        std::fs::create_dir_all(shop.host.path("apps.d")).unwrap();
        let dir = shop.host.path("shop").display().to_string();
        let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|it| format!("{it}_temp_path {dir}/{it}; "))
            .concat();
        let update = format!(
            "#!/bin/sh\nset -e\nversion=$1\necho \"$EVENKEEL_OLD_VERSION $EVENKEEL_NEW_VERSION $version\" >> {dir}/log\n\
             checkout=\n[ \"$version\" != 1.1 ] || checkout='location /checkout {{ return 200 \"checkout 1.1\"; }}'\n\
             cat > {dir}/nginx.conf.new <<EOF\npid {dir}/nginx.pid; error_log {dir}/error.log; events {{ }}\n\
             http {{ access_log off; {temp}server {{ listen 127.0.0.1:{port}; $checkout\n\
             location /cart {{ return 200 \"cart $version\"; }} location /version {{ return 200 \"shop $version\"; }} }} }}\n\
             EOF\nmv {dir}/nginx.conf.new {dir}/nginx.conf\n\
             if [ -s {dir}/nginx.pid ]; then kill -HUP \"$(cat {dir}/nginx.pid)\"; else {nginx} -p {dir} -c {dir}/nginx.conf -e {dir}/error.log; fi\n\
             [ ! -e {dir}/hang ] || sleep 60\n[ ! -e {dir}/fail ] || {{ echo 'no database' >&2; exit 3; }}\n",
            port = shop.port,
            nginx = "/usr/sbin/nginx",
        );
        shop.host.write("shop/update", &update);
        std::fs::set_permissions(shop.host.path("shop/update"), std::fs::Permissions::from_mode(0o755))
            .unwrap();
        let steps = format!(
            "[step.shop-update]\ncommand = [\"{dir}/update\", \"{{new}}\"]\nwithin = \"20s\"\n\
             [step.shop-rollback]\ncommand = [\"/bin/sh\", \"-c\", \"rm -f {dir}/hang {dir}/fail; exec {dir}/update \\\"$0\\\"\", \"{{old}}\"]\nwithin = \"20s\"\n"
        );
        shop.host.write("apps.d/shop.toml", &steps);
        shop.host.write(
            "evenkeel.toml",
            &format!("[host]\napps-dir = \"{}\"\n", shop.host.path("apps.d").display()),
        );
        shop.update("1.0");
        let site = shop.host.good_site().replace(
            "location / {",
            &format!("location /cart {{ proxy_pass http://127.0.0.1:{}; }}\n    location / {{", shop.port),
        );
        shop.host.write("etc/sites/shop.conf", &site);
        shop.host.write("etc/release.toml", &shop.release("1.0", ""));
        let master = shop.host.master().unwrap();
        assert!(Command::new("kill").args(["-HUP", &master.to_string()]).status().unwrap().success());
        shop.host.wait("the shop answers", || shop.host.get("/cart") == Some((200, "cart 1.0".into())));
        shop.host.run(&["adopt"]).ends(0);
        shop
    }

    /// Somebody updates the shop by hand, as its script does.
    fn update(&self, version: &str) {
        assert!(Command::new(self.host.path("shop/update")).arg(version).status().unwrap().success());
        self.host.wait("the shop is up", || self.version() == Some(format!("shop {version}")));
    }

    fn version(&self) -> Option<String> {
        get(self.port, "shop", "/version").map(|(_, body)| body)
    }

    fn release(&self, version: &str, more: &str) -> String {
        format!(
            "[app]\nversion = \"{version}\"\nupdate = \"shop-update\"\nrollback = \"shop-rollback\"\n\
             answers = {{ url = \"http://127.0.0.1:{}/version\" }}\n{more}",
            self.port
        )
    }

    /// Proposes version 1.1 with the configuration that it needs.
    fn propose(&self) {
        let checkout = format!(
            "location /checkout {{ proxy_pass http://127.0.0.1:{}; }}\n    location /cart",
            self.port
        );
        self.host.propose().replace("sites/shop.conf", "location /cart", &checkout);
        self.host.write("new/release.toml", &self.release("1.1", "requires = [\"checkout\"]\n"));
        let route = format!(
            "[[route]]\nname = \"checkout\"\nrequest = \"GET http://shop.test:{}/checkout\"\nlive = {{ status = 200, contains = \"checkout\" }}\n",
            self.host.port
        );
        self.host.write("new/routes.toml", &(self.host.good_routes() + &route));
    }

    fn flags(&self) -> String {
        self.host.path("evenkeel.toml").to_str().unwrap().to_owned()
    }

    fn apply(&self, more: &[&str]) -> Ran {
        self.host.apply(&[&["--config", &self.flags()], more].concat())
    }

    fn both_are_old(&self) {
        self.host.wait("the shop is 1.0 again", || {
            self.version() == Some("shop 1.0".into())
                && self.host.get("/cart") == Some((200, "cart 1.0".into()))
        });
        assert!(self.host.old_serves(), "the old configuration serves");
        assert!(!self.host.read("etc/sites/shop.conf").contains("checkout"));
        self.host.wait("nothing is armed, nobody watches", || {
            !self.host.path("state/app-way-back").exists() && self.host.ours().is_empty()
        });
    }

    fn history(&self) -> String {
        self.host.read("shop/log")
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for pid in processes_mentioning(self.host.path("shop").to_str().unwrap()) {
            support::kill(pid, "KILL");
        }
        if let Ok(pid) = std::fs::read_to_string(self.host.path("shop/nginx.pid")) {
            support::kill(pid.trim().parse().unwrap(), "TERM");
        }
    }
}

#[test]
fn application_and_configuration_go_forward_and_back_as_one() {
    let shop = Shop::start();
    shop.propose();
    shop.apply(&["--dry-run"]).ends(0).says("step shop-update would bring the application from 1.0 to 1.1");
    assert_eq!(shop.version(), Some("shop 1.0".into()));
    shop.apply(&[]).ends(0).says("the application went from 1.0 to 1.1").says("confirmed");
    assert_eq!(shop.version(), Some("shop 1.1".into()));
    assert_eq!(shop.host.get("/checkout"), Some((200, "checkout 1.1".into())));
    shop.host.wait("its guard is gone", || shop.host.ours().is_empty());
    assert!(!shop.host.path("state/app-way-back").exists());
    let config = shop.flags();
    shop.host
        .run(&["rollback", "--config", &config])
        .ends(0)
        .says("the application was taken back from 1.1 to 1.0");
    shop.both_are_old();
    assert_eq!(shop.history().lines().skip(1).collect::<Vec<_>>(), ["1.0 1.1 1.1", "1.0 1.1 1.0"]);
}

#[test]
fn version_without_its_configuration_is_refused_before_the_application_is_touched() {
    let shop = Shop::start();
    shop.host.propose();
    shop.host.write("new/release.toml", &shop.release("1.1", "requires = [\"checkout\"]\n"));
    shop.apply(&[]).ends(1).says("version 1.1 requires the route \"checkout\"");
    // The route is written down; what serves it was forgotten.
    shop.propose();
    let site = shop.host.read("etc/sites/shop.conf");
    shop.host.write("new/sites/shop.conf", &site);
    let expect = format!("expect = {{ pass = \"http://127.0.0.1:{}/checkout\" }}\n", shop.port);
    let routes = shop.host.read("new/routes.toml") + &expect;
    shop.host.write("new/routes.toml", &routes);
    let config = shop.flags();
    shop.host.apply_rehearsed(&["--config", &config]).ends(1).says("NO  rehearsal").says("checkout");
    assert_eq!(shop.history().lines().count(), 1, "the application was touched");
    shop.both_are_old();
}

#[test]
fn update_that_fails_or_answers_wrongly_is_taken_back() {
    let shop = Shop::start();
    shop.propose();
    shop.host.write("shop/fail", "");
    shop.apply(&[]).ends(1).says("run step shop-update: exit status: 3: no database").says("taken back");
    shop.both_are_old();
    shop.host.run(&["history"]).ends(0).says("refused");
}

#[test]
fn configuration_that_is_taken_back_takes_its_application_along() {
    let shop = Shop::start();
    shop.propose();
    let wrong = support::App::new(502, "bad gateway");
    let site = shop.host.read("new/sites/shop.conf");
    let broken = site.replacen(&format!("127.0.0.1:{}", shop.port), &format!("127.0.0.1:{}", wrong.port), 1);
    shop.host.write("new/sites/shop.conf", &broken);
    shop.apply(&[]).ends(1).says("502").says("the application was taken back");
    shop.both_are_old();
    shop.host.run(&["history"]).ends(0).says("rolled back");
}

#[test]
fn killed_at_any_moment_both_are_old_again() {
    let shop = Shop::start();
    let config = shop.flags();
    for (round, group) in [(0_u64, false), (1, true), (2, false), (3, true), (4, false), (5, true)] {
        shop.propose();
        if round < 2 {
            shop.host.write("shop/hang", "");
        }
        let mut child =
            shop.host.apply_in_background(&["--config", &config, "--bake", "3s", "--confirm-within", "8s"]);
        match round {
            // In the middle of the update.
            0 | 1 => shop.host.wait("the update runs", || shop.version() == Some("shop 1.1".into())),
            // Before, during and after the switch.
            _ => std::thread::sleep(Duration::from_millis(250 * round)),
        }
        match group {
            true => kill_group(&child),
            false => child.kill().unwrap(),
        }
        child.wait().unwrap();
        shop.host.wait_within("both are old", Duration::from_secs(20), || {
            shop.version() == Some("shop 1.0".into())
                && !shop.host.read("etc/sites/shop.conf").contains("checkout")
                && shop.host.ours().is_empty()
        });
        shop.both_are_old();
    }
}

#[test]
fn recovery_takes_back_what_nobody_is_left_to_take_back() {
    let shop = Shop::start();
    shop.propose();
    shop.host.write("shop/hang", "");
    let config = shop.flags();
    let mut child = shop.host.apply_in_background(&["--config", &config]);
    shop.host.wait("the update runs", || shop.version() == Some("shop 1.1".into()));
    // The command, its guard, and what they started: as when the whole control group ends.
    let ours = shop.host.ours();
    // Stopped first, so that no guard takes note of the end of its command.
    support::kill_all(&ours, "STOP");
    support::kill_all(&ours, "KILL");
    child.wait().unwrap();
    shop.host.wait("nobody is left", || shop.host.ours().is_empty());
    // Old workers of the shop itself answer for a moment longer.
    shop.host.wait("the update stays", || shop.version() == Some("shop 1.1".into()));
    assert!(shop.host.path("state/app-way-back").exists());
    shop.host.run(&["recover", "--config", &config]).says("was taken back to 1.0");
    shop.both_are_old();
}

#[test]
fn application_of_a_held_release_stays_when_it_is_confirmed_and_goes_when_it_is_not() {
    let shop = Shop::start();
    let config = shop.flags();
    shop.propose();
    let mut child = shop.host.apply_in_background(&[
        "--config",
        &config,
        "--hold",
        "--bake",
        "100ms",
        "--confirm-within",
        "6s",
    ]);
    shop.host
        .wait("the checkout answers", || shop.host.get("/checkout") == Some((200, "checkout 1.1".into())));
    child.kill().unwrap();
    child.wait().unwrap();
    let confirmed = || shop.host.run(&["confirm", "--config", &config]).code == 0;
    shop.host.wait("it can be confirmed, or is back", || {
        confirmed() || !shop.host.path("state/app-way-back").exists()
    });
    let stays = shop.host.read("etc/sites/shop.conf").contains("checkout");
    shop.host.wait("its guard is gone", || shop.host.ours().is_empty());
    let expected = if stays { "shop 1.1" } else { "shop 1.0" };
    // Old workers of the shop itself answer for a moment longer.
    shop.host.wait(expected, || shop.version() == Some(expected.into()));
}

#[test]
fn tree_can_only_name_steps_that_this_host_defines() {
    let shop = Shop::start();
    shop.propose();
    let release = shop.host.read("new/release.toml");
    shop.host.write("new/release.toml", &release.replace("shop-update", "format-disk"));
    shop.apply(&[]).ends(1).says("this host defines no step \"format-disk\"");
    shop.host.write("new/release.toml", &release.replace("\"1.1\"", "\"$(id)\""));
    shop.apply(&[]).ends(1).says("version");
    shop.host.write("new/release.toml", &release);
    let directory = shop.host.path("apps.d");
    for (path, mode) in [(directory.join("shop.toml"), 0o666), (directory.clone(), 0o777)] {
        let before = std::fs::metadata(&path).unwrap().permissions();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        shop.apply(&[]).ends(1).says("others may write");
        std::fs::set_permissions(&path, before).unwrap();
    }
    assert_eq!(shop.history().lines().count(), 1, "the application was touched");
    shop.both_are_old();
}
