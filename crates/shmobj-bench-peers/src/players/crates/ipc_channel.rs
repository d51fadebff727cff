//! The crate `ipc-channel`. Bytes go without serialization, and much of them as its shared memory, as its documentation has it.
#![allow(unsafe_code)] // the directory of its sockets is a variable of the environment

use ::ipc_channel::TryRecvError;
use ::ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcReceiver, IpcReceiverSet, IpcSender};
use ::ipc_channel::ipc::{IpcOneShotServer, IpcSharedMemory};
use serde::{Deserialize, Serialize};

use super::ring;
use crate::players::tools::sleeper::sleeper;
use crate::players::tools::timing;
use crate::players::tools::trips::trips;
use crate::players::{Made, Stage};
use crate::protocol::Answer;

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    // SAFETY: this process has no other thread yet.
    unsafe { std::env::set_var("TMPDIR", &stage.directory) };
    match stage.operation.as_str() {
        "event" => {
            let (sender, receiver) = ipc::bytes_channel().expect("a channel");
            Made::of(move |count| {
                timing::timed(count, || {
                    sender.send(&[1]).expect("sent");
                    receiver.recv().expect("received");
                })
            })
        }
        "ping-pong" | "ping-pong-one-core" => {
            ping_pong(stage, |receiver| drop(receiver.recv().expect("received")))
        }
        "ping-pong-spinning" => ping_pong(stage, |receiver| {
            loop {
                match receiver.try_recv() {
                    Ok(_) => break,
                    Err(TryRecvError::Empty) => std::hint::spin_loop(),
                    Err(error) => panic!("{error}"),
                }
            }
        }),
        "wait-any" => {
            let (senders, receivers) = channels(stage.parameter);
            let mut set = set(receivers);
            Made::of(move |count| {
                timing::timed(count, || {
                    senders.last().expect("one").send(1).expect("sent");
                    any(&mut set);
                })
            })
        }
        "wait-any-asleep" => woken(stage),
        "transfer" => transfer(stage),
        "leftovers" => leftovers(stage),
        _ => Made::Unsupported,
    }
}

/// How two sides meet: role 1 is started when role 0 has a server, and hands over what it has made.
struct Meeting<T> {
    server: Option<IpcOneShotServer<T>>,
    has: Option<T>,
}

impl<T: Serialize + for<'de> Deserialize<'de>> Meeting<T> {
    /// Role 0.
    fn wait(stage: &Stage) -> Self {
        let (server, name) = IpcOneShotServer::new().expect("a server");
        std::fs::write(stage.directory.join("name"), name).expect("its name is written");
        Self { server: Some(server), has: None }
    }

    /// What the other side made; waits for it the first time.
    fn get(&mut self) -> &mut T {
        let server = &mut self.server;
        self.has.get_or_insert_with(|| server.take().expect("one meeting").accept().expect("role 1").1)
    }
}

/// Role 1.
fn meet<T: Serialize>(stage: &Stage, with: T) {
    let name = std::fs::read_to_string(stage.directory.join("name")).expect("the name of the server");
    IpcSender::connect(name).expect("a connection").send(with).expect("sent");
}

fn ping_pong(stage: &Stage, receive: fn(&IpcBytesReceiver)) -> Made {
    if stage.role == 0 {
        let mut channels = Meeting::<(IpcBytesSender, IpcBytesReceiver)>::wait(stage);
        return trips(0, move || {
            let (there, back) = channels.get();
            there.send(&[1]).expect("sent");
            receive(back);
        });
    }
    let channel = || ipc::bytes_channel().expect("a channel");
    let ((there, at_there), (back, at_back)) = (channel(), channel());
    meet(stage, (there, at_back));
    trips(1, move || {
        receive(&at_there);
        back.send(&[1]).expect("sent");
    })
}

fn channels(count: u64) -> (Vec<IpcSender<u8>>, Vec<IpcReceiver<u8>>) {
    (0..count).map(|_| ipc::channel().expect("a channel")).unzip()
}

fn set(receivers: Vec<IpcReceiver<u8>>) -> IpcReceiverSet {
    let mut set = IpcReceiverSet::new().expect("a set");
    for receiver in receivers {
        set.add(receiver).expect("added");
    }
    set
}

fn any(set: &mut IpcReceiverSet) {
    assert_eq!(set.select().expect("selected").len(), 1, "one message");
}

fn woken(stage: &Stage) -> Made {
    if stage.role == 0 {
        let mut receivers = Meeting::<Vec<IpcReceiver<u8>>>::wait(stage);
        let mut made = None;
        return sleeper(stage, move || {
            any(made.get_or_insert_with(|| set(std::mem::take(receivers.get()))));
        });
    }
    let (senders, receivers) = channels(stage.parameter);
    meet(stage, receivers);
    sleeper(stage, move || senders.last().expect("one").send(1).expect("sent"))
}

/// Each chunk is shared memory of its own, and goes with its message.
fn transfer(stage: &Stage) -> Made {
    if stage.role == 0 {
        let mut sender = Meeting::<IpcSender<IpcSharedMemory>>::wait(stage);
        return ring::sender(stage, move |_, source| {
            sender.get().send(IpcSharedMemory::from_bytes(source)).expect("sent");
        });
    }
    let (sender, receiver) = ipc::channel::<IpcSharedMemory>().expect("a channel");
    meet(stage, sender);
    ring::receiver(stage, move |_, read| read(&receiver.recv().expect("received")))
}

/// A server that nobody has come to yet, and a channel with memory in it.
fn leftovers(stage: &Stage) -> Made {
    let memory = IpcSharedMemory::from_byte(1, 1 << 20);
    let held = (stage.role == 0).then(|| IpcOneShotServer::<u8>::new().expect("a server"));
    let channel = ipc::channel().expect("a channel");
    channel.0.send(memory.clone()).expect("sent");
    Made::of(move |_| {
        let _held = (&held, &memory, &channel);
        Answer::Done
    })
}
