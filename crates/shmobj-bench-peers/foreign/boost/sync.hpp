// What is done with synchronization objects, wherever they are.
#pragma once

#include "player.hpp"

#include <boost/date_time/posix_time/posix_time_types.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <memory>

// There are no events: a flag under a mutex with a condition variable, as the documentation shows. Whoever waits takes it.
template <class Set> class Event {
    using Mutex = std::remove_reference_t<decltype(std::declval<Set>().guard())>;
    using Guard = boost::interprocess::scoped_lock<Mutex>;

  public:
    explicit Event(Set &set) : set_(set) {}
    void set() {
        Guard guard(set_.guard());
        set_.signalled() = true;
        set_.changed().notify_one();
    }
    void wait() {
        Guard guard(set_.guard());
        while (!set_.signalled()) set_.changed().wait(guard);
        set_.signalled() = false;
    }

  private:
    Set &set_;
};

// Takes the lock of a process that is killed.
template <class Mutex> std::string recover(Mutex &lock) {
    auto limit = boost::posix_time::microsec_clock::universal_time() + boost::posix_time::seconds(5);
    if (!lock.timed_lock(limit)) return "timeout";
    auto now = nanoseconds(Clock::now().time_since_epoch());
    lock.unlock();
    return "got " + std::to_string(now) + " plain"; // there is no way to be told
}

template <class Set> Run synchronize(const Stage &stage) {
    auto set = std::make_shared<Set>(stage);
    if (stage.plays("lock")) {
        return [set](std::uint64_t count) {
            auto &lock = set->lock();
            return timed(count, [&] {
                lock.lock();
                lock.unlock();
            });
        };
    } else if (stage.plays("contended")) {
        return [set, page = Page(stage)](std::uint64_t milliseconds) mutable {
            auto &lock = set->lock();
            return throughput(milliseconds, [&] {
                lock.lock();
                page.count();
                lock.unlock();
            });
        };
    } else if (stage.plays("event")) {
        return [set](std::uint64_t count) {
            Event<Set> event(*set);
            return timed(count, [&] {
                event.set();
                event.wait();
            });
        };
    } else if (stage.plays("semaphore")) {
        return [set](std::uint64_t count) {
            auto &semaphore = set->there();
            return timed(count, [&] {
                semaphore.post();
                semaphore.wait();
            });
        };
    } else if (stage.goes_there_and_back()) {
        // Semaphores: with mutex and condition variable a trip costs more.
        auto there = [set] {
            set->there().post();
            set->back().wait();
        };
        auto back = [set] {
            set->there().wait();
            set->back().post();
        };
        return trips(stage.role, there, back);
    } else if (stage.plays("ping-pong-spinning")) {
        auto take = [](auto &semaphore) {
            while (!semaphore.try_wait()) relax();
        };
        auto there = [set, take] {
            set->there().post();
            take(set->back());
        };
        auto back = [set, take] {
            take(set->there());
            set->back().post();
        };
        return trips(stage.role, there, back);
    } else if (stage.plays("recovery")) {
        if (stage.role == 1) set->lock().lock();
        return [set](std::uint64_t) { return recover(set->lock()); };
    } else if (stage.plays("leftovers")) {
        using boost::interprocess::managed_shared_memory;
        auto memory = std::make_shared<managed_shared_memory>(boost::interprocess::open_or_create,
                                                              stage.name("memory").c_str(), 1 << 20);
        return [set, memory](std::uint64_t) { return std::string("done"); };
    }
    throw Unsupported();
}
