// What is done with named memory, whichever kind it is.
#pragma once

#include "player.hpp"

#include <cstring>
#include <memory>
#include <optional>
#include <vector>

// Objects of 4 KiB that are there beside, by their names. Nobody has to hold them.
template <class Kind> class Crowd {
  public:
    Crowd(const Stage &stage, std::uint64_t count) : stage_(stage), count_(count) {
        for (std::uint64_t i = 0; i < count_; ++i) Kind::create(name(i).c_str(), 4096);
    }
    ~Crowd() {
        for (std::uint64_t i = 0; i < count_; ++i) Kind::remove(name(i).c_str());
    }

  private:
    std::string name(std::uint64_t i) const { return stage_.name("beside-" + std::to_string(i)); }
    Stage stage_;
    std::uint64_t count_;
};

// Removes a name when nobody needs it any more.
template <class Kind> struct Name {
    std::string text;
    explicit Name(std::string name) : text(std::move(name)) {}
    ~Name() { Kind::remove(text.c_str()); }
};

template <class Kind> Run create(const Stage &stage, std::size_t size, std::uint64_t beside) {
    return [name = stage.name("made"), size, crowd = std::make_shared<Crowd<Kind>>(stage, beside)](std::uint64_t count) {
        return timed_part(
            count, [&] { return Kind::create(name.c_str(), size); }, [&](auto) { Kind::remove(name.c_str()); });
    };
}

template <class Kind> Run open(const Stage &stage, std::size_t size, std::uint64_t beside) {
    auto name = std::make_shared<Name<Kind>>(stage.name("made"));
    auto held = std::make_shared<typename Kind::Mapping>(Kind::create(name->text.c_str(), size));
    return [name, held, crowd = std::make_shared<Crowd<Kind>>(stage, beside)](std::uint64_t count) {
        return timed_part(count, [&] { return Kind::open(name->text.c_str()); }, [](auto) {});
    };
}

// The last mapping of a name that stays until somebody removes it. Removing it is part of getting rid of it.
template <class Kind> Run close(const Stage &stage) {
    return [name = stage.name("made"), size = stage.parameter](std::uint64_t count) {
        Clock::duration sum{};
        for (std::uint64_t i = 0; i < count; ++i) {
            std::optional<typename Kind::Mapping> mapping(Kind::create(name.c_str(), size));
            auto begun = Clock::now();
            mapping.reset();
            Kind::remove(name.c_str());
            sum += Clock::now() - begun;
        }
        return took(sum);
    };
}

template <class Kind> Run first_touch(const Stage &stage) {
    return [name = stage.name("made"), size = stage.parameter](std::uint64_t count) {
        auto touch = [&](auto &mapping) {
            auto bytes = static_cast<volatile char *>(mapping.get_address());
            for (std::size_t at = 0; at < size; at += 4096) bytes[at] = 1;
        };
        Clock::duration sum{};
        for (std::uint64_t i = 0; i < count; ++i) {
            auto mapping = Kind::create(name.c_str(), size);
            Kind::remove(name.c_str());
            auto begun = Clock::now();
            touch(mapping);
            sum += Clock::now() - begun;
        }
        return took(sum);
    };
}

// What an object costs of something that this process has.
template <class Kind> Run amount(const Stage &stage, std::uint64_t (*held)(const Stage &)) {
    return [stage, held](std::uint64_t) {
        std::vector<typename Kind::Mapping> mappings;
        mappings.reserve(stage.parameter);
        auto before = held(stage);
        for (std::uint64_t i = 0; i < stage.parameter; ++i) {
            mappings.push_back(Kind::create(stage.name(std::to_string(i)).c_str(), 4096));
            std::memset(Kind::room(mappings.back()), 1, 1);
        }
        auto each = (held(stage) - before) / stage.parameter;
        for (std::uint64_t i = 0; i < stage.parameter; ++i) Kind::remove(stage.name(std::to_string(i)).c_str());
        return "is " + std::to_string(each);
    };
}

template <class Kind> Run remember(const Stage &stage) {
    if (stage.plays("create")) return create<Kind>(stage, stage.parameter, 0);
    if (stage.plays("open")) return open<Kind>(stage, stage.parameter, 0);
    if (stage.plays("close")) return close<Kind>(stage);
    if (stage.plays("create-beside")) return create<Kind>(stage, 4096, stage.parameter);
    if (stage.plays("open-beside")) return open<Kind>(stage, 4096, stage.parameter);
    if (stage.plays("first-touch")) return first_touch<Kind>(stage);
    if (stage.plays("memory-per-object")) return amount<Kind>(stage, memory);
    if (stage.plays("descriptors-per-object")) return amount<Kind>(stage, descriptors);
    throw Unsupported();
}
