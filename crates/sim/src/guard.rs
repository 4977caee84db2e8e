//! The slots and the guard, as the processes of a host use them.

use evenkeel_fleet::apply::Stage;

use crate::disk::Record;
use crate::facts::Fact;
use crate::plan::Step;
use crate::plant::Plant;
use crate::world::{Failed, Me, World};

impl World {
    /// What the slots say; `None` when they say nothing, or nothing that is whole.
    pub(crate) fn read(&self, host: usize) -> Option<Record> {
        self.hosts[host].slots.borrow().read(self.planted(Plant::TornSlotBelieved)).ok().flatten()
    }

    /// The same without what an earlier boot knew of processes.
    pub(crate) fn read_here(&self, host: usize) -> Option<Record> {
        let mut record = self.read(host)?;
        // What is staged has no deadline and with that no boot yet.
        if record.applying.boot != self.boot(host) && record.stage() != Stage::Staged {
            (record.command, record.fuse) = (None, None);
        }
        Some(record)
    }

    /// Waits for the guard, so long; says whether it was had.
    pub(crate) async fn lock(&self, me: Me, limit_ms: u64) -> bool {
        let (guard, end) = (&self.hosts[me.host].guard, self.now() + limit_ms);
        loop {
            match guard.get() {
                None => {
                    guard.set(Some(me.pid));
                    return true;
                }
                Some(holder) if holder == me.pid => return true,
                Some(_) if self.now() >= end => return false,
                Some(_) => self.wait(me, end).await,
            }
        }
    }

    pub(crate) fn unlock(&self, me: Me) {
        let guard = &self.hosts[me.host].guard;
        if guard.get() == Some(me.pid) {
            guard.set(None);
            self.wake_host(me.host);
        }
    }

    fn guarded(&self, me: Me) -> bool {
        self.hosts[me.host].guard.get() == Some(me.pid)
    }

    /// Puts a record into a slot, where every process sees it at once.
    pub(crate) async fn write_unflushed(&self, me: Me, record: Record) -> Result<(), Failed> {
        self.point(me, Step::BeforeWrite).await?;
        let before = self.read(me.host);
        {
            let mut slots = self.hosts[me.host].slots.borrow_mut();
            // The other slot holds the only record that is surely there: what replaced it must be durable first.
            if slots.dirty() && !self.planted(Plant::BothSlotsUnflushed) {
                slots.flush();
            }
            slots.write(record, self.planted(Plant::TornSlotBelieved));
        }
        self.reach("slot", &record.stage());
        if let Some(why) = record.applying.why {
            self.reach("why", &why);
        }
        self.fact(Fact::Slot {
            host: me.host,
            me,
            before,
            after: record,
            boot: self.boot(me.host),
            boottime: self.boottime(me.host),
            served: self.hosts[me.host].server.borrow().serves(),
            guarded: self.guarded(me),
        });
        self.wake_host(me.host);
        Ok(())
    }

    /// The same, and returns when it is durable.
    pub(crate) async fn write(&self, me: Me, record: Record) -> Result<(), Failed> {
        let former = self.hosts[me.host].slots.borrow().clone();
        self.write_unflushed(me, record).await?;
        let host = &self.hosts[me.host];
        if let Err(failed) = self.point(me, Step::Unflushed).await {
            // The disk did not keep it, so nobody may believe it.
            host.slots.borrow_mut().put_back(&former);
            self.wake_host(me.host);
            return Err(failed);
        }
        host.slots.borrow_mut().flush();
        host.accepted.set(host.accepted.get().max(record.applying.generation));
        // What fails after this fails elsewhere.
        let _written_all_the_same = self.point(me, Step::AfterWrite).await;
        Ok(())
    }

    pub(crate) fn touched(&self, me: Me, forward: bool) {
        let durable = self.hosts[me.host].slots.borrow().durable();
        self.fact(Fact::Touched { host: me.host, me, durable, forward, guarded: self.guarded(me) });
    }

    pub(crate) fn told(&self, me: Me, forward: bool) {
        let durable = self.hosts[me.host].slots.borrow().durable();
        self.fact(Fact::Told { host: me.host, me, durable, forward, guarded: self.guarded(me) });
    }
}
