//! The stand-ins around nginx, opened and closed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::sys::socket::{setsockopt, sockopt};

use crate::certificates::Identity;
use crate::inventory::{Around, Names, Spot, Stand};
use crate::machine::Machine;
use crate::reach::TargetKind;
use crate::sandbox::{DNS, Side};
use crate::stage::Stage;
use crate::stub::{StubError, StubId, StubKind, Stubs, Zone};

/// Everything that listens around nginx.
#[derive(Debug)]
pub(crate) struct World<'m> {
    stubs: Stubs,
    machine: &'m Machine,
    identity: Option<Identity>,
    zone: Zone,
    open: BTreeMap<Spot, (StubId, Stand)>,
    held: BTreeMap<SocketAddr, OwnedFd>,
    held_datagrams: BTreeMap<SocketAddr, OwnedFd>,
    held_files: BTreeMap<PathBuf, OwnedFd>,
    /// What could not be opened, in sentences.
    pub(crate) lacks: Vec<String>,
}

impl<'m> World<'m> {
    pub(crate) fn new(
        stubs: Stubs,
        machine: &'m Machine,
        names: &Names,
        identity: Option<Identity>,
    ) -> World<'m> {
        let zone = Zone { names: names.0.clone(), others_exist: true };
        World {
            stubs,
            machine,
            identity,
            zone,
            open: BTreeMap::new(),
            held: BTreeMap::new(),
            held_datagrams: BTreeMap::new(),
            held_files: BTreeMap::new(),
            lacks: Vec::new(),
        }
    }

    /// Opens what this tree needs around it, and closes what another one needed.
    pub(crate) async fn fit(&mut self, stage: &Stage, around: &Around) -> Result<(), StubError> {
        // One that is spoken to in another way now must listen for that.
        let stays =
            |spot: &Spot, open: &Stand| around.stands.get(spot).is_some_and(|stand| stand.kind == open.kind);
        let gone = self.open.iter().filter(|(spot, (_, stand))| !stays(spot, stand));
        let gone: Vec<Spot> = gone.map(|(spot, _)| spot.clone()).collect();
        for spot in gone {
            self.close(&spot).await?;
        }
        self.held.retain(|address, _| around.held.contains(address));
        for address in &around.held {
            if !self.held.contains_key(address) && !self.open.contains_key(&Spot::Host(*address)) {
                match stage.listen(Side::Host, *address).await {
                    Ok(socket) => drop(self.held.insert(*address, socket)),
                    Err(error) => self.lack(&format!("{address}, which another process holds here,"), &error),
                }
            }
        }
        self.hold_more(stage, around).await;
        for (spot, stand) in &around.stands {
            match self.open.get_mut(spot) {
                Some((_, known)) => *known = stand.clone(),
                None => self.open(stage, spot, stand).await?,
            }
        }
        Ok(())
    }

    /// Holds what others than nginx have for datagrams, and the places of unix sockets where something is.
    async fn hold_more(&mut self, stage: &Stage, around: &Around) {
        self.held_datagrams.retain(|address, _| around.held_datagrams.contains(address));
        for address in &around.held_datagrams {
            let spot = Spot::Datagrams(*address);
            if self.held_datagrams.contains_key(address) || self.open.contains_key(&spot) || *address == DNS {
                continue;
            }
            match stage.udp(Side::Host, *address).await {
                Ok(socket) => {
                    // Two that both say so may share an address of datagrams; nginx always does.
                    let _it_is_held_less = setsockopt(&socket, sockopt::ReuseAddr, &false);
                    self.held_datagrams.insert(*address, socket);
                }
                Err(error) => self.lack(&format!("{address}, which another process holds here,"), &error),
            }
        }
        self.held_files.retain(|path, _| around.held_files.contains(path));
        for path in &around.held_files {
            if self.held_files.contains_key(path) {
                continue;
            }
            match stage.listen_unix(path).await {
                Ok(socket) => drop(self.held_files.insert(path.clone(), socket)),
                Err(error) => self.lack(&format!("{}, which is taken here,", path.display()), &error),
            }
        }
    }

    /// Opens the name server of the sandbox.
    pub(crate) async fn open_dns(&mut self, stage: &Stage) -> Result<(), StubError> {
        if self.open.contains_key(&Spot::Datagrams(DNS)) {
            return Ok(());
        }
        match stage.udp(Side::Host, DNS).await {
            Ok(socket) => self.stubs.serve(socket, StubKind::Dns(self.zone.clone()), "dns").await.map(drop),
            Err(error) => {
                self.lack("the name server", &error);
                Ok(())
            }
        }
    }

    /// Makes one stand-in go down: the next connection is refused.
    pub(crate) async fn close(&mut self, spot: &Spot) -> Result<(), StubError> {
        match self.open.remove(spot) {
            Some((stub, _)) => self.stubs.close(stub).await,
            None => Ok(()),
        }
    }

    /// Opens one stand-in.
    pub(crate) async fn open(&mut self, stage: &Stage, spot: &Spot, stand: &Stand) -> Result<(), StubError> {
        let any = |port: u16| SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        let socket: io::Result<OwnedFd> = match spot {
            Spot::Host(address) => stage.listen(Side::Host, *address).await,
            Spot::World(address) => stage.listen(Side::World, *address).await,
            Spot::Anywhere(port) => stage.listen(Side::World, any(*port)).await,
            Spot::Datagrams(address) => {
                let side = if self.machine.owns(address.ip()) { Side::Host } else { Side::World };
                stage.udp(side, *address).await
            }
            Spot::Unix(path) => stage.listen_unix(Path::new(OsStr::from_bytes(path))).await,
        };
        match socket {
            Ok(socket) => {
                // An upstream of both kinds of servers is asked on both kinds of sockets.
                let kind = match (spot, self.kind(stand.kind)) {
                    (Spot::Datagrams(_), kind @ (StubKind::Udp | StubKind::Dns(_))) => kind,
                    (Spot::Datagrams(_), _) => StubKind::Udp,
                    (_, StubKind::Udp) => StubKind::Tcp,
                    (_, kind) => kind,
                };
                let stub = self.stubs.serve(socket, kind, &stand.address).await?;
                self.open.insert(spot.clone(), (stub, stand.clone()));
            }
            Err(error) if stand.address.is_empty() => {
                self.lack("a stand-in for what variables decide", &error);
            }
            Err(error) => self.lack(&format!("a stand-in for {}", stand.address), &error),
        }
        Ok(())
    }

    /// Gives what reached the stand-ins since the last call, with who they stand for.
    pub(crate) async fn seen(&self) -> Result<Vec<(crate::stub::Seen, Stand)>, StubError> {
        let seen = self.stubs.seen().await?;
        let stand =
            |stub: StubId| self.open.values().find(|(id, _)| *id == stub).map(|(_, stand)| stand.clone());
        Ok(seen.into_iter().filter_map(|seen| Some((seen.clone(), stand(seen.stub)?))).collect())
    }

    /// Whom a stand-in stands for, by what it calls itself.
    pub(crate) fn named(&self, name: &str) -> Option<&Stand> {
        self.open.values().map(|(_, stand)| stand).find(|stand| stand.address == name)
    }

    fn kind(&self, kind: Option<TargetKind>) -> StubKind {
        let tls = || self.identity.clone();
        match kind {
            Some(TargetKind::Http { tls: true } | TargetKind::Grpc { tls: true }) => {
                StubKind::Http { tls: tls() }
            }
            Some(TargetKind::Http { tls: false } | TargetKind::Grpc { tls: false }) => {
                StubKind::Http { tls: None }
            }
            Some(TargetKind::Fastcgi) => StubKind::Fastcgi,
            Some(TargetKind::Uwsgi { tls: false }) => StubKind::Uwsgi,
            Some(TargetKind::Scgi) => StubKind::Scgi,
            Some(TargetKind::Memcached) => StubKind::Memcached,
            Some(TargetKind::Tcp { tls: false }) => StubKind::Tcp,
            Some(TargetKind::Udp | TargetKind::Syslog) => StubKind::Udp,
            Some(TargetKind::Dns) => StubKind::Dns(self.zone.clone()),
            Some(TargetKind::Uwsgi { tls: true } | TargetKind::Tcp { tls: true }) | None => {
                StubKind::Any { tls: tls() }
            }
        }
    }

    fn lack(&mut self, what: &str, error: &io::Error) {
        let said = format!("{what} could not be offered: {error}");
        if !self.lacks.contains(&said) {
            self.lacks.push(said);
        }
    }
}
