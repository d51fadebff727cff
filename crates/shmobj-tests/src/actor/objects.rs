//! Commands about mappings and views. Handles and views have names of the test's choice.
//!
//! ```text
//! namespace PATH | default          create HANDLE NAME SIZE OPTION...      open HANDLE NAME r|w|rw
//! close HANDLE   gc [global]        map VIEW HANDLE r|rw|copy [OFFSET LEN] unmap VIEW
//! write VIEW OFFSET TEXT            read VIEW OFFSET LENGTH                fill VIEW OFFSET LENGTH BYTE
//! add VIEW OFFSET NUMBER            load VIEW OFFSET                       touch VIEW OFFSET
//! commit HANDLE START END           same HANDLE HANDLE                     id NAME
//! zero VIEW                         smaps VIEW FIELD                       flush VIEW
//! list
//! commit-every-other HANDLE PAGES   read-every-other VIEW PAGES
//! freeze BYTES HANDLE               frozen BYTES HANDLE                    bytes BYTES OFFSET LENGTH
//! seal-writes VIEW HANDLE
//! ```
//! Options: `new beside sealable reserve large transparent mode=666 file=PATH`.
#![allow(unsafe_code)] // touches memory through a view's pointer, as a program might

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::sync::atomic::{AtomicU64, Ordering};

use shmobj::{
    Access, Allocation, CopyOnWrite, FileMapping, Frozen, LargePages, Listed, MappingOptions, Namespace,
    ObjectInfo, ReadOnly, ReadWrite, Scope, Security, View,
};

use super::{Failure, Outcome, Words, misled, shown};
use crate::system::page_size;

/// What a puppet has.
#[derive(Default)]
pub(super) struct Objects {
    namespace: Option<Namespace>,
    handles: BTreeMap<String, FileMapping>,
    views: BTreeMap<String, AnyView>,
    frozen: BTreeMap<String, Frozen>,
}

enum AnyView {
    Read(View<ReadOnly>),
    Write(View<ReadWrite>),
    Copy(View<CopyOnWrite>),
}

/// Does something that every sort of view can do.
macro_rules! any {
    ($any:expr, $view:ident => $do:expr) => {
        match $any {
            AnyView::Read($view) => $do,
            AnyView::Write($view) => $do,
            AnyView::Copy($view) => $do,
        }
    };
}

/// Does something that needs a view which can be written.
macro_rules! writable {
    ($any:expr, $view:ident => $do:expr) => {
        match $any {
            AnyView::Read(_) => return Err(misled("that view is read-only")),
            AnyView::Write($view) => $do,
            AnyView::Copy($view) => $do,
        }
    };
}

impl Objects {
    /// `None`: the command is about something else.
    pub(super) fn obey(&mut self, command: &str, words: &mut Words<'_>) -> Option<Outcome> {
        Some(match command {
            "namespace" => self.namespace(words),
            "create" => self.create(words),
            "open" => self.open(words),
            "close" => self.close(words),
            "map" => self.map(words),
            "unmap" => self.unmap(words),
            "commit" => self.commit(words),
            "commit-every-other" => self.commit_every_other(words),
            "read-every-other" => self.read_every_other(words),
            "freeze" | "frozen" => self.freeze(command, words),
            "bytes" => self.bytes(words),
            "seal-writes" => self.seal_writes(words),
            "same" => self.same(words),
            "id" => self.id(words),
            "gc" => self.collect_garbage(words),
            "list" => self.list(),
            "write" | "read" | "flush" | "fill" | "add" | "load" | "touch" | "zero" | "smaps" => {
                self.view(command, words)
            }
            _ => return None,
        })
    }

    pub(super) fn chosen_namespace(&self) -> Namespace {
        self.namespace.as_ref().unwrap_or_else(|| Namespace::default_namespace()).clone()
    }

    fn namespace(&mut self, words: &mut Words<'_>) -> Outcome {
        self.namespace = match words.next()? {
            "default" => None,
            path => Some(Namespace::at(path)),
        };
        Ok(String::new())
    }

    fn options(&self) -> MappingOptions<'_> {
        match &self.namespace {
            Some(namespace) => FileMapping::options().namespace(namespace),
            None => FileMapping::options(),
        }
    }

    fn create(&mut self, words: &mut Words<'_>) -> Outcome {
        let (handle, name, size) = (words.next()?, words.next()?, words.number()?);
        let wishes: Vec<&str> = words.each().collect();
        let path = wishes.iter().find_map(|wish| wish.strip_prefix("file="));
        let file: Option<File> = match path {
            Some(path) => Some(OpenOptions::new().read(true).write(true).open(path).map_err(misled)?),
            None => None,
        };
        let mut options = self.options().size(size);
        if let Some(file) = &file {
            options = options.file(file);
        }
        let mut new = false;
        for wish in wishes {
            options = match wish.split_once('=') {
                Some(("file", _)) => options,
                Some(("mode", bits)) => {
                    options.security(Security::mode(u32::from_str_radix(bits, 8).map_err(misled)?))
                }
                _ => match wish {
                    "new" => {
                        new = true;
                        options
                    }
                    "beside" => options.across_pid_namespaces(true),
                    "sealable" => options.sealable(true),
                    "reserve" => options.allocation(Allocation::Reserve),
                    "large" => options.large_pages(LargePages::Required),
                    "transparent" => options.large_pages(LargePages::Transparent),
                    _ => return Err(misled(format!("what is the option {wish}?"))),
                },
            };
        }
        let mapping = if new { options.create_new(name)? } else { options.create(name)? };
        let answer =
            format!("existed={} size={} page={}", mapping.existed(), mapping.size(), mapping.page_size());
        self.handles.insert(handle.to_owned(), mapping);
        Ok(answer)
    }

    fn open(&mut self, words: &mut Words<'_>) -> Outcome {
        let (handle, name) = (words.next()?, words.next()?);
        let access = match words.next()? {
            "r" => Access::READ,
            "w" => Access::WRITE,
            "rw" => Access::READ_WRITE,
            other => return Err(misled(format!("what is the access {other}?"))),
        };
        let mapping = self.options().open(name, access)?;
        let answer = format!("existed={} size={}", mapping.existed(), mapping.size());
        self.handles.insert(handle.to_owned(), mapping);
        Ok(answer)
    }

    fn handle(&self, words: &mut Words<'_>) -> Result<&FileMapping, Failure> {
        let handle = words.next()?;
        self.handles.get(handle).ok_or_else(|| misled(format!("no handle {handle}")))
    }

    fn close(&mut self, words: &mut Words<'_>) -> Outcome {
        let handle = words.next()?;
        let mapping = self.handles.remove(handle).ok_or_else(|| misled(format!("no handle {handle}")))?;
        drop(mapping);
        Ok(String::new())
    }

    fn map(&mut self, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?.to_owned();
        let mapping = self.handle(words)?;
        let sort = words.next()?;
        let mut options = mapping.view();
        if let Ok(offset) = words.number() {
            options = options.offset(offset).len(words.number()?);
        }
        let view = match sort {
            "r" => AnyView::Read(options.map()?),
            "rw" => AnyView::Write(options.map_mut()?),
            "copy" => AnyView::Copy(options.map_copy()?),
            other => return Err(misled(format!("what is a view {other}?"))),
        };
        let answer = any!(&view, view => format!("length={}", view.len()));
        self.views.insert(name, view);
        Ok(answer)
    }

    fn unmap(&mut self, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?;
        self.views.remove(name).ok_or_else(|| misled(format!("no view {name}")))?;
        Ok(String::new())
    }

    fn commit(&self, words: &mut Words<'_>) -> Outcome {
        let mapping = self.handle(words)?;
        mapping.commit(words.number()?..words.number()?)?;
        Ok(String::new())
    }

    /// Freezes memory, or takes it as frozen.
    fn freeze(&mut self, command: &str, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?.to_owned();
        let mapping = self.handle(words)?;
        let frozen = if command == "freeze" { mapping.freeze()? } else { mapping.frozen()? };
        let answer = format!("length={}", frozen.len());
        self.frozen.insert(name, frozen);
        Ok(answer)
    }

    fn bytes(&self, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?;
        let frozen = self.frozen.get(name).ok_or_else(|| misled(format!("no frozen bytes {name}")))?;
        let (offset, length) = (words.number()?, words.number()?);
        let bytes: &[u8] = frozen.slice_at(offset, length)?;
        Ok(String::from_utf8_lossy(bytes).escape_default().to_string())
    }

    fn seal_writes(&mut self, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?.to_owned();
        let view = self.handle(words)?.seal_writes()?;
        self.views.insert(name, AnyView::Write(view));
        Ok(String::new())
    }

    /// Commits the pages 0, 2, 4 and so on, so many of them.
    fn commit_every_other(&self, words: &mut Words<'_>) -> Outcome {
        let mapping = self.handle(words)?;
        let (pages, page) = (words.number::<u64>()?, mapping.page_size());
        for number in 0..pages {
            mapping.commit(2 * number * page..(2 * number + 1) * page)?;
        }
        Ok(String::new())
    }

    /// Reads them, the last one first, and counts what came of it.
    fn read_every_other(&self, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?;
        let any = self.views.get(name).ok_or_else(|| misled(format!("no view {name}")))?;
        let pages: usize = words.number()?;
        let mut counts = BTreeMap::from([("done".to_owned(), 0_u64)]);
        for number in (0..pages).rev() {
            let read = any!(any, view => view.read_vec(2 * number * page_size(), 1));
            let what = read.map_or_else(|error| format!("{:?}", error.kind()), |_| "done".to_owned());
            *counts.entry(what).or_default() += 1;
        }
        Ok(shown(&counts))
    }

    fn same(&self, words: &mut Words<'_>) -> Outcome {
        let one = self.handle(words)?;
        Ok(one.is_same_object(self.handle(words)?).to_string())
    }

    fn id(&self, words: &mut Words<'_>) -> Outcome {
        Ok(self.chosen_namespace().inspect(words.next()?)?.id)
    }

    fn collect_garbage(&self, words: &mut Words<'_>) -> Outcome {
        let scope = if words.next().is_ok() { Scope::Global } else { Scope::Local };
        let garbage = self.chosen_namespace().collect_garbage(scope)?;
        Ok(format!(
            "reclaimed={} held={} foreign={} not_permitted={}",
            garbage.reclaimed.len(),
            garbage.held,
            garbage.foreign.len(),
            garbage.not_permitted.len()
        ))
    }

    /// How many objects there are, and how many holders they have together.
    fn list(&self) -> Outcome {
        let listed = self.chosen_namespace().objects(Scope::Local)?;
        let known: Vec<ObjectInfo> = listed
            .into_iter()
            .filter_map(|one| if let Listed::Object(info) = one { Some(info) } else { None })
            .collect();
        let holders = shmobj::holders(&known.iter().collect::<Vec<_>>());
        Ok(format!("objects={} holders={}", known.len(), holders.iter().map(Vec::len).sum::<usize>()))
    }

    fn view(&self, command: &str, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?;
        let any = self.views.get(name).ok_or_else(|| misled(format!("no view {name}")))?;
        match command {
            "smaps" => return smaps(any!(any, view => view.as_ptr().addr()), words.next()?),
            "zero" => return all_zero(any),
            "flush" => return any!(any, view => view.flush().map(|()| String::new()).map_err(Failure::from)),
            _ => {}
        }
        let offset: usize = words.number()?;
        match command {
            "write" => {
                let text = words.rest();
                writable!(any, view => view.write_at(offset, text.as_bytes())?);
                Ok(String::new())
            }
            "read" => {
                let bytes = any!(any, view => view.read_vec(offset, words.number()?)?);
                Ok(String::from_utf8_lossy(&bytes).escape_default().to_string())
            }
            "fill" => {
                let (length, byte) = (words.number()?, words.number()?);
                writable!(any, view => view.fill(offset, length, byte)?);
                Ok(String::new())
            }
            "add" => {
                let number = words.number()?;
                let old = writable!(any, view => {
                    view.atomic::<AtomicU64>(offset)?.fetch_add(number, Ordering::SeqCst)
                });
                Ok(old.to_string())
            }
            "load" => Ok(any!(any, view => view.load::<AtomicU64>(offset, Ordering::SeqCst)?).to_string()),
            _ => {
                let at = any!(any, view => view.as_ptr().wrapping_add(offset));
                // SAFETY: what a careless program does; where the page is not there, the fault is what the test is about.
                let byte = unsafe { at.read_volatile() };
                Ok(byte.to_string())
            }
        }
    }
}

fn all_zero(any: &AnyView) -> Outcome {
    const PART: usize = 1 << 20;
    let length = any!(any, view => view.len());
    for offset in (0..length).step_by(PART) {
        let bytes = any!(any, view => view.read_vec(offset, PART.min(length - offset))?);
        if bytes.iter().any(|&byte| byte != 0) {
            return Ok("false".to_owned());
        }
    }
    Ok("true".to_owned())
}

/// A number of KiB that the kernel tells of the mapping around an address.
fn smaps(address: usize, field: &str) -> Outcome {
    let text = std::fs::read_to_string("/proc/self/smaps").map_err(misled)?;
    let mut inside = false;
    for line in text.lines() {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let ends = range.and_then(|(start, end)| {
            Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
        });
        match ends {
            Some((start, end)) => inside = (start..end).contains(&address),
            None if inside => {
                if let Some(rest) = line.strip_prefix(field).and_then(|rest| rest.strip_prefix(':')) {
                    return Ok(rest.split_whitespace().next().unwrap_or_default().to_owned());
                }
            }
            None => {}
        }
    }
    Err(misled(format!("no {field} for that view")))
}
