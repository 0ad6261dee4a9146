//! A way between two peers that takes its time: a proxy on this machine.
//!
//! It passes on what comes, in both directions and in order, each byte after the same delay. So a
//! distance costs what it costs on a real line, for a dial's answers and pings too; only the
//! system's own handshake is as quick as the machine.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Doing, Result};

/// How long one dial within this machine may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Opens a way to `target`: a connection to the result reaches it, `delay` later each way.
///
/// # Errors
/// The machine gives no more sockets or threads.
pub(super) fn open(target: SocketAddr, delay: Duration) -> Result<SocketAddr> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(|| "opening a delayed way".into())?;
    let address = listener.local_addr().doing(|| "opening a delayed way".into())?;
    spawn(move || {
        for near in listener.incoming().map_while(std::io::Result::ok) {
            // Nobody there, or no more threads: the connection ends, and is dialled again.
            let Ok(far) = TcpStream::connect_timeout(&target, DIAL_TIMEOUT) else { continue };
            let _ = join(&near, &far, delay).and_then(|()| join(&far, &near, delay));
        }
    })?;
    Ok(address)
}

/// Passes on what `from` says.
fn join(from: &TcpStream, to: &TcpStream, delay: Duration) -> Result<()> {
    let doing = || "passing on".to_owned();
    let (mut reading, mut writing) = (from.try_clone().doing(doing)?, to.try_clone().doing(doing)?);
    writing.set_nodelay(true).doing(doing)?;
    let (sender, receiver) = channel();
    spawn(move || {
        let mut buffer = [0; 1 << 14];
        while let Ok(length @ 1..) = reading.read(&mut buffer) {
            if sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    })?;
    spawn(move || {
        let _ = deliver(&receiver, &mut writing);
        let _ = writing.shutdown(Shutdown::Both);
    })
}

/// Writes each piece when its time has come, until nobody sends any more.
fn deliver(pieces: &Receiver<(Instant, Vec<u8>)>, to: &mut TcpStream) -> std::io::Result<()> {
    for (due, bytes) in pieces {
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        to.write_all(&bytes)?;
    }
    Ok(())
}

fn spawn(body: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = thread::Builder::new().stack_size(64 << 10).spawn(body);
    thread.map(|_| ()).doing(|| "starting a thread".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_arrives_in_order_and_not_before_its_time() {
        let target = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let delay = Duration::from_millis(30);
        let way = open(target.local_addr().expect("bound"), delay).expect("opens");
        let mut near = TcpStream::connect(way).expect("listens");
        let (mut far, _) = target.accept().expect("dialled");
        let begun = Instant::now();
        near.write_all(b"there").expect("takes it");
        let mut heard = [0; 5];
        far.read_exact(&mut heard).expect("arrives");
        assert!(&heard == b"there" && begun.elapsed() >= delay);
        far.write_all(b"back").expect("takes it");
        drop(far);
        let mut rest = String::new();
        near.read_to_string(&mut rest).expect("ends");
        assert!(rest == "back" && begun.elapsed() >= delay * 2);
    }
}
