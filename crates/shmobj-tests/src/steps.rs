//! Every step of the library's protocols at which a process can be made to die. A test compares them with the sources.

/// Those of making, finding and closing objects.
pub const OF_NAMES: [&str; 14] = [
    "create: data made",
    "create: entry made",
    "create: entry complete",
    "create: entry linked",
    "create: data file linked",
    "open: entry opened",
    "open: dead entry locked",
    "open: found held",
    "open: lock shared",
    "close: before the lock is released",
    "close: lock released",
    "close: probe opened",
    "close: probe has the lock",
    "destroy: data file removed",
];

/// Those of data.
pub const OF_DATA: [&str; 2] = ["commit: pages allocated", "extend: allocated behind the end"];

/// Those of sealing memory.
pub const OF_SEALS: [&str; 4] =
    ["freeze: pages filled", "freeze: sealed", "seal writes: view mapped", "seal writes: sealed"];

/// Those of synchronization objects.
pub const OF_SYNCHRONIZATION: [&str; 28] = [
    "gate: about to be given back",
    "gate: taken",
    "latch: about to be given back",
    "latch: about to be stored",
    "latch: about to sleep",
    "latch: change announced",
    "latch: free, nobody woken",
    "latch: marked by its owner",
    "latch: nobody sleeps",
    "latch: stored, not looked behind",
    "latch: taken",
    "mutex: created as owned",
    "mutex: owned",
    "mutex: token erased",
    "signal: about to ring",
    "signal: locked",
    "signal: rung",
    "signal: settled",
    "timer: locked",
    "timer: other bank written",
    "wait-all: all locked",
    "wait-all: gate taken",
    "wait-all: one committed",
    "wait: about to sleep",
    "wait: about to sleep for all",
    "wait: about to sleep on several",
    "wait: woken",
    "wait: woken among several",
];

/// Those of handles on their way to other processes.
pub const OF_TRANSFER: [&str; 11] = [
    "adopt: lock shared",
    "claim: claimed",
    "claim: opened",
    "deposit: before it has its name",
    "deposit: made",
    "deposit: taken back",
    "duplicate: descriptor fetched",
    "transfer: before it is sent",
    "transfer: descriptors made",
    "transfer: received",
    "transfer: sent",
];

/// Those of jobs: in whoever starts a process, in its forks up to the process itself, in guardians, and in who ends or limits a job.
pub const OF_JOBS: [&str; 16] = [
    "assign: in the group",
    "ending: entry removed",
    "ending: lower has been told",
    "ending: tree is gone",
    "ending: upper has the last lock",
    "guardian: lower has forked",
    "guardian: lower has told",
    "guardian: lower is a subreaper",
    "guardian: upper has forked",
    "guardian: upper is a subreaper",
    "limit: in the group",
    "limit: on the board",
    "spawn: about to exec",
    "spawn: about to fork the upper guardian",
    "terminate: announced",
    "terminate: processes signalled",
];
