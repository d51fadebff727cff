//! Create and open, exactly as the model in `shmobj-models` explores them.
//!
//! ```text
//! create   open the name: absent -> make everything -> unnamed file, whole page, LOCK_SH -> link it under the name
//!                                                       the name is taken meanwhile -> start again
//! open     open the name -> LOCK_EX free?  nobody holds it: destroy it, start again
//!                           else LOCK_SH   somebody has LOCK_EX: start again after a pause
//!                           not its name?  destroyed meanwhile: start again
//!                           its data?      not found: let go, start again after a pause
//! ```
//!
//! Nothing half-made is ever visible (the link comes last), nothing waits without a bound, and only `LOCK_EX` says
//! that an object is dead.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, FlockOperation, Stat};
use rustix::io::Errno;

use super::page::{HEAD_BYTES, Header, Hint, Image, Texts};
use super::patience::{Obstacle, Patience};
use super::sweep::{self, Left};
use super::unborn::Unborn;
use super::{Home, Object, Pages, is_regular, open_entry, registry, try_lock};
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::kind::Kind;
use crate::name::Name;
use crate::sys::contract::Intent;
use crate::sys::linux::acl::{self, Acl};
use crate::sys::linux::data::{Attached, beside};
use crate::sys::linux::fork::Operation;
use crate::sys::linux::namespace::{Directory, FileKey, Place, filename};
use crate::sys::linux::sync::words::WORDS_BYTES;
use crate::test_hooks::step;

/// What a create or open is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) attempt: Attempt<'a>,
    pub(crate) kind: Kind,
    pub(crate) place: &'a Place,
    pub(crate) name: Name<'a>,
}

/// What a kind supplies: how its objects are made, and how a process gets at the data of one that exists.
pub(crate) trait Recipe {
    /// Makes all that the entry will refer to. Called again if the name was taken meanwhile and is free again.
    fn make(&mut self, directory: &Directory) -> Result<Fresh>;

    /// Whether [`make`](Self::make) can be tried and thrown away: it takes little and changes nothing that exists.
    fn is_cheap(&self) -> bool;

    /// Gets at the data of an object that this process holds. False: nobody was found who has it.
    fn attach(&mut self, object: &Object, head: Option<&[u8]>) -> Result<bool>;
}

/// What [`Recipe::make`] made.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) header: Header,
    pub(crate) path: Vec<u8>,
    pub(crate) hint: Option<Hint>,
    /// The first values of the words that processes share, if they are not all 0.
    pub(crate) words: Option<[u8; WORDS_BYTES]>,
    /// Who may open the entry.
    pub(crate) acl: Acl,
    /// What stands behind the page, and from where on.
    pub(crate) behind: Option<(Vec<u8>, u64)>,
    pub(crate) data: Attached,
    /// A data file that is to be linked beside the entry.
    pub(crate) beside: Option<beside::Unlinked>,
}

/// What one try to join an existing object came to.
enum Joined {
    Yes(Arc<Object>),
    /// It was dead or has died; the name is worth another look at once.
    Gone,
    /// Somebody is in the middle of something, or the data is nowhere to be seen.
    NotNow(Obstacle),
}

/// The object of this name, and whether it existed.
pub(crate) fn obtain(
    target: &Target<'_>,
    intent: Intent,
    recipe: &mut dyn Recipe,
) -> Result<(Arc<Object>, bool)> {
    let mut operation = Operation::start();
    let attempt = &target.attempt;
    let file = filename::encode(target.name.scope, target.name.base);
    let mut patience = Patience::default();
    let mut guess = intent != Intent::Open;
    loop {
        let Some(directory) = target.place.directory(attempt, intent != Intent::Open)? else {
            return Err(not_found(target));
        };
        // A wrong guess ends in the open below, because the name is found taken when it is to be linked.
        let opened = if std::mem::take(&mut guess) && is_probably_free(&directory, &file, recipe) {
            Err(Errno::NOENT)
        } else {
            open_entry(&directory, &file)
        };
        match opened {
            Ok(entry) => {
                step("open: entry opened");
                match join(target, intent, &directory, &file, entry, recipe)? {
                    Joined::Yes(object) => {
                        directory.last_found.store(true, Ordering::Relaxed);
                        return Ok((object, true));
                    }
                    Joined::Gone => patience.again(attempt)?,
                    Joined::NotNow(obstacle) => {
                        drop(operation);
                        patience.pause(attempt, obstacle)?;
                        operation = Operation::start();
                    }
                }
            }
            Err(Errno::NOENT) if intent == Intent::Open => return Err(not_found(target)),
            Err(Errno::NOENT) => {
                // Committing much takes long, and a fork in its middle inherits nothing that matters: no lock yet.
                let fresh = if recipe.is_cheap() {
                    recipe.make(&directory)?
                } else {
                    drop(operation);
                    let fresh = recipe.make(&directory)?;
                    operation = Operation::start();
                    fresh
                };
                match create(target, &directory, &file, fresh)? {
                    Some(object) => {
                        directory.last_found.store(false, Ordering::Relaxed);
                        sweep::sweep_some(&directory);
                        return Ok((object, false));
                    }
                    None => patience.again(attempt)?,
                }
            }
            Err(errno) => return Err(not_an_entry(attempt, errno)),
        }
    }
}

/// Whether a create may go ahead without opening the name first, which is a system call for nothing where it is free. A
/// process whose last create made something new will mostly do so again, if it is cheap to be wrong.
fn is_probably_free(directory: &Directory, file: &CString, recipe: &dyn Recipe) -> bool {
    if recipe.is_cheap() && !directory.last_found.load(Ordering::Relaxed) {
        return true;
    }
    matches!(rustix::fs::statat(directory, file, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT))
}

fn not_found(target: &Target<'_>) -> Error {
    let place = target.place.path().display();
    target
        .attempt
        .fails(ErrorKind::NotFound, format!("no object has this name in {place}"))
        .with_remedy("create it, or check the name and the namespace")
}

fn not_an_entry(attempt: &Attempt<'_>, errno: Errno) -> Error {
    let corrupt = |what: &str| {
        attempt
            .fails(ErrorKind::Corrupt, format!("its entry is {what}"))
            .with_remedy("remove it from the namespace directory, whoever put it there")
    };
    match errno {
        Errno::LOOP => corrupt("a symbolic link"),
        Errno::ISDIR => corrupt("a directory"),
        Errno::NXIO | Errno::NODEV => corrupt("a socket or a device"),
        Errno::ACCESS | Errno::PERM => attempt
            .fails(ErrorKind::AccessDenied, "the object belongs to another user, who has not shared it")
            .with_remedy("have its creator grant access, or choose another name"),
        errno => attempt.os("opening its entry", errno),
    }
}

/// Joins the object behind an entry. Killed anywhere in here: our description, and so our lock, is gone (L4).
fn join(
    target: &Target<'_>,
    intent: Intent,
    directory: &Arc<Directory>,
    file: &CString,
    entry: OwnedFd,
    recipe: &mut dyn Recipe,
) -> Result<Joined> {
    let attempt = &target.attempt;
    let lock =
        |operation| try_lock(&entry, operation).map_err(|errno| attempt.os("locking its entry", errno));
    if lock(FlockOperation::NonBlockingLockExclusive)? {
        step("open: dead entry locked");
        return bury(target, intent, directory, file, &entry);
    }
    step("open: found held");
    // Only somebody who destroys or probes holds LOCK_EX, for microseconds; it is not waited for in the kernel, so
    // that a hostile holder costs an error and not a hang.
    if !lock(FlockOperation::NonBlockingLockShared)? {
        return Ok(Joined::NotNow(Obstacle::Locked));
    }
    step("open: lock shared");
    // Our lock may have kept a closing holder from finding itself the last one. So whoever had it and lets go of it, for
    // whatever reason, probes (L5): here by a look, from then on by dropping the object.
    let mut head = [0; HEAD_BYTES];
    let shared = look_inside(target, directory, file, &entry, &mut head).inspect_err(|_| {
        let _ = rustix::fs::flock(&entry, FlockOperation::Unlock);
        sweep::look(directory, file);
    });
    let (stat, head, header, path) = match shared? {
        Inside::Gone => return Ok(Joined::Gone),
        Inside::Known(object) => {
            drop(entry); // the object has a lock of its own
            return accept(target, intent, object, None, recipe);
        }
        Inside::New { stat, bytes, header, path } => (stat, &head[..bytes], *header, path),
    };
    let object = Object {
        lock: Some(entry),
        key: FileKey::from(&stat),
        home: Home { directory: directory.clone(), file: file.clone() }.into(),
        header,
        path,
        owner: stat.st_uid,
        data: Mutex::default(),
        pages: Pages::default(),
    };
    accept(target, intent, registry::adopt(object), Some(head), recipe)
}

/// What an entry turned out to be.
enum Inside {
    /// Destroyed meanwhile.
    Gone,
    /// An object that this process has.
    Known(Arc<Object>),
    New {
        stat: Stat,
        bytes: usize,
        header: Box<Header>,
        path: Vec<u8>,
    },
}

fn look_inside(
    target: &Target<'_>,
    directory: &Arc<Directory>,
    file: &CString,
    entry: &OwnedFd,
    head: &mut [u8; HEAD_BYTES],
) -> Result<Inside> {
    let attempt = &target.attempt;
    let os = |doing| move |errno| attempt.os(doing, errno);
    let stat = rustix::fs::fstat(entry).map_err(os("looking at its entry"))?;
    if !sweep::is_under_name(directory, file, &stat).map_err(os("looking at its entry"))? {
        return Ok(Inside::Gone);
    }
    if let Some(object) = registry::find(FileKey::from(&stat)) {
        // One that was handed to us may learn only now where it stands.
        let home = || Home { directory: directory.clone(), file: file.clone() };
        if object.home.get_or_init(home).file != *file {
            return Err(corrupt(attempt, &"it is the entry of another name"));
        }
        return Ok(Inside::Known(object));
    }
    let bytes = rustix::io::pread(entry, &mut head[..], 0).map_err(os("reading its entry"))?;
    let (header, path) = parse(target, &stat, &head[..bytes], entry)?;
    Ok(Inside::New { stat, bytes, header: Box::new(header), path })
}

/// The last checks of an object that this process now holds.
fn accept(
    target: &Target<'_>,
    intent: Intent,
    object: Arc<Object>,
    head: Option<&[u8]>,
    recipe: &mut dyn Recipe,
) -> Result<Joined> {
    let attempt = &target.attempt;
    let found = object.header.kind;
    if found != target.kind {
        let matter = format!("the name belongs to {}", found.with_article());
        let remedy = format!("open it as {}, or choose another name", found.with_article());
        return Err(attempt.fails(ErrorKind::WrongKind, matter).with_remedy(remedy));
    }
    if intent == Intent::CreateNew {
        return Err(attempt
            .fails(ErrorKind::AlreadyExists, "an object has this name")
            .with_remedy("open it, or choose another name"));
    }
    Ok(if recipe.attach(&object, head)? { Joined::Yes(object) } else { Joined::NotNow(Obstacle::NoData) })
}

/// Destroys an entry that nobody holds. That it cannot be removed is no reason for an opener to think it alive.
fn bury(
    target: &Target<'_>,
    intent: Intent,
    directory: &Directory,
    file: &CString,
    entry: &OwnedFd,
) -> Result<Joined> {
    let attempt = &target.attempt;
    let owner = || rustix::fs::fstat(entry).map_or(0, |stat| stat.st_uid);
    match sweep::destroy(directory, file, entry, None) {
        Ok(_) => Ok(Joined::Gone),
        Err(Left::NotPermitted) if intent == Intent::Open => Err(not_found(target)),
        Err(Left::NotPermitted) => Err(attempt
            .fails(
                ErrorKind::AccessDenied,
                format!(
                    "a crashed process of user {} left the name behind, and only that user may remove it",
                    owner()
                ),
            )
            .with_remedy("have that user, or root, run `shmobj gc --global`, or choose another name")),
        Err(Left::Flawed(flaw)) => Err(corrupt(attempt, &flaw)),
        Err(Left::System(errno)) => Err(attempt.os("removing what a crashed process left", errno)),
    }
}

pub(super) fn corrupt(attempt: &Attempt<'_>, flaw: &dyn std::fmt::Display) -> Error {
    attempt
        .fails(ErrorKind::Corrupt, format!("its entry is corrupt: {flaw}"))
        .with_remedy("remove it from the namespace directory by hand, or choose another name")
}

fn parse(target: &Target<'_>, stat: &Stat, head: &[u8], entry: &OwnedFd) -> Result<(Header, Vec<u8>)> {
    let attempt = &target.attempt;
    if !is_regular(stat) {
        return Err(corrupt(attempt, &"it is not a regular file"));
    }
    let page_size = rustix::param::page_size();
    let (header, texts) =
        Header::parse(head, stat.st_size as u64, page_size).map_err(|flaw| corrupt(attempt, &flaw))?;
    let overflow =
        read_overflow(texts, entry, page_size).map_err(|errno| attempt.os("reading its entry", errno))?;
    if !texts.name_is(target.name.base, head, &overflow) {
        return Err(corrupt(attempt, &"it is the entry of another name"));
    }
    let (_, path) = texts.read(head, &overflow).map_err(|flaw| corrupt(attempt, &flaw))?;
    Ok((header, path))
}

/// The rest of long texts. Shorter than announced if somebody truncated the entry: the checks then say so.
pub(crate) fn read_overflow(texts: Texts, entry: &OwnedFd, page_size: usize) -> Result<Vec<u8>, Errno> {
    let mut overflow = vec![0; texts.overflow()];
    if !overflow.is_empty() {
        let bytes = rustix::io::pread(entry, &mut overflow[..], page_size as u64)?;
        overflow.truncate(bytes);
    }
    Ok(overflow)
}

/// Makes a new object and links it under its name. `None`: the name is taken, what was made is thrown away.
///
/// Killed before the link: the kernel frees a file and a memfd that nobody can reach. Killed after it: an entry
/// without a holder, which the next one reclaims (L4).
fn create(
    target: &Target<'_>,
    directory: &Arc<Directory>,
    file: &CString,
    fresh: Fresh,
) -> Result<Option<Arc<Object>>> {
    let attempt = &target.attempt;
    step("create: data made");
    let page_size = rustix::param::page_size();
    let words = fresh.words.as_ref();
    let image = Image::new(&fresh.header, page_size, target.name.base, &fresh.path, fresh.hint, words);
    let (unborn, entry) = match Unborn::make(directory) {
        Ok(made) => made,
        Err(Errno::NOENT) => return Ok(None), // the directory was removed; another one will be made
        Err(errno) => return Err(in_directory(target, errno)),
    };
    step("create: entry made");
    let system = |doing| move |errno| attempt.os(doing, errno);
    write_all(&entry, image.bytes(), 0).map_err(|errno| in_directory(target, errno))?;
    if let Some((bytes, at)) = &fresh.behind {
        write_all(&entry, bytes, *at).map_err(|errno| in_directory(target, errno))?;
    }
    if !try_lock(&entry, FlockOperation::NonBlockingLockShared).map_err(system("locking the new entry"))? {
        return Ok(None); // only a sweep can be so quick, where O_TMPFILE is missing
    }
    let stat = rustix::fs::fstat(&entry).map_err(system("looking at the new entry"))?;
    if !fresh.acl.is_given_by(stat.st_mode) {
        acl::give(attempt, directory, &entry, &fresh.acl)?;
    }
    step("create: entry complete");
    // Known before it has its name, so that another thread that opens it at once finds it with its data. If the name
    // is taken, dropping it is a close like any other.
    let object = registry::adopt(Object {
        lock: Some(entry),
        key: FileKey::from(&stat),
        home: Home { directory: directory.clone(), file: file.clone() }.into(),
        header: fresh.header,
        path: fresh.path,
        owner: stat.st_uid,
        data: Mutex::new(fresh.data),
        pages: Pages::default(),
    });
    match unborn.give_name(object.entry(), directory, file) {
        Ok(()) => {}
        Err(Errno::EXIST | Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(in_directory(target, errno)),
    }
    step("create: entry linked");
    if let Some(data) = fresh.beside {
        // D1: only now, so that it cannot be left alone; openers who come before it pause and start again.
        data.link(directory, object.header.id).map_err(system("linking its data file"))?;
        step("create: data file linked");
    }
    Ok(Some(object))
}

fn in_directory(target: &Target<'_>, errno: Errno) -> Error {
    let error = target.attempt.os("making its entry", errno);
    let place = target.place.path().display();
    match error.kind() {
        ErrorKind::DiskFull => {
            error.with_remedy(format!("make room in {place}: an object needs a page there"))
        }
        ErrorKind::AccessDenied => error
            .with_remedy(format!("have this user let into {place} for writing, or use another directory")),
        _ => error,
    }
}

pub(crate) fn write_all(fd: &OwnedFd, image: &[u8], at: u64) -> Result<(), Errno> {
    let mut written = 0;
    while written < image.len() {
        written +=
            rustix::io::retry_on_intr(|| rustix::io::pwrite(fd, &image[written..], at + written as u64))?;
    }
    Ok(())
}
