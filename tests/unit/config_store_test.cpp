#include "config/store.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using qh::ErrorKind;
using qh::config::load;
using qh::config::save;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/qemu-hook-store-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  std::string path_;
};

void write(const std::string& path, const std::string& text, mode_t mode = 0644) {
  std::ofstream(path, std::ios::binary) << text;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

qh::Error load_error(const std::string& path) {
  const auto text = load(path);
  REQUIRE(!text.has_value());
  return text.error();
}

qh::Error save_error(const std::string& path, const std::string& text = "new") {
  const auto done = save(path, text);
  REQUIRE(!done.has_value());
  return done.error();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("store: what is saved is loaded, byte for byte") {
  const Folder folder;
  for (const std::string& text :
       {std::string(), std::string("a\0\r\n\xff", 5), std::string(300'000, 'x'), std::string(1 << 20, 'y')}) {
    REQUIRE(save(folder / "g.toml", text).has_value());
    const auto loaded = load(folder / "g.toml");
    REQUIRE(loaded.has_value());
    CHECK(*loaded == text);
    CHECK(folder.files() == 1);
  }
  CHECK(mode(folder / "g.toml") == 0644);
}

TEST_CASE("store: nothing there is not_found") {
  const Folder folder;
  CHECK(load_error(folder / "g.toml").kind == ErrorKind::not_found);
  CHECK(load_error(folder / "no/such/folder/g.toml").kind == ErrorKind::not_found);
  CHECK(load_error(folder / "").kind == ErrorKind::not_found);
  write(folder / "file", "");
  const qh::Error error = load_error(folder / "file/g.toml");
  CHECK(error.kind == ErrorKind::refused);
  CHECK(error.message == folder / "file" + " is not a folder");
}

TEST_CASE("store: a file that others may write is refused, with the remedy") {
  const Folder folder;
  const std::string path = folder / "g.toml";
  for (const mode_t bad : {0664U, 0646U, 0666U, 0622U}) {
    write(path, "text", bad);
    const qh::Error error = load_error(path);
    CHECK(error.kind == ErrorKind::refused);
    CHECK(contains(error.message, "can be written by users other"));
    CHECK(error.remedy == "chmod go-w " + path);
  }
  for (const mode_t good : {0644U, 0600U, 0444U, 0755U}) {
    write(path, "text", 0600);
    REQUIRE(::chmod(path.c_str(), good) == 0);
    CHECK(load(path).value_or("") == "text");
  }
}

TEST_CASE("store: a folder that others may write is refused") {
  const Folder folder;
  write(folder / "g.toml", "text");
  for (const mode_t bad : {0770U, 0757U, 01777U}) {
    REQUIRE(::chmod(folder.path().c_str(), bad) == 0);
    for (const char* name : {"g.toml", "none.toml"}) {
      const qh::Error error = load_error(folder / name);
      CHECK(error.kind == ErrorKind::refused);
      CHECK(error.remedy == "chmod go-w " + folder.path());
    }
    CHECK(save_error(folder / "g.toml").kind == ErrorKind::refused);
    CHECK(read(folder / "g.toml") == "text");
    CHECK(folder.files() == 1);
  }
}

TEST_CASE("store: a file or folder of another user is refused" * doctest::skip(::geteuid() != 0)) {
  const Folder folder;
  const std::string path = folder / "g.toml";
  write(path, "text", 0644);
  REQUIRE(::chown(path.c_str(), 12345, 0) == 0);
  CHECK(load_error(path).kind == ErrorKind::refused);
  CHECK(contains(load_error(path).message, "belongs to user 12345"));
  CHECK(load_error(path).remedy == "chown root " + path);
  REQUIRE(::chown(path.c_str(), 0, 12345) == 0);
  CHECK(load(path).has_value());
  REQUIRE(::chown(folder.path().c_str(), 12345, 0) == 0);
  CHECK(load_error(path).kind == ErrorKind::refused);
  CHECK(save_error(path).kind == ErrorKind::refused);
}

TEST_CASE("store: only regular files are read, and nothing blocks") {
  const Folder folder;
  write(folder / "real", "text");
  REQUIRE(::symlink("real", (folder / "link").c_str()) == 0);
  REQUIRE(::symlink("nowhere", (folder / "dangling").c_str()) == 0);
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  REQUIRE(::mkdir((folder / "folder").c_str(), 0755) == 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "socket").c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(listener);

  for (const char* name : {"link", "dangling", "fifo", "folder", "socket"}) {
    CAPTURE(std::string(name));
    CHECK(load_error(folder / name).kind == ErrorKind::refused);
    CHECK(save_error(folder / name).kind == ErrorKind::refused);
  }
  CHECK(contains(load_error(folder / "link").message, "symbolic link"));
  CHECK(contains(save_error(folder / "link").message, "symbolic link"));
  CHECK(contains(load_error(folder / "fifo").message, "not a regular file"));
  CHECK(load_error("/dev/zero").kind == ErrorKind::refused);
  CHECK(read(folder / "real") == "text");
  CHECK(folder.files() == 6);
}

TEST_CASE("store: a file over 1 MiB is no conf") {
  const Folder folder;
  write(folder / "g.toml", std::string((1 << 20) + 1, 'x'));
  CHECK(contains(load_error(folder / "g.toml").message, "larger than 1 MiB"));
}

TEST_CASE("store: missing folders are made, whatever the umask") {
  const Folder folder;
  for (const mode_t mask : {022U, 077U, 0U}) {
    const mode_t before = ::umask(mask);
    const std::string name = "etc" + std::to_string(mask) + "/libvirt/qemu-hook";
    const auto done = save(folder / (name + "/guests/g.toml"), "text");
    ::umask(before);
    REQUIRE(done.has_value());
    CHECK(mode(folder / ("etc" + std::to_string(mask))) == 0755);
    CHECK(mode(folder / (name + "/guests")) == 0755);
    CHECK(mode(folder / (name + "/guests/g.toml")) == 0644);
    CHECK(load(folder / (name + "/guests/g.toml")).value_or("") == "text");
  }
  write(folder / "file", "");
  CHECK(contains(save_error(folder / "file/sub/g.toml").message, "Not a directory"));
}

TEST_CASE("store: mode and owner stay, also in a folder that gives its group away") {
  const Folder folder;
  const std::string path = folder / "g.toml";
  const bool root = ::geteuid() == 0;
  if (root) REQUIRE(::chown(folder.path().c_str(), 0, 777) == 0);
  REQUIRE(::chmod(folder.path().c_str(), 02755) == 0);
  for (const mode_t kept : {0600U, 0640U, 0755U, 0444U}) {
    fs::remove(path);
    write(path, "old");
    if (root) REQUIRE(::chown(path.c_str(), 0, 12345) == 0);
    REQUIRE(::chmod(path.c_str(), kept) == 0);
    REQUIRE(save(path, "new").has_value());
    CHECK(read(path) == "new");
    CHECK(mode(path) == kept);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    if (root) CHECK(status.st_gid == 12345);
  }
}

TEST_CASE("store: a name as long as file systems allow can be saved") {
  const Folder folder;
  CHECK(save(folder / std::string(255, 'n'), "text").has_value());
  CHECK(contains(save_error(folder / std::string(256, 'n')).message, "File name too long"));
  CHECK(folder.files() == 1);
}

TEST_CASE("store: a disk that is full loses nothing") {
  const Folder folder;
  const std::string path = folder / "g.toml";
  write(path, "old");
  // The limit of a file's size stands in for the disk's end: write() then fails half-way too.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto done = save(path, std::string(10'000, 'x'));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);

  REQUIRE(!done.has_value());
  CHECK(done.error().kind == ErrorKind::failed);
  CHECK(done.error().message == "cannot write " + path + ": File too large");
  CHECK(read(path) == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("store: where no file can be made, the old one stays" * doctest::skip(::geteuid() == 0)) {
  const Folder folder;
  write(folder / "g.toml", "old");
  REQUIRE(::chmod(folder.path().c_str(), 0555) == 0);
  CHECK(contains(save_error(folder / "g.toml").message, "Permission denied"));
  REQUIRE(::chmod(folder.path().c_str(), 0700) == 0);
  CHECK(read(folder / "g.toml") == "old");
}

TEST_CASE("store: what a killed save left behind does not hinder the next") {
  const Folder folder;
  for (int i = 0; i < 3; ++i)
    write(folder / (".qemu-hook." + std::to_string(::getpid()) + "." + std::to_string(i)), "?");
  CHECK(save(folder / "g.toml", "text").has_value());
  CHECK(read(folder / "g.toml") == "text");
  CHECK(folder.files() == 4);
}

TEST_CASE("store: paths without a folder") {
  const Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  CHECK(save("g.toml", "text").has_value());
  CHECK(load("g.toml").value_or("") == "text");
  fs::current_path(before);
}
