//! What ends the processes that a test's own processes start, when the test does: those have no pipe to it.
//!
//! Each connects to a port at which nobody accepts. The connection breaks when the test's end of it goes, however that comes.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, exit};

use super::ORPHANED;

/// Names the port; what processes start inherits it.
const PORT: &str = "SHMOBJ_CONFORMANCE_LIFELINE";

/// The test's end. When it is dropped, all that are on it end.
#[derive(Debug)]
pub(super) struct Lifeline(TcpListener);

impl Lifeline {
    pub(super) fn new() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"))
    }

    /// Has a process hold on to it, with all that it starts.
    pub(super) fn give(&self, command: &mut Command) {
        command.env(PORT, self.0.local_addr().expect("it has a port").port().to_string());
    }
}

/// Holds on to the one that this process was given. False: it was given none.
pub(super) fn hold() -> bool {
    let Ok(port) = std::env::var(PORT) else { return false };
    let port: u16 = port.parse().expect("a port");
    std::thread::spawn(move || {
        if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            let _ = stream.read(&mut [0]); // nothing is ever sent
        }
        exit(ORPHANED)
    });
    true
}
