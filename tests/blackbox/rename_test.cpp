// A guest that was renamed (virsh domrename) keeps its conf.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "blackbox/program.h"
#include "core/text.h"

using nlohmann::json;
using qh::blackbox::Program;
namespace fs = std::filesystem;

namespace {

const std::string uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
const std::string folder = "/etc/libvirt/qemu-hook/guests/";

std::string xml_of(const std::string& name) {
  return "<domain><name>" + name + "</name><uuid>" + uuid +
         "</uuid><devices><hostdev mode='subsystem' type='pci'><source><address "
         "bus='0x02'/></source></hostdev>"
         "</devices></domain>";
}

std::string conf_of(const std::string& name, const std::string& setting = "detach = \"never\"") {
  return "# mine\nguest = '" + name + "'  # a comment\nuuid  = \"" + uuid +
         "\"\n\n[[device]]\naddress = \"02:00.0\"\nidentity = \"8086:10d3 8086:0000 020000\"\n" + setting +
         " # as it is\n";
}

// The conf is of "old", which is now "new".
struct Renamed : Program {
  Renamed() {
    kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
    kernel.add_driver("vfio-pci");
    root.write(folder + "old.toml", conf_of("old"));
    ::chmod((root.path() + folder + "old.toml").c_str(), 0640);
    root.write("/etc/libvirt/qemu/new.xml", xml_of("new"));
    root.write("/domains/new", xml_of("new"));
  }
  bool has(const std::string& name) const { return root.exists(folder + name + ".toml"); }
  std::string conf(const std::string& name) const { return root.read(folder + name + ".toml"); }
  std::string log_text() { return qh::join(log(), "\n"); }
};

std::string new_conf() {
  std::string text = conf_of("old");
  text.replace(text.find("'old'"), 5, "\"new\"");
  return text;
}

}  // namespace

TEST_CASE("rename: the next start takes the conf along, byte for byte but for the name") {
  Renamed p;
  CHECK(p.hook("new", "prepare", "begin", xml_of("new")).status == 1);  // its detach = "never" holds
  CHECK(p.conf("new") == new_conf());
  CHECK_FALSE(p.has("old"));
  struct stat status {};
  REQUIRE(::stat((p.root.path() + folder + "new.toml").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
  const std::string log = p.log_text();
  CAPTURE(log);
  CHECK(log.find("the guest was renamed: its conf " + p.root.path() + folder + "old.toml is now " +
                 p.root.path() + folder + "new.toml") != std::string::npos);
  CHECK(std::distance(fs::directory_iterator(p.root.path() + folder), {}) == 1);
  // Once.
  p.hook("new", "prepare", "begin", xml_of("new"));
  CHECK(p.log_text().find("renamed") == std::string::npos);
}

TEST_CASE("rename: --setup does it too and says so") {
  Renamed p;
  const auto ran = p.command({"--setup", "new"});
  CHECK(ran.status == 0);
  CHECK(ran.out.find("new: wrote ") == 0);
  CHECK(ran.out.find("kept      0000:02:00.0") != std::string::npos);
  CHECK(ran.err.find("the guest was renamed: its conf ") != std::string::npos);
  CHECK(p.conf("new") == new_conf());
  CHECK_FALSE(p.has("old"));
}

TEST_CASE("rename: --setup --all does it too") {
  Renamed p;
  CHECK(p.command({"--setup", "--all"}).status == 0);
  CHECK(p.conf("new") == new_conf());
  CHECK_FALSE(p.has("old"));
}

TEST_CASE("rename: what changes nothing reads the conf as if it had its new name") {
  Renamed p;
  const std::string before = p.files();
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"--check", "new"}, {"--plan", "new"}, {"--setup", "new", "--dry-run"}}) {
    CAPTURE(command[0]);
    auto arguments = command;
    arguments.push_back("--json");
    const auto ran = p.command(arguments);
    CHECK(ran.out.find("never") != std::string::npos);  // the finding about it
    CHECK(ran.err.find("the guest was renamed: ") != std::string::npos);
    CHECK(ran.err.find("old.toml is read as its conf") != std::string::npos);
  }
  std::string after = p.files();
  const auto calls = after.find("/libvirt-calls");
  CHECK(calls == std::string::npos);
  CHECK(after == before);
}

TEST_CASE("rename: with write_confs = false the conf is read and stays where it is") {
  Renamed p;
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "write_confs = false\n");
  p.root.write(folder + "old.toml", conf_of("old", "reset = \"flr\""));
  CHECK(p.hook("new", "prepare", "begin", xml_of("new")).status == 0);
  CHECK(p.conf("old") == conf_of("old", "reset = \"flr\""));
  CHECK_FALSE(p.has("new"));
  p.log();
  p.hook("new", "stopped", "end", xml_of("new"));
  CHECK(p.log_text().find("flr") != std::string::npos);
}

TEST_CASE("rename: a name that is still defined keeps its conf") {
  Renamed p;
  SUBCASE("") {
    p.root.write("/etc/libvirt/qemu/old.xml", xml_of("old"));
  }
  SUBCASE("") {
    p.root.write("/run/libvirt/qemu/old.xml", "<domstatus/>");
  }
  SUBCASE("") {
    p.root.write("/run/libvirt/qemu/old.pid", "1\n");
  }
  CHECK(p.hook("new", "prepare", "begin", xml_of("new")).status == 0);
  CHECK(p.conf("old") == conf_of("old"));
  CHECK(p.conf("new").find("guest = \"new\"") != std::string::npos);
}

TEST_CASE("rename: a conf of another uuid is another guest's") {
  Renamed p;
  std::string other = conf_of("old");
  other.replace(other.find("4dea"), 4, "5dea");
  p.root.write(folder + "old.toml", other);
  CHECK(p.hook("new", "prepare", "begin", xml_of("new")).status == 0);
  CHECK(p.conf("old") == other);
  CHECK(p.has("new"));
}

TEST_CASE("rename: of two confs with the uuid none is taken, and both are named") {
  Renamed p;
  p.root.write(folder + "older.toml", conf_of("older"));
  CHECK(p.hook("new", "prepare", "begin", xml_of("new")).status == 0);
  CHECK(p.conf("old") == conf_of("old"));
  CHECK(p.conf("older") == conf_of("older"));
  CHECK(p.conf("new").find("detach = \"never\"") == std::string::npos);
  const std::string log = p.log_text();
  CHECK(log.find("old.toml and " + p.root.path() + folder + "older.toml") != std::string::npos);
}

TEST_CASE("rename: a conf that cannot be read stays, and is named if it could have been the one") {
  Renamed p;
  p.root.write(folder + "old.toml", conf_of("old", "detach = never"));
  p.root.write(folder + "other.toml", "guest = \n");
  CHECK(p.hook("new", "prepare", "begin", xml_of("new")).status == 0);
  CHECK(p.conf("old") == conf_of("old", "detach = never"));
  CHECK(p.has("new"));
  const std::string log = p.log_text();
  CHECK(log.find("old.toml:8:") != std::string::npos);
  CHECK(log.find("other.toml") == std::string::npos);
}

TEST_CASE("rename: a conf that has its new name already gets the rest") {
  // The file was renamed by hand, or the hook was killed just then.
  Renamed p;
  fs::rename(p.root.path() + folder + "old.toml", p.root.path() + folder + "new.toml");
  p.hook("new", "prepare", "begin", xml_of("new"));
  CHECK(p.conf("new") == new_conf());
}

TEST_CASE("rename: a guest with a conf does not look at others'") {
  Renamed p;
  p.root.write(folder + "new.toml", conf_of("new"));
  p.root.write(folder + "old.toml", conf_of("old", "detach = never"));
  p.hook("new", "prepare", "begin", xml_of("new"));
  CHECK(p.conf("new") == conf_of("new"));
  CHECK(p.log_text().find("old.toml") == std::string::npos);
}

TEST_CASE("rename: the XML of another guest tells nothing of a rename") {
  Renamed p;
  const auto ran = p.command({"--setup", "third", "--xml", "-"}, xml_of("new"));
  CHECK(ran.status == 0);
  CHECK(p.has("old"));
  CHECK(p.conf("third").find(uuid) == std::string::npos);
}

TEST_CASE("rename: --prune leaves the conf to the renamed guest") {
  Renamed p;
  p.root.write(folder + "gone.toml", "guest = \"gone\"\n");
  const auto ran = p.command({"--prune", "--json"});
  CHECK(ran.status == 0);
  CHECK(p.has("old"));
  CHECK_FALSE(p.has("gone"));
  CHECK(ran.err.find("old.toml") != std::string::npos);
  CHECK(ran.err.find("qemu-hook --setup new") != std::string::npos);
}
