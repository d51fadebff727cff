//! The crate `interprocess`: its local sockets. Its pipes are those of the system, without anything of its own.

use std::io::{Read, Write};

use ::interprocess::local_socket::prelude::*;
use ::interprocess::local_socket::{
    GenericFilePath, GenericNamespaced, Listener, ListenerOptions, Name, Stream,
};

use super::ring;
use crate::players::tools::bulk::CHUNK;
use crate::players::tools::trips::trips;
use crate::players::{Made, Stage};
use crate::protocol::Answer;

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    match stage.operation.as_str() {
        "ping-pong" | "ping-pong-one-core" => {
            let mut socket = Socket::of(stage);
            let mut byte = [0];
            match stage.role {
                0 => trips(0, move || {
                    socket.stream().write_all(&[1]).expect("sent");
                    socket.stream().read_exact(&mut byte).expect("received");
                }),
                _ => trips(1, move || {
                    socket.stream().read_exact(&mut byte).expect("received");
                    socket.stream().write_all(&byte).expect("sent");
                }),
            }
        }
        "transfer" => {
            let mut socket = Socket::of(stage);
            if stage.role == 0 {
                return ring::sender(stage, move |_, source| {
                    socket.stream().write_all(source).expect("sent");
                });
            }
            let mut buffer = vec![0; CHUNK];
            ring::receiver(stage, move |_, read| {
                socket.stream().read_exact(&mut buffer).expect("received");
                read(&buffer);
            })
        }
        "leftovers" => {
            let path = stage.directory.join("socket");
            let name = || path.as_os_str().to_fs_name::<GenericFilePath>().expect("a name");
            let (in_files, elsewhere) = match stage.role {
                0 => (Socket::Waiting(listen(name())), Socket::of(stage)),
                _ => (Socket::Connected(Stream::connect(name()).expect("role 0")), Socket::of(stage)),
            };
            Made::of(move |_| {
                let _held = (&in_files, &elsewhere);
                Answer::Done
            })
        }
        _ => Made::Unsupported,
    }
}

/// One side of a connection: role 1 is started when role 0 is ready, and so listening.
enum Socket {
    Waiting(Listener),
    Connected(Stream),
}

impl Socket {
    fn of(stage: &Stage) -> Self {
        let name = stage.prefix.as_str().to_ns_name::<GenericNamespaced>().expect("a name");
        match stage.role {
            0 => Self::Waiting(listen(name)),
            _ => Self::Connected(Stream::connect(name).expect("role 0")),
        }
    }

    fn stream(&mut self) -> &mut Stream {
        if let Self::Waiting(listener) = self {
            *self = Self::Connected(listener.accept().expect("role 1"));
        }
        match self {
            Self::Connected(stream) => stream,
            Self::Waiting(_) => unreachable!("it has been accepted"),
        }
    }
}

fn listen(name: Name<'_>) -> Listener {
    ListenerOptions::new().name(name).create_sync().expect("a listener")
}
