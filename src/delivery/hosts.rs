//! How many calls go to one host at once: a slow one must not take the room of the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Calls to one host at once.
const EACH: usize = 4;

/// The calls under way, by host.
#[derive(Debug, Default)]
pub(super) struct Hosts(Arc<Mutex<HashMap<Arc<str>, usize>>>);

/// Room for one call; it is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    all: Arc<Mutex<HashMap<Arc<str>, usize>>>,
    host: Arc<str>,
}

impl Hosts {
    /// The hosts to which there are as many calls as there may be.
    pub(super) fn full(&self) -> Vec<Arc<str>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = all.iter().filter(|(_, calls)| **calls >= EACH);
        full.map(|(host, _)| host.clone()).collect()
    }

    /// Room for a call to `host`; `None` where there are as many as there may be.
    pub(super) fn enter(&self, host: &Arc<str>) -> Option<Room> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.entry(host.clone()).or_default();
        if *own >= EACH {
            return None;
        }
        *own += 1;
        Some(Room {
            all: self.0.clone(),
            host: host.clone(),
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&self.host) {
            *own -= 1;
            if *own == 0 {
                all.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_room_for_a_few_and_gives_it_back() {
        let hosts = Hosts::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a:443".into(), "b:443".into());
        let held: Vec<_> = (0..EACH).map(|_| hosts.enter(&a).expect("room")).collect();
        assert_eq!(hosts.full().first(), Some(&a));
        assert!(hosts.enter(&a).is_none() && hosts.enter(&b).is_some());
        drop(held);
        assert!(hosts.enter(&a).is_some());
    }
}
