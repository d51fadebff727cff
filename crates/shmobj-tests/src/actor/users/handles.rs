//! Handles of any kind, by names of the test's choice, with the rights that it asks for.
//!
//! ```text
//! own HANDLE KIND NAME [WISH...]      makes the object, or opens the one of the name
//! join HANDLE KIND NAME RIGHTS        fewer HANDLE OTHER RIGHTS      give-up HANDLE
//! act HANDLE OPERATION                put HANDLE TEXT                see HANDLE LENGTH
//! keep-view HANDLE read|write         what-is-allowed KIND NAME
//! ```
//! The name `-` makes an unnamed one. Kinds: `mapping mutex event semaphore timer`. Wishes: `mode=640 user=UID:RIGHTS group=GID:RIGHTS beside`. Rights: `none`, or some of
//! `READ WRITE QUERY SYNCHRONIZE MODIFY ALL` with `+` between. Operations: `map-read map-write map-copy wait release signal look`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use shmobj::transfer::AnyHandle;
use shmobj::wait::{self, Waitable, Waited};
use shmobj::{
    Access, Due, Event, FileMapping, Listed, Mutex, Namespace, Reset, Scope, Security, Semaphore, Timeout,
    View, WaitableTimer,
};

use super::{Failure, Outcome, Words, joined, misled, none};

thread_local! {
    static HANDLES: RefCell<BTreeMap<String, AnyHandle>> = const { RefCell::new(BTreeMap::new()) };
    static VIEWS: RefCell<Vec<AnyView>> = const { RefCell::new(Vec::new()) };
}

/// A view that is only kept.
#[expect(dead_code, reason = "its being there is the use of it")]
enum AnyView {
    Read(View<shmobj::ReadOnly>),
    Write(View<shmobj::ReadWrite>),
}

const SIZE: u64 = 1 << 16;

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "own" => own(words, &namespace()),
        "join" => join(words, &namespace()),
        "fewer" => fewer(words),
        "give-up" => give_up(words),
        "act" => with_next(words, |handle, words| use_for(handle, words.next()?)),
        "put" => with_next(words, |handle, words| {
            let view = mapping(handle)?.map_mut()?;
            view.write_at(0, words.rest().as_bytes())?;
            Ok(String::new())
        }),
        "see" => with_next(words, |handle, words| {
            let bytes = mapping(handle)?.map()?.read_vec(0, words.number()?)?;
            Ok(String::from_utf8_lossy(&bytes).escape_default().to_string())
        }),
        "keep-view" => with_next(words, keep_view),
        "what-is-allowed" => what_is_allowed(words, &namespace()),
        _ => return None,
    })
}

/// Does something with a handle.
pub(super) fn with<T>(name: &str, act: impl FnOnce(&AnyHandle) -> Result<T, Failure>) -> Result<T, Failure> {
    HANDLES.with_borrow(|handles| act(handles.get(name).ok_or_else(|| none("handle", name))?))
}

fn with_next(words: &mut Words<'_>, act: impl FnOnce(&AnyHandle, &mut Words<'_>) -> Outcome) -> Outcome {
    with(words.next()?, |handle| act(handle, words))
}

/// Keeps a handle under a name.
pub(super) fn keep(name: &str, handle: AnyHandle) {
    let former = HANDLES.with_borrow_mut(|handles| handles.insert(name.to_owned(), handle));
    drop(former); // without the borrow: it may take its time
}

fn give_up(words: &mut Words<'_>) -> Outcome {
    let name = words.next()?;
    let handle = HANDLES.with_borrow_mut(|handles| handles.remove(name));
    handle.map(|_| String::new()).ok_or_else(|| none("handle", name))
}

fn mapping(handle: &AnyHandle) -> Result<&FileMapping, Failure> {
    match handle {
        AnyHandle::FileMapping(mapping) => Ok(mapping),
        other => Err(misled(format!("that is no mapping but: {}", other.kind().as_str()))),
    }
}

fn keep_view(handle: &AnyHandle, words: &mut Words<'_>) -> Outcome {
    let view = match words.next()? {
        "read" => AnyView::Read(mapping(handle)?.map()?),
        _ => AnyView::Write(mapping(handle)?.map_mut()?),
    };
    VIEWS.with_borrow_mut(|views| views.push(view));
    Ok(String::new())
}

pub(super) fn rights(words: &str) -> Result<Access, Failure> {
    if words == "none" {
        return Ok(Access::empty());
    }
    let parts = words.split('+').map(|word| Access::from_name(word).ok_or_else(|| none("right", word)));
    parts.collect()
}

fn own(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (name, kind, object) = (words.next()?, words.next()?, words.next()?);
    let object = if object == "-" { "" } else { object };
    let (mut security, mut beside) = (Security::OWNER_ONLY, false);
    for wish in words.each() {
        let granted = |text: &str| {
            let (who, access) = text.split_once(':').ok_or_else(|| misled("who is granted what?"))?;
            Ok::<_, Failure>((who.parse::<u32>().map_err(misled)?, rights(access)?))
        };
        match wish.split_once('=') {
            None if wish == "beside" => beside = true,
            Some(("mode", bits)) => {
                let bits = u32::from_str_radix(bits, 8).map_err(misled)?;
                security = security.grants().fold(Security::mode(bits), with_grant);
            }
            Some(("user", text)) => {
                let (user, access) = granted(text)?;
                security = security.user(user, access);
            }
            Some(("group", text)) => {
                let (group, access) = granted(text)?;
                security = security.group(group, access);
            }
            _ => return Err(misled(format!("what is the wish {wish}?"))),
        }
    }
    let (handle, existed) = make(kind, object, namespace, security, beside)?;
    keep(name, handle);
    Ok(format!("existed={existed}"))
}

fn with_grant(security: Security, grant: shmobj::Grant) -> Security {
    match grant.who {
        shmobj::Principal::User(user) => security.user(user, grant.access),
        shmobj::Principal::Group(group) => security.group(group, grant.access),
        _ => security,
    }
}

fn make(
    kind: &str,
    name: &str,
    namespace: &Namespace,
    security: Security,
    beside: bool,
) -> Result<(AnyHandle, bool), Failure> {
    /// The handle, and whether the object existed.
    macro_rules! made {
        ($options:expr) => {{
            let handle = $options.namespace(namespace).security(security).create(name)?;
            let existed = handle.existed();
            (handle.into(), existed)
        }};
    }
    Ok(match kind {
        "mapping" => made!(FileMapping::options().size(SIZE).across_pid_namespaces(beside)),
        "mutex" => made!(Mutex::options()),
        "event" => made!(Event::options().reset(Reset::Manual)),
        "semaphore" => made!(Semaphore::options().initial(0).max(i32::MAX as u32)),
        "timer" => made!(WaitableTimer::options()),
        other => return Err(none("kind", other)),
    })
}

fn open(kind: &str, name: &str, namespace: &Namespace, access: Access) -> Result<AnyHandle, Failure> {
    Ok(match kind {
        "mapping" => FileMapping::options().namespace(namespace).open(name, access)?.into(),
        "mutex" => Mutex::options().namespace(namespace).open(name, access)?.into(),
        "event" => Event::options().namespace(namespace).open(name, access)?.into(),
        "semaphore" => Semaphore::options().namespace(namespace).open(name, access)?.into(),
        "timer" => WaitableTimer::options().namespace(namespace).open(name, access)?.into(),
        other => return Err(none("kind", other)),
    })
}

fn join(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (name, kind, object) = (words.next()?, words.next()?, words.next()?);
    let handle = open(kind, object, namespace, rights(words.next()?)?)?;
    keep(name, handle);
    Ok(String::new())
}

fn fewer(words: &mut Words<'_>) -> Outcome {
    let (name, other) = (words.next()?, words.next()?);
    let access = rights(words.next()?)?;
    let clone = with(name, |handle| {
        Ok(match handle {
            AnyHandle::FileMapping(it) => it.try_clone_with(access)?.into(),
            AnyHandle::Mutex(it) => it.try_clone_with(access)?.into(),
            AnyHandle::Event(it) => it.try_clone_with(access)?.into(),
            AnyHandle::Semaphore(it) => it.try_clone_with(access)?.into(),
            AnyHandle::WaitableTimer(it) => it.try_clone_with(access)?.into(),
            _ => return Err(misled("handles of that kind cannot be cloned")),
        })
    })?;
    keep(other, clone);
    Ok(String::new())
}

fn use_for(handle: &AnyHandle, operation: &str) -> Outcome {
    match (operation, handle) {
        ("map-read", _) => mapping(handle)?.map().map(drop)?,
        ("map-write", _) => mapping(handle)?.map_mut().map(drop)?,
        ("map-copy", _) => mapping(handle)?.map_copy().map(drop)?,
        ("wait", _) => return wait_now(handle),
        ("release", AnyHandle::Mutex(it)) => it.release()?,
        ("signal", AnyHandle::Event(it)) => it.set()?,
        ("signal", AnyHandle::Semaphore(it)) => it.release(1).map(drop)?,
        ("signal", AnyHandle::WaitableTimer(it)) => it.set(Due::after(std::time::Duration::ZERO), None)?,
        ("look", AnyHandle::Mutex(it)) => return Ok(format!("{:?}", it.state()?)),
        ("look", AnyHandle::Event(it)) => return Ok(format!("{:?}", it.state()?)),
        ("look", AnyHandle::Semaphore(it)) => return Ok(format!("{:?}", it.state()?)),
        ("look", AnyHandle::WaitableTimer(it)) => return Ok(format!("{:?}", it.state()?)),
        (other, handle) => {
            return Err(misled(format!("`{other}` is nothing for: {}", handle.kind().as_str())));
        }
    }
    Ok(String::new())
}

fn wait_now(handle: &AnyHandle) -> Outcome {
    let waitable: &dyn Waitable = match handle {
        AnyHandle::Mutex(it) => it,
        AnyHandle::Event(it) => it,
        AnyHandle::Semaphore(it) => it,
        AnyHandle::WaitableTimer(it) => it,
        _ => return Err(misled("nobody can wait for that")),
    };
    Ok(match wait::one(waitable, Timeout::NOW)? {
        Waited::Signaled(_) => "signaled",
        Waited::Abandoned(_) => "abandoned",
        Waited::TimedOut => "timeout",
    }
    .to_owned())
}

/// Asks for every right by name, and does with each handle all that its kind does. Tells which of it was not refused:
/// `READ=map-read,map-copy WRITE=AccessDenied ... inspect=ok listed=ok create=AccessDenied`.
fn what_is_allowed(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (kind, name) = (words.next()?, words.next()?);
    let operations: &[&str] = match kind {
        "mapping" => &["map-read", "map-write", "map-copy"],
        "mutex" => &["wait", "look"],
        _ => &["wait", "signal", "look"],
    };
    let mut answers = Vec::new();
    for asked in ["READ", "WRITE", "READ+WRITE", "ALL", "QUERY", "SYNCHRONIZE", "MODIFY"] {
        let answer = match open(kind, name, namespace, rights(asked)?) {
            Ok(handle) => joined(&allowed_by(&handle, operations)?),
            Err(failure) => refusal(failure)?,
        };
        answers.push(format!("{asked}={answer}"));
    }
    let inspected = namespace.inspect(name).map(drop).map_err(Failure::from);
    answers.push(format!("inspect={}", outcome(inspected)?));
    let scope = if name.starts_with("Global\\") { Scope::Global } else { Scope::Local };
    let base = name.strip_prefix("Global\\").unwrap_or(name);
    let listed = namespace.objects(scope)?.into_iter().find_map(|listed| match listed {
        Listed::Object(info) if info.name == base => Some("ok".to_owned()),
        Listed::Unknown(unknown) if unknown.name == base => Some(format!("{:?}", unknown.kind)),
        _ => None,
    });
    answers.push(format!("listed={}", listed.unwrap_or_default()));
    let created = make(kind, name, namespace, Security::OWNER_ONLY, false);
    answers.push(format!("create={}", outcome(created.map(drop))?));
    Ok(answers.join(" "))
}

fn allowed_by(handle: &AnyHandle, operations: &[&str]) -> Result<Vec<String>, Failure> {
    let mut allowed = Vec::new();
    for operation in operations {
        match use_for(handle, operation) {
            Ok(_) => allowed.push((*operation).to_owned()),
            Err(failure) => match refusal(failure)?.as_str() {
                "AccessDenied" => {}
                other => return Err(misled(format!("{operation} ended in {other}"))),
            },
        }
        if let (&"wait", AnyHandle::Mutex(mutex)) = (operation, handle) {
            let _ = mutex.release(); // it was owned by nobody, and is to be so again
        }
    }
    Ok(allowed)
}

fn outcome(done: Result<(), Failure>) -> Outcome {
    done.map_or_else(refusal, |()| Ok("ok".to_owned()))
}

/// The kind of an error of the library.
fn refusal(failure: Failure) -> Outcome {
    match failure {
        Failure::Library(error) => Ok(format!("{:?}", error.kind())),
        misled => Err(misled),
    }
}
