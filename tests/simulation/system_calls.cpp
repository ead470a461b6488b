// The program's system calls. The linker leads them here (--wrap, see tests/CMakeLists.txt): a simulated
// process sees the simulated host's files, clock and processes, and each call is an act at which others may
// go on.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "core/pci_address.h"
#include "core/text.h"
#include "simulation/invariants.h"
#include "simulation/run.h"

namespace qh::simulation {
namespace {

using Weight = Run::Weight;

// The program's task; nullptr: the model itself calls, or a test.
Task* program() {
  if (playing == nullptr) return nullptr;
  Task* task = playing->scheduler.current();
  return task != nullptr && task->kind != Task::Kind::world && task->in_world == 0 ? task : nullptr;
}

// Where the host's file is.
std::string mapped(const char* path) {
  return path[0] == '/' ? playing->host.root.path() + path : std::string(path);
}

bool begins(const char* path, std::string_view with) {
  return std::string_view(path).starts_with(with);
}

// Attributes that are open for writing, and disks that are open exclusively.
struct OpenFile {
  std::string attribute;
  bool exclusive = false;
  std::string ours = {};  // the path of a journal or a conf
};
std::map<int, OpenFile> open_files;

void opened(Task& task, int fd, OpenFile file = {}) {
  if (fd < 0) return;
  task.files.insert(fd);
  if (!file.attribute.empty() || file.exclusive || !file.ours.empty()) open_files[fd] = std::move(file);
}

bool is_ours(const char* path) {
  return begins(path, "/run/libvirt/qemu-hook") || begins(path, "/etc/libvirt/qemu-hook");
}

// What stands behind a node's path: 0 for nothing that is known.
dev_t number_of(std::string_view path, bool& is_block) {
  const auto number = [&](std::string_view prefix) {
    return static_cast<unsigned>(to_number(path.substr(prefix.size())));
  };
  is_block = false;
  if (path.starts_with("/dev/vfio/")) return ::makedev(243, number("/dev/vfio/"));
  if (path.starts_with("/dev/dri/card")) return ::makedev(226, number("/dev/dri/card"));
  is_block = path == "/dev/nvme0n1";
  return is_block ? ::makedev(259, 0) : 0;
}

Locks locks_of_file(const char* path) {
  if (begins(path, "/sys/")) return playing->host.read_locks(path + 5);
  if (begins(path, "/dev/vfio/")) return {"group " + std::string(path + 10)};
  // proc_pid_cmdline_read, environ_read and maps take the process's memory's lock (fs/proc).
  const std::string_view text(path);
  if (text.starts_with("/proc/") &&
      (text.ends_with("/cmdline") || text.ends_with("/maps") || text.ends_with("/environ")))
    return {"memory " + std::string(text.substr(6, text.find('/', 6) - 6))};
  return {};
}

// Names, links and folders take no lock of a driver's. Which driver a device has is what most of the
// program's decisions are made of.
void look(const char* path) {
  (void)playing->act(std::string_view(path).ends_with("/driver") ? Weight::telling : Weight::plain);
}

int failing(int error_number) {
  errno = error_number;
  return -1;
}

// What ends with an open file.
void closed(int fd) {
  const auto found = open_files.find(fd);
  if (found == open_files.end()) return;
  if (found->second.exclusive) --playing->host.held_exclusively;
  open_files.erase(found);
}

}  // namespace

void forget_files() {
  open_files.clear();
}

}  // namespace qh::simulation

using namespace qh;
using namespace qh::simulation;

// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {

int __real_open(const char* path, int flags, ...);
int __real_close(int fd);
ssize_t __real_read(int fd, void* buffer, size_t size);
ssize_t __real_write(int fd, const void* buffer, size_t size);
int __real_access(const char* path, int mode);
ssize_t __real_readlink(const char* path, char* buffer, size_t size);
DIR* __real_opendir(const char* path);
int __real_closedir(DIR* folder);
int __real_stat(const char* path, struct stat* status);
int __real_lstat(const char* path, struct stat* status);
int __real_fstat(int fd, struct stat* status);
int __real_fstatat(int folder, const char* path, struct stat* status, int flags);
int __real_statx(int folder, const char* path, int flags, unsigned mask, struct statx* status);
FILE* __real_fopen(const char* path, const char* mode);
int __real_fclose(FILE* file);
char* __real_realpath(const char* path, char* resolved);
int __real_unlink(const char* path);
int __real_unlinkat(int folder, const char* path, int flags);
int __real_renameat(int from, const char* path, int to, const char* name);
int __real_renameat2(int from, const char* path, int to, const char* name, unsigned flags);
int __real_mkdir(const char* path, mode_t mode);
int __real_chmod(const char* path, mode_t mode);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_flock(int fd, int operation);
int __real_nanosleep(const timespec* time, timespec* left);
time_t __real_time(time_t* out);
pid_t __real_getpid();
pid_t __real_getppid();
uid_t __real_geteuid();
int __real_kill(pid_t pid, int signal);
int __real_isatty(int fd);
pid_t __real_fork();
int __real_socket(int domain, int type, int protocol);
ssize_t __real_sendto(int fd, const void* data, size_t size, int flags, const sockaddr* address,
                      socklen_t length);
long __real_syscall(long number, ...);
void* __real_dlopen(const char* file, int mode);
void* __real_dlsym(void* library, const char* name);
char* __real_dlerror();
sighandler_t __real_signal(int signal, sighandler_t handler);
std::chrono::steady_clock::time_point __real__ZNSt6chrono3_V212steady_clock3nowEv() noexcept;

int __wrap_open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list more;
    va_start(more, flags);
    mode = static_cast<mode_t>(va_arg(more, int));
    va_end(more);
  }
  Task* const task = program();
  if (task == nullptr) return __real_open(path, flags, mode);
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  const bool ours = is_ours(path);
  OpenFile file;
  if (begins(path, "/sys/") && writes) {
    (void)playing->act(Weight::plain);
    flags &= ~O_TRUNC;
    file.attribute = path + 5;
  } else {
    const auto trouble = playing->act(ours ? Weight::telling : Weight::plain, ours && (flags & O_CREAT) != 0);
    if (trouble) return failing(ENOSPC);
    if (const auto locks = locks_of_file(path); !locks.empty()) {
      playing->host.touch(locks, "opens " + std::string(path));
      playing->die_if_killed();
    }
    if (ours && writes) file.ours = path;
  }
  if (begins(path, "/dev/vfio/")) {
    const InWorld in_world(task);
    if (playing->host.root.read(path) == "busy") return failing(EBUSY);
  }
  if (begins(path, "/dev/nvme") && (flags & O_EXCL) != 0) {
    if (playing->host.mounted) return failing(EBUSY);
    file.exclusive = true;
    ++playing->host.held_exclusively;
    flags &= ~O_EXCL;
  }
  const int fd = __real_open(mapped(path).c_str(), flags, mode);
  if (fd < 0 && file.exclusive) --playing->host.held_exclusively;
  opened(*task, fd, std::move(file));
  return fd;
}

int __wrap_openat(int folder, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = (flags & O_CREAT) != 0 ? static_cast<mode_t>(va_arg(more, int)) : 0;
  va_end(more);
  Task* const task = program();
  if (task != nullptr) (void)playing->act(Weight::plain);
  const int fd = static_cast<int>(__real_syscall(SYS_openat, folder, path, flags, mode));
  if (task != nullptr) opened(*task, fd);
  return fd;
}

int __wrap_close(int fd) {
  if (Task* const task = program()) task->files.erase(fd);
  if (playing != nullptr) closed(fd);
  return __real_close(fd);
}

ssize_t __wrap_read(int fd, void* buffer, size_t size) {
  Task* const task = program();
  if (task == nullptr || fd != STDIN_FILENO) return __real_read(fd, buffer, size);
  (void)playing->act(Weight::telling);
  const size_t n = std::min(size, task->input.size());
  std::memcpy(buffer, task->input.data(), n);
  task->input.erase(0, n);
  return static_cast<ssize_t>(n);
}

ssize_t __wrap_write(int fd, const void* buffer, size_t size) {
  Task* const task = program();
  if (task == nullptr) return __real_write(fd, buffer, size);
  const std::string text(static_cast<const char*>(buffer), size);
  if (fd == STDOUT_FILENO || fd == STDERR_FILENO) {
    for (const auto line : split(trimmed(text), '\n')) playing->tell("says: " + std::string(line));
    return static_cast<ssize_t>(size);
  }
  const auto found = open_files.find(fd);
  if (found == open_files.end()) {
    (void)playing->act(Weight::plain);
    return __real_write(fd, buffer, size);
  }
  const OpenFile file = found->second;
  if (!file.ours.empty()) {
    if (text == "undoing\n") check_undoing(*playing, file.ours);
    if (playing->tells() && text.size() < 100) playing->tell("notes: " + std::string(trimmed(text)));
    if (const auto trouble = playing->act(Weight::telling, true)) {
      // A full disk takes what still fits.
      if (size > 3 && (playing->scheduler.now() & 16) != 0) return __real_write(fd, buffer, size / 2);
      return failing(ENOSPC);
    }
    return __real_write(fd, buffer, size);
  }
  if (file.attribute.empty()) return __real_write(fd, buffer, size);
  const std::string shown = (text == "\n" ? std::string("nothing") : text) + " to " + file.attribute;
  const auto locks = playing->host.write_locks(file.attribute, text);
  playing->tell("writes " + shown);
  const auto trouble = playing->act(Weight::telling, true, !locks.empty());
  if (trouble && trouble->fault == Fault::fail) return failing(EIO);
  playing->host.touch(locks, "writing " + shown);
  if (trouble) playing->host.hang(locks, trouble->lasts, "writing " + shown);
  // Who was given up meanwhile does it all the same, and ends then.
  const bool done = playing->host.write(file.attribute, text);
  playing->die_if_killed();
  if (!done) return failing(ENODEV);
  return static_cast<ssize_t>(size);
}

int __wrap_access(const char* path, int mode) {
  Task* const task = program();
  if (task == nullptr) return __real_access(path, mode);
  look(path);
  return __real_access(mapped(path).c_str(), mode);
}

ssize_t __wrap_readlink(const char* path, char* buffer, size_t size) {
  Task* const task = program();
  if (task == nullptr) return __real_readlink(path, buffer, size);
  look(path);
  return __real_readlink(mapped(path).c_str(), buffer, size);
}

DIR* __wrap_opendir(const char* path) {
  Task* const task = program();
  if (task == nullptr) return __real_opendir(path);
  look(path);
  DIR* const folder = __real_opendir(mapped(path).c_str());
  if (folder != nullptr) opened(*task, ::dirfd(folder));
  return folder;
}

int __wrap_closedir(DIR* folder) {
  if (Task* const task = program()) task->files.erase(::dirfd(folder));
  return __real_closedir(folder);
}

int __wrap_stat(const char* path, struct stat* status) {
  Task* const task = program();
  if (task == nullptr) return __real_stat(path, status);
  look(path);
  const int done = __real_stat(mapped(path).c_str(), status);
  bool is_block = false;
  if (const dev_t number = done == 0 ? number_of(path, is_block) : 0) {
    status->st_mode = (status->st_mode & ~S_IFMT) | (is_block ? S_IFBLK : S_IFCHR);
    status->st_rdev = number;
  }
  return done;
}

int __wrap_lstat(const char* path, struct stat* status) {
  Task* const task = program();
  if (task == nullptr) return __real_lstat(path, status);
  look(path);
  return __real_lstat(mapped(path).c_str(), status);
}

int __wrap_fstat(int fd, struct stat* status) {
  const int done = __real_fstat(fd, status);
  if (program() != nullptr && done == 0) status->st_uid = 0;  // whoever runs this
  return done;
}

int __wrap_fstatat(int folder, const char* path, struct stat* status, int flags) {
  Task* const task = program();
  if (task == nullptr) return __real_fstatat(folder, path, status, flags);
  look(path);
  const int done = __real_fstatat(folder, mapped(path).c_str(), status, flags);
  status->st_uid = 0;
  return done;
}

// Of what stands behind a descriptor of another process.
int __wrap_statx(int folder, const char* path, int flags, unsigned mask, struct statx* status) {
  if (program() == nullptr) return __real_statx(folder, path, flags, mask, status);
  (void)playing->act(Weight::plain);
  char target[256];
  const ssize_t n = ::readlinkat(folder, mapped(path).c_str(), target, sizeof target);
  if (n < 0) return -1;
  bool is_block = false;
  const dev_t number = number_of({target, static_cast<std::size_t>(n)}, is_block);
  *status = {};
  status->stx_mode = static_cast<__u16>(number == 0 ? S_IFREG : is_block ? S_IFBLK : S_IFCHR);
  status->stx_rdev_major = ::major(number);
  status->stx_rdev_minor = ::minor(number);
  return 0;
}

FILE* __wrap_fopen(const char* path, const char* mode) {
  Task* const task = program();
  if (task == nullptr) return __real_fopen(path, mode);
  look(path);
  if (const auto locks = locks_of_file(path); !locks.empty()) {
    playing->host.touch(locks, "opens " + std::string(path));
    playing->die_if_killed();
  }
  FILE* const file = __real_fopen(mapped(path).c_str(), mode);
  if (file != nullptr) opened(*task, ::fileno(file));
  return file;
}

int __wrap_fclose(FILE* file) {
  if (Task* const task = program()) task->files.erase(::fileno(file));
  return __real_fclose(file);
}

char* __wrap_realpath(const char* path, char* resolved) {
  Task* const task = program();
  if (task == nullptr) return __real_realpath(path, resolved);
  look(path);
  if (__real_access(mapped(path).c_str(), F_OK) != 0) return nullptr;
  return ::strdup(path);  // there are no links in images' paths
}

int __wrap_unlink(const char* path) {
  Task* const task = program();
  if (task == nullptr) return __real_unlink(path);
  if (const auto trouble = playing->act(is_ours(path) ? Weight::telling : Weight::plain)) return failing(EIO);
  const int done = __real_unlink(mapped(path).c_str());
  if (done == 0) playing->tell("removes " + std::string(path));
  return done;
}

int __wrap_unlinkat(int folder, const char* path, int flags) {
  Task* const task = program();
  if (task != nullptr) (void)playing->act(Weight::plain);
  return __real_unlinkat(folder, task != nullptr ? mapped(path).c_str() : path, flags);
}

int __wrap_renameat(int from, const char* path, int to, const char* name) {
  Task* const task = program();
  if (task == nullptr) return __real_renameat(from, path, to, name);
  if (const auto trouble = playing->act(Weight::telling, true)) return failing(EIO);
  return __real_renameat(from, mapped(path).c_str(), to, mapped(name).c_str());
}

int __wrap_renameat2(int from, const char* path, int to, const char* name, unsigned flags) {
  Task* const task = program();
  if (task == nullptr) return __real_renameat2(from, path, to, name, flags);
  if (const auto trouble = playing->act(Weight::telling, true)) return failing(EIO);
  const int done = __real_renameat2(from, mapped(path).c_str(), to, mapped(name).c_str(), flags);
  if (done == 0) playing->tell("makes " + std::string(name));
  return done;
}

int __wrap_mkdir(const char* path, mode_t mode) {
  Task* const task = program();
  if (task == nullptr) return __real_mkdir(path, mode);
  (void)playing->act(Weight::plain);
  return __real_mkdir(mapped(path).c_str(), mode);
}

int __wrap_chmod(const char* path, mode_t mode) {
  return __real_chmod(program() == nullptr ? path : mapped(path).c_str(), mode);
}

int __wrap_fsync(int fd) {
  if (program() == nullptr) return __real_fsync(fd);
  return playing->act(Weight::telling, true) ? failing(EIO) : 0;
}

int __wrap_fdatasync(int fd) {
  if (program() == nullptr) return __real_fdatasync(fd);
  return playing->act(Weight::telling, true) ? failing(EIO) : 0;
}

int __wrap_flock(int fd, int operation) {
  if (program() == nullptr) return __real_flock(fd, operation);
  (void)playing->act(Weight::telling);
  return __real_flock(fd, operation);
}

int __wrap_nanosleep(const timespec* time, timespec* left) {
  if (program() == nullptr) return __real_nanosleep(time, left);
  playing->scheduler.sleep(time->tv_sec * second + (time->tv_nsec + 999) / 1000);
  (void)playing->act(Weight::telling);
  return 0;
}

time_t __wrap_time(time_t* out) {
  if (program() == nullptr) return __real_time(out);
  return 1'700'000'000 + static_cast<time_t>(playing->scheduler.now() / second);
}

std::chrono::steady_clock::time_point __wrap__ZNSt6chrono3_V212steady_clock3nowEv() noexcept {
  if (program() == nullptr) return __real__ZNSt6chrono3_V212steady_clock3nowEv();
  return std::chrono::steady_clock::time_point(std::chrono::microseconds(playing->scheduler.now()));
}

pid_t __wrap_getpid() {
  Task* const task = program();
  return task == nullptr ? __real_getpid() : task->pid;
}

pid_t __wrap_getppid() {
  Task* const task = program();
  if (task == nullptr) return __real_getppid();
  (void)playing->act(Weight::plain);
  const int parent = task->process().parent;
  const InWorld in_world(task);
  return playing->host.has_process(parent) ? parent : 1;
}

uid_t __wrap_geteuid() {
  return program() == nullptr ? __real_geteuid() : 0;
}

int __wrap_kill(pid_t pid, int signal) {
  Task* const task = program();
  if (task == nullptr) return __real_kill(pid, signal);
  const InWorld in_world(task);
  return playing->host.has_process(pid) ? 0 : failing(ESRCH);
}

int __wrap_isatty(int fd) {
  return program() == nullptr ? __real_isatty(fd) : 0;
}

pid_t __wrap_fork() {
  if (program() != nullptr) std::abort();  // children go through hook/host/processes/child.h
  return __real_fork();
}

sighandler_t __wrap_signal(int signal, sighandler_t handler) {
  return program() == nullptr ? __real_signal(signal, handler) : SIG_DFL;
}

int __wrap_socket(int domain, int type, int protocol) {
  return program() == nullptr ? __real_socket(domain, type, protocol) : failing(EAFNOSUPPORT);
}

// The log.
ssize_t __wrap_sendto(int fd, const void* data, size_t size, int flags, const sockaddr* address,
                      socklen_t length) {
  Task* const task = program();
  if (task == nullptr) return __real_sendto(fd, data, size, flags, address, length);
  const std::string_view text(static_cast<const char*>(data), size);
  const auto line = split(text, '\n');
  if (playing->tells())
    playing->tell("logs: " + std::string(line[0].substr(std::min(line[0].size(), std::size_t{8}))));
  if (line[0].find("could not be inspected") != line[0].npos)
    playing->saw_not_all.insert(task->process().guest);
  // A daemon's start undoes what guests left over, and says of whom it speaks.
  constexpr std::string_view about = "QEMU_HOOK_GUEST=";
  if (line.size() > 1 && line[1] == "PRIORITY=3") {
    playing->excused.insert(task->process().guest);
    for (const auto field : line)
      if (field.starts_with(about)) playing->excused.emplace(field.substr(about.size()));
  }
  return static_cast<ssize_t>(size);
}

long __wrap_syscall(long number, ...) {
  va_list more;
  va_start(more, number);
  long a[5];
  for (auto& argument : a) argument = va_arg(more, long);
  va_end(more);
  if (program() != nullptr && number == SYS_delete_module) return failing(ENOENT);
  return __real_syscall(number, a[0], a[1], a[2], a[3], a[4]);
}

// libvirt's client library.
namespace {

const int library = 0;
virError last_error;
std::string last_text;

int outcome_of(Libvirtd::Verb verb, const std::string& device) {
  static constexpr const char* words[] = {"connect", "find ", "describe ", "detach ", "reattach "};
  Task* const task = program();
  playing->tell("asks libvirt to " + (words[static_cast<int>(verb)] + device));
  const auto trouble = playing->act(Weight::telling, true);
  Libvirtd::Answer answer;
  if (trouble) {
    answer = {verb == Libvirtd::Verb::connect, "made to fail"};
  } else {
    const InWorld in_world(task);
    answer = playing->libvirtd.call(verb, device);
  }
  if (answer.error.empty()) return 0;
  last_text = answer.error;
  last_error = {};
  last_error.domain = answer.no_daemon ? VIR_FROM_RPC : VIR_FROM_QEMU;
  last_error.code = answer.no_daemon ? VIR_ERR_NO_CONNECT : VIR_ERR_OPERATION_INVALID;
  last_error.message = last_text.data();
  return -1;
}

std::string address_of(const char* name) {
  const auto address = parse_pci_address(name);
  return address ? address->text() : "";
}

// A device is its address, which the program gives back with virNodeDeviceFree.
std::string* device_behind(virNodeDevicePtr device) {
  return reinterpret_cast<std::string*>(device);
}

virConnectPtr connect_open(const char*) {
  static char handle;
  return outcome_of(Libvirtd::Verb::connect, "") == 0 ? reinterpret_cast<virConnectPtr>(&handle) : nullptr;
}
virErrorPtr get_last_error() {
  return &last_error;
}
void set_error_func(void*, virErrorFunc) {}
virNodeDevicePtr look_up(virConnectPtr, const char* name) {
  const std::string address = address_of(name);
  if (outcome_of(Libvirtd::Verb::look_up, address) != 0) return nullptr;
  return reinterpret_cast<virNodeDevicePtr>(new std::string(address));
}
char* describe(virNodeDevicePtr device, unsigned) {
  return outcome_of(Libvirtd::Verb::ask, *device_behind(device)) == 0 ? ::strdup("<device/>") : nullptr;
}
int free_device(virNodeDevicePtr device) {
  delete device_behind(device);
  return 0;
}
int detach(virNodeDevicePtr device, const char*, unsigned) {
  return outcome_of(Libvirtd::Verb::detach, *device_behind(device));
}
int reattach(virNodeDevicePtr device) {
  return outcome_of(Libvirtd::Verb::reattach, *device_behind(device));
}
// The program then reads libvirt's file of the guest.
void* no_domain() {
  last_text = "no domain calls here";
  last_error = {};
  last_error.domain = VIR_FROM_RPC;
  last_error.code = VIR_ERR_NO_CONNECT;
  last_error.message = last_text.data();
  return nullptr;
}

}  // namespace

void* __wrap_dlopen(const char* file, int mode) {
  return program() == nullptr ? __real_dlopen(file, mode) : const_cast<int*>(&library);
}

void* __wrap_dlsym(void* from, const char* name) {
  if (program() == nullptr || from != &library) return __real_dlsym(from, name);
  static const std::map<std::string_view, void*> functions = {
      {"virConnectOpen", reinterpret_cast<void*>(connect_open)},
      {"virGetLastError", reinterpret_cast<void*>(get_last_error)},
      {"virSetErrorFunc", reinterpret_cast<void*>(set_error_func)},
      {"virNodeDeviceLookupByName", reinterpret_cast<void*>(look_up)},
      {"virNodeDeviceGetXMLDesc", reinterpret_cast<void*>(describe)},
      {"virNodeDeviceFree", reinterpret_cast<void*>(free_device)},
      {"virNodeDeviceDetachFlags", reinterpret_cast<void*>(detach)},
      {"virNodeDeviceReAttach", reinterpret_cast<void*>(reattach)}};
  const auto found = functions.find(name);
  return found != functions.end() ? found->second : reinterpret_cast<void*>(no_domain);
}

char* __wrap_dlerror() {
  return program() == nullptr ? __real_dlerror() : nullptr;
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
