//! Handles go to other processes.

use super::*;

/// This program once more, in another role. It ends with its input.
struct Peer {
    child: Child,
    say: Option<ChildStdin>,
    hear: BufReader<ChildStdout>,
}

const ROLE: &str = "SHMOBJ_TEST_ROLE";

impl Peer {
    fn command(role: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "processes::peer", "--nocapture"]).env(ROLE, role);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (say, hear) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, say, hear }
    }

    fn say(&mut self, text: &str) {
        writeln!(self.say.as_mut().unwrap(), "{text}").unwrap();
    }

    /// The next thing that it tells, among what its harness prints.
    fn hears(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.hear.read_line(&mut line).unwrap(), 0, "the peer ended");
            if let Some((_, told)) = line.trim_end().split_once("> ") {
                return told.to_owned();
            }
        }
    }

    fn ends_well(mut self) {
        drop(self.say.take());
        assert!(self.child.wait().unwrap().success(), "the peer failed");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number_of(handle: RawHandle) -> String {
    handle.expose_provenance().to_string()
}

fn handle_of(number: &str) -> RawHandle {
    with_exposed_provenance_mut(number.trim().parse().unwrap())
}

/// What the peers do; in the tests' own process, nothing.
#[test]
fn peer() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let listen = || {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        line
    };
    let tell = |text: &str| writeln!(std::io::stdout(), "> {text}").unwrap();
    match role.as_str() {
        "holds" => {
            let event = Event::options().create_unnamed().unwrap();
            tell(&number_of(event.as_raw_handle()));
            assert!(event.wait(LONG).unwrap());
            tell("set");
        }
        "is given" => {
            let raw = handle_of(&listen());
            // SAFETY: the other process has made it for this one, and told nobody else.
            let handle = unsafe { OwnedHandle::from_raw_handle(raw) };
            let event = Event::try_from(handle).unwrap();
            assert!(!event.access().contains(Access::SYNCHRONIZE));
            event.set().unwrap();
        }
        "inherits" => {
            assert_eq!(transfer::roles(), ["frames", "go", "ready"]);
            let frames: FileMapping = transfer::inherited("frames").unwrap();
            assert_eq!((code(frames.map_mut()), frames.name()), (5, ""));
            assert_eq!(frames.map().unwrap().read_vec(0, 6).unwrap(), b"frames");
            let ready: Event = transfer::inherited("ready").unwrap();
            assert_eq!(transfer::inherited::<Event>("ready").unwrap_err().kind(), ErrorKind::NotFound);
            let go: Event = transfer::inherited("go").unwrap();
            assert!(go.is_same_object(&ready), "one handle has two roles");
            drop(ready);
            go.set().unwrap();
        }
        "deposits" => {
            let mapping = FileMapping::options().size(4096).create_unnamed().unwrap();
            mapping.map_mut().unwrap().write_at(0, b"deposited").unwrap();
            let deposit = Deposit::new(&mapping).unwrap();
            tell(deposit.token());
            listen();
            assert!(deposit.is_claimed());
        }
        other => panic!("no such role: {other}"),
    }
}

/// DH-1 and DH-5.
#[test]
fn a_handle_of_another_process_can_be_duplicated() {
    let mut peer = Peer::start(Peer::command("holds"));
    let number = peer.hears();
    let event: Event = transfer::duplicate_from(peer.child.id(), handle_of(&number)).unwrap();
    let wrong = transfer::duplicate_from::<Mutex>(peer.child.id(), handle_of(&number)).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::WrongKind);
    event.set().unwrap();
    assert_eq!(peer.hears(), "set");
    peer.ends_well();
}

/// The rights of the handle that was given go with it.
#[test]
fn a_handle_can_be_made_in_another_process() {
    let mut peer = Peer::start(Peer::command("is given"));
    let event = Event::options().create_unnamed().unwrap();
    let setter = event.try_clone_with(Access::MODIFY).unwrap();
    let given = transfer::duplicate_into(peer.child.id(), &setter).unwrap();
    peer.say(&number_of(given));
    assert!(event.wait(LONG).unwrap());
    peer.ends_well();
}

#[test]
fn a_child_inherits_what_it_was_promised_and_nothing_else() {
    let frames = FileMapping::options().size(4096).create_unnamed().unwrap();
    frames.map_mut().unwrap().write_at(0, b"frames").unwrap();
    let reader = frames.try_clone_with(Access::READ).unwrap();
    let ready = Event::options().create_unnamed().unwrap();
    let mut command = Peer::command("inherits");
    command.inherit("frames", &reader).unwrap().inherit("ready", &ready).unwrap();
    command.inherit("go", &ready).unwrap();
    assert_eq!(command.inherit("ready", &ready).unwrap_err().kind(), ErrorKind::AlreadyExists);
    let peer = Peer::start(command);
    assert!(ready.wait(LONG).unwrap());
    peer.ends_well();
}

#[test]
fn a_deposit_is_claimed_once_by_another_process() {
    let mut peer = Peer::start(Peer::command("deposits"));
    let token = peer.hears();
    let claimed: FileMapping = transfer::claim(&token).unwrap();
    assert_eq!(transfer::claim::<FileMapping>(&token).unwrap_err().kind(), ErrorKind::NotFound);
    peer.say("claimed");
    peer.ends_well();
    assert_eq!(claimed.map().unwrap().read_vec(0, 9).unwrap(), b"deposited", "it outlives the depositor");
}

#[test]
fn a_deposit_ends_with_the_process_that_made_it() {
    let mut peer = Peer::start(Peer::command("deposits"));
    let token = peer.hears();
    peer.child.kill().unwrap();
    peer.child.wait().unwrap();
    let error = transfer::claim::<FileMapping>(&token).unwrap_err();
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::NotFound, 2));
}

/// A depositor that takes its handle back closes it, and the token is worth nothing.
#[test]
fn a_deposit_that_is_dropped_cannot_be_claimed() {
    let event = Event::options().create_unnamed().unwrap();
    let deposit = Deposit::new(&event).unwrap();
    let token = deposit.token().to_owned();
    assert!(!deposit.is_claimed());
    drop(deposit);
    assert_eq!(transfer::claim::<Event>(&token).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(transfer::claim::<Event>("short").unwrap_err().kind(), ErrorKind::InvalidParameter);
}
