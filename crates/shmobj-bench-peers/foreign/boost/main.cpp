// Boost.Interprocess as a contender: `PROGRAM play OPERATION PARAMETER CONTENDER ROLE DIRECTORY`, then requests on the standard
// input and answers on the standard output. src/protocol.rs says what is said.

#include "player.hpp"

#include <boost/interprocess/exceptions.hpp>
#include <boost/version.hpp>
#include <iostream>

static Run prepare(const Stage &stage) {
    static const char *const memory[] = {"create",        "open",        "close",    "create-beside",
                                         "open-beside",   "first-touch", "transfer", "memory-per-object",
                                         "descriptors-per-object"};
    bool named_ones = stage.contender == "boost-named";
    if (stage.contender == "boost-queue") return queue(stage);
    for (auto operation : memory) {
        if (stage.plays(operation)) return named_ones ? managed(stage) : regions(stage);
    }
    return named_ones ? named(stage) : placed(stage);
}

// A reason is one line.
static std::string failed(const std::exception &error) {
    std::string line = std::string("failed ") + error.what();
    for (auto &c : line) c = c == '\n' ? ' ' : c;
    return line;
}

static int play(const Stage &stage) {
    Run run;
    try {
        run = prepare(stage);
    } catch (const Unsupported &) {
        std::cout << "unsupported" << std::endl;
        return 0;
    } catch (const std::exception &error) {
        std::cout << failed(error) << std::endl;
        return 0;
    }
    std::cout << "ready" << std::endl;
    std::string what;
    for (std::uint64_t count; std::cin >> what && what == "run" && std::cin >> count;) {
        if (stage.plays("recovery") && stage.role == 0) std::cout << "waiting" << std::endl;
        try {
            std::cout << run(count) << std::endl;
        } catch (const std::exception &error) {
            std::cout << failed(error) << std::endl;
            return 0;
        }
    }
    run = nullptr; // tidies up
    std::cout << "ended" << std::endl;
    return 0;
}

int main(int count, char **words) {
    if (count == 2 && std::string(words[1]) == "version") {
        std::cout << BOOST_VERSION / 100000 << '.' << BOOST_VERSION / 100 % 1000 << '.' << BOOST_VERSION % 100 << '\n';
        return 0;
    }
    if (count != 7 || std::string(words[1]) != "play") {
        std::cerr << "usage: play OPERATION PARAMETER CONTENDER ROLE DIRECTORY | version\n";
        return 2;
    }
    std::string directory = words[6];
    auto prefix = directory.substr(directory.find_last_of('/') + 1);
    return play({words[2], std::stoull(words[3]), words[4], std::stoi(words[5]), directory, prefix});
}
