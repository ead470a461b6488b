// What the hook may do on the host, and what a start makes of it.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "fakes/hosts.h"
#include "handover/assessment.h"
#include "handover/trial.h"
#include "host/processes/abilities.h"
#include "host/processes/confinement.h"

using namespace qh;
using namespace qh::handover;
using Names = std::vector<std::string>;

namespace {

struct World {
  World() {
    root.write("/sys/bus/pci/drivers_probe", "");
    root.write("/proc/self/status", "Name:\tqemu-hook\nCapBnd:\t000001ffffffffff\nSeccomp:\t0\n");
  }
  void take_tracing() const {
    root.write("/proc/self/status", "Name:\tqemu-hook\nCapBnd:\t000001fffff7ffff\nSeccomp:\t0\n");
  }
  void take_modules() const {
    root.write("/proc/self/status", "Name:\tqemu-hook\nCapBnd:\t000001fffffeffff\nSeccomp:\t0\n");
  }
  void link(const std::string& file, const std::string& target) const {
    root.write(file + ".beside", "");
    REQUIRE(::symlink(target.c_str(), (root.path() + file).c_str()) == 0);
  }
  Names lacks(const host::Needs& needs = {}) const {
    Names all;
    for (const auto& lack : host::find_lacks(host, needs)) {
      CHECK_FALSE(lack.remedy.empty());
      all.push_back(lack.what);
    }
    return all;
  }
  fakes::TemporaryRoot root;
  host::RealHost host{root.path()};
};

}  // namespace

TEST_CASE("abilities: a process with all rights lacks nothing, and trying them changes nothing") {
  const World w;
  w.link("/proc/self/ns/net", "net:[4026531840]");
  w.link("/proc/1/ns/net", "net:[4026531840]");
  CHECK(w.lacks().empty());
  CHECK(w.root.read("/sys/bus/pci/drivers_probe").empty());
}

TEST_CASE("abilities: sysfs that cannot be written") {
  const World w;
  const std::string file = w.root.path() + "/sys/bus/pci/drivers_probe";
  std::filesystem::remove(file);
  CHECK(w.lacks().empty());
  std::filesystem::create_directory(file);  // root may write to every file
  CHECK(w.lacks() == Names{"write to sysfs: cannot open " + file + ": Is a directory"});
}

TEST_CASE("abilities: modules and links of a hardened unit matter where they are needed") {
  const World w;
  w.take_modules();
  CHECK(w.lacks() == Names{"load modules: the capability CAP_SYS_MODULE was taken away"});
  CHECK(host::find_lacks(w.host, {})[0].remedy.find("take ProtectKernelModules= out of the unit") == 0);
  CHECK(w.lacks({.modules = false}).empty());
  w.take_tracing();
  CHECK(w.lacks() == Names{"look at other processes: the capability CAP_SYS_PTRACE was taken away"});
  w.take_modules();
  w.link("/proc/self/ns/net", "net:[4026532000]");
  w.link("/proc/1/ns/net", "net:[4026531840]");
  CHECK(w.lacks({.modules = false}) == Names{"see the host's network links"});
  CHECK(w.lacks({.modules = false, .network = false}).empty());
}

TEST_CASE("what confines a process, and the way out") {
  const World w;
  const auto by = [&](const std::string& label, const std::string& enforce) {
    w.root.write("/proc/self/attr/current", label);
    w.root.write("/sys/fs/selinux/enforce", enforce);
    return host::confining(w.host).by;
  };
  const std::string virtqemud = "system_u:system_r:virtqemud_t:s0-s0:c0.c1023";
  CHECK(by("libvirtd (enforce)\n", "") == "the AppArmor profile libvirtd");
  CHECK(host::confining(w.host).remedy == host::link_remedy);
  CHECK(by("unconfined\n", "") == "");
  CHECK(by(virtqemud + std::string(1, '\0'), "1") == "the SELinux context " + virtqemud);
  CHECK(host::confining(w.host).remedy == host::policy_remedy);
  CHECK(by(virtqemud, "0") == "");
  CHECK(by("system_u:system_r:virt_hook_unconfined_t:s0", "1") == "");
  CHECK(host::context(w.host) == "system_u:system_r:virt_hook_unconfined_t:s0");

  // It is named where something is denied.
  CHECK(by(virtqemud, "1") != "");
  std::filesystem::remove(w.root.path() + "/sys/bus/pci/drivers_probe");
  std::filesystem::create_directory(w.root.path() + "/sys/bus/pci/drivers_probe");
  const auto lacks = host::find_lacks(w.host, {});
  REQUIRE(lacks.size() == 1);
  CHECK(lacks[0].what.find("(in the SELinux context " + virtqemud + ")") != std::string::npos);
  CHECK(lacks[0].remedy.find("semodule -i") != std::string::npos);
}

TEST_CASE("check: what the hook may not do refuses the starts that need it") {
  const World w;
  fakes::write_host(w.root, fakes::workstation);
  const host::RealServices services(w.host);
  const auto messages = [&](const char* check, const Names& addresses) {
    xml::Domain domain{"win10", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", {}, {}, {}};
    for (const auto& a : addresses)
      domain.devices.push_back({*parse_pci_address(a), xml::Source::hostdev, false});
    Names all;
    for (const auto& f : assess(w.host, services, make_guest(domain, {}, w.host)).findings)
      if (f.check == check && f.severity == Severity::error) all.push_back(f.message);
    return all;
  };
  const auto abilities = [&](const Names& addresses) { return messages("abilities", addresses); };
  const Names card{"0000:02:00.0", "0000:02:00.1"};
  CHECK(abilities(card).empty());
  CHECK(messages("driver", card).empty());
  // ProtectKernelModules= hides what is installed, too: one finding is enough, the one that leads out.
  w.root.write("/lib/modules/hidden", "");
  CHECK(messages("driver", card).size() == 1);
  w.take_modules();
  CHECK(abilities(card) ==
        Names{"the hook cannot load modules: the capability CAP_SYS_MODULE was taken away"});
  CHECK(messages("driver", card).empty());
  w.root.write("/sys/bus/pci/drivers/vfio-pci/bind", "");
  CHECK(abilities(card).empty());
  w.link("/proc/self/ns/net", "net:[4026532000]");
  w.link("/proc/1/ns/net", "net:[4026531840]");
  CHECK(abilities(card).empty());
}

TEST_CASE("the trial leaves what it found for --check") {
  const World w;
  CHECK_FALSE(last_trial(w.host));
  w.root.write("/proc/self/attr/current", "libvirtd (enforce)\n");
  w.take_modules();
  const auto made = make_trial(w.host);
  CHECK(made.context == "libvirtd (enforce)");
  REQUIRE(made.lacks.size() == 1);
  const auto read = last_trial(w.host);
  REQUIRE(read);
  CHECK(read->context == made.context);
  REQUIRE(read->lacks.size() == 1);
  CHECK(read->lacks[0].what == made.lacks[0].what);
  CHECK(read->lacks[0].remedy == made.lacks[0].remedy);

  // A trial that cannot write says so.
  std::filesystem::remove_all(w.root.path() + "/run/libvirt");
  w.root.write("/run/libvirt", "a file");
  const auto full = make_trial(w.host);
  REQUIRE(full.lacks.size() == 2);
  CHECK(full.lacks[1].what.find("write to /run: ") == 0);
}
