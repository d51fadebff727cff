// Named memory: shared_memory_object with mapped_region, and managed_shared_memory, which also has an allocator in it.

#include "memory.hpp"
#include "transfer.hpp"

#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>

namespace {

using namespace boost::interprocess;

// A region does not need the object that it was made of: no descriptor stays.
struct Regions {
    using Mapping = mapped_region;
    static mapped_region create(const char *name, std::size_t size) {
        shared_memory_object object(create_only, name, read_write);
        object.truncate(size);
        return mapped_region(object, read_write);
    }
    static mapped_region open(const char *name) {
        return mapped_region(shared_memory_object(open_only, name, read_write), read_write);
    }
    static void remove(const char *name) { shared_memory_object::remove(name); }
    static void *room(mapped_region &region) { return region.get_address(); }
};

struct Managed {
    using Mapping = managed_shared_memory;
    static managed_shared_memory create(const char *name, std::size_t size) {
        return managed_shared_memory(create_only, name, size);
    }
    static managed_shared_memory open(const char *name) { return managed_shared_memory(open_only, name); }
    static void remove(const char *name) { shared_memory_object::remove(name); }
    static void *room(managed_shared_memory &memory) { return memory.allocate(1); }
};

} // namespace

Run regions(const Stage &stage) {
    if (stage.plays("transfer")) return transfer<Regions>(stage);
    return remember<Regions>(stage);
}

Run managed(const Stage &stage) { return remember<Managed>(stage); }
