//! The reader threads and their queue.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::session::Session;
use super::{Rows, lock};
use crate::error::Result;
use crate::store::driver::unavailable;
use crate::store::sql::Sql;

/// A query that waits for a thread.
pub(super) struct Read {
    pub sql: Sql,
    pub reply: oneshot::Sender<Rows>,
}

/// The queue of the reader threads.
#[derive(Default)]
pub(super) struct Readers {
    state: Mutex<ReadQueue>,
    wake: Condvar,
}

#[derive(Default)]
struct ReadQueue {
    waiting: VecDeque<Read>,
    closed: bool,
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl Readers {
    pub fn push(&self, read: Read) -> Result<()> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(unavailable("the store is closed"));
        }
        state.waiting.push_back(read);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// The next read; `None` when closed and empty.
    fn pop(&self) -> Option<Read> {
        let mut state = lock(&self.state);
        loop {
            if let Some(read) = state.waiting.pop_front() {
                return Some(read);
            }
            if state.closed {
                return None;
            }
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.wake.notify_all();
    }
}

/// Answers queries until the queue is closed and empty.
pub(super) fn run_reader(mut session: Session, queue: &Readers) {
    while let Some(read) = queue.pop() {
        if !read.reply.is_closed() {
            // A caller that went away does not need the answer.
            let _ = read.reply.send(session.query(&read.sql));
        }
    }
}
