// `qemu-hook --query`, through the binary.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "blackbox/program.h"
#include "core/text.h"

using nlohmann::json;
using qh::blackbox::Program;

namespace {

using Arguments = std::vector<std::string>;

std::string hostdev(const std::string& bus, const std::string& function = "0") {
  return "<hostdev mode='subsystem' type='pci'><source><address bus='0x" + bus + "' function='0x" + function +
         "'/></source></hostdev>";
}
std::string domain(const std::string& name, const std::string& devices) {
  return "<domain><name>" + name + "</name><devices>" + devices + "</devices></domain>";
}

// Card 01 carries the console, card 02 does not; 03 is a network card.
void add_hardware(Program& p) {
  p.kernel.add_device({"0000:01:00.0", "10de:2484 1462:3909", "030000", "nvidia", "1"});
  p.kernel.add_device({"0000:01:00.1", "10de:228b 1462:3909", "040300", "snd_hda_intel", "1"});
  p.kernel.add_device({"0000:02:00.0", "1002:73bf 1462:3909", "030000", "amdgpu", "2"});
  p.kernel.add_device({"0000:03:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "3"});
  p.root.write("/sys/bus/pci/devices/0000:01:00.0/boot_vga", "1\n");
}

// win10 takes the console's card, linux the other one, router the network card (and has no conf).
void add_guests(Program& p) {
  add_hardware(p);
  CHECK(p.command({"--setup", "win10", "--xml", "-"}, domain("win10", hostdev("01") + hostdev("01", "1")))
            .status == 0);
  CHECK(p.command({"--setup", "linux", "--xml", "-"}, domain("linux", hostdev("02"))).status == 0);
  p.root.write("/etc/libvirt/qemu/router.xml", domain("router", hostdev("03")));
  p.root.write("/etc/libvirt/qemu/plain.xml", domain("plain", ""));
}

std::string ask(Program& p, Arguments arguments) {
  arguments.insert(arguments.begin(), "--query");
  const auto ran = p.command(arguments);
  CHECK(ran.status == 0);
  CHECK(ran.err.empty());
  return ran.out;
}

// What `shell` makes of a script on its stdin.
std::string evaluated(const std::string& shell, const Program& p, const std::string& script) {
  const std::string file = p.root.path() + "/script";
  p.root.write("/script", script);
  FILE* pipe = ::popen((shell + " " + file + " 2>&1").c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  CHECK(WEXITSTATUS(status) == 0);
  return out;
}

}  // namespace

TEST_CASE("--query: every variable") {
  Program p;
  add_guests(p);
  CHECK(ask(p, {"guest_devices", "win10"}) == "0000:01:00.0\n0000:01:00.1\n");
  CHECK(ask(p, {"guest_devices"}).empty());
  CHECK(ask(p, {"guest_devices", "router"}) == "0000:03:00.0\n");
  CHECK(ask(p, {"guest_devices", "plain"}).empty());
  CHECK(ask(p, {"guest_devices", "nobody"}).empty());
  CHECK(ask(p, {"guest-devices", "linux"}) == "0000:02:00.0\n");  // as the module before this one spelled it
  CHECK(ask(p, {"devices_with_virsh_format", "win10"}) == "pci_0000_01_00_0\npci_0000_01_00_1\n");
  CHECK(ask(p, {"primary_gpu_passthrough_guests"}) == "win10\n");
  CHECK(ask(p, {"gpu_passthrough_guests"}) == "linux\n");
  CHECK(ask(p, {"guest_gpu_device", "win10"}) == "0000:01:00.0\n");
  CHECK(ask(p, {"guest_gpu_device", "router"}).empty());
  CHECK(ask(p, {"is_gpu_passthrough_guest", "linux"}) == "linux\n");
  CHECK(ask(p, {"is_gpu_passthrough_guest", "win10"}).empty());
  CHECK(ask(p, {"is_primary_gpu_passthrough_guest", "win10"}) == "win10\n");
  CHECK(ask(p, {"is_primary_gpu_passthrough_guest", "linux"}).empty());
  CHECK(ask(p, {"guest_name_by_pci_id", "--device", "0000:03:00.0"}) == "router\n");
  CHECK(ask(p, {"guest_name_by_pci_id", "--device", "0000:09:00.0"}).empty());
}

TEST_CASE("--query: --device in its four spellings, and what it narrows") {
  Program p;
  add_guests(p);
  for (const char* address : {"0000:01:00.1", "01:00.1", "pci_0000_01_00_1", "0000:01.00.1"}) {
    CHECK(ask(p, {"pci_id_with_virsh_format", "--device", address}) == "pci_0000_01_00_1\n");
    CHECK(ask(p, {"guest_name_by_pci_id", "--device", address}) == "win10\n");
    CHECK(ask(p, {"guest_devices", "win10", "--device", address}) == "0000:01:00.1\n");
  }
  CHECK(ask(p, {"guest_devices", "--device", "02:00.0"}) == "0000:02:00.0\n");
  CHECK(ask(p, {"guest_devices", "win10", "--device", "02:00.0"}).empty());
  CHECK(ask(p, {"primary_gpu_passthrough_guests", "--device", "02:00.0"}).empty());
  CHECK(ask(p, {"gpu_passthrough_guests", "--device", "02:00.0"}) == "linux\n");
  CHECK(ask(p, {"is_primary_gpu_passthrough_guest", "--device", "01:00.0"}) == "win10\n");
  CHECK(ask(p, {"is_primary_gpu_passthrough_guest", "--device", "01:00.1"}).empty());  // its sound is no GPU
}

TEST_CASE("--query: the conf's gpu, and the host's default for it") {
  Program p;
  add_guests(p);
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "[defaults]\ngpu = \"none\"\n");
  CHECK(ask(p, {"primary_gpu_passthrough_guests"}).empty());
  CHECK(ask(p, {"guest_gpu_device", "win10"}).empty());
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "");
  const std::string conf = "/etc/libvirt/qemu-hook/guests/linux.toml";
  std::string text = p.root.read(conf);
  p.root.write(conf, text.replace(text.find("\"auto\""), 6, "\"primary\""));
  CHECK(ask(p, {"primary_gpu_passthrough_guests"}) == "linux\nwin10\n");
}

TEST_CASE("--query all: plain, for the shell, as JSON") {
  Program p;
  add_guests(p);
  const auto plain = ask(p, {"all", "win10"});
  CHECK(plain.find("guest_devices: 0000:01:00.1\n") != std::string::npos);
  CHECK(plain.find("gpu_passthrough_guests: linux\n") != std::string::npos);
  CHECK(ask(p, {"all", "win10", "--format", "sh"}) ==
        "guest_devices='0000:01:00.0\n0000:01:00.1'\n"
        "devices_with_virsh_format='pci_0000_01_00_0\npci_0000_01_00_1'\n"
        "primary_gpu_passthrough_guests='win10'\ngpu_passthrough_guests='linux'\n"
        "guest_gpu_device='0000:01:00.0'\nis_gpu_passthrough_guest=''\n"
        "is_primary_gpu_passthrough_guest='win10'\npci_id_with_virsh_format=''\nguest_name_by_pci_id=''\n");
  const auto object = json::parse(ask(p, {"all", "linux", "--device", "02:00.0", "--json"}));
  CHECK(object.size() == 9);
  CHECK(object["guest_devices"] == json::array({"0000:02:00.0"}));
  CHECK(object["is_gpu_passthrough_guest"] == json::array({"linux"}));
  CHECK(object["primary_gpu_passthrough_guests"] == json::array());
  CHECK(object["guest_name_by_pci_id"] == json::array({"linux"}));
}

TEST_CASE("--query --format sh is safe to eval for any name") {
  for (const std::string name : {"a'b",
                                 "'; touch pwned; '",
                                 "$(touch pwned)",
                                 "`touch pwned`",
                                 "a\\",
                                 "\\'",
                                 "two  words",
                                 "*",
                                 "-n",
                                 "a\"b",
                                 "!x",
                                 "#x",
                                 "~",
                                 "a;b&c|d",
                                 "tab\there",
                                 "$HOME",
                                 "${x}",
                                 "größe",
                                 "''",
                                 "a=b"}) {
    Program p;
    add_hardware(p);
    REQUIRE(p.command({"--setup=" + name, "--xml", "-"}, domain("x", hostdev("02"))).status == 0);
    for (const char* shell : {"dash", "bash"}) {
      const std::string script = "cd " + p.root.path() + "\n" +
                                 ask(p, {"all", "--device", "02:00.0", "--format", "sh"}) +
                                 "printf %s \"$gpu_passthrough_guests\"\n[ ! -e pwned ]\n";
      CHECK_MESSAGE(evaluated(shell, p, script) == name, shell);
    }
  }
}

TEST_CASE("--query: wrong calls say what was meant") {
  Program p;
  const auto unknown = p.command({"--query", "guest_device"});
  CHECK(unknown.status == 2);
  CHECK(unknown.err.find("did you mean guest_devices?") != std::string::npos);
  CHECK(p.command({"--query", "guest_name_by_pci_id"}).status == 2);
  CHECK(p.command({"--query", "guest_devices", "--device", "0000-01"}).status == 2);
  CHECK(p.command({"--query", "all", "--format", "fish"}).status == 2);
  CHECK(p.command({"--query", "all", "--format", "sh", "--json"}).status == 2);
  CHECK(p.command({"--status", "--device", "01:00.0"}).status == 2);
}

TEST_CASE("QEMU_HOOK_ROOT is ignored where the program has more rights than its caller" *
          doctest::skip(::geteuid() != 0)) {
  Program p;
  add_guests(p);
  const std::string copy = p.root.path() + "/qemu-hook";
  std::filesystem::copy_file(QH_PROGRAM, copy);
  const auto answer = [&](unsigned mode) {
    std::filesystem::permissions(copy, std::filesystem::perms(mode));
    return evaluated("sh", p,
                     "QEMU_HOOK_ROOT=" + p.root.path() + " setpriv --reuid 65534 --clear-groups " + copy +
                         " --query guest_devices linux\n");
  };
  CHECK(answer(0755) == "0000:02:00.0\n");
  CHECK(answer(04755).empty());
}

TEST_CASE("--query: a guest whose files cannot be read has no devices") {
  Program p;
  add_hardware(p);
  p.root.write("/etc/libvirt/qemu/broken.xml", "<domain><hostdev mode='subsystem'");
  p.root.write("/etc/libvirt/qemu-hook/guests/both.toml", "guest = \n");
  p.root.write("/etc/libvirt/qemu/both.xml", "<hostdev");
  for (const char* guest : {"broken", "both"}) {
    const auto plain = p.command({"--query", "guest_devices", guest});
    CHECK(plain.status == 0);
    CHECK(plain.out.empty());
    CHECK(plain.err.find("not well-formed") != std::string::npos);
    const auto all = p.command({"--query", "all", guest, "--format", "sh"});
    CHECK(all.status == 0);
    CHECK(all.out.find("guest_devices=''\n") == 0);
    CHECK(json::parse(p.command({"--query", "all", guest, "--json"}).out)["guest_devices"].empty());
  }
}

TEST_CASE("--query: a conf that does not parse is warned of, and the others count") {
  Program p;
  add_guests(p);
  p.root.write("/etc/libvirt/qemu-hook/guests/broken.toml", "guest = \n");
  const auto ran = p.command({"--query", "gpu_passthrough_guests"});
  CHECK(ran.status == 0);
  CHECK(ran.out == "linux\n");
  CHECK(ran.err.find("broken.toml:1:") != std::string::npos);
}
