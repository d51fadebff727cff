"""shared_memory.SharedMemory. A process of its own, the resource tracker, removes what is left when all that use it are gone."""

import os
import sys
import zlib
from multiprocessing.shared_memory import SharedMemory

from objects import Objects
from stage import PAGE, now, timed_part

BLOCK, BLOCKS = 1 << 20, 4


class Memory(Objects):
    """What the other players get by a fork: semaphores, and the tracker, which runs as soon as there is memory."""

    def __init__(self, stage):
        super().__init__()
        sizes = {"transfer": BLOCK * BLOCKS, "leftovers": 1 << 20}
        self.held = Held(stage.name("shared"), sizes.get(stage.operation, PAGE))


class Held:
    """Named memory, removed in the end."""

    def __init__(self, name, size):
        self.owner, self.memory = os.getpid(), SharedMemory(name, create=True, size=size)

    def __del__(self):
        if os.getpid() == self.owner:
            self.memory.unlink()


def opened(name):
    """From 3.13 on a process that only opens memory need not tell the tracker."""
    return SharedMemory(name, track=False) if sys.version_info >= (3, 13) else SharedMemory(name)


def remove(memory):
    memory.close()
    memory.unlink()


def creating(name, size):
    return lambda _=None: SharedMemory(name, create=True, size=size)


def create(memory, stage):
    return timed_part(lambda: None, creating(stage.name("made"), stage.parameter), remove)


def open_(memory, stage):
    memory.other = Held(stage.name("made"), stage.parameter)
    name = stage.name("made")
    return timed_part(lambda: None, lambda _: opened(name), SharedMemory.close)


def close(memory, stage):
    """The last one that has it. It stays until somebody removes it, so that is part of it."""
    return timed_part(creating(stage.name("made"), stage.parameter), remove, lambda _: None)


def crowd(stage):
    """Objects beside, by their names; nobody has to hold them."""
    made = []
    for number in range(stage.parameter):
        made.append(Held(stage.name(f"beside-{number}"), PAGE))
        made[-1].memory.close()
    return made


def create_beside(memory, stage):
    memory.crowd = crowd(stage)
    return timed_part(lambda: None, creating(stage.name("made"), PAGE), remove)


def open_beside(memory, stage):
    memory.crowd = crowd(stage)
    memory.other = Held(stage.name("made"), PAGE)
    name = stage.name("made")
    return timed_part(lambda: None, lambda _: opened(name), SharedMemory.close)


def first_touch(memory, stage):
    ones = b"\1" * (stage.parameter // PAGE)

    def touch(made):
        made.buf[::PAGE] = ones
        return made

    return timed_part(creating(stage.name("made"), stage.parameter), touch, remove)


def transfer(memory, stage):
    """A ring of blocks: while the receiver reads one, the sender fills the next."""
    buffer, ones = memory.held.memory.buf, b"\1" * BLOCK
    places = [buffer[i * BLOCK : (i + 1) * BLOCK] for i in range(BLOCKS)]
    full, empty = memory.there, memory.back
    numbers = range(stage.parameter // BLOCK)

    def give(count):
        begun = now()
        for _ in range(count):
            for number in numbers:
                if number >= BLOCKS:
                    empty.acquire()
                places[number % BLOCKS][:] = ones
                full.release()
            for _ in range(BLOCKS):
                empty.acquire()
        return f"took {now() - begun}"

    expected = zlib.adler32(ones)  # sums the bytes; nothing else in the standard library does so in C

    def take(count):
        for _ in range(count):
            for number in numbers:
                full.acquire()
                if zlib.adler32(places[number % BLOCKS]) != expected:
                    return "failed what came is not what was sent"
                empty.release()
        return "done"

    return take if stage.role == 1 else give


def leftovers(memory, stage):
    if stage.role == 1:
        memory.other = opened(stage.name("shared"))
    return lambda count: "done"


def held_memory(stage):
    """Anonymous memory and page tables of this process, and the blocks of every file of memory that has its stage's name; as the other
    contenders count them."""
    keys = ("Anonymous:", "VmPTE:")
    total = 0
    for path in ("/proc/self/smaps_rollup", "/proc/self/status"):
        with open(path) as lines:
            total += sum(int(line.split()[1]) << 10 for line in lines if line.startswith(keys))
    return total + sum(entry.stat().st_blocks * 512 for entry in os.scandir("/dev/shm") if stage.prefix in entry.name and entry.is_file())


def descriptors(stage):
    return len(os.listdir("/proc/self/fd"))


def amount(held):
    """What an object costs of something that this process has."""

    def play(memory, stage):
        def run(count):
            before = held(stage)
            made = []
            for number in range(stage.parameter):
                made.append(SharedMemory(stage.name(str(number)), create=True, size=PAGE))
                made[-1].buf[0] = 1
            each = (held(stage) - before) // stage.parameter
            for memory in made:
                remove(memory)
            return f"is {each}"

        return run

    return play


PLAYS = {
    "create": create,
    "open": open_,
    "close": close,
    "create-beside": create_beside,
    "open-beside": open_beside,
    "first-touch": first_touch,
    "transfer": transfer,
    "leftovers": leftovers,
    "memory-per-object": amount(held_memory),
    "descriptors-per-object": amount(descriptors),
}
