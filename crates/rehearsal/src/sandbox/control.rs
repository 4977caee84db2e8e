//! The conversation with the first process of a sandbox, from outside.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::sys;
use super::wire::{self, Answer, Order, Question, Says};

/// One end of the conversation: one question at a time.
#[derive(Debug)]
pub(super) struct Control {
    socket: AsyncFd<OwnedFd>,
    asked: tokio::sync::Mutex<u64>,
    because: Mutex<Option<String>>,
}

impl Control {
    /// Takes a socket that does not block.
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        let (asked, because) = (tokio::sync::Mutex::new(0), Mutex::new(None));
        Ok(Self { socket: sys::watched(socket)?, asked, because })
    }

    /// Asks, and waits for the answer. One that nobody waited for any longer is dropped, with its descriptors.
    pub(super) async fn ask(&self, order: Order) -> io::Result<(Says, Vec<OwnedFd>)> {
        let mut asked = self.asked.lock().await;
        *asked += 1;
        let question = Question { number: *asked, order };
        self.send(&question).await.map_err(|error| self.ended(error))?;
        loop {
            match self.receive().await {
                Ok(Some((answer, beside))) if answer.number == *asked => {
                    return match answer.says {
                        Says::Failed { errno } => Err(io::Error::from_raw_os_error(errno)),
                        says => Ok((says, beside)),
                    };
                }
                Ok(Some((Answer { says: Says::Ends { because }, .. }, _))) => {
                    *self.because.lock().unwrap_or_else(PoisonError::into_inner) = Some(because);
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(self.ended(io::ErrorKind::BrokenPipe.into())),
                Err(error) => return Err(self.ended(error)),
            }
        }
    }

    /// Asks for one descriptor.
    pub(super) async fn ask_for(&self, order: Order) -> io::Result<OwnedFd> {
        let (_, mut beside) = self.ask(order).await?;
        beside.pop().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Says which limit ended the sandbox, if it could still say so.
    pub(super) fn because(&self) -> Option<String> {
        self.because.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn send(&self, question: &Question) -> io::Result<()> {
        self.socket.async_io(Interest::WRITABLE, |socket| wire::send(socket.as_fd(), question, &[])).await
    }

    pub(super) async fn receive(&self) -> io::Result<Option<(Answer, Vec<OwnedFd>)>> {
        self.socket.async_io(Interest::READABLE, |socket| wire::receive(socket.as_fd())).await
    }

    fn ended(&self, error: io::Error) -> io::Error {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        if ![BrokenPipe, ConnectionReset].contains(&error.kind()) {
            return error;
        }
        // What it said last may still lie in the socket.
        while let Ok(Some((answer, _))) = wire::receive::<Answer>(self.socket.get_ref().as_fd()) {
            if let Says::Ends { because } = answer.says {
                *self.because.lock().unwrap_or_else(PoisonError::into_inner) = Some(because);
            }
        }
        let because = self.because().map(|why| format!(": {why}")).unwrap_or_default();
        io::Error::new(BrokenPipe, format!("the sandbox has ended{because}"))
    }
}
