"""Pipe: messages of bytes through a pipe. Whoever waits for several asks a selector that knows them all beforehand."""

import selectors
import time
import zlib

from objects import CONTEXT
from stage import Page, latencies, now, timed, trips

BLOCK = 64 << 10  # as much as a pipe holds


class Pipes:
    """Made before the other players are forked."""

    def __init__(self, stage):
        self.out, self.there = CONTEXT.Pipe(duplex=False)
        self.back, self.reply = CONTEXT.Pipe(duplex=False)
        width = stage.parameter if stage.operation.startswith("wait-any") else 0
        self.many = [CONTEXT.Pipe(duplex=False) for _ in range(width)]


def ping_pong(pipes, stage):
    def go():
        pipes.there.send_bytes(b"1")
        pipes.back.recv_bytes()

    def come():
        pipes.out.recv_bytes()
        pipes.reply.send_bytes(b"1")

    return trips(stage.role, go, come)


def transfer(pipes, stage):
    ones, messages = b"\1" * BLOCK, range(stage.parameter // BLOCK)

    def give(count):
        begun = now()
        for _ in range(count):
            for _ in messages:
                pipes.there.send_bytes(ones)
            pipes.back.recv_bytes()
        return f"took {now() - begun}"

    expected, room = zlib.adler32(ones), bytearray(BLOCK)

    def take(count):
        for _ in range(count):
            for _ in messages:
                pipes.out.recv_bytes_into(room)
                if zlib.adler32(room) != expected:
                    return "failed what came is not what was sent"
            pipes.reply.send_bytes(b"1")
        return "done"

    return take if stage.role == 1 else give


def selector(pipes):
    made = selectors.DefaultSelector()
    for reader, _ in pipes.many:
        made.register(reader, selectors.EVENT_READ, reader)
    return made


def wait_any(pipes, stage):
    select, last = selector(pipes).select, pipes.many[-1][1]

    def iterations(times):
        for _ in times:
            last.send_bytes(b"1")
            for key, _ in select():
                key.data.recv_bytes()

    return timed(iterations)


def wait_any_asleep(pipes, stage):
    page, last = Page(stage), pipes.many[-1][1]

    def sleep(count):
        values, select = [], selector(pipes).select
        for turn in range(1, count + 1):
            page[1] = turn
            for key, _ in select():
                values.append(now() - page[2])
                key.data.recv_bytes()
        page[1] = 0
        return latencies(values)

    def wake(count):
        for turn in range(1, count + 1):
            while page[1] != turn:
                time.sleep(100e-6)
            time.sleep(100e-6)
            page[2] = now()
            last.send_bytes(b"1")
        return "done"

    return wake if stage.role == 1 else sleep


PLAYS = {
    "ping-pong": ping_pong,
    "ping-pong-one-core": ping_pong,
    "transfer": transfer,
    "wait-any": wait_any,
    "wait-any-asleep": wait_any_asleep,
}
