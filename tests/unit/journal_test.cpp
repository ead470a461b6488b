// The journal: how it comes into being, who may touch it, and what of it can be read by whom.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "fakes/kernel.h"
#include "handover/claims.h"
#include "handover/journal.h"
#include "host/processes/child.h"

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

}  // namespace

TEST_CASE("a journal gets its name when it is whole, and never overwrites one") {
  const fakes::TemporaryRoot root;
  const host::RealHost host(root.path());
  const std::string folder = root.path() + "/run/libvirt/qemu-hook";
  REQUIRE(lock_folder(host, Milliseconds{100}));
  // Left over by somebody who was killed on this way: it is no journal, and in nobody's way.
  root.write("/run/libvirt/qemu-hook/.new", "qemu-hook journal 1\nguest win10\n");
  CHECK(list_records(host).empty());

  {
    auto journal = Journal::create(host, a_record());
    REQUIRE(journal);
    CHECK_FALSE(Journal::open(host, "win10", Milliseconds{1}));  // it is locked
    CHECK(journal->ready());
  }
  CHECK(list_folder(folder) == std::vector<std::string>{"win10.journal"});
  const auto journal = Journal::open(host, "win10", Milliseconds{100});
  REQUIRE(journal);
  CHECK(journal->record().ready);
  CHECK(journal->record().claims(*parse_pci_address("0000:01:00.0")));

  // One that is there already is not overwritten, and nothing else is left.
  CHECK_FALSE(Journal::create(host, a_record()));
  CHECK(list_records(host).at(0).devices.size() == 1);
  CHECK(list_folder(folder) == std::vector<std::string>{"win10.journal"});
}

TEST_CASE("folder and journal are root's alone, also those that an older version made") {
  const fakes::TemporaryRoot root;
  const host::RealHost host(root.path());
  const std::string folder = root.path() + "/run/libvirt/qemu-hook", file = folder + "/win10.journal";
  const auto mode = [](const std::string& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777;
  };
  REQUIRE(lock_folder(host, Milliseconds{100}));
  CHECK(mode(folder) == 0700);
  REQUIRE(Journal::create(host, a_record()));
  CHECK(mode(file) == 0600);

  REQUIRE(::chmod(folder.c_str(), 0755) == 0);
  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  REQUIRE(lock_folder(host, Milliseconds{100}));
  REQUIRE(Journal::open(host, "win10", Milliseconds{100}));
  CHECK(mode(folder) == 0700);
  CHECK(mode(file) == 0600);
}

TEST_CASE("names with blanks and whatever else survive the journal") {
  for (const std::string name : {"budget_ci dvb", "a%20b", "-", "%", "\xc3\xa4"}) {
    CAPTURE(name);
    Record record = a_record();
    record.guest = name;
    record.uuid = name;
    record.steps = {{Unbind{{record.devices[0], name, name}}}, {BindVfio{{record.devices[0], "", ""}}}};
    const auto back = parse_record(to_text(record));
    REQUIRE(back);
    CHECK(back->guest == name);
    REQUIRE(back->steps.size() == 2);
    CHECK(back->steps[0].step == record.steps[0].step);
    CHECK(back->steps[1].step == record.steps[1].step);
  }
}

TEST_CASE("what an older version wrote is read") {
  const auto record = parse_record(
      "qemu-hook journal 1\nguest win10\nuuid \nsince 7\ndevice 0000:01:00.0\n"
      "step detach 0000:01:00.0 e1000e -\nbegin 0\n");
  REQUIRE(record);
  CHECK(record->uuid.empty());
  CHECK(record->steps.at(0).step == Step(BindVfio{{*parse_pci_address("01:00.0"), "e1000e", ""}}));
}

TEST_CASE("of a newer version's journal everything is read that both know") {
  const auto record = parse_record(
      "qemu-hook journal 2\nguest win10\nsince 7\nmachine 4711\ndevice 0000:01:00.0\n"
      "step bind-mdev 0000:01:00.0\nstep detach 0000:01:00.0 e1000e -\nbegin 0\nbegin 1\nready\n");
  REQUIRE(record);
  REQUIRE(record->steps.size() == 2);
  CHECK(record->steps[0].step == Step(UnknownStep{"bind-mdev 0000:01:00.0"}));
  CHECK((record->steps[1].begun && record->ready));
  // But damage is damage.
  for (const char* line :
       {"dev", "device", "device x", "%$! x", "Machine 1", "step x/y", "begin 9", "readyy"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_record("qemu-hook journal 1\nguest win10\nsince 7\n" + std::string(line) + "\n"));
  }
}

TEST_CASE("a FIFO in a journal's place is a damaged journal, and nobody waits for it") {
  const fakes::TemporaryRoot root;
  const host::RealHost host(root.path());
  root.write("/run/libvirt/qemu-hook/.keep", "");
  REQUIRE(::mkfifo((root.path() + "/run/libvirt/qemu-hook/win10.journal").c_str(), 0600) == 0);
  // In a child: who does wait, waits for ever.
  const auto said = host::run_in_child("opening", Milliseconds{20'000}, [&]() -> Result<std::string> {
    const auto opened = Journal::open(host, "win10", Milliseconds{100});
    if (!opened) return fail(opened.error());
    return std::string("opened");
  });
  REQUIRE_FALSE(said);
  CHECK(said.error().is(ErrorKind::bad_input));
  CHECK(said.error().message.ends_with("win10.journal is damaged: it is not a regular file"));
  CHECK(said.error().remedy.find("qemu-hook --reattach") != std::string::npos);

  // A journal in another file that says it is this guest's.
  const auto looked = host::run_in_child("looking", Milliseconds{20'000}, [&]() -> Result<std::string> {
    return std::string(holding(host, a_record()) == Holding::by_hand ? "by hand" : "");
  });
  CHECK(looked == "by hand");
}

TEST_CASE("a journal without its guest's line is the one of its file's name") {
  const fakes::TemporaryRoot root;
  const host::RealHost host(root.path());
  root.write("/run/libvirt/qemu-hook/a%20b.journal", "qemu-hook journal 1\ndevice 0000:01:00.0\n%%\n");
  const auto all = list_records(host);
  REQUIRE(all.size() == 1);
  CHECK(all[0].guest == "a b");
  const auto one = find_record(host, "a b");
  REQUIRE(one);
  CHECK(one->claims(*parse_pci_address("01:00.0")));
  CHECK_FALSE(find_record(host, "a%20b"));
}
