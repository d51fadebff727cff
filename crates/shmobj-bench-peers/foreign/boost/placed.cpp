// interprocess_mutex, interprocess_condition and interprocess_semaphore, in shared memory that both sides have open. On Linux they are
// a pthread mutex, a pthread condition variable and a sem_t.

#include "sync.hpp"

#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>

namespace {

using namespace boost::interprocess;

struct Things {
    interprocess_mutex lock;
    interprocess_semaphore there{0}, back{0};
    interprocess_mutex guard;
    interprocess_condition changed;
    bool signalled = false;
};

class Placed {
  public:
    explicit Placed(const Stage &stage)
        : name_(stage.name("things")), role_(stage.role), segment_(open_or_create, name_.c_str(), 65536),
          things_(segment_.find_or_construct<Things>("things")()) {}
    ~Placed() {
        if (role_ == 0) shared_memory_object::remove(name_.c_str());
    }
    interprocess_mutex &lock() { return things_->lock; }
    interprocess_semaphore &there() { return things_->there; }
    interprocess_semaphore &back() { return things_->back; }
    interprocess_mutex &guard() { return things_->guard; }
    interprocess_condition &changed() { return things_->changed; }
    bool &signalled() { return things_->signalled; }

  private:
    std::string name_;
    int role_;
    managed_shared_memory segment_;
    Things *things_;
};

} // namespace

Run placed(const Stage &stage) { return synchronize<Placed>(stage); }
