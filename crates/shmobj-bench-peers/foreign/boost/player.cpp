#include "player.hpp"

#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <dirent.h>
#include <fstream>
#include <map>
#include <sys/stat.h>
#include <vector>

// To three digits, as the other contenders count them.
static std::uint64_t rounded(std::uint64_t value) {
    int shift = 0;
    while (value >> shift >= 2048) ++shift;
    return value >> shift << shift;
}

static std::string latencies(const std::vector<std::uint64_t> &values) {
    std::map<std::uint64_t, std::uint64_t> counts;
    std::uint64_t sum = 0;
    for (auto value : values) {
        sum += value;
        ++counts[rounded(value)];
    }
    std::string line = "took " + std::to_string(sum) + " values";
    for (auto &[value, times] : counts) line += " " + std::to_string(value) + ":" + std::to_string(times);
    return line;
}

Run trips(int role, std::function<void()> there, std::function<void()> back) {
    if (role == 1) {
        return [=](std::uint64_t count) {
            for (std::uint64_t i = 0; i <= count; ++i) {
                back();
            }
            return std::string("done");
        };
    }
    return [=](std::uint64_t count) {
        std::vector<std::uint64_t> values(count);
        there();
        for (auto &value : values) {
            auto begun = Clock::now();
            there();
            value = nanoseconds(Clock::now() - begun);
        }
        return latencies(values);
    };
}

Page::Page(const Stage &stage) {
    using namespace boost::interprocess;
    file_mapping file((stage.directory + "/page").c_str(), read_write);
    static mapped_region page; // for as long as the process lives
    page = mapped_region(file, read_write);
    word_ = static_cast<volatile std::uint64_t *>(page.get_address());
}

std::uint64_t descriptors(const Stage &) {
    auto directory = opendir("/proc/self/fd");
    std::uint64_t count = 0;
    while (auto entry = readdir(directory)) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static std::uint64_t kibibytes(const char *path, std::initializer_list<std::string> keys) {
    std::ifstream lines(path);
    std::uint64_t sum = 0, value;
    for (std::string word; lines >> word;) {
        for (auto &key : keys) {
            if (word == key && lines >> value) sum += value;
        }
    }
    return sum;
}

// Anonymous memory and page tables of this process, and the blocks of every file of memory that has its stage's name; as the other
// contenders count them.
std::uint64_t memory(const Stage &stage) {
    auto own = kibibytes("/proc/self/smaps_rollup", {"Anonymous:"});
    std::uint64_t bytes = (own + kibibytes("/proc/self/status", {"VmPTE:"})) << 10;
    auto directory = opendir("/dev/shm");
    while (auto entry = readdir(directory)) {
        std::string name = entry->d_name;
        struct stat data;
        bool counts = name.find(stage.prefix) != name.npos && stat(("/dev/shm/" + name).c_str(), &data) == 0;
        if (counts && S_ISREG(data.st_mode)) bytes += data.st_blocks * 512;
    }
    closedir(directory);
    return bytes;
}
