//! Servers: sockets, names, and what stands before the locations.

use super::{Door, Generator, Place};
use crate::block::Block;
use crate::words::NAMES;

impl Generator<'_> {
    pub(super) fn server(&mut self, ipv6: bool, doors: &mut Vec<Door>, defaults: &mut Vec<String>) -> Block {
        let mut server = Block::new("server");
        self.listens(&mut server, ipv6, doors, defaults);
        if self.random.percent(85) {
            let mut line = String::from("server_name");
            for _ in 0..1 + self.random.below(3) {
                let (name, hosts) = self.random.pick(NAMES);
                line.push(' ');
                line.push_str(name);
                self.hosts.extend(hosts.iter().map(|&host| host.to_owned()));
            }
            server.line(format!("{line};"));
        }
        if self.taste.tls {
            if self.random.percent(8) {
                server.line("ssl_reject_handshake on;");
            }
            if self.random.percent(28) {
                let verify = self.random.pick(&["on", "optional", "optional", "optional_no_ca", "off"]);
                server.line(format!("ssl_verify_client {verify};"));
            }
        }
        let place = Place::Server;
        self.wild(&mut server, &place, 20);
        self.codes(&mut server, &place, 12, 0);
        self.settings(&mut server, &place, 15);
        self.content_settings(&mut server, &place, 35);
        self.access_settings(&mut server, 25);
        if self.random.percent(5) {
            let line = self.return_line();
            server.line(line);
        }
        let before = self.named;
        let mut taken = Vec::new();
        for _ in 0..1 + self.random.below(7) {
            self.location(&mut server, None, 1, &mut taken);
        }
        if self.taste.auth_request {
            self.judges(&mut server, &mut taken);
        }
        // The named locations that this server has spoken of.
        for name in before..self.named {
            if self.random.percent(92) {
                let mut block = Block::new(format!("location @n{name}"));
                self.body(&mut block, &Place::Named, 3);
                server.block(block);
            }
        }
        server
    }

    fn listens(&mut self, server: &mut Block, ipv6: bool, doors: &mut Vec<Door>, defaults: &mut Vec<String>) {
        let mut own: Vec<String> = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let port = format!("@P{}@", self.random.below(3));
            let forms: &[&str] = &[
                "127.0.0.1:",
                "127.0.0.1:",
                "127.0.0.2:",
                "*:",
                "0.0.0.0:",
                "",
                "[::1]:",
                "[::]:",
                "unix:@DIR@/s",
                "dual",
            ];
            let form = self.random.pick(forms);
            if (form.starts_with('[') || form == "dual") && !ipv6 {
                continue;
            }
            // (what stands in the text, what is connected to)
            let (written, address) = match form {
                "" | "0.0.0.0:" => (format!("{form}{port}"), format!("*:{port}")),
                "unix:@DIR@/s" => (form.to_owned(), form.to_owned()),
                // Its port is nobody else's: this socket takes IPv4, too.
                "dual" => ("[::]:@P3@ ipv6only=off".to_owned(), "dual:@P3@".to_owned()),
                form => (format!("{form}{port}"), format!("{form}{port}")),
            };
            if own.contains(&address) {
                continue;
            }
            own.push(address.clone());
            let mut options = String::new();
            if !defaults.contains(&address) && self.random.percent(20) {
                defaults.push(address.clone());
                options.push_str(" default_server");
            }
            let known = doors.iter().position(|door| door.address == address);
            let tls = self.taste.tls && self.random.percent(60);
            if tls {
                options.push_str(" ssl");
            }
            // The options of a socket may be said once.
            let written = match known {
                Some(_) => written.split(' ').next().unwrap_or_default().to_owned(),
                None => written,
            };
            server.line(format!("listen {written}{options};"));
            match known {
                Some(at) => doors[at].tls |= tls,
                None => doors.push(Door { address, tls }),
            }
        }
        if own.is_empty() {
            server.line("listen 127.0.0.1:@P0@;");
            if !doors.iter().any(|door| door.address == "127.0.0.1:@P0@") {
                doors.push(Door { address: "127.0.0.1:@P0@".to_owned(), tls: false });
            }
        }
    }
}
