// How a journal comes into being, also where a nameless file cannot be given a name.
#include <doctest/doctest.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "fakes/kernel.h"
#include "handover/journal.h"

using namespace qh;
using namespace qh::handover;

namespace {

Record a_record() {
  Record record;
  record.guest = "win10";
  record.since = 1;
  record.devices = {*parse_pci_address("0000:01:00.0")};
  return record;
}

// Until the process ends, as AppArmor does to whoever runs inside libvirtd's profile.
bool deny_linkat() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_linkat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOENT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{4, program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// What `work` gives in a process that may not call linkat.
int without_linkat(const std::function<int()>& work) {
  const int pid = ::fork();
  if (pid == 0) ::_exit(deny_linkat() ? work() : 99);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

}  // namespace

TEST_CASE("a journal is made where a nameless file cannot be given a name") {
  const fakes::TemporaryRoot root;
  const std::string folder = root.path() + "/run/libvirt/qemu-hook";
  REQUIRE(lock_folder(root.path(), Milliseconds{100}));
  // Left over by somebody who was killed on this way: it is no journal, and in nobody's way.
  root.write("/run/libvirt/qemu-hook/.new", "qemu-hook journal 1\nguest win10\n");
  CHECK(list_records(root.path()).empty());

  CHECK(without_linkat([&] {
          auto journal = Journal::create(root.path(), a_record());
          if (!journal) return 1;
          // It is locked as any other is, and what comes next is appended.
          if (Journal::open(root.path(), "win10", Milliseconds{1})) return 2;
          return journal->ready() ? 0 : 3;
        }) == 0);
  CHECK(host::list_folder(folder) == std::vector<std::string>{"win10.journal"});
  const auto journal = Journal::open(root.path(), "win10", Milliseconds{100});
  REQUIRE(journal);
  CHECK(journal->record().ready);
  CHECK(journal->record().claims(*parse_pci_address("0000:01:00.0")));

  // One that is there already is not overwritten, and nothing else is left.
  CHECK(without_linkat([&] { return Journal::create(root.path(), a_record()) ? 1 : 0; }) == 0);
  CHECK(list_records(root.path()).at(0).devices.size() == 1);
  CHECK(host::list_folder(folder) == std::vector<std::string>{"win10.journal"});
}
