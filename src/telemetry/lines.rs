//! Log lines on their way out: a bounded queue, and a thread that alone waits for the output.
//!
//! A pipe that nobody reads or a disk that is full costs log lines, and never a review: whoever
//! logs only ever takes a lock.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait to be written; beyond it lines are lost, and counted.
const MOST: usize = 4 << 20;

/// The queue; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
    lost: u64,
    /// One was taken and is being written.
    writing: bool,
}

impl Lines {
    /// A queue whose lines a thread of its own writes to `out`.
    pub(super) fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Self::default();
        let queue = lines.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || queue.run(out))?;
        Ok(lines)
    }

    fn push(&self, line: &[u8]) {
        let mut waiting = self.waiting();
        if waiting.bytes.saturating_add(line.len()) > MOST {
            waiting.lost = waiting.lost.saturating_add(1);
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line.into());
        self.0.changed.notify_all();
    }

    /// Waits until everything is written, and no longer than `limit`.
    pub(super) fn finish(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let mut waiting = self.waiting();
        while waiting.writing || !waiting.lines.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.0.changed.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn run(&self, mut out: impl Write) {
        loop {
            let line = self.next();
            // There is nowhere to say that it failed.
            let written = out.write_all(&line).is_ok();
            let lost = self.written(written);
            if lost > 0 {
                tracing::warn!(lines = lost, "log lines were lost, standard error took no more");
            }
        }
    }

    /// The next line, once there is one.
    fn next(&self) -> Box<[u8]> {
        let mut waiting = self.waiting();
        loop {
            if let Some(line) = waiting.lines.pop_front() {
                waiting.bytes = waiting.bytes.saturating_sub(line.len());
                waiting.writing = true;
                return line;
            }
            waiting = self.0.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A line is dealt with. How many were lost up to now, if that can be told.
    fn written(&self, written: bool) -> u64 {
        let mut waiting = self.waiting();
        waiting.writing = false;
        self.0.changed.notify_all();
        if written {
            return std::mem::take(&mut waiting.lost);
        }
        waiting.lost = waiting.lost.saturating_add(1);
        0
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for &Lines {
    /// Takes one line, as tracing writes them, at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output that takes a line when it is told to, or fails.
    struct Told(mpsc::Receiver<io::Result<()>>, mpsc::Sender<Vec<u8>>);

    impl Write for Told {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)??;
            self.1.send(line.to_vec()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told() -> (Lines, mpsc::Sender<io::Result<()>>, mpsc::Receiver<Vec<u8>>) {
        let (go, told) = mpsc::channel();
        let (sender, written) = mpsc::channel();
        (Lines::to(Told(told, sender)).unwrap(), go, written)
    }

    #[test]
    fn lines_come_out_whole_and_in_their_order() {
        let (lines, go, written) = told();
        for line in ["a\n", "b\n"] {
            (&lines).write_all(line.as_bytes()).unwrap();
            go.send(Ok(())).unwrap();
        }
        lines.finish(Duration::from_secs(60));
        assert_eq!(written.try_iter().collect::<Vec<_>>(), [b"a\n", b"b\n"]);
    }

    #[test]
    fn an_output_that_hangs_holds_nobody_up_and_no_more_memory_than_allowed() {
        let (lines, _go, _written) = told();
        let line = vec![b'x'; MOST / 8];
        for _ in 0..100 {
            (&lines).write_all(&line).unwrap();
        }
        let waiting = lines.waiting();
        assert!(waiting.bytes <= MOST, "{} bytes", waiting.bytes);
        assert!(waiting.lost >= 90, "{} lines lost", waiting.lost);
        drop(waiting);
        lines.finish(Duration::ZERO);
    }

    #[test]
    fn an_output_that_fails_loses_its_lines_and_is_tried_again() {
        let (lines, go, written) = told();
        go.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        go.send(Ok(())).unwrap();
        (&lines).write_all(b"lost\n").unwrap();
        (&lines).write_all(b"kept\n").unwrap();
        lines.finish(Duration::from_secs(60));
        assert_eq!(written.try_iter().collect::<Vec<_>>(), [b"kept\n"]);
        assert_eq!(lines.waiting().lost, 0, "it was told, in the log of this process");
    }
}
