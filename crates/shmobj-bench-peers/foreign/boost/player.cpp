#include "player.hpp"

#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <fstream>
#include <map>
#include <sys/statvfs.h>
#include <dirent.h>
#include <unistd.h>
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

std::uint64_t descriptors() {
    auto directory = opendir("/proc/self/fd");
    std::uint64_t count = 0;
    while (auto entry = readdir(directory)) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

// What is of this process alone, and what it has of shared memory; and the page tables for both.
std::uint64_t memory() {
    std::ifstream status("/proc/self/smaps_rollup");
    std::uint64_t kibibytes = 0, value;
    for (std::string word; status >> word;) {
        if (word == "Rss:" && status >> value) kibibytes += value;
    }
    return kibibytes << 10;
}
