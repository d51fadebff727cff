"""Python's multiprocessing as a contender: `peers.py play OPERATION PARAMETER CONTENDER ROLE DIRECTORY`, then requests on the standard
input and answers on the standard output. src/protocol.rs says what is said.

Locks, semaphores, events and pipes have no names: a process gets them from the one that starts it. So the process that plays role 0
forks one for each other role before it says that it is ready. The process that the conductor starts for such a role gives its
input, its output and its core to one of these, and waits for its end. It dies with it, and the other way round.
"""

import ctypes
import os
import signal
import socket
import sys
import threading

from stage import Stage, Unsupported

PR_SET_PDEATHSIG = 1


def chosen(stage):
    """What is made before the others are forked, and what makes a player of it."""
    import memory
    import objects
    import pipes

    if stage.contender == "python-pipe":
        plays, make = pipes.PLAYS, lambda: pipes.Pipes(stage)
    elif stage.operation in memory.PLAYS:
        plays, make = memory.PLAYS, lambda: memory.Memory(stage)
    else:
        plays, make = objects.PLAYS, objects.Objects
    if stage.operation not in plays:
        raise Unsupported
    return make(), plays[stage.operation]


def say(line):
    """Whoever has gone need not be told."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os._exit(0)


def requests():
    with open(0, closefd=False) as lines:
        for line in lines:
            what, *count = line.split()
            if what != "run":
                return
            yield int(count[0])


def perform(stage, made, play):
    run = play(made, stage)
    say("ready")
    for count in requests():
        if stage.operation == "recovery" and stage.role == 0:
            say("waiting")
        say(run(count))


def partner(listener, stage, made, play):
    """A process that plays another role, for whoever comes with it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    connection, _ = listener.accept()
    words, descriptors, _, _ = socket.recv_fds(connection, 100, 2)
    role, *cores = map(int, words.split())
    os.sched_setaffinity(0, cores)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)

    def die_with_it():
        connection.recv(1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=die_with_it, daemon=True).start()
    guarded(lambda: perform(stage.of_role(role), made, play))


def address(stage):
    return f"\0{stage.prefix}"  # abstract: nothing is left of it


def lead(stage):
    """Role 0."""
    from multiprocessing import get_context

    made, play = chosen(stage)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address(stage))
        listener.listen()
        others = []
        for _ in range(1, stage.players()):
            others.append(get_context("fork").Process(target=partner, args=(listener, stage, made, play), daemon=True))
            others[-1].start()
    perform(stage, made, play)
    for other in others:
        other.join(5)


def give_place(stage):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address(stage))
        words = " ".join(map(str, (stage.role, *os.sched_getaffinity(0))))
        socket.send_fds(connection, [words.encode()], [0, 1])
        connection.recv(1)


def guarded(action):
    """What goes wrong is an answer."""
    try:
        action()
        say("ended")
    except Unsupported:
        say("unsupported")
    except Exception as error:
        say("failed " + " ".join(f"{type(error).__name__}: {error}".split()))


def main():
    if sys.argv[1:2] != ["play"] or len(sys.argv) != 7:
        sys.exit("usage: peers.py play OPERATION PARAMETER CONTENDER ROLE DIRECTORY")
    stage = Stage(*sys.argv[2:])
    if stage.role == 0:
        guarded(lambda: lead(stage))
    else:
        give_place(stage)


if __name__ == "__main__":
    main()
