use futures_util::stream;
use hyper::body::Frame;

use super::*;

fn frames(parts: &[&'static [u8]]) -> Body {
    let parts: Vec<Result<Bytes, std::io::Error>> =
        parts.iter().map(|part| Ok(Bytes::from_static(part))).collect();
    Body::new(http_body_util::StreamBody::new(stream::iter(
        parts.into_iter().map(|part| part.map(Frame::data)),
    )))
}

fn reader(one: usize, all: usize) -> BodyReader {
    BodyReader::new(Limits { one, all, ..Limits::default() })
}

#[tokio::test]
async fn a_body_is_read_whole_in_one_frame_or_in_many() {
    let reader = reader(10, 10);
    let cases: [(&[&[u8]], &[u8]); 3] =
        [(&[], b""), (&[b"0123456789"], b"0123456789"), (&[b"01", b"", b"234", b"5"], b"012345")];
    for (parts, whole) in cases {
        assert_eq!(reader.read(frames(parts), None).await.unwrap().bytes, whole);
    }
}

#[tokio::test]
async fn a_single_frame_is_not_copied() {
    static FRAME: &[u8] = b"a review";
    let read = reader(10, 10).read(frames(&[FRAME]), None).await.unwrap();
    assert_eq!(read.bytes.as_ptr(), FRAME.as_ptr());
}

#[tokio::test]
async fn a_body_larger_than_announced_or_than_allowed_is_refused() {
    let reader = reader(10, 100);
    let cases: [&[&[u8]]; 2] = [&[b"0123456789a"], &[b"0123456789", b"a"]];
    for parts in cases {
        assert_eq!(reader.read(frames(parts), None).await.unwrap_err(), BodyError::TooLarge(10));
    }
    let announced = Body::from("0123456789a");
    assert_eq!(reader.read(announced, None).await.unwrap_err(), BodyError::TooLarge(10));
}

#[tokio::test]
async fn all_bodies_share_one_bound_and_give_their_part_back() {
    let reader = reader(10, 10);
    let held = reader.read(frames(&[b"0123", b"4567"]), None).await.unwrap();
    assert_eq!(reader.read(frames(&[b"89a"]), None).await.unwrap_err(), BodyError::Busy);
    // What was refused keeps nothing.
    let small = reader.read(frames(&[b"8", b"9"]), None).await.unwrap();
    assert_eq!(reader.read(frames(&[b"a"]), None).await.unwrap_err(), BodyError::Busy);
    drop((held, small));
    reader.read(frames(&[b"0123456789"]), None).await.unwrap();
}

#[tokio::test]
async fn requests_are_bounded_in_number_too_and_give_their_places_back() {
    let reader = BodyReader::new(Limits { requests: 2, ..Limits::default() });
    let held = [
        reader.read(frames(&[b"0"]), None).await.unwrap(),
        reader.read(frames(&[]), None).await.unwrap(),
    ];
    assert_eq!(reader.read(frames(&[b"1"]), None).await.unwrap_err(), BodyError::Busy);
    drop(held);
    // What was not read to its end gives its place back, too.
    for _ in 0..3 {
        let broken =
            Body::new(http_body_util::StreamBody::new(stream::iter([Err::<Frame<Bytes>, _>(
                std::io::Error::other("gone"),
            )])));
        assert_eq!(reader.read(broken, None).await.unwrap_err(), BodyError::Broken);
    }
    reader.read(frames(&[b"2"]), None).await.unwrap();
}

#[tokio::test]
async fn nobody_waits_for_a_body_longer_than_its_sender_waits_for_the_answer() {
    let pending = || {
        Body::new(http_body_util::StreamBody::new(stream::pending::<
            Result<Frame<Bytes>, std::io::Error>,
        >()))
    };
    let (short, long) = (Duration::from_millis(15), Duration::from_secs(60));
    for (time, patience) in [(long, short), (short, long)] {
        let reader = BodyReader::new(Limits { time, ..Limits::default() });
        let error = reader.read(pending(), Some(patience)).await.unwrap_err();
        assert_eq!(error, BodyError::TooSlow(short));
    }
}

#[tokio::test]
async fn a_body_that_does_not_end_in_time_is_given_up() {
    let time = Duration::from_millis(15);
    let reader = BodyReader::new(Limits { time, ..Limits::default() });
    let body = Body::new(http_body_util::StreamBody::new(stream::pending::<
        Result<Frame<Bytes>, std::io::Error>,
    >()));
    let error = reader.read(body, None).await.unwrap_err();
    assert_eq!(error, BodyError::TooSlow(time));
    assert_eq!(error.to_string(), "the body did not arrive within 15 ms");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let parts = [
        Ok(Frame::data(Bytes::from_static(b"half"))),
        Err(std::io::Error::other("reset by the peer")),
    ];
    let body = Body::new(http_body_util::StreamBody::new(stream::iter(parts)));
    assert_eq!(reader(10, 10).read(body, None).await.unwrap_err(), BodyError::Broken);
}

#[tokio::test]
async fn what_is_too_large_is_read_to_its_end_within_reason() {
    // 20 bytes are read to find out, then up to 45 more to be polite.
    for (sent, expected) in [(4, 40), (1000, 70)] {
        let read = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let parts = stream::iter((0..sent).map(move |_| {
            counted.fetch_add(10, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"0123456789")))
        }));
        let body = Body::new(http_body_util::StreamBody::new(parts));
        assert_eq!(reader(15, 100).read(body, None).await.unwrap_err(), BodyError::TooLarge(15));
        assert_eq!(read.load(std::sync::atomic::Ordering::Relaxed), expected, "{sent} frames");
    }
}

#[tokio::test]
async fn however_many_large_bodies_there_are_small_ones_find_room() {
    let limits = Limits { one: 10, all: 24, small: 2, large: 16, ..Limits::default() };
    let reader = BodyReader::new(limits);
    let whole: &[&[u8]] = &[b"01234", b"56789"];
    let mut held = Vec::new();
    loop {
        match reader.read(frames(whole), None).await {
            Ok(read) => held.push(read),
            Err(error) => {
                assert_eq!(error, BodyError::Busy);
                break;
            }
        }
    }
    assert_eq!(held.len(), 2, "eight bytes of each are beyond what is small");
    let small = reader.read(frames(&[b"01"]), None).await.unwrap();
    let more = reader.read(frames(&[b"0", b"1"]), None).await.unwrap();
    drop((small, more));
    // Not even one byte more than is small.
    assert_eq!(reader.read(frames(&[b"012"]), None).await.unwrap_err(), BodyError::Busy);
    drop(held.pop());
    held.push(reader.read(frames(whole), None).await.unwrap());
}
