//! The latch: a word that a thread owns, robust against its death. It is the mutex, and the gate of every other kind.
//!
//! Low half, the futex word, as the kernel's robust list wants it; in the high half one bit, `MULTI`.
//!
//! | low half | means | who moves it on |
//! |---|---|---|
//! | 0 | free | anybody: *take* |
//! | `OWNER_DIED` | free; its owner died. *Abandoned* exactly if the token is not 0 | anybody: *take* |
//! | thread | owned | the owner: *give back*; the kernel, if it dies: `OWNER_DIED` |
//! | thread, `OWNER_DIED` | tentative: a wait-all has it and may put it back | the same, and *settle* |
//!
//! Each of them also with `WAITERS`: somebody may sleep. **WAITERS survives** a change of owners. If it went with the owner, and
//! whoever was woken had to put it back, a thread that is killed before it does so, or whose time is over, would strand the others.
//! It is cleared only in the step that wakes everybody; who is woken looks again, and sets it again.
//!
//! `MULTI` is set for good by the first thread that waits for several objects at once: a wake that reaches such a thread may be
//! of no use to it. So then everybody is woken, and sleepers look again by themselves, because the kernel's own wake at a death
//! reaches one only.
//!
//! **Crashes.** `list_op_pending` names the latch around each change of owners and during sleeps, so wherever a thread dies:
//!
//! | killed | then |
//! |---|---|
//! | before it took the word, asleep or woken | the kernel passes the wake on if the word has no owner; if it has, WAITERS is still there |
//! | between taking the word and the token | `OWNER_DIED` with token 0: the next owner is told nothing, as nothing was done |
//! | while it owns | `OWNER_DIED`, and the kernel wakes one |
//! | between erasing the token and freeing the word | `OWNER_DIED` with token 0: all was done |
//! | between freeing the word and the wake | the kernel wakes one, or the word has a new owner, and WAITERS |
//!
//! How an owner gives the word back is the business of [`handover`]: as long as nobody has slept, by a store.
//!
//! What is left are two deaths in a row at the right instants, or a thread that `MULTI` came too late for; so nobody sleeps for longer
//! than two seconds without a look.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::Trouble;
use super::clock::Deadline;
use super::futex::{self, Bed, Change, EVERYBODY, Slept};
use super::handover;
use super::liveness;
use super::seat::Seat;
use super::spin::{Spin, Spinner};
use super::words::Words;
use crate::test_hooks::{Fault, is_forced, step};

const THREAD: u64 = 0x3fff_ffff;
const OWNER_DIED: u64 = 0x4000_0000;
pub(super) const WAITERS: u64 = 0x8000_0000;
const LOW: u64 = 0xffff_ffff;
const MULTI: u64 = 1 << 63;

/// The latch of an object that is gone. No kernel has thread numbers above 2^22.
pub(crate) const GONE: u64 = THREAD;

/// How long sleepers sleep at most, in nanoseconds.
const LONGEST_SLEEP: u64 = 2_000_000_000;
/// The same if they cannot rely on being woken.
const LOOK_AGAIN: u64 = 100_000_000;

/// Reasons why somebody may not be woken; the bits of the shared word `watch`.
pub(crate) mod watch {
    /// Threads of several PID namespaces use the latch, so two of them may have the same number. One that dies with the
    /// number of the owner, and the latch pending, would make the kernel free it. So nobody sleeps with it pending. (What is left: the
    /// namesake takes it between a look that found it free and the compare-exchange, and this thread is killed just there. The
    /// owner then finds its mutex taken away. The same goes for the first try [at once](super::take_at_once) of a thread that has not
    /// [learned](super::learn) of the other namespace yet.)
    pub(crate) const NUMBERS_AMBIGUOUS: u32 = 1;
    /// Some owner has no robust list: see [`liveness`](crate::sys::linux::sync::liveness).
    pub(crate) const UNLISTED: u32 = 2;
    /// The creator owned it before the kernel knew. Cleared when the kernel does, or when the creator was found dead.
    pub(crate) const BORN_OWNED: u32 = 4;
}

/// What a latch's word says, checked: every combination of bits has a meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State(pub(crate) u64);

impl State {
    pub(crate) fn thread(self) -> u32 {
        (self.0 & THREAD) as u32
    }

    pub(crate) fn is_free(self) -> bool {
        self.0 & THREAD == 0
    }

    pub(crate) fn owner_died(self) -> bool {
        self.is_free() && self.0 & OWNER_DIED != 0
    }

    /// Said to be owned by a thread that cannot be.
    fn is_gone(self) -> bool {
        self.0 & THREAD == GONE
    }

    fn is_tentative(self) -> bool {
        !self.is_free() && self.0 & OWNER_DIED != 0
    }

    pub(crate) fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    fn has_several(self) -> bool {
        self.0 & MULTI != 0
    }

    pub(crate) fn without_waiters(self) -> Self {
        Self(self.0 & !(WAITERS | MULTI))
    }

    fn with_low(self, low: u64) -> Self {
        Self(self.0 & !LOW | low)
    }

    /// Somebody is about to sleep, for this latch or for several objects.
    fn with_sleeper(self, several: bool) -> Self {
        Self(self.0 | WAITERS | if several { MULTI } else { 0 })
    }
}

/// How the latch was when it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Former {
    Free,
    /// Its owner died.
    Died,
}

#[inline]
pub(crate) fn load(words: &Words) -> State {
    State(words.latch.load(Acquire))
}

#[inline]
fn change(words: &Words, from: State, to: State) -> bool {
    words.latch.compare_exchange_weak(from.0, to.0, AcqRel, Relaxed).is_ok()
}

/// Takes the latch if it is free, nobody died owning it, and nobody waits. Only at its [quick place](Seat::quick).
///
/// Without a look before: where it is free, which is when this is to be fast, the compare-exchange would wait for the look.
#[inline]
pub(super) fn take_at_once(seat: &Seat) -> bool {
    let Some(place) = seat.quick() else { return false };
    let latch = &seat.words().latch;
    let thread = u64::from(seat.thread);
    place.pend();
    let taken = match latch.compare_exchange(0, thread, AcqRel, Relaxed) {
        Ok(_) => true,
        Err(MULTI) => latch.compare_exchange(MULTI, MULTI | thread, AcqRel, Relaxed).is_ok(),
        Err(_) => false,
    };
    if taken {
        step("latch: taken");
        seat.enlist_at(place);
    }
    place.unpend();
    taken
}

/// Whether somebody has decided to own it.
pub(super) fn is_owned(words: &Words) -> Result<bool, Trouble> {
    let seen = load(words);
    if seen.is_gone() {
        return Err(Trouble::Corrupt);
    }
    Ok(!seen.is_free() && !seen.is_tentative())
}

/// Whether this process has lost the words, because somebody truncated the entry: what is there is private memory that nobody frees, signals
/// or decides about. (Or somebody wrote just that into it.) A look that is not needed while all is well.
#[cold]
pub(super) fn is_gone(words: &Words) -> bool {
    load(words).is_gone()
}

/// Takes the latch, sleeping for it if need be. `None`: not before the deadline.
pub(super) fn take(seat: &Seat, deadline: Deadline, spin: &Spin) -> Result<Option<Former>, Trouble> {
    learn(seat);
    let former = take_slowly(seat, deadline, spin);
    seat.unpend();
    former
}

#[cold]
fn take_slowly(seat: &Seat, deadline: Deadline, spin: &Spin) -> Result<Option<Former>, Trouble> {
    let words = seat.words();
    let mut spinner = spin.start_backing_off();
    let mut patience = None;
    loop {
        let seen = load(words);
        if seen.is_free() {
            if let Some(former) = take_free(seat, seen, u64::from(seat.thread)) {
                spinner.succeeded(spin);
                return Ok(Some(former));
            }
            continue;
        }
        seat.unpend();
        if seen.is_gone() {
            return Err(Trouble::Corrupt);
        }
        // Tentative: not owned, and soon decided. That is no reason to say that it is owned.
        let tentative = seen.is_tentative();
        let limit = if tentative {
            *patience.get_or_insert_with(|| deadline.for_decision())
        } else if deadline == Deadline::Now {
            return Ok(None);
        } else {
            deadline
        };
        if !spinner.turn() {
            if limit.has_passed() {
                return if tentative { Err(Trouble::Stalled) } else { Ok(None) };
            }
            spinner.failed(spin);
            spinner = Spinner::woken();
            lie_down(seat, seen, limit);
        }
    }
}

/// Takes a latch that was seen free; `as_what` is the thread, and for a tentative owner `OWNER_DIED`.
fn take_free(seat: &Seat, seen: State, as_what: u64) -> Option<Former> {
    let taken = seen.with_low(as_what | seen.0 & WAITERS);
    seat.pend();
    change(seat.words(), seen, taken).then(|| {
        step("latch: taken");
        seat.enlist();
        if seen.owner_died() { Former::Died } else { Former::Free }
    })
}

/// Sleeps until the latch may be free. It may as well be that nothing has happened.
///
/// With the latch pending, from before the sleep until the next look: if this thread is woken and dies, the kernel wakes
/// another. Not so if the owner may have the same number: the kernel would take the dying thread for it.
fn lie_down(seat: &Seat, seen: State, deadline: Deadline) {
    let words = seat.words();
    let changed = handover::change(words);
    let marked = seen.with_sleeper(false);
    if marked.0 != seen.0 && !change(words, seen, marked) {
        return;
    }
    step("latch: about to sleep");
    let watch = words.watch.load(Acquire);
    let alone = watch != 0 || marked.has_several() || !changed;
    let limit = if alone { LOOK_AGAIN } else { LONGEST_SLEEP };
    let deadline = if is_forced(Fault::Limits) { deadline } else { deadline.at_most(limit) };
    if watch & watch::NUMBERS_AMBIGUOUS == 0 && marked.thread() != seat.thread {
        seat.pend();
    }
    if futex::sleep(Bed { word: &words.latch, expected: marked.0 as u32 }, deadline.alarm())
        == Slept::TimedOut
    {
        free_if_owner_is_dead(words);
    }
}

/// Does what the kernel does, for an owner whose death it did not tell: one that has no robust list, or one whose list the kernel could
/// not read to its end, because it was too long or somebody truncated the entry of another object on it. True if it did.
pub(super) fn free_if_owner_is_dead(words: &Words) -> bool {
    let seen = load(words);
    let can_tell = words.watch.load(Acquire) & watch::NUMBERS_AMBIGUOUS == 0;
    if !can_tell || seen.is_free() || !liveness::claim_death(seen.thread(), words) {
        return false;
    }
    let freed = change(words, seen, seen.with_low(OWNER_DIED | seen.0 & WAITERS));
    if freed {
        // Who created it as its own and died has never adopted it.
        words.watch.fetch_and(!watch::BORN_OWNED, Relaxed);
        futex::wake(&words.latch, EVERYBODY);
    }
    freed
}

/// Whether somebody may own it whose death the kernel does not tell.
pub(super) fn is_watched(words: &Words) -> bool {
    words.watch.load(Acquire) != 0
}

/// Whom giving back a latch wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// One, who can take it.
    One,
    /// All: they wait for something to be decided, and not for the latch.
    All,
}

/// Gives back a latch that this thread has. False: somebody else has written into it, and nothing was given back.
#[inline]
pub(super) fn give_back(seat: &Seat, wake: Wake) -> bool {
    let Some(place) = seat.quick() else { return give_back_slowly(seat, wake) };
    let latch = &seat.words().latch;
    let thread = u64::from(seat.thread);
    place.pend();
    step("latch: about to be given back");
    seat.delist_at(place);
    let how = handover::load(seat.words());
    let stored = if how == handover::STORE { handover::store(seat) } else { None };
    if let Some(given) = stored {
        place.unpend();
        return given;
    }
    let exchanged = how != handover::CHANGING
        && match latch.compare_exchange(thread, 0, Release, Relaxed) {
            Ok(_) => true,
            Err(seen) if seen == MULTI | thread => {
                latch.compare_exchange(seen, MULTI, Release, Relaxed).is_ok()
            }
            Err(_) => false,
        };
    let given = exchanged || release_slowly(seat, As::Free, wake);
    place.unpend();
    if how == handover::STORE {
        handover::exchanged(seat);
    }
    given
}

/// The same without a quick place.
#[cold]
fn give_back_slowly(seat: &Seat, wake: Wake) -> bool {
    seat.pend();
    step("latch: about to be given back");
    seat.delist();
    let given = release_slowly(seat, As::Free, wake);
    seat.unpend();
    given
}

/// How a latch is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    Free,
    Died,
}

/// Frees the latch and wakes.
///
/// If somebody may have this thread's number, the latch is pending no longer than it is ours: a namesake may take it at once, and
/// the kernel would take this thread's death for its. A wake that is lost that way is made up for by who looks again.
#[cold]
fn release_slowly(seat: &Seat, left: As, wake: Wake) -> bool {
    let words = seat.words();
    let ambiguous = words.watch.load(Acquire) & watch::NUMBERS_AMBIGUOUS != 0;
    let died = if left == As::Died { OWNER_DIED } else { 0 };
    let changing = handover::is_changing(words);
    if changing && load(words).thread() == seat.thread {
        handover::end_change(words);
    }
    let (seen, everybody) = loop {
        let seen = load(words);
        if seen.thread() != seat.thread {
            return false;
        }
        let everybody = changing || wake == Wake::All || seen.has_several();
        if seen.has_waiters() && everybody && !ambiguous {
            // One step: whoever sleeps wakes, and sets WAITERS again if need be.
            let left = if left == As::Died { Change::SetDied } else { Change::Clear };
            if futex::change_and_wake(&words.latch, left, EVERYBODY).is_ok() {
                return true;
            }
        }
        let free = seen.with_low(died | seen.0 & WAITERS);
        if words.latch.compare_exchange_weak(seen.0, free.0, Release, Relaxed).is_ok() {
            break (seen, everybody);
        }
    };
    if ambiguous {
        seat.unpend();
    }
    step("latch: free, nobody woken");
    if !seen.has_waiters() {
        return true;
    }
    let woken = futex::wake(&words.latch, if everybody { EVERYBODY } else { 1 });
    if woken == 0 || everybody {
        step("latch: nobody sleeps");
        // In one step with a wake of everybody, so that it does not matter who has come meanwhile.
        let _ = futex::change_and_wake(&words.latch, Change::ClearWaiters, EVERYBODY);
    }
    true
}

/// A thread that ends leaves what it owns to the next one (MX-9). The token stays: it says that there was an owner.
pub(super) fn abandon(seat: &Seat) {
    seat.pend();
    seat.delist();
    seat.depth.set(0);
    release_slowly(seat, As::Died, Wake::One);
    seat.unpend();
}

/// What a wait-all finds when it wants a latch for itself, for the time of its decision.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tentative {
    Taken(Former),
    /// Owned. It must not be waited for while other latches are held.
    Owned,
}

/// Takes a mutex tentatively. Another wait-all's decision is waited for: all take them in the same order.
pub(super) fn take_tentatively(seat: &Seat, deadline: Deadline) -> Result<Tentative, Trouble> {
    let words = seat.words();
    let result = loop {
        let seen = load(words);
        if seen.is_free() {
            if let Some(former) = take_free(seat, seen, u64::from(seat.thread) | OWNER_DIED) {
                break Ok(Tentative::Taken(former));
            }
            continue;
        }
        seat.unpend();
        if seen.is_gone() {
            break Err(Trouble::Corrupt);
        } else if !seen.is_tentative() {
            break Ok(Tentative::Owned);
        } else if deadline.has_passed() {
            break Err(Trouble::Stalled);
        }
        lie_down(seat, seen, deadline);
    };
    seat.unpend();
    result
}

/// A tentative owner becomes a real one, and those learn of it who waited for the decision. It has written its token
/// already.
pub(super) fn settle(seat: &Seat) {
    let mine = u64::from(seat.thread);
    let words = seat.words();
    loop {
        let seen = load(words);
        if seen.thread() != seat.thread {
            return; // somebody else has written into it: it is broken, and giving it back will say so
        }
        if seen.has_waiters() {
            let _ = futex::change_and_wake(&words.latch, Change::ClearDied, EVERYBODY);
            return;
        }
        if change(words, seen, seen.with_low(mine)) {
            return;
        }
    }
}

/// A tentative owner puts it back as it was, and wakes who waited for its decision.
pub(super) fn put_back(seat: &Seat, former: Former) {
    seat.pend();
    seat.delist();
    release_slowly(seat, if former == Former::Died { As::Died } else { As::Free }, Wake::All);
    seat.unpend();
}

/// Announces a thread that is going to sleep on several words; the low half that it has to expect, or `None` if the latch
/// is free or has changed.
pub(super) fn announce_among_several(words: &Words) -> Option<u32> {
    handover::change(words);
    let seen = load(words);
    let marked = seen.with_sleeper(true);
    let announced = !seen.is_free() && (marked.0 == seen.0 || change(words, seen, marked));
    announced.then_some(marked.0 as u32)
}

/// Before anything else, a thread that slept on several words wakes the others of a latch that it finds free: the kernel
/// may have woken only this one, which may take something else, or die.
pub(super) fn pass_on(words: &Words) {
    let seen = load(words);
    if seen.is_free() && (seen.has_waiters() || handover::is_changing(words)) {
        futex::wake(&words.latch, EVERYBODY);
    }
}

/// How long a sleeper on several words may sleep, of which this is one.
pub(super) fn limit_among_several(words: &Words, deadline: Deadline) -> Deadline {
    if is_watched(words) {
        free_if_owner_is_dead(words);
    }
    deadline.at_most(LOOK_AGAIN)
}

/// Whoever could not take it at once looks whether it may try that again. Not where the owner may have this thread's number: the latch
/// would be pending while it is the owner's, and a thread that tries again and again be killed just then.
pub(super) fn learn(seat: &Seat) {
    if seat.words().watch.load(Acquire) & watch::NUMBERS_AMBIGUOUS != 0 {
        seat.lose_quick();
    }
}

/// A thread uses the latch for the first time: tells the others what they cannot rely on because of it.
pub(super) fn introduce(words: &Words, is_listed: bool, pid_namespace: u64) {
    let creators = words.pid_namespace.load(Relaxed);
    let mut reasons = 0;
    if creators == 0 || creators != pid_namespace {
        reasons |= watch::NUMBERS_AMBIGUOUS;
    }
    if !is_listed {
        reasons |= watch::UNLISTED;
    }
    if reasons != 0 && words.watch.fetch_or(reasons, Release) & reasons != reasons {
        // Who is asleep, or about to be, looks again: the word is not what it expects any more.
        let _ = futex::change_and_wake(&words.latch, Change::ClearWaiters, EVERYBODY);
    }
}
