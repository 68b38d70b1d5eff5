//! Real sockets and a real TLS client; what is awaited is always an event, never a moment.

mod bounds;
mod ending;
mod renewal;
mod serving;
mod support;

use super::*;

#[test]
fn a_lost_connection_is_no_reason_to_pause_and_a_lack_of_descriptors_is() {
    for kind in [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset] {
        assert_eq!(pause(&io::Error::from(kind), 0), None);
    }
    // EMFILE on Linux.
    let exhausted = io::Error::from_raw_os_error(24);
    let pauses = [0, 1, 2, 3, 4, 5, u32::MAX]
        .map(|troubles| pause(&exhausted, troubles).map(|pause| pause.as_millis()));
    assert_eq!(pauses, [50, 100, 200, 400, 800, 800, 800].map(Some));
}
