//! Making synchronization objects, and opening them.
#![allow(unsafe_code)] // calls the system

use std::os::windows::io::{AsHandle, OwnedHandle};

use windows_sys::Win32::System::JobObjects::CreateJobObjectW;
use windows_sys::Win32::System::Threading::{
    CREATE_EVENT_INITIAL_SET, CREATE_EVENT_MANUAL_RESET, CREATE_MUTEX_INITIAL_OWNER,
    CREATE_WAITABLE_TIMER_MANUAL_RESET, CreateEventExW, CreateMutexExW, CreateSemaphoreExW,
    CreateWaitableTimerExW,
};

use super::Synchronizer;
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::event::Reset;
use crate::job::Limits;
use crate::kind::Kind;
use crate::name::Name;
use crate::security::Security;
use crate::sys::contract::{Initial, Intent, SynchronizerWish};
use crate::sys::windows::handle::{self, created, pointer};
use crate::sys::windows::namespace::Place;
use crate::sys::windows::security::Descriptor;
use crate::sys::windows::{job, nt, rights};

/// The largest maximum of a semaphore: that of one which does not tell.
const LARGEST: u32 = i32::MAX as u32;

impl Synchronizer {
    /// An object without a name.
    pub(crate) fn unnamed(attempt: &Attempt<'_>, initial: Initial, _place: &Place) -> Result<Self> {
        let wish = SynchronizerWish { initial, security: &Security::OWNER_ONLY };
        create(attempt, None, Intent::OpenOrCreate, wish).map(|(object, _)| object)
    }

    /// The object of this name, made if it does not exist and `wish` says how. Returns whether it existed.
    pub(crate) fn named(
        attempt: &Attempt<'_>,
        kind: Kind,
        place: &Place,
        name: Name<'_>,
        intent: Intent,
        wish: Option<SynchronizerWish<'_>>,
        access: Access,
    ) -> Result<(Self, bool)> {
        let name = place.name(attempt, name)?;
        match wish {
            Some(wish) => create(attempt, Some(&name), intent, wish),
            None => Ok((Self::of(kind, handle::open(attempt, kind, &name, access)?), true)),
        }
    }

    /// A handle to an object that exists: what it is like, as far as the system tells.
    pub(in crate::sys::windows) fn of(kind: Kind, handle: OwnedHandle) -> Self {
        let reset = match kind {
            Kind::Event => nt::event(handle.as_handle())
                .map(|event| if event.is_auto == 0 { Reset::Manual } else { Reset::Auto }),
            _ => None,
        };
        let maximum = match kind {
            Kind::Semaphore => nt::semaphore(handle.as_handle()).map_or(LARGEST, |told| told.maximum),
            _ => 0,
        };
        Self { handle, kind, reset, maximum }
    }
}

fn create(
    attempt: &Attempt<'_>,
    name: Option<&[u16]>,
    intent: Intent,
    wish: SynchronizerWish<'_>,
) -> Result<(Synchronizer, bool)> {
    let kind = kind(wish.initial);
    let descriptor = match name {
        Some(_) => Descriptor::of(attempt, kind, wish.security)?,
        None => Descriptor::unnamed(),
    };
    let attributes = descriptor.attributes();
    let security = &raw const attributes;
    let text = pointer(name);
    let flag = |is_set, flag| if is_set { flag } else { 0 };
    let create = |wanted| match wish.initial {
        Initial::Mutex { owned } => {
            let flags = flag(owned, CREATE_MUTEX_INITIAL_OWNER);
            // SAFETY: the attributes, and the name, which ends with 0, are there during the call.
            unsafe { CreateMutexExW(security, text, flags, wanted) }
        }
        Initial::Event { manual, signaled } => {
            let flags = flag(manual, CREATE_EVENT_MANUAL_RESET) | flag(signaled, CREATE_EVENT_INITIAL_SET);
            // SAFETY: as above.
            unsafe { CreateEventExW(security, text, flags, wanted) }
        }
        Initial::Semaphore { count, maximum } => {
            // The options have checked that both are positive numbers of 32 bits.
            let (count, maximum) = (count as i32, maximum as i32);
            // SAFETY: as above.
            unsafe { CreateSemaphoreExW(security, count, maximum, text, 0, wanted) }
        }
        Initial::Timer { manual } => {
            let flags = flag(manual, CREATE_WAITABLE_TIMER_MANUAL_RESET);
            // SAFETY: as above.
            unsafe { CreateWaitableTimerExW(security, text, flags, wanted) }
        }
        // It asks for all rights, and cannot be told which.
        // SAFETY: as above.
        Initial::Job { .. } => unsafe { CreateJobObjectW(security, text) },
    };
    let wanted = rights::mask(kind, Access::SYNCHRONIZATION);
    let made = created(attempt, kind, name, intent, || create(wanted));
    let (handle, existed) = match made {
        // An object that exists may grant everything but the right to ask what it is like.
        Err(denied)
            if denied.kind() == ErrorKind::AccessDenied && !matches!(kind, Kind::Mutex | Kind::Job) =>
        {
            created(attempt, kind, name, intent, || create(wanted & !rights::query(kind)))
                .map_err(|_| denied)?
        }
        made => made?,
    };
    let mut object = Synchronizer::of(kind, handle);
    if let (Initial::Job { limits }, false) = (wish.initial, existed) {
        limit(attempt, &object, &limits)?;
    }
    if let (Initial::Timer { manual }, false) = (wish.initial, existed) {
        object.reset = Some(if manual { Reset::Manual } else { Reset::Auto });
    }
    Ok((object, existed))
}

/// Gives a new job its limits. That is a second step: a program that opens the job by its name between the two finds it without
/// them, and one that is killed there leaves nothing, unless another has opened it.
fn limit(attempt: &Attempt<'_>, job: &Synchronizer, limits: &Limits) -> Result<()> {
    if *limits == Limits::new() {
        return Ok(()); // a new job has none
    }
    job::set_limits(job, attempt, limits)
}

fn kind(initial: Initial) -> Kind {
    match initial {
        Initial::Mutex { .. } => Kind::Mutex,
        Initial::Event { .. } => Kind::Event,
        Initial::Semaphore { .. } => Kind::Semaphore,
        Initial::Timer { .. } => Kind::WaitableTimer,
        Initial::Job { .. } => Kind::Job,
    }
}
