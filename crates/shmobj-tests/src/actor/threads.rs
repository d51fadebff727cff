//! Threads of a puppet, which own mutexes and sleep on their own.
//!
//! ```text
//! thread THREAD       starts it          in THREAD COMMAND      has it do something, and waits
//! begin THREAD COMMAND    does not wait      finish THREAD          the answer to what was begun
//! leave THREAD        it ends, and has ended when that is answered
//! ```
//! They obey the commands of [`sync`](super::sync) and [`robust`](super::robust). A thread without a command reads from a socket, so who asks
//! the kernel whether it sleeps for an object is not misled.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use shmobj::Namespace;

use super::{Failure, Outcome, Words, misled, robust, sync};

struct Thread {
    commands: UnixStream,
    answers: Receiver<Outcome>,
    handle: JoinHandle<()>,
}

thread_local! {
    static THREADS: RefCell<BTreeMap<String, Thread>> = const { RefCell::new(BTreeMap::new()) };
}

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "thread" => start(words, namespace()),
        "in" => begin(words).and_then(|name| finish(&name)),
        "begin" => begin(words).map(|_| String::new()),
        "finish" => words.next().and_then(finish),
        "leave" => leave(words),
        _ => return None,
    })
}

/// Answers with the thread's number.
fn start(words: &mut Words<'_>, namespace: Namespace) -> Outcome {
    let name = words.next()?.to_owned();
    let (commands, theirs) = UnixStream::pair().map_err(misled)?;
    let (sender, answers) = channel();
    let (said, number) = channel();
    let handle = std::thread::spawn(move || {
        let _ = said.send(rustix::thread::gettid().as_raw_nonzero());
        for line in BufReader::new(theirs).lines().map_while(Result::ok) {
            let mut words = Words(line.split_ascii_whitespace());
            let Ok(command) = words.next() else { break };
            let namespace = || namespace.clone();
            let outcome = sync::obey(command, &mut words, &namespace);
            let outcome = outcome.or_else(|| robust::obey(command, &mut words, &namespace));
            let unknown = || Err(misled(format!("a thread cannot `{command}`")));
            if sender.send(outcome.unwrap_or_else(unknown)).is_err() {
                break;
            }
        }
    });
    THREADS.with_borrow_mut(|threads| threads.insert(name, Thread { commands, answers, handle }));
    Ok(number.recv().map_err(misled)?.to_string())
}

fn with<R>(name: &str, act: impl FnOnce(&mut Thread) -> Result<R, Failure>) -> Result<R, Failure> {
    THREADS.with_borrow_mut(|threads| {
        act(threads.get_mut(name).ok_or_else(|| misled(format!("no thread {name}")))?)
    })
}

fn begin(words: &mut Words<'_>) -> Outcome {
    let name = words.next()?.to_owned();
    let line = format!("{}\n", words.rest());
    with(&name, |thread| thread.commands.write_all(line.as_bytes()).map_err(misled))?;
    Ok(name)
}

fn finish(name: &str) -> Outcome {
    with(name, |thread| thread.answers.recv().map_err(misled)?)
}

fn leave(words: &mut Words<'_>) -> Outcome {
    let name = words.next()?;
    let thread = THREADS.with_borrow_mut(|threads| threads.remove(name));
    let mut thread = thread.ok_or_else(|| misled(format!("no thread {name}")))?;
    // An empty line ends it. Closing our end would not, if a fork has it as well.
    thread.commands.write_all(b"\n").map_err(misled)?;
    thread.handle.join().map_err(|_| misled("the thread panicked"))?;
    Ok(String::new())
}
