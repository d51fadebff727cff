"""Python's multiprocessing as a contender: `peers.py play OPERATION PARAMETER CONTENDER ROLE DIRECTORY`, then requests on the standard
input and answers on the standard output. src/protocol.rs says what is said.

Locks, semaphores, events and pipes have no names: a process gets them from the one that starts it. So the process that plays role 0
forks one for each other role, before it says that it is ready. What the conductor starts for that role hands its input, its output
and its core to it, and waits for its end (`hand_over`).
"""

import array
import ctypes
import multiprocessing
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import zlib
from multiprocessing import shared_memory

CONTEXT = multiprocessing.get_context("fork")
PAGE = 4096
now = time.monotonic_ns  # CLOCK_MONOTONIC, as the conductor's


class Unsupported(Exception):
    """The contender has no such operation."""


class Stage:
    """Where a player is: what it plays, and which part of it."""

    def __init__(self, operation, parameter, contender, role, directory):
        self.operation, self.contender, self.directory = operation, contender, directory
        self.parameter, self.role = int(parameter), int(role)
        self.prefix = os.path.basename(directory)

    def players(self):
        if self.operation == "contended":
            return self.parameter
        two = ("ping-pong", "ping-pong-one-core", "ping-pong-spinning", "wait-any-asleep", "transfer", "recovery", "leftovers")
        return 2 if self.operation in two else 1

    def of_role(self, role):
        return Stage(self.operation, self.parameter, self.contender, role, self.directory)

    def name(self, what):
        return f"{self.prefix}-{what}"

    def socket(self):
        return f"\0{self.prefix}"  # abstract: nothing is left of it


# Taking time. A round is a function that gets how often, and returns the answer.


def timed(iterations):
    """`iterations` is a function that does so many."""

    def run(count):
        begun = now()
        iterations(range(count))
        return f"took {now() - begun}"

    return run


def timed_part(measured, afterwards):
    def run(count):
        total = 0
        for _ in range(count):
            begun = now()
            made = measured()
            total += now() - begun
            afterwards(made)
        return f"took {total}"

    return run


def latencies(values):
    counts = {}
    for value in values:
        shift = max(value.bit_length() - 11, 0)  # three digits, as the other contenders count them
        value = value >> shift << shift
        counts[value] = counts.get(value, 0) + 1
    return f"took {sum(values)} values " + " ".join(f"{value}:{count}" for value, count in sorted(counts.items()))


def trips(role, there, back):
    """The first trip of a round does not count: until then the other side may not have been there."""

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


class Page:
    """What the conductor has made for all players: its words of 8 bytes, each on a line of its own."""

    def __init__(self, stage):
        import mmap

        with open(f"{stage.directory}/page", "r+b") as file:
            self.words = memoryview(mmap.mmap(file.fileno(), PAGE)).cast("Q")

    def __getitem__(self, number):
        return self.words[8 * number]

    def __setitem__(self, number, value):
        self.words[8 * number] = value
