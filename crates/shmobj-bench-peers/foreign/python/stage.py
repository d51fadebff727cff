"""What all players have: where they are, how they take time, and the page that they share."""

import mmap
import os
import time

PAGE = 4096
now = time.monotonic_ns  # CLOCK_MONOTONIC, as the conductor's

PAIRS = ("ping-pong", "ping-pong-one-core", "ping-pong-spinning", "wait-any-asleep", "transfer", "recovery", "leftovers")


class Unsupported(Exception):
    """The contender has no such operation."""


class Stage:
    """Where a player is: what it plays, and which part of it."""

    def __init__(self, operation, parameter, contender, role, directory):
        self.operation, self.contender, self.directory = operation, contender, directory
        self.parameter, self.role = int(parameter), int(role)
        self.prefix = os.path.basename(directory)

    def of_role(self, role):
        return Stage(self.operation, self.parameter, self.contender, role, self.directory)

    def players(self):
        return self.parameter if self.operation == "contended" else 2 if self.operation in PAIRS else 1

    def name(self, what):
        return f"{self.prefix}-{what}"


class Page:
    """What the conductor has made for all players: words of 8 bytes, each on a line of its own."""

    def __init__(self, stage):
        with open(f"{stage.directory}/page", "r+b") as file:
            self.words = memoryview(mmap.mmap(file.fileno(), PAGE)).cast("Q")

    def __getitem__(self, number):
        return self.words[8 * number]

    def __setitem__(self, number, value):
        self.words[8 * number] = value


def timed(iterations):
    """A round: `iterations` does one for each of a range."""

    def run(count):
        begun = now()
        iterations(range(count))
        return f"took {now() - begun}"

    return run


def timed_part(before, measured, afterwards):
    """A round of which only the part in the middle counts. Each part gets what the one before it has made."""

    def run(count):
        total = 0
        for _ in range(count):
            made = before()
            begun = now()
            made = measured(made)
            total += now() - begun
            afterwards(made)
        return f"took {total}"

    return run


def latencies(values):
    """To three digits, as the other contenders count them."""
    counts = {}
    for value in values:
        shift = max(value.bit_length() - 11, 0)
        value = value >> shift << shift
        counts[value] = counts.get(value, 0) + 1
    return f"took {sum(values)} values " + " ".join(f"{value}:{count}" for value, count in sorted(counts.items()))


def trips(role, there, back):
    """There and back. The first trip of a round does not count: until then the other side may not have been there."""

    def ping(count):
        values = []
        there()
        for _ in range(count):
            begun = now()
            there()
            values.append(now() - begun)
        return latencies(values)

    def pong(count):
        for _ in range(count + 1):
            back()
        return "done"

    return pong if role == 1 else ping
