//! Room that many share, of which large things leave some for small ones.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// There is no room now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no room at the moment")]
pub struct Full;

/// Room for so many units (bytes, images) in all.
#[derive(Debug, Clone)]
pub struct Room {
    all: Arc<Semaphore>,
    large: Arc<Semaphore>,
    small: usize,
}

/// A part of the room, given back when dropped.
#[derive(Debug, Default)]
pub struct Share {
    taken: usize,
    all: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Room for `all` units. What a share has beyond `small` units counts against `large`, too,
    /// which is less than `all`: however many large shares somebody takes, there is room for
    /// everybody's small ones.
    pub fn new(all: usize, large: usize, small: usize) -> Self {
        let room = |units: usize| Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)));
        Self { all: room(all), large: room(large), small }
    }

    /// Makes a share larger by so many units, or leaves it as it is.
    ///
    /// Never waits: shares that each hold a part and wait for more would wait for ever.
    ///
    /// # Errors
    /// There is no room for so many.
    pub fn take(&self, units: usize, share: &mut Share) -> Result<(), Full> {
        let taken = share.taken.saturating_add(units);
        let beyond = |taken: usize| taken.saturating_sub(self.small);
        let large = acquire(&self.large, beyond(taken) - beyond(share.taken))?;
        let all = acquire(&self.all, units)?;
        keep(&mut share.large, large);
        keep(&mut share.all, all);
        share.taken = taken;
        Ok(())
    }
}

fn acquire(room: &Arc<Semaphore>, units: usize) -> Result<OwnedSemaphorePermit, Full> {
    let units = u32::try_from(units).map_err(|_| Full)?;
    Arc::clone(room).try_acquire_many_owned(units).map_err(|_| Full)
}

fn keep(held: &mut Option<OwnedSemaphorePermit>, more: OwnedSemaphorePermit) {
    match held {
        Some(held) => held.merge(more),
        None => *held = Some(more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(room: &Room, units: usize) -> Result<Share, Full> {
        let mut share = Share::default();
        room.take(units, &mut share).map(|()| share)
    }

    #[test]
    fn a_share_grows_as_long_as_there_is_room_and_is_given_back_whole() {
        let room = Room::new(10, 10, 0);
        let mut held = share(&room, 4).unwrap();
        room.take(4, &mut held).unwrap();
        assert_eq!(room.take(3, &mut held), Err(Full));
        // What failed took nothing.
        room.take(2, &mut held).unwrap();
        assert_eq!(share(&room, 1).unwrap_err(), Full);
        drop(held);
        share(&room, 10).unwrap();
    }

    #[test]
    fn large_shares_leave_room_for_small_ones() {
        let room = Room::new(20, 10, 2);
        let held = [share(&room, 7).unwrap(), share(&room, 7).unwrap()];
        assert_eq!(share(&room, 3).unwrap_err(), Full);
        let small: Vec<Share> = (0..3).map(|_| share(&room, 2).unwrap()).collect();
        assert_eq!(share(&room, 1).unwrap_err(), Full, "all of it is taken");
        drop((held, small));
        share(&room, 12).unwrap();
    }

    #[test]
    fn what_is_larger_than_the_room_has_none() {
        assert_eq!(share(&Room::new(10, 5, 2), 8).unwrap_err(), Full);
        assert_eq!(share(&Room::new(usize::MAX, usize::MAX, 0), usize::MAX).unwrap_err(), Full);
    }
}
