"""Lock, Semaphore and Event. On Linux each is made of POSIX semaphores, which have no names any more when they are used."""

import multiprocessing

from stage import Page, now, timed, trips

CONTEXT = multiprocessing.get_context("fork")


class Objects:
    """Made before the other players are forked."""

    def __init__(self):
        self.lock = CONTEXT.Lock()
        self.there, self.back = CONTEXT.Semaphore(0), CONTEXT.Semaphore(0)
        self.event = CONTEXT.Event()


def lock(objects, stage):
    acquire, release = objects.lock.acquire, objects.lock.release

    def iterations(times):
        for _ in times:
            acquire()
            release()

    return timed(iterations)


def contended(objects, stage):
    acquire, release, words = objects.lock.acquire, objects.lock.release, Page(stage).words

    def run(milliseconds):
        until, count = now() + milliseconds * 1_000_000, 0
        while now() < until:
            for _ in range(16):
                acquire()
                words[0] += 1
                release()
            count += 16
        return f"did {count}"

    return run


def event(objects, stage):
    """There are manual-reset events only, so a wait is followed by a reset."""
    set_, wait, clear = objects.event.set, objects.event.wait, objects.event.clear

    def iterations(times):
        for _ in times:
            set_()
            wait()
            clear()

    return timed(iterations)


def semaphore(objects, stage):
    acquire, release = objects.there.acquire, objects.there.release

    def iterations(times):
        for _ in times:
            release()
            acquire()

    return timed(iterations)


def ping_pong(objects, stage):
    """Semaphores: an Event takes several of them for a step."""
    there, back = objects.there, objects.back

    def go():
        there.release()
        back.acquire()

    def come():
        there.acquire()
        back.release()

    return trips(stage.role, go, come)


def spinning(objects, stage):
    there, back = objects.there, objects.back

    def go():
        there.release()
        while not back.acquire(False):
            pass

    def come():
        while not there.acquire(False):
            pass
        back.release()

    return trips(stage.role, go, come)


def recovery(objects, stage):
    if stage.role == 1:
        objects.lock.acquire()
    return lambda count: f"got {now()} plain" if objects.lock.acquire(timeout=5) else "timeout"


PLAYS = {
    "lock": lock,
    "contended": contended,
    "event": event,
    "semaphore": semaphore,
    "ping-pong": ping_pong,
    "ping-pong-one-core": ping_pong,
    "ping-pong-spinning": spinning,
    "recovery": recovery,
}
