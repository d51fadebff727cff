// A great amount from one process to the other, block by block, while the receiver reads the block before.
#pragma once

#include "memory.hpp"

#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>

// The sum of all bytes, eight at a time.
inline std::uint64_t sum(const void *bytes, std::size_t size) {
    auto words = static_cast<const std::uint64_t *>(bytes);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < size / 8; ++i) sum += words[i];
    return sum;
}

// Bytes to be handed over: they are in a buffer of the sender's own, and are sent again and again.
inline std::vector<unsigned char> source(std::size_t size) {
    std::vector<unsigned char> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(i * 31 + i / 256);
    return bytes;
}

inline void check(std::uint64_t found, const std::vector<unsigned char> &sent, std::uint64_t times) {
    if (found != sum(sent.data(), sent.size()) * times) throw std::runtime_error("what came is not what was sent");
}

// A ring of blocks in shared memory. The sender copies into them, the receiver reads them there.
struct Ring {
    static constexpr std::size_t block = 1 << 20, blocks = 4;
    boost::interprocess::interprocess_semaphore full{0}, empty{blocks}, read{0};
    alignas(64) unsigned char bytes[blocks][block];
};

template <class Kind> Run transfer(const Stage &stage) {
    auto name = stage.name("ring");
    using Mapping = typename Kind::Mapping;
    auto made = stage.role == 0 ? Kind::create(name.c_str(), sizeof(Ring)) : Kind::open(name.c_str());
    auto mapping = std::make_shared<Mapping>(std::move(made));
    auto ring = static_cast<Ring *>(mapping->get_address());
    auto blocks = stage.parameter / Ring::block;
    auto sent = source(Ring::block);
    if (stage.role == 1) {
        return [=, keep = mapping](std::uint64_t count) {
            for (std::uint64_t i = 0; i < count; ++i) {
                std::uint64_t found = 0;
                for (std::uint64_t b = 0; b < blocks; ++b) {
                    ring->full.wait();
                    found += sum(ring->bytes[b % Ring::blocks], Ring::block);
                    ring->empty.post();
                }
                ring->read.post();
                check(found, sent, blocks);
            }
            return std::string("done");
        };
    }
    new (ring) Ring;
    return [=, keep = mapping, gone = std::make_shared<Name<Kind>>(name)](std::uint64_t count) {
        return timed(count, [&] {
            for (std::uint64_t b = 0; b < blocks; ++b) {
                ring->empty.wait();
                std::memcpy(ring->bytes[b % Ring::blocks], sent.data(), Ring::block);
                ring->full.post();
            }
            ring->read.wait();
        });
    };
}
