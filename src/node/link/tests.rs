use std::io::Read;
use std::net::TcpListener;
use std::thread;

use super::*;

/// A link whose other end is in our hands.
fn linked() -> (Link, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let host = "127.0.0.1".into();
    let link = Link::new(PeerId(2), Address { host, port: address.port() }, Kind::Standing);
    let stream = session::dial(address, timeouts::ANSWER_TIMEOUT).unwrap();
    let (other_end, _) = listener.accept().unwrap();
    link.set_up(Arc::new(stream), Vec::new());
    (link, other_end)
}

/// A frame that can be told from others.
fn frame(number: usize) -> Vec<u8> {
    format!("{number:0>1023}\n").into_bytes()
}

/// A message with a body.
fn opener() -> Opener {
    Box::new(|| Ok((b"line\n".to_vec(), (4, Box::new(&b"body"[..])))))
}

#[test]
fn a_frame_without_a_link_is_not_taken() {
    let link = Link::new(PeerId(2), Address { host: "127.0.0.1".into(), port: 1 }, Kind::Standing);
    assert!(!link.push(b"lost\n") && !link.push_body(opener()));
    link.flush();
}

/// The peer is stopped: senders fill the socket and the queue, and then frames are dropped; nobody
/// waits. When it goes on, everything that was taken arrives whole and in order.
#[test]
fn a_peer_that_takes_nothing_holds_nobody_up() {
    let (link, mut other_end) = linked();
    let mut taken = 0;
    while link.push(&frame(taken)) {
        link.flush();
        taken += 1;
        assert!(taken < 1_000_000, "a socket takes everything");
    }
    assert!(link.state().slow, "the link's own thread has it now");
    assert!(link.state().queue.len() + 1024 > QUEUE_LIMIT);
    let reader = thread::spawn(move || {
        let mut bytes = vec![0; taken * 1024];
        other_end.read_exact(&mut bytes).unwrap();
        bytes
    });
    let mut dropped = 0;
    while dropped == 0 {
        dropped = link.flush_slow().0;
    }
    assert_eq!(dropped, 1, "the frame that was not taken is counted");
    let bytes = reader.join().unwrap();
    for (number, line) in bytes.chunks(1024).enumerate() {
        assert_eq!(line, frame(number), "frame {number} of {taken}");
    }
}

/// Half a frame may be stuck in front of an old connection. The new one begins with a whole frame.
#[test]
fn what_an_old_connection_did_not_take_never_goes_to_a_new_one() {
    let (link, _stopped) = linked();
    let mut number = 0;
    while !link.state().slow {
        link.push(&frame(number));
        link.flush();
        number += 1;
    }
    let (fresh, mut other_end) = linked();
    let stream = fresh.state().stream.clone();
    link.set_up(stream.unwrap(), Vec::new());
    assert!(link.push(b"first\n"));
    link.flush();
    let mut bytes = [0; 6];
    other_end.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"first\n");
}

/// What is said before the link is up goes over it, behind the greeting's last frame.
#[test]
fn a_link_on_demand_keeps_what_it_was_made_for() {
    let (fresh, mut other_end) = linked();
    let link = Link::new(PeerId(2), Address { host: "127.0.0.1".into(), port: 1 }, Kind::OnDemand);
    assert!(link.push(b"second\n"));
    assert_eq!(link.flush(), Next::Dial, "it needs a thread");
    assert_eq!(link.flush(), Next::Nothing, "one");
    link.unserved();
    assert_eq!(link.flush(), Next::Dial, "there was none to be had");
    link.set_up(fresh.state().stream.clone().unwrap(), b"first\n".to_vec());
    assert_eq!(link.flush(), Next::Nothing);
    assert!(!link.state().slow, "the socket took all of it");
    let mut bytes = [0; 13];
    other_end.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"first\nsecond\n");
    assert!(!link.is_idle() && link.is_drained() && !link.sends_bodies());
    link.state().used = Instant::now().checked_sub(IDLE);
    assert!(link.is_idle());
    assert!(link.push_body(opener()) && link.flush() == Next::Body && link.sends_bodies());
    link.state().used = Instant::now().checked_sub(IDLE);
    assert!(!link.is_idle(), "a body is on its way");
    link.set_down();
    assert!(link.push_body(opener()), "it is dialled for it");
}

#[test]
fn one_slow_dial_is_under_way_at_a_time_and_a_link_needs_none() {
    let (link, _other_end) = linked();
    assert_eq!(link.begin_slow_dial(), Some(timeouts::ANSWER_TIMEOUT * 2));
    assert_eq!(link.begin_slow_dial(), None);
    let (other, _end) = linked();
    let stream = || other.state().stream.as_ref().unwrap().try_clone().unwrap();
    link.end_slow_dial(Some(stream()));
    assert!(link.take_slow_dial().is_none(), "it is connected already");
    link.set_down();
    assert_eq!(link.begin_slow_dial(), Some(timeouts::ANSWER_TIMEOUT * 4));
    link.end_slow_dial(Some(stream()));
    assert!(link.take_slow_dial().is_some());
    assert_eq!(link.begin_slow_dial(), Some(timeouts::ANSWER_TIMEOUT * 8));
}

#[test]
fn few_messages_with_bodies_wait_and_what_comes_later_stays_behind_them() {
    let (link, mut other_end) = linked();
    assert!((0..MAX_BODIES).all(|_| link.push_body(opener())));
    assert!(!link.push_body(opener()), "one more is dropped");
    assert!(link.push(b"behind\n") && link.flush() == Next::Body);
    assert!(link.push(b"last\n") && link.flush() == Next::Nothing, "another thread has it");
    let mut bodies = 0;
    while let Some((stream, opener)) = link.next_body() {
        let (head, (length, mut body)) = opener().unwrap();
        write_some(&stream, &head).unwrap();
        assert_eq!(io::copy(&mut body, &mut &*stream).unwrap(), length);
        bodies += 1;
    }
    let want = "line\nbody".repeat(bodies) + "behind\nlast\n";
    let mut bytes = vec![0; want.len()];
    other_end.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), want);
    assert!(link.is_drained() && bodies == MAX_BODIES);
    assert_eq!(link.flush_slow().0, 1, "the one that was dropped is counted");
}

/// In front of the bodies and behind each of them.
#[test]
fn all_frames_that_wait_count_and_without_a_thread_for_bodies_they_go_on() {
    let (link, mut other_end) = linked();
    let mut frames = 0;
    let mut push = |link: &Link, most| {
        while frames < most && link.push(&frame(frames)) {
            frames += 1;
        }
        frames
    };
    push(&link, 3);
    assert!(link.push_body(opener()));
    push(&link, 5);
    assert!(link.push_body(opener()));
    assert_eq!(push(&link, usize::MAX), QUEUE_LIMIT / 1024);
    let reader = thread::spawn(move || {
        let mut bytes = vec![0; QUEUE_LIMIT];
        other_end.read_exact(&mut bytes).unwrap();
        bytes
    });
    while link.flush() != Next::Body {
        link.flush_slow();
    }
    link.drop_bodies();
    let mut dropped = 0;
    while !link.is_drained() || dropped == 0 {
        dropped += link.flush_slow().0;
    }
    assert_eq!(dropped, 3, "a frame and two bodies");
    for (number, line) in reader.join().unwrap().chunks(1024).enumerate() {
        assert_eq!(line, frame(number), "frame {number}");
    }
}

#[test]
fn a_link_is_over_its_newest_connection_and_can_be_closed() {
    let ((link, mut other_end), (fresh, _end)) = (linked(), linked());
    let stream = link.state().stream.clone().unwrap();
    assert!(link.is_over(&stream));
    link.close();
    assert_eq!(other_end.read(&mut [0]).unwrap(), 0);
    link.set_up(fresh.state().stream.clone().unwrap(), Vec::new());
    assert!(!link.is_over(&stream));
    link.set_down();
    assert!(!link.is_over(&stream));
}

#[test]
fn what_is_known_of_a_peer_s_answers_outlives_a_two_way_link() {
    let link = Link::new(PeerId(1), Address { host: "127.0.0.1".into(), port: 1 }, Kind::Address);
    link.two_way(PeerId(2)).failed();
    assert_eq!(link.two_way(PeerId(2)).silence(), timeouts::ANSWER_TIMEOUT * 6);
}

#[test]
fn a_pause_takes_its_time_unless_the_peer_is_seen_alive() {
    let (link, _other_end) = linked();
    let (begun, pause) = (Instant::now(), Duration::from_millis(20));
    link.pause(pause);
    assert!(begun.elapsed() >= pause);
    link.wake();
    link.pause(Duration::from_secs(20));
    assert!(begun.elapsed() < Duration::from_secs(15), "it was woken before");
    let again = Instant::now();
    link.pause(pause);
    assert!(again.elapsed() >= pause, "once");
}
