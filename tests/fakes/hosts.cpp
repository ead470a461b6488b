#include "fakes/hosts.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "core/file.h"
#include "core/text.h"

namespace qh::fakes {
namespace {
namespace fs = std::filesystem;

using Words = std::vector<std::string>;

std::string last(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}
std::string parent(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

class Host {
 public:
  explicit Host(const TemporaryRoot& root) : root_(root) {
    // What every host has.
    for (const char* folder :
         {"/dev", "/run", "/sys/bus/pci/devices", "/sys/bus/pci/drivers", "/sys/class/block",
          "/sys/class/net", "/sys/class/input", "/sys/dev/char", "/proc/self"})
      fs::create_directories(root_.path() + folder);
    for (const char* file :
         {"/sys/bus/pci/drivers_probe", "/sys/bus/pci/rescan", "/sys/class/net/bonding_masters"})
      root_.write(file, "");
    append("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority");
    append("/proc/net/route",
           "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
    // The kernel's own: rejects, on lo.
    append("/proc/net/ipv6_route",
           "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
           "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo");
    append("/proc/self/mountinfo", "22 1 0:21 / /proc rw,nosuid - proc proc rw");
    append("/proc/devices",
           "Character devices:\n  1 mem\n195 nvidia-frontend\n508 nvidia-uvm\n\nBlock devices:\n259 blkext");
  }

  void line(const Words& w) {
    const std::string& what = w[0];
    if (what == "pci")
      pci(w);
    else if (what == "vf")
      virtual_function(w[1], w[2]);
    else if (what == "block" || what == "hidden")
      block(functions_.at(w[1]) + "/" + w[2], what == "block" ? w[3] : "");
    else if (what == "disk")
      block("/sys/devices/" + w[1], w[2]);
    else if (what == "dm")
      device_mapper(w);
    else if (what == "md")
      raid(w);
    else if (what == "held")
      hold(w[1], w[3]);
    else if (what == "udev")
      for (std::size_t i = 2; i < w.size(); ++i) append("/run/udev/data/b" + w[1], "E:" + w[i]);
    else if (what == "mount" || what == "init-mount")
      append(what == "mount" ? "/proc/self/mountinfo" : "/proc/1/mountinfo",
             "30 22 " + w[1] + " " + w[2] + " " + w[3] + " rw,relatime shared:1 master:2 - " + w[4] + " " +
                 w[5] + " rw");
    else if (what == "swap")
      append("/proc/swaps", w[1] + "\t\t" + w[2] + "\t8388604\t\t0\t\t-2");
    else if (what == "btrfs")
      btrfs(w);
    else
      rest(w);
  }

 private:
  void rest(const Words& w) {
    const std::string& what = w[0];
    if (what == "net")
      net(w);
    else if (what == "master" || what == "upper")
      upper(w);
    else if (what == "route")
      append("/proc/net/route", w[1] + "\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0");
    else if (what == "route6")
      append("/proc/net/ipv6_route",
             "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
             "fe800000000000000000000000000001 00000400 00000001 00000000 00000003 " +
                 w[1]);
    else if (what == "char")
      character(functions_.at(w[1]) + "/" + w[2], w[3], w[4]);
    else if (what == "virtual-char")
      character("/sys/devices/virtual/" + w[1] + "/" + w[2], w[3], w[1]);
    else if (what == "input")
      input(w);
    else if (what == "process")
      process(w);
    else if (what == "file")
      append(w[1], join(Words(w.begin() + 2, w.end()), " "));
    else
      throw std::invalid_argument("a host's description has no '" + what + "'");
  }

  void append(const std::string& file, const std::string& text) {
    root_.write(file, root_.read(file) + text + "\n");
  }
  // As the kernel's: relative to the link.
  void link(const std::string& target, const std::string& from) {
    fs::create_directories(root_.path() + parent(from));
    if (!root_.exists(from))
      fs::create_symlink(fs::path(target).lexically_relative(parent(from)), root_.path() + from);
  }

  void pci(const Words& w) {
    const std::string address = last(w[1]);
    const std::string folder = "/sys/devices/pci" + w[1].substr(0, 7) + "/" + w[1];
    functions_[address] = folder;
    root_.write(folder + "/modalias", modalias(w[2] + " " + w[3] + " " + w[4]) + "\n");
    root_.write(folder + "/driver_override", "(null)\n");
    link(folder, "/sys/bus/pci/devices/" + address);
    if (w[5] != "-") {
      link("/sys/bus/pci/drivers/" + w[5], folder + "/driver");
      link(folder, "/sys/bus/pci/drivers/" + w[5] + "/" + address);
    }
    if (w[6] != "-") {
      link("/sys/kernel/iommu_groups/" + w[6], folder + "/iommu_group");
      link(folder, "/sys/kernel/iommu_groups/" + w[6] + "/devices/" + address);
    }
    for (std::size_t i = 7; i < w.size(); ++i) {
      const auto equals = w[i].find('=');
      std::string value = w[i].substr(equals + 1);
      for (auto& c : value)
        if (c == ',') c = ' ';
      root_.write(folder + "/" + w[i].substr(0, equals), value + "\n");
    }
  }

  void virtual_function(const std::string& physical, const std::string& made) {
    std::size_t n = 0;
    while (root_.exists(functions_.at(physical) + "/virtfn" + std::to_string(n))) ++n;
    link(functions_.at(made), functions_.at(physical) + "/virtfn" + std::to_string(n));
    link(functions_.at(physical), functions_.at(made) + "/physfn");
  }

  void block(const std::string& folder, const std::string& number) {
    const std::string name = last(folder);
    fs::create_directories(root_.path() + folder + "/holders");
    if (!number.empty()) root_.write(folder + "/dev", number + "\n");
    if (blocks_.contains(last(parent(folder)))) root_.write(folder + "/partition", "1\n");
    link(folder, "/sys/class/block/" + name);
    blocks_[name] = folder;
  }
  void hold(const std::string& block, const std::string& holder) {
    if (!blocks_.contains(holder)) root_.write("/sys/devices/virtual/block/" + holder + "/size", "0\n");
    link("/sys/devices/virtual/block/" + holder, blocks_.at(block) + "/holders/" + holder);
  }
  // "… on BLOCK...": the last words.
  void hold_all(const Words& w, std::size_t from) {
    for (std::size_t i = from; i < w.size(); ++i) hold(w[i], w[1]);
  }
  void device_mapper(const Words& w) {
    const std::string folder = "/sys/devices/virtual/block/" + w[1];
    block(folder, w[2]);
    root_.write(folder + "/dm/name", w[3] + "\n");
    root_.write(folder + "/dm/uuid", w[4] + "\n");
    hold_all(w, 6);
  }
  void raid(const Words& w) {
    block("/sys/devices/virtual/block/" + w[1], w[2]);
    root_.write("/sys/devices/virtual/block/" + w[1] + "/md/level", w[3] + "\n");
    hold_all(w, 5);
  }
  void btrfs(const Words& w) {
    for (std::size_t i = 2; i < w.size(); ++i)
      link(blocks_.at(w[i]), "/sys/fs/btrfs/" + w[1] + "/devices/" + w[i]);
  }

  void net(const Words& w) {
    const std::string folder =
        w[1] == "-" ? "/sys/devices/virtual/net/" + w[2] : functions_.at(w[1]) + "/net/" + w[2];
    std::string flags = "0x1002";
    for (std::size_t i = 3; i < w.size(); ++i) {
      if (w[i] == "up") flags = "0x1003";
      if (w[i] == "bridge") fs::create_directories(root_.path() + folder + "/bridge");
      if (w[i] == "bond") fs::create_directories(root_.path() + folder + "/bonding");
    }
    root_.write(folder + "/flags", flags + "\n");
    link(folder, "/sys/class/net/" + w[2]);
    interfaces_[w[2]] = folder;
  }
  void upper(const Words& w) {
    const std::string &lower = interfaces_.at(w[1]), &above = interfaces_.at(w[2]);
    link(above, lower + "/upper_" + w[2]);
    link(lower, above + "/lower_" + w[1]);
    if (w[0] == "master") link(above, lower + "/master");
    if (w.size() > 3) link(above, lower + "/brport/bridge");
  }

  void character(const std::string& folder, const std::string& number, const std::string& subsystem) {
    root_.write(folder + "/dev", number + "\n");
    link("/sys/class/" + subsystem, folder + "/subsystem");
    link(folder, "/sys/dev/char/" + number);
    link(folder, "/sys/class/" + subsystem + "/" + last(folder));
  }

  void input(const Words& w) {
    const std::string name = "input" + std::to_string(inputs_++);
    const auto slash = w[1].find('/');
    const bool on_pci = functions_.contains(w[1].substr(0, slash));
    const std::string folder =
        (on_pci ? functions_.at(w[1].substr(0, slash)) + w[1].substr(slash) : "/sys/devices/" + w[1]) +
        "/input/" + name;
    std::string title = w[2], ev = "3", key = "0", rel = "0", abs = "0";
    for (auto& c : title)
      if (c == '_') c = ' ';
    // As real ones show them; "buttons" is a power button: one key.
    for (std::size_t i = 3; i < w.size(); ++i) {
      if (w[i] == "keyboard")
        ev = "120013", key = "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe";
      if (w[i] == "mouse") ev = "17", key = "ff0000 0 0 0 0", rel = "903";
      if (w[i] == "touchpad") ev = "b", key = "e520 10000 0 0 0 0", abs = "2e0800000000003";
      if (w[i] == "buttons") key = "10000000000000 0";
    }
    root_.write(folder + "/name", title + "\n");
    root_.write(folder + "/capabilities/ev", ev + "\n");
    root_.write(folder + "/capabilities/key", key + "\n");
    root_.write(folder + "/capabilities/rel", rel + "\n");
    root_.write(folder + "/capabilities/abs", abs + "\n");
    // uinput's are directly below "virtual", without a second "input".
    link(folder, "/sys/class/input/" + name);
  }

  void process(const Words& w) {
    const std::string folder = "/proc/" + w[1];
    root_.write(folder + "/comm", w[2] + "\n");
    root_.write(folder + "/stat",
                w[1] + " (" + w[2] + ") S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n");
    int fd = 0;
    std::string maps =
        "55d0c0000000-55d0c0021000 rw-p 00000000 00:00 0                          [heap]\n"
        "7f0000000000-7f0000200000 r-xp 00001000 fe:01 131078                     /usr/lib/libc.so.6\n";
    fs::create_directories(root_.path() + folder + "/fd");
    const auto open = [&](const std::string& target) {
      fs::create_symlink(target, root_.path() + folder + "/fd/" + std::to_string(fd++));
    };
    open("socket:[4711]");
    for (std::size_t i = 3; i < w.size(); ++i) {
      if (w[i].compare(0, 5, "open=") == 0) open(w[i].substr(5));
      if (w[i].compare(0, 4, "map=") == 0)
        maps += "7f10000000" + std::to_string(10 + i) + "000-7f20000000" + std::to_string(10 + i) +
                "000 rw-s 00000000 00:06 " + std::to_string(400 + i) + "                        " +
                w[i].substr(4) + "\n";
    }
    root_.write(folder + "/maps", maps);
  }

  const TemporaryRoot& root_;
  std::map<std::string, std::string> functions_, blocks_, interfaces_;
  int inputs_ = 0;
};

}  // namespace

void write_host(const TemporaryRoot& root, const std::string& description) {
  Host host(root);
  std::istringstream lines(description);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line.substr(0, line.find('#')));
    Words words;
    for (std::string word; in >> word;) words.push_back(word);
    if (!words.empty()) host.line(words);
  }
}

}  // namespace qh::fakes
