// named_mutex, named_condition and named_semaphore. On Linux a mutex and a semaphore are a POSIX semaphore each.

#include "sync.hpp"

#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/named_condition.hpp>
#include <boost/interprocess/sync/named_mutex.hpp>
#include <boost/interprocess/sync/named_semaphore.hpp>

namespace {

using namespace boost::interprocess;

class Named {
  public:
    explicit Named(const Stage &stage)
        : stage_(stage), lock_(open_or_create, stage.name("lock").c_str()),
          there_(open_or_create, stage.name("there").c_str(), 0), back_(open_or_create, stage.name("back").c_str(), 0),
          guard_(open_or_create, stage.name("guard").c_str()), changed_(open_or_create, stage.name("changed").c_str()),
          segment_(open_or_create, stage.name("flag").c_str(), 65536),
          signalled_(segment_.find_or_construct<bool>("signalled")(false)) {}
    ~Named() {
        if (stage_.role != 0) return;
        for (auto what : {"lock", "guard"}) named_mutex::remove(stage_.name(what).c_str());
        for (auto what : {"there", "back"}) named_semaphore::remove(stage_.name(what).c_str());
        named_condition::remove(stage_.name("changed").c_str());
        shared_memory_object::remove(stage_.name("flag").c_str());
    }
    named_mutex &lock() { return lock_; }
    named_semaphore &there() { return there_; }
    named_semaphore &back() { return back_; }
    named_mutex &guard() { return guard_; }
    named_condition &changed() { return changed_; }
    bool &signalled() { return *signalled_; }

  private:
    Stage stage_;
    named_mutex lock_;
    named_semaphore there_, back_;
    named_mutex guard_;
    named_condition changed_;
    managed_shared_memory segment_;
    bool *signalled_;
};

} // namespace

Run named(const Stage &stage) { return synchronize<Named>(stage); }
