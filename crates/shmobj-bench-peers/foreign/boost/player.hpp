// What all players have: where they are, how they take time, and the page that they share.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

// Where a player is: what it plays, and which part of it.
struct Stage {
    std::string operation;
    std::uint64_t parameter; // 0 if the operation has none
    std::string contender;
    int role; // role 0 is there, and ready, before the others are started
    std::string directory;
    std::string prefix; // the directory's last component: names begin with it, so that what is left can be found

    std::string name(const std::string &what) const { return prefix + "-" + what; }
    bool plays(const char *what) const { return operation == what; }
    bool goes_there_and_back() const { return plays("ping-pong") || plays("ping-pong-one-core"); }
};

// A round: so many iterations, or milliseconds. What it returns is the answer.
using Run = std::function<std::string(std::uint64_t)>;

// Thrown while a part is prepared: the contender has no such operation.
struct Unsupported {};

// Prepare the part that the stage says.
Run placed(const Stage &stage);   // synchronization objects in shared memory
Run named(const Stage &stage);    // synchronization objects with names
Run regions(const Stage &stage);  // shared_memory_object and mapped_region
Run managed(const Stage &stage);  // managed_shared_memory
Run queue(const Stage &stage);    // message_queue

// While a processor spins.
inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

using Clock = std::chrono::steady_clock; // CLOCK_MONOTONIC, as the conductor's

inline std::uint64_t nanoseconds(Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

inline std::string took(Clock::duration time) { return "took " + std::to_string(nanoseconds(time)); }

// How long so many iterations take.
template <class Iteration> std::string timed(std::uint64_t count, Iteration iteration) {
    auto begun = Clock::now();
    for (std::uint64_t i = 0; i < count; ++i) iteration();
    return took(Clock::now() - begun);
}

// How long the first part of each iteration takes, without the second one, which gets what the first one has made.
template <class Measured, class Afterwards>
std::string timed_part(std::uint64_t count, Measured measured, Afterwards afterwards) {
    Clock::duration sum{};
    for (std::uint64_t i = 0; i < count; ++i) {
        auto begun = Clock::now();
        auto made = measured();
        sum += Clock::now() - begun;
        afterwards(std::move(made));
    }
    return took(sum);
}

// Does an iteration again and again, for so many milliseconds.
template <class Iteration> std::string throughput(std::uint64_t milliseconds, Iteration iteration) {
    auto until = Clock::now() + std::chrono::milliseconds(milliseconds);
    std::uint64_t count = 0;
    for (; Clock::now() < until; count += 16) {
        for (int i = 0; i < 16; ++i) iteration(); // a look at the clock costs as much as a lock
    }
    return "did " + std::to_string(count);
}

// There and back. The first trip of a round does not count: until then the other side may not have been there.
Run trips(int role, std::function<void()> there, std::function<void()> back);

// The page that the conductor has made. Its first word is what a contended lock protects.
class Page {
  public:
    explicit Page(const Stage &stage);
    // The caller has the lock.
    void count() { *word_ = *word_ + 1; }

  private:
    volatile std::uint64_t *word_;
};

// What this process holds.
std::uint64_t descriptors(const Stage &stage);
std::uint64_t memory(const Stage &stage);
