// Lines for the system's log: journald's fields, and syslog's line where there is no journald.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <regex>

#include "core/file.h"
#include "fakes/kernel.h"
#include "host/log.h"

using namespace qh;

namespace {

// A socket that datagrams come to.
class Receiver {
 public:
  explicit Receiver(const std::string& path)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  // The next datagram; empty: there is none.
  std::string next() const {
    char buffer[4096];
    const auto size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    return size < 0 ? "" : std::string(buffer, static_cast<std::size_t>(size));
  }

 private:
  Fd socket_;
};

}  // namespace

TEST_CASE("log: journald gets fields beside the line, and syslog then gets nothing") {
  const fakes::TemporaryRoot root;
  const Receiver journald(root.path() + "/run/systemd/journal/socket"), syslog(root.path() + "/dev/log");
  host::Log log(host::RealHost{root.path()}, "win10");
  log.took("unbind 0000:01:00.0", Stopwatch{}, {host::events::step_done, "unbind", "0000:01:00.0"});
  const auto line = journald.next();
  CHECK(std::regex_match(
      line, std::regex("MESSAGE=win10: unbind 0000:01:00.0 \\(([0-9]+) ms\\)\nPRIORITY=6\n"
                       "SYSLOG_IDENTIFIER=qemu-hook\nSYSLOG_FACILITY=3\nQEMU_HOOK_GUEST=win10\n"
                       "QEMU_HOOK_DEVICE=0000:01:00.0\nQEMU_HOOK_STEP=unbind\n"
                       "QEMU_HOOK_DURATION_MS=\\1\nMESSAGE_ID=024acf6bc37d4ca89252212c3e7bc836\n")));
  log.warning("one\nMESSAGE=two");
  CHECK(journald.next() ==
        "MESSAGE=win10: one\\x0aMESSAGE=two\nPRIORITY=4\nSYSLOG_IDENTIFIER=qemu-hook\n"
        "SYSLOG_FACILITY=3\nQEMU_HOOK_GUEST=win10\n");
  CHECK(syslog.next().empty());
}

TEST_CASE("log: without journald, syslog gets the line") {
  const fakes::TemporaryRoot root;
  const Receiver syslog(root.path() + "/dev/log");
  host::Log log(host::RealHost{root.path()}, "win10");
  log.error("0000:01:00.0: in use", {host::events::refused, "", "0000:01:00.0"});
  CHECK(syslog.next().find("]: win10: 0000:01:00.0: in use") != std::string::npos);
  log.error("0000:01:00.0: in use");
  CHECK(syslog.next().empty());
}

TEST_CASE("log: the catalog explains each kind of event, and no other") {
  const auto header = read_file(QH_TEST_DATA "/../../hook/host/log.h");
  const auto catalog = read_file(QH_TEST_DATA "/../../install/qemu-hook.catalog");
  REQUIRE(header);
  REQUIRE(catalog);
  const auto all = [](const std::string& text, const std::regex& form) {
    std::vector<std::string> ids;
    for (std::sregex_iterator i(text.begin(), text.end(), form), end; i != end; ++i) ids.push_back((*i)[1]);
    return ids;
  };
  const auto ids = all(*header, std::regex("\"([0-9a-f]{32})\""));
  CHECK(ids.size() == 7);
  CHECK(ids == all(*catalog, std::regex("\n-- ([0-9a-f]{32})\n")));
}
