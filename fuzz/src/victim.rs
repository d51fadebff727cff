//! What a process does with handles that it has accepted. None of it may harm the process; what it gives is not asked.

use std::time::Duration;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use shmobj::transfer::{self, AnyHandle, Transfer};
use shmobj::wait::{self, Waitable};
use shmobj::{Access, Due, Event, FileMapping, Mutex, Period, Semaphore, Timeout, WaitableTimer};

const RIGHTS: [Access; 6] =
    [Access::QUERY, Access::READ, Access::READ_WRITE, Access::MODIFY, Access::SYNCHRONIZE, Access::ALL];

/// Uses handles in ways that the input chooses, and lets go of them.
pub fn uses(mut handles: Vec<AnyHandle>, input: &mut Unstructured<'_>) -> Result<()> {
    let result = use_all(&mut handles, input);
    for handle in &handles {
        let AnyHandle::Mutex(mutex) = handle else { continue };
        while mutex.depth() > 0 {
            let _ = mutex.release();
        }
    }
    result
}

fn use_all(handles: &mut Vec<AnyHandle>, input: &mut Unstructured<'_>) -> Result<()> {
    for handle in &*handles {
        use_once(handle, input)?;
    }
    for _ in 0..input.int_in_range(0..=6)? {
        if handles.is_empty() {
            break;
        }
        let index = input.choose_index(handles.len())?;
        match input.int_in_range(0..=7)? {
            0 => handles.extend(duplicate(&handles[index], *input.choose(&RIGHTS)?)),
            1 => {
                let borrowed: Vec<&dyn Transfer> = handles.iter().map(|it| it as &dyn Transfer).collect();
                let unpacked = transfer::pack(&borrowed).and_then(transfer::unpack);
                handles.extend(unpacked.into_iter().flatten().take(4));
            }
            2 => several(handles, input)?,
            3 => {
                let other = input.choose_index(handles.len())?;
                let _ = transfer::same_object(&handles[index], &handles[other]);
            }
            _ => use_once(&handles[index], input)?,
        }
    }
    Ok(())
}

fn duplicate(handle: &AnyHandle, access: Access) -> Option<AnyHandle> {
    let copy: shmobj::Result<AnyHandle> = match handle {
        AnyHandle::FileMapping(it) => it.try_clone_with(access).map(Into::into),
        AnyHandle::Mutex(it) => it.try_clone_with(access).map(Into::into),
        AnyHandle::Event(it) => it.try_clone_with(access).map(Into::into),
        AnyHandle::Semaphore(it) => it.try_clone_with(access).map(Into::into),
        AnyHandle::WaitableTimer(it) => it.try_clone_with(access).map(Into::into),
        _ => return None,
    };
    copy.ok()
}

/// As something that can be waited for.
pub fn waitable(handle: &AnyHandle) -> Option<&dyn Waitable> {
    Some(match handle {
        AnyHandle::Mutex(it) => it,
        AnyHandle::Event(it) => it,
        AnyHandle::Semaphore(it) => it,
        AnyHandle::WaitableTimer(it) => it,
        _ => return None,
    })
}

fn time(input: &mut Unstructured<'_>) -> Result<Timeout> {
    Ok(Duration::from_micros(*input.choose(&[0, 0, 0, 50])?).into())
}

/// Waits for several of them.
pub fn several(handles: &[AnyHandle], input: &mut Unstructured<'_>) -> Result<()> {
    let chosen: Vec<bool> = handles.iter().map(|_| input.arbitrary()).collect::<Result<_>>()?;
    let list: Vec<&dyn Waitable> =
        handles.iter().zip(chosen).filter(|(_, chosen)| *chosen).filter_map(|(it, _)| waitable(it)).collect();
    let time = time(input)?;
    if input.arbitrary()? {
        let _ = wait::any(&list, time);
    } else {
        let _ = wait::all(&list, time);
    }
    Ok(())
}

/// One operation, whichever.
pub fn use_once(handle: &AnyHandle, input: &mut Unstructured<'_>) -> Result<()> {
    let _ = (handle.name().len(), handle.access());
    match handle {
        AnyHandle::FileMapping(it) => mapping(it, input),
        AnyHandle::Mutex(it) => mutex(it, input),
        AnyHandle::Event(it) => event(it, input),
        AnyHandle::Semaphore(it) => semaphore(it, input),
        AnyHandle::WaitableTimer(it) => timer(it, input),
        _ => Ok(()),
    }
}

fn mapping(mapping: &FileMapping, input: &mut Unstructured<'_>) -> Result<()> {
    let _ =
        (mapping.size(), mapping.page_size(), mapping.protection(), mapping.allocation(), mapping.is_file());
    let length = *input.choose(&[1, 4096, 5000, 1 << 16, 1 << 20])?;
    let offset = *input.choose(&[0, 0, 1 << 16])?;
    let view = || mapping.view().offset(offset).len(length);
    let mut buffer = [0; 6000];
    let at = input.int_in_range(0..=70_000)?;
    let buffer = &mut buffer[..input.int_in_range(0..=6000)?];
    match input.int_in_range(0..=4)? {
        0 => {
            let _ = view().map().and_then(|view| view.read_at(at, buffer));
        }
        1 => {
            let _ = view().map_mut().and_then(|view| {
                view.write_at(at, buffer)?;
                view.flush_range(0, 1, shmobj::Flush::Start)?;
                view.fill(at, buffer.len(), 9)
            });
        }
        2 => {
            let _ = view().map_copy().and_then(|view| {
                view.write_at(at, buffer)?;
                view.read_at(at, buffer)
            });
        }
        3 => {
            let _ = mapping.commit(at as u64..at as u64 + buffer.len() as u64);
        }
        _ => {
            let _ = mapping.map().and_then(|view| view.read_at(view.len().saturating_sub(1), &mut [0]));
        }
    }
    Ok(())
}

fn mutex(mutex: &Mutex, input: &mut Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=4)? {
        0 => drop(mutex.state()),
        1 => drop(mutex.release()),
        2 => drop(mutex.guard().map(drop)),
        3 => {
            let _ = mutex.lock_timeout(time(input)?).map(std::mem::forget);
        }
        _ => {
            let _ = mutex.try_lock().map(drop);
        }
    }
    Ok(())
}

fn event(event: &Event, input: &mut Unstructured<'_>) -> Result<()> {
    let _ = event.reset_mode();
    match input.int_in_range(0..=4)? {
        0 => drop(event.state()),
        1 => drop(event.set()),
        2 => drop(event.reset()),
        3 => drop(event.pulse()),
        _ => drop(event.wait(time(input)?)),
    }
    Ok(())
}

fn semaphore(semaphore: &Semaphore, input: &mut Unstructured<'_>) -> Result<()> {
    let _ = semaphore.max();
    match input.int_in_range(0..=3)? {
        0 => drop(semaphore.state()),
        1 => drop(semaphore.release(input.int_in_range(0..=3)?)),
        2 => drop(semaphore.release(input.arbitrary()?)),
        _ => drop(semaphore.wait(time(input)?)),
    }
    Ok(())
}

fn timer(timer: &WaitableTimer, input: &mut Unstructured<'_>) -> Result<()> {
    let _ = timer.reset_mode();
    match input.int_in_range(0..=4)? {
        0 => drop(timer.state()),
        1 => drop(timer.cancel()),
        2 => {
            let period = input.arbitrary::<Option<u16>>()?.filter(|&it| it > 0);
            drop(timer.set(Due::NOW, period.map(|it| Period::millis(it.into()))));
        }
        3 => drop(timer.set(Due::after(Duration::from_nanos(input.arbitrary()?)), None)),
        _ => drop(timer.wait(time(input)?)),
    }
    Ok(())
}
