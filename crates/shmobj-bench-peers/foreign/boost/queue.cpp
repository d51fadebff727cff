// message_queue: messages are copied into shared memory and out of it again.

#include "player.hpp"
#include "transfer.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <vector>

namespace {

using namespace boost::interprocess;

class Queues {
  public:
    Queues(const Stage &stage, std::size_t depth, std::size_t size)
        : names_{stage.name("to"), stage.name("fro")}, role_(stage.role), message_(source(size)),
          to_(open_or_create, names_[0].c_str(), depth, size), fro_(open_or_create, names_[1].c_str(), depth, size) {}
    ~Queues() {
        if (role_ != 0) return;
        for (auto &name : names_) message_queue::remove(name.c_str());
    }
    void send(message_queue &queue) { queue.send(message_.data(), message_.size(), 0); }
    void receive(message_queue &queue) {
        message_queue::size_type size;
        unsigned priority;
        queue.receive(message_.data(), message_.size(), size, priority);
    }
    message_queue &to() { return to_; }
    message_queue &fro() { return fro_; }
    const unsigned char *message() const { return message_.data(); }

  private:
    std::string names_[2];
    int role_;
    std::vector<unsigned char> message_;
    message_queue to_, fro_;
};

Run carry(const Stage &stage) {
    constexpr std::size_t block = 64 << 10; // in the cache while it is copied twice
    auto queues = std::make_shared<Queues>(stage, 16, block);
    auto messages = stage.parameter / block;
    auto sent = source(block);
    if (stage.role == 1) {
        return [=](std::uint64_t count) {
            for (std::uint64_t i = 0; i < count; ++i) {
                std::uint64_t found = 0;
                for (std::uint64_t m = 0; m < messages; ++m) {
                    queues->receive(queues->to());
                    found += sum(queues->message(), block);
                }
                queues->send(queues->fro());
                check(found, sent, messages);
            }
            return std::string("done");
        };
    }
    return [=](std::uint64_t count) {
        return timed(count, [&] {
            for (std::uint64_t m = 0; m < messages; ++m) queues->send(queues->to());
            queues->receive(queues->fro());
        });
    };
}

} // namespace

Run queue(const Stage &stage) {
    if (stage.plays("transfer")) return carry(stage);
    if (stage.plays("leftovers")) {
        auto queues = std::make_shared<Queues>(stage, 16, 64 << 10);
        return [queues](std::uint64_t) { return std::string("done"); };
    }
    if (!stage.goes_there_and_back()) throw Unsupported();
    auto queues = std::make_shared<Queues>(stage, 1, 8);
    auto there = [queues] {
        queues->send(queues->to());
        queues->receive(queues->fro());
    };
    auto back = [queues] {
        queues->receive(queues->to());
        queues->send(queues->fro());
    };
    return trips(stage.role, there, back);
}
