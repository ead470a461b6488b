// Every command and every event, by the built binary, over hosts whose files are damaged.
//   damaged-hosts [--runs N] [--seconds N] [--seed N]
// Ten calls for each host. What must hold whatever the files are: no signal, an end within a generous time,
// exit status 0, 1 or 2, a reason on stderr where an event fails, one JSON object on stdout with --json,
// nothing on stdout of the hook, and no process left behind. A failure prints the seed of its host: `--seed N
// --runs 10` repeats it. The last line is "N passed, N failed".
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sstream>

#include "blackbox/program.h"
#include "cli/options.h"
#include "cli/variables.h"
#include "config/sync.h"
#include "core/contains.h"
#include "core/text.h"
#include "fakes/hosts.h"
#include "handover/conf.h"
#include "handover/journal.h"
#include "host/names.h"

namespace {

namespace fs = std::filesystem;
using namespace qh;
using blackbox::Call;
using blackbox::Ran;

constexpr int calls_for_each_host = 10;
constexpr double limit = 20;        // seconds
constexpr double long_limit = 200;  // where the host's conf may not say the short deadlines: `whole` is 120 s
constexpr char uuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa";  // a digit more for each guest

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return n < 2 ? 0 : engine_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class List>
  const auto& of(const List& list) {
    return list[below(std::size(list))];
  }
  std::string bytes(std::size_t n) {
    std::string text(n, '\0');
    for (char& c : text) c = static_cast<char>(below(256));
    return text;
  }

 private:
  std::mt19937_64 engine_;
};

struct HostDevice {
  std::string address, driver;
};

// A host's files, and guests in every state.
class World {
 public:
  World(Random& random, fakes::TemporaryRoot& root);

  std::vector<std::string> guests;
  std::vector<HostDevice> devices;

  std::string xml(const std::string& guest);
  const HostDevice& device() { return random_.of(devices); }

 private:
  void add_kernel();
  void add_desktop();
  void add_libvirt();
  void add_guest(const std::string& guest, std::size_t number);
  std::string conf(const std::string& guest);
  std::string journal(const std::string& guest);
  std::string uuid_of(const std::string& guest) {
    const auto at = std::find(guests.begin(), guests.end(), guest) - guests.begin();
    return uuid + std::to_string(at % 10);
  }

  Random& random_;
  fakes::TemporaryRoot& root_;
};

World::World(Random& random, fakes::TemporaryRoot& root) : random_(random), root_(root) {
  const char* const hosts[] = {fakes::desktop, fakes::apu_laptop, fakes::workstation, fakes::server,
                               fakes::vmd_board};
  const std::string description = random.of(hosts);
  fs::permissions(root.path(), fs::perms(0755));
  fakes::write_host(root, description);
  std::istringstream lines(description);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line);
    std::string kind, path, ids, subsystem, device_class, driver;
    if (in >> kind >> path >> ids >> subsystem >> device_class >> driver && kind == "pci")
      devices.push_back({path.substr(path.rfind('/') + 1), driver == "-" ? "" : driver});
  }
  add_kernel();
  if (random.one_in(2)) add_desktop();
  add_libvirt();
  const std::vector<std::string> names{"win10",
                                       "a b",
                                       "linux",
                                       "-x",
                                       "gr\xc3\xbc\xc3\x9f"
                                       "e",
                                       "%20"};
  for (std::size_t i = 0; i < 4; ++i) guests.push_back(names[(i + random.below(3)) % names.size()]);
  std::sort(guests.begin(), guests.end());
  guests.erase(std::unique(guests.begin(), guests.end()), guests.end());
  for (std::size_t i = 0; i < guests.size(); ++i) add_guest(guests[i], i);
}

void World::add_kernel() {
  fs::create_directories(root_.path() + "/sys/bus/pci/drivers/vfio-pci");
  fs::create_directories(root_.path() + "/sys/module/vfio_pci/holders");
  for (const auto& driver : fs::directory_iterator(root_.path() + "/sys/bus/pci/drivers"))
    for (const char* file : {"/bind", "/unbind"})
      root_.write(driver.path().string().substr(root_.path().size()) + file, "");
  for (const auto& d : devices) {
    const std::string folder = "/sys/bus/pci/devices/" + d.address;
    for (const char* file : {"/remove", "/reset"}) root_.write(folder + file, "");
    root_.write(folder + "/reset_method", "flr bus\n");
    root_.write(folder + "/config", std::string("\x86\x80\xd3\x10", 4) + std::string(60, '\0'));
  }
  root_.write("/sys/class/vtconsole/vtcon0/name", "(S) dummy device\n");
  root_.write("/sys/class/vtconsole/vtcon0/bind", "0\n");
  root_.write("/sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
  root_.write("/sys/class/vtconsole/vtcon1/bind", "1\n");
  root_.write("/proc/stat", "btime 1700000000\n");
  root_.write("/proc/iomem", "e0000000-efffffff : PCI Bus 0000:01\n  e0000000-e02fffff : efifb\n");
  root_.write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz intel_iommu=on\n");
  root_.write("/proc/1/stat", "1 (systemd) S 0 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0\n");
  root_.write("/dev/log", "");
}

void World::add_desktop() {
  root_.write("/run/systemd/system/.keep", "");
  root_.write("/run/systemd/sessions/5",
              "UID=1000\nUSER=me\nSEAT=seat0\nACTIVE=1\nTYPE=wayland\nSCOPE=session-5.scope\n");
  root_.write("/sys/fs/cgroup/system.slice/sddm.service/cgroup.procs", "700\n");
  root_.write("/proc/700/cgroup", "0::/system.slice/sddm.service\n");
  fs::create_directories(root_.path() + "/etc/systemd/system");
  fs::create_symlink("/usr/lib/systemd/system/sddm.service",
                     root_.path() + "/etc/systemd/system/display-manager.service");
}

void World::add_libvirt() {
  root_.write("/etc/libvirt/hooks/qemu", "#!/bin/sh\n# qemu-hook journal 1\n");
  fs::permissions(root_.path() + "/etc/libvirt/hooks/qemu", fs::perms(0755));
  root_.write("/etc/libvirt/qemu.conf", "user = \"libvirt-qemu\"\n#group = \"root\"\n");
  root_.write("/etc/passwd",
              "root:x:0:0:root:/root:/bin/sh\nlibvirt-qemu:x:64055:109::/var/lib/libvirt:/bin/false\n");
  root_.write("/etc/group", "root:x:0:\nkvm:x:109:libvirt-qemu\n");
  root_.write("/run/libvirtd.pid", "1\n");
  std::string conf =
      "deadlines = {connect = 0.2, detach = 0.1, reattach = 0.1, holders = 0.1, display_manager = 0.1, "
      "lock = 0.2, whole = 5}\n";
  const char* const backends[] = {"auto", "libvirt", "sysfs"};
  conf += std::string("backend = \"") + random_.of(backends) + "\"\n";
  if (random_.one_in(8)) conf += "write_confs = false\n";
  if (random_.one_in(4)) conf += "[defaults]\nallow_in_use = true\nreset = \"auto\"\n";
  root_.write(names::host_conf, conf);
  const char* const modes[] = {
      "", "", "", "refuse-connect", "no-worker", "hang-detach", "fail-detach", "fail-attach-1"};
  root_.write("/libvirt-mode", random_.of(modes));
  fs::create_directories(root_.path() + "/domains");
}

std::string World::xml(const std::string& guest) {
  std::string escaped;
  for (const char c : guest) escaped += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
  std::string text = "<domain type='kvm'>\n  <name>" + escaped + "</name>\n  <uuid>" + uuid_of(guest) +
                     "</uuid>\n  <devices>\n" +
                     "    <disk type='file'><source file='/var/lib/libvirt/images/a.qcow2'/></disk>\n";
  for (std::size_t i = random_.below(4); i > 0; --i) {
    const auto a = parse_pci_address(device().address);
    char address[96];
    std::snprintf(address, sizeof address,
                  "<address %s domain='0x%04x' bus='0x%02x' slot='0x%02x' function='%u'/>",
                  random_.one_in(2) ? "type='pci'" : "", a->domain, unsigned{a->bus}, unsigned{a->slot},
                  unsigned{a->function});
    const char* const ends[][2] = {
        {"<hostdev mode='subsystem' type='pci' managed='yes'>", "<rom file='/rom'/></hostdev>"},
        {"<hostdev mode='subsystem' type='pci' managed='no'>", "</hostdev>"},
        {"<interface type='hostdev' managed='no'>", "</interface>"},
        {"<disk type='nvme' device='disk'>", "</disk>"}};
    const auto& element = random_.of(ends);
    text += std::string("    ") + element[0] + "<source>" + address + "</source>" + element[1] + "\n";
  }
  return text + "  </devices>\n</domain>\n";
}

std::string World::conf(const std::string& guest) {
  config::WantedGuest wanted{guest, uuid_of(guest), {}};
  for (std::size_t i = random_.below(3); i > 0; --i) {
    const auto address = *parse_pci_address(device().address);
    if (std::none_of(wanted.devices.begin(), wanted.devices.end(),
                     [&](const auto& d) { return d.address == address; }))
      wanted.devices.push_back({address, "", "a name"});
  }
  std::string text = config::sync("", "f", wanted, config::OnOtherCard::keep)->text;
  const char* const settings[] = {"",
                                  "detach = \"never\"\n",
                                  "reset = \"flr\"\n",
                                  "reset = \"remove-rescan\"\n",
                                  "allow_in_use = true\n",
                                  "reset = \"auto\"\nallow_in_use = true\n"};
  if (!wanted.devices.empty()) text += random_.of(settings);
  return text;
}

std::string World::journal(const std::string& guest) {
  using namespace handover;
  Record record;
  record.guest = guest;
  record.uuid = uuid_of(guest);
  if (!random_.one_in(3)) record.daemon = host::ProcessId{static_cast<int>(1 + random_.below(3) * 699), 1};
  record.since = 1'700'000'000;
  for (std::size_t i = 1 + random_.below(2); i > 0; --i) {
    const auto& d = device();
    const DeviceState measured{*parse_pci_address(d.address), d.driver, random_.one_in(4) ? "vfio-pci" : ""};
    record.devices.push_back(measured.address);
    const std::vector<Step> more{LoadModule{"vfio-pci"},
                                 InhibitSleep{"qemu-hook-awake-x.service"},
                                 StopDisplayManager{"sddm.service", {measured.address}},
                                 EndSessions{{measured.address}, {"1000"}},
                                 StopService{"nvidia-persistenced.service"},
                                 EndPersistence{measured.address},
                                 WaitForHolders{{measured.address}},
                                 UnbindConsole{"vtcon1", {measured.address}},
                                 UnbindFramebuffer{"efi-framebuffer", "efi-framebuffer.0", measured.address},
                                 UnloadModuleIfFree{{"nvidia_drm"}}};
    for (std::size_t k = random_.below(3); k > 0; --k) record.steps.push_back({random_.of(more)});
    record.steps.push_back({Unbind{measured}});
    record.steps.push_back({BindVfio{measured}});
    // As it would be then.
    const std::string folder = root_.path() + "/sys/bus/pci/devices/" + d.address;
    if (fs::is_symlink(folder + "/driver") && random_.one_in(2)) {
      fs::rename(folder + "/driver", folder + "/native");
      fs::create_symlink(root_.path() + "/sys/bus/pci/drivers/vfio-pci", folder + "/driver");
      root_.write("/sys/bus/pci/devices/" + d.address + "/driver_override", "vfio-pci\n");
    }
  }
  std::string text = to_text(record);
  for (std::size_t i = 0; i < record.steps.size(); ++i) {
    text += "begin " + std::to_string(i) + "\n";
    if (random_.one_in(8)) text += "stuck " + std::to_string(i) + " 700 4711\n";
    if (random_.one_in(8)) text += "undone " + std::to_string(i) + "\n";
  }
  if (random_.one_in(2)) text += "ready\n";
  if (random_.one_in(4)) text += "undoing\n";
  if (random_.one_in(8)) text += "dead " + record.devices.front().text() + "\n";
  return text;
}

void World::add_guest(const std::string& guest, std::size_t number) {
  const std::string text = xml(guest);
  if (!random_.one_in(4)) root_.write("/domains/" + guest, text);
  if (!random_.one_in(4)) root_.write(names::libvirt_domain_folder + ("/" + guest) + ".xml", text);
  if (random_.one_in(2)) root_.write(names::guest_conf(guest), conf(random_.one_in(8) ? "another" : guest));
  if (random_.one_in(3)) {
    root_.write(names::journal(guest), journal(guest));
    fs::permissions(root_.path() + names::run_folder, fs::perms(0700));
  }
  if (random_.one_in(3)) {
    const std::string pid = std::to_string(9000 + number), run = names::libvirt_pid_folder + ("/" + guest);
    root_.write(run + ".xml", "<domstatus>" + text + "</domstatus>");
    root_.write(run + ".pid", pid + "\n");
    root_.write("/proc/" + pid + "/comm", "qemu-system-x86\n");
    root_.write("/proc/" + pid + "/stat",
                pid + " (qemu-system-x86) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n");
    root_.write("/proc/" + pid + "/cmdline", "qemu-system-x86_64" + std::string(1, '\0') + "-uuid" +
                                                 std::string(1, '\0') + uuid_of(guest) +
                                                 std::string(1, '\0'));
  }
  root_.write(names::libvirt_log_folder + ("/" + guest) + ".log",
              "2024-01-01: shutting down, reason=crashed\n");
}

// Files and folders that may be damaged: all but the test's own.
std::vector<std::string> files_of(const std::string& root) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    std::string file = entry.path().string().substr(root.size());
    if (!file.starts_with("/domains") && !file.starts_with("/libvirt-")) files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end());  // or the seed would not tell which
  return files;
}

std::string content(const std::string& path) {
  return read_file(path, 16U << 20U).value_or("");
}

std::string damaged_text(Random& random, std::string text) {
  switch (random.below(5)) {
    case 0:
      text.resize(random.below(text.size() + 1));
      return text;
    case 1:
      return random.bytes(random.below(300));
    case 2:
      return text + random.bytes(1 + random.below(20));
    case 3: {  // a piece of it twice, or elsewhere
      const auto from = random.below(text.size() + 1), length = random.below(text.size() - from + 1);
      return text.insert(random.below(text.size() + 1), text.substr(from, length));
    }
    default:
      for (std::size_t i = 1 + random.below(4); i > 0 && !text.empty(); --i)
        text[random.below(text.size())] = static_cast<char>(random.below(256));
      return text;
  }
}

void write_whole(const std::string& path, const std::string& text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644));
  if (fd) (void)write_all(fd.get(), text, path);
}

void make_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  (void)::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// Does something to one file; gives what, in words.
std::string damage(Random& random, const std::string& root, const std::vector<std::string>& files) {
  std::string file = random.of(files);
  // What this program and libvirt write is a small part of all, and reads most of it.
  if (random.one_in(2))
    for (int i = 0; i < 50 && file.find("/libvirt") == std::string::npos; ++i) file = random.of(files);
  const std::string path = root + file, other = random.of(files);
  std::error_code ignored;
  const auto status = fs::symlink_status(path, ignored);
  if (!fs::exists(status)) return "";
  const bool regular = fs::is_regular_file(status);
  if (regular && random.one_in(2)) {
    write_whole(path, damaged_text(random, content(path)));
    return file + ": other text";
  }
  const auto kind = random.below(15);
  if (kind == 0 && !fs::is_symlink(status)) return ::chmod(path.c_str(), 0), file + ": mode 0";
  if (kind == 1 && !fs::is_symlink(status)) return ::chmod(path.c_str(), 0777), file + ": mode 0777";
  if (kind == 2) return (void)!::lchown(path.c_str(), 12345, 12345), file + ": of user 12345";
  if (kind == 3 && regular) return ::truncate(path.c_str(), off_t{1} << 40), file + ": a sparse TiB";
  if (kind == 4 && regular)
    return write_whole(path, content(root + other)), file + ": with the text of " + other;
  fs::remove_all(path, ignored);
  const auto link = [&](const std::string& target) {
    fs::create_symlink(target, path, ignored);
    return file + ": a link to " + target;
  };
  switch (kind) {
    case 5:
      return ::mkfifo(path.c_str(), 0666), file + ": a FIFO";
    case 6:
      return link("/dev/zero");
    case 7:
      return link("/dev/urandom");
    case 8:
      return link(path);
    case 9:
      return link("nowhere");
    case 10:
      return link(root + other);
    case 11:
      return fs::create_directories(path + "/in/it", ignored), file + ": a folder";
    case 12:
      return make_socket(path), file + ": a socket";
    case 13:
      return write_whole(path, ""), file + ": an empty file";
    default:
      return file + ": gone";
  }
}

std::string odd_name(Random& random) {
  const std::vector<std::string> names{"nobody",
                                       "../../etc/passwd",
                                       "a/b",
                                       ".",
                                       "..",
                                       "--json",
                                       "--all",
                                       "-h",
                                       "new\nline",
                                       "\xff\xfe",
                                       std::string(300, 'n'),
                                       "\x1b[31m",
                                       "qemu-hook-probe",
                                       "'; exit 3; '",
                                       " ",
                                       "~abc",
                                       "win10.toml"};
  return random.of(names);
}

std::string guest_name(Random& random, const World& world) {
  return random.one_in(6) ? odd_name(random) : random.of(world.guests);
}

// A value for what the table of options calls by this name.
std::string value_of(Random& random, World& world, const std::string& what, const std::string& root,
                     const std::vector<std::string>& files) {
  if (random.one_in(20)) return random.one_in(2) ? "" : odd_name(random);
  if (what == "GUEST") return guest_name(random, world);
  if (what == "ADDRESS") return world.device().address;
  if (what == "FILE") return random.one_in(2) ? "-" : root + random.of(files);
  if (what == "FORMAT") return "sh";
  if (what == "LEVEL") return random.one_in(2) ? "all" : "no";
  if (what == "VARIABLE") {
    std::vector<std::string> names{"all", "help"};
    for (const auto& v : cli::variables()) names.emplace_back(v.name);
    return random.of(names);
  }
  if (what == "SHELL") {
    const char* const shells[] = {"bash", "zsh", "fish", "guests", "addresses", "variables"};
    return random.of(shells);
  }
  return odd_name(random);
}

// A call as the table of options allows it, now and then another.
std::vector<std::string> command_words(Random& random, World& world, const std::string& root,
                                       const std::vector<std::string>& files) {
  std::vector<std::string> words;
  const auto add = [&](const cli::Row& row) {
    words.emplace_back(row.name);
    if (row.argument == cli::Argument::required ||
        (row.argument == cli::Argument::optional && random.one_in(2)) || row.argument == cli::Argument::list)
      words.push_back(value_of(random, world, row.argument_name, root, files));
    if (row.argument == cli::Argument::attached && random.one_in(2))
      words.back() += "=" + value_of(random, world, row.argument_name, root, files);
    if (row.second != nullptr && random.one_in(2))
      words.push_back(value_of(random, world, row.second, root, files));
  };
  std::vector<const cli::Row*> commands, options;
  for (const auto& row : cli::command_table()) (row.is_command() ? commands : options).push_back(&row);
  const auto& command = *random.of(commands);
  add(command);
  for (const auto* row : options)
    if (row->goes_with(command) ? random.one_in(std::strcmp(row->name, "--json") == 0 ? 2 : 4)
                                : random.one_in(200)) {
      // Instead of the guest's name, not behind it.
      if (std::strcmp(row->name, "--all") == 0) words.resize(1);
      add(*row);
    }
  if (random.one_in(50)) words.push_back(odd_name(random));
  if (random.one_in(100)) words.erase(words.begin());
  return words;
}

struct Event {
  std::string argv0 = "/etc/libvirt/hooks/qemu";
  Call call;
  bool is_hook() const { return argv0 != "qemu-hook"; }
};

Event next_event(Random& random, World& world, const std::string& root,
                 const std::vector<std::string>& files) {
  Event event;
  event.call.with_libvirt = !random.one_in(10);
  const std::string guest = guest_name(random, world);
  event.call.input = random.one_in(20) ? random.bytes(random.below(1000)) : world.xml(guest);
  if (random.one_in(5)) event.call.input = damaged_text(random, event.call.input);
  if (random.one_in(2)) {
    event.argv0 = "qemu-hook";
    event.call.arguments = command_words(random, world, root, files);
    if (random.one_in(8)) event.call.user = 65534;
    return event;
  }
  const char* const operations[][2] = {
      {"prepare", "begin"}, {"prepare", "begin"}, {"stopped", "end"},     {"release", "end"},
      {"start", "begin"},   {"migrate", "begin"}, {"reconnect", "begin"}, {"", ""}};
  const auto& operation = random.of(operations);
  event.call.arguments = {guest, operation[0], operation[1], "-"};
  if (random.one_in(40)) event.call.arguments.resize(random.below(4));
  return event;
}

// What is wrong with how the call ended; empty if nothing is.
std::string complaint(const Event& event, const Ran& ran) {
  const auto& words = event.call.arguments;
  if (!ran.ended) return "it did not end in time";
  if (ran.status < 0 || ran.status > 2) return "it ended with status " + std::to_string(ran.status);
  if (event.is_hook()) {
    if (!ran.out.empty()) return "the hook printed to stdout";
    if (ran.status != 0 && !ran.err.starts_with("qemu-hook: ")) return "the hook failed without a reason";
    return "";
  }
  if (ran.status == 2 && ran.err.empty()) return "a wrong call without a reason";
  if (ran.status == 1 && ran.err.empty() && ran.out.empty()) return "a failure without a word";
  if (!contains(words, "--json")) return "";
  const auto object = nlohmann::json::parse(ran.out, nullptr, false);
  if (!object.is_object()) return "stdout is not one JSON object";
  if (ran.status == 2 && !object.contains("error")) return "a wrong call without an error in its object";
  if (ran.status == 1 && !object.contains("error") && !object.contains("findings") &&
      !object.contains("failed"))
    return "a failure without a reason in its object";
  return "";
}

// Whoever outlives the call is our child now: none may, but for the moment that its end takes.
bool all_ended() {
  const Deadline deadline(Milliseconds{20'000});
  const bool ended = deadline.wait_for([] {
    int pid = 0;
    while ((pid = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    return pid < 0;
  });
  if (ended) return true;
  // Not by name: those that this process started.
  for (const auto& name : list_folder("/proc")) {
    const auto process = host::read_process(host::RealHost(""), std::atoi(name.c_str()));
    if (process && process->parent == ::getpid()) ::kill(process->id.pid, SIGKILL);
  }
  while (::waitpid(-1, nullptr, 0) > 0) {
  }
  return false;
}

std::string shown(const std::string& text, std::size_t length) {
  return printable(text.substr(0, length)) + (text.size() > length ? "..." : "");
}

struct Settings {
  std::uint64_t runs = 0, seconds = 0, seed = std::random_device{}();
};

class Test {
 public:
  explicit Test(const Settings& settings) : settings_(settings) {}

  int run() {
    const Stopwatch watch;
    const auto seconds = [&] { return static_cast<std::uint64_t>(watch.elapsed().count()) / 1000; };
    for (seed_ = settings_.seed;; ++seed_) {
      if (settings_.runs != 0 ? calls_ >= settings_.runs : seconds() >= settings_.seconds) break;
      one_host();
      if (failures_ >= 10) break;
    }
    std::printf(
        "%llu calls over damaged hosts in %llu s, seeds %llu to %llu; exit status 0: %llu, 1: %llu, 2: "
        "%llu\n",
        number(calls_), number(seconds()), number(settings_.seed), number(seed_ - 1), number(with_[0]),
        number(with_[1]), number(with_[2]));
    std::printf("%llu passed, %llu failed\n", number(calls_ - failures_), number(failures_));
    return failures_ == 0 ? 0 : 1;
  }

 private:
  static unsigned long long number(std::uint64_t n) { return n; }

  void one_host() {
    Random random(seed_);
    std::optional<fakes::TemporaryRoot> root;
    root.emplace();
    World world(random, *root);
    const auto files = files_of(root->path());
    std::vector<std::string> done;
    const auto break_some = [&](std::size_t n) {
      for (; n > 0; --n)
        if (auto what = damage(random, root->path(), files); !what.empty()) done.push_back(std::move(what));
    };
    break_some(1 + random.below(6));
    for (int i = 0; i < calls_for_each_host; ++i) {
      auto event = next_event(random, world, root->path(), files);
      // With a conf that it does not trust or cannot read, the hook gives back by the default deadlines.
      const host::RealHost host(root->path());
      const bool short_deadlines = handover::load_host_conf(host) &&
                                   content(root->path() + names::host_conf)
                                       .starts_with(
                                           "deadlines = {connect = 0.2, detach = 0.1, reattach = 0.1, "
                                           "holders = 0.1, display_manager = 0.1, lock = 0.2, whole = 5}\n");
      event.call.limit = short_deadlines ? limit : long_limit;
      const auto ran =
          blackbox::run_program(root->path(), QH_STAND_IN_FOLDER "/sysfs-acts.so", event.argv0, event.call);
      ++calls_;
      if (ran.status >= 0 && ran.status <= 2) ++with_[ran.status];
      std::string wrong = complaint(event, ran);
      if (!all_ended() && wrong.empty()) wrong = "a process of it stayed";
      if (!wrong.empty()) report(wrong, i, event, ran, done);
      break_some(random.below(3));
    }
  }

  void report(const std::string& wrong, int call, const Event& event, const Ran& ran,
              const std::vector<std::string>& done) {
    ++failures_;
    std::printf("FAILED: %s; again with: damaged-hosts --seed %llu --runs %d\n  call %d: %s", wrong.c_str(),
                number(seed_), calls_for_each_host, call + 1, event.argv0.c_str());
    for (const auto& word : event.call.arguments) std::printf(" '%s'", shown(word, 100).c_str());
    std::printf("%s\n  status %d, stdout '%s'\n  stderr '%s'\n", event.call.user != 0 ? ", without root" : "",
                ran.status, shown(ran.out, 300).c_str(), shown(ran.err, 1000).c_str());
    for (const auto& what : done) std::printf("  %s\n", printable(what).c_str());
    std::fflush(stdout);
  }

  const Settings settings_;
  std::uint64_t seed_ = 0, calls_ = 0, failures_ = 0, with_[3] = {0, 0, 0};
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    std::uint64_t* number = word == "--runs"      ? &settings.runs
                            : word == "--seconds" ? &settings.seconds
                            : word == "--seed"    ? &settings.seed
                                                  : nullptr;
    if (number != nullptr && i + 1 < argc) {
      *number = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: damaged-hosts [--runs N | --seconds N] [--seed N]\n");
      return 2;
    }
  }
  if (settings.runs == 0 && settings.seconds == 0) settings.runs = 1000;
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  // For the reports that it makes.
  const fakes::TemporaryRoot here;
  std::filesystem::current_path(here.path());
  return Test(settings).run();
}
