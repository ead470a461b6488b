#include "core/file.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "core/deadline.h"
#include "fakes/kernel.h"

using namespace qh;
namespace fs = std::filesystem;

TEST_CASE("file: only regular files are read, and nothing else is waited for") {
  const fakes::TemporaryRoot root;
  const auto at = [&](const char* name) { return root.path() + "/" + name; };
  root.write("/file", "text\n");
  fs::create_symlink("file", at("link"));
  CHECK(read_file(at("file")).value_or("") == "text\n");
  CHECK(read_file(at("link")).value_or("") == "text\n");
  CHECK(read_file("/proc/self/stat").has_value());

  REQUIRE(::mkfifo(at("fifo").c_str(), 0600) == 0);
  fs::create_directory(at("folder"));
  fs::create_symlink("/dev/zero", at("endless"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, at("socket").c_str());
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  for (const char* name : {"fifo", "folder", "endless", "socket"}) {
    CAPTURE(name);
    const auto text = read_file(at(name));
    REQUIRE(!text.has_value());
    CHECK(text.error().kind == ErrorKind::refused);
    CHECK(text.error().message == at(name) + " is not a regular file");
  }

  fs::create_symlink("loop", at("loop"));
  fs::create_symlink("nothing", at("dangling"));
  CHECK(read_file(at("loop")).error().message ==
        "cannot read " + at("loop") + ": Too many levels of symbolic links");
  for (const char* name : {"dangling", "nothing", "file/below"})
    CHECK(read_file(at(name)).error().is(ErrorKind::not_found));
}

TEST_CASE("file: one that is too large is refused") {
  const fakes::TemporaryRoot root;
  root.write("/file", "");
  fs::resize_file(root.path() + "/file", 5U << 20U);
  CHECK(read_file(root.path() + "/file", 5U << 20U).has_value());
  CHECK(read_file(root.path() + "/file").error().message == root.path() + "/file is larger than 1 MiB");
  CHECK(read_file(root.path() + "/file", 7).error().message == root.path() + "/file is larger than 7 bytes");
}

TEST_CASE("file: new folders can be entered whatever the umask, old ones stay as they are") {
  const fakes::TemporaryRoot root;
  fs::create_directory(root.path() + "/old");
  fs::permissions(root.path() + "/old", fs::perms(0700));
  const auto before = ::umask(0077);
  const auto made = make_folders(root.path() + "/old/new/newer");
  ::umask(before);
  CHECK(made.has_value());
  CHECK(fs::status(root.path() + "/old").permissions() == fs::perms(0700));
  CHECK(fs::status(root.path() + "/old/new").permissions() == fs::perms(0755));
  CHECK(fs::status(root.path() + "/old/new/newer").permissions() == fs::perms(0755));
}

TEST_CASE("file: a read that a signal interrupts goes on") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  struct sigaction act {};
  act.sa_handler = [](int) {};
  struct sigaction before {};
  REQUIRE(::sigaction(SIGUSR1, &act, &before) == 0);  // without SA_RESTART
  const auto reader = ::pthread_self();
  std::thread other([&] {
    std::this_thread::sleep_for(Milliseconds{50});
    ::pthread_kill(reader, SIGUSR1);
    std::this_thread::sleep_for(Milliseconds{50});
    (void)!::write(ends[1], "text", 4);
    ::close(ends[1]);
  });
  CHECK(read_fd(ends[0], "a pipe", 100) == "text");
  other.join();
  ::close(ends[0]);
  ::sigaction(SIGUSR1, &before, nullptr);
}
