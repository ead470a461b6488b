// The completions, as the shells run them.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "blackbox/program.h"

using qh::blackbox::Program;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string shell(const Program& p, const std::string& interpreter, const std::string& script, int& status) {
  p.root.write("/script", script);
  std::filesystem::create_directories(p.root.path() + "/bin");
  std::error_code error;
  std::filesystem::create_symlink(QH_PROGRAM, p.root.path() + "/bin/qemu-hook", error);
  const std::string call = "HOME=" + p.root.path() + " QEMU_HOOK_ROOT=" + p.root.path() +
                           " PATH=" + p.root.path() + "/bin:$PATH " + interpreter + " " + p.root.path() +
                           "/script 2>&1";
  FILE* pipe = ::popen(call.c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), n);
  status = WEXITSTATUS(::pclose(pipe));
  return out;
}

// What bash offers behind `words`, the last one of which is being typed.
std::string offered(Program& p, const std::vector<std::string>& words) {
  std::string script = p.command({"--completion", "bash"}).out + "COMP_WORDS=(qemu-hook";
  for (const auto& word : words) script += " '" + word + "'";
  script +=
      ")\nCOMP_CWORD=" + std::to_string(words.size()) + "\n_qemu_hook\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  int status = -1;
  const auto out = shell(p, "bash --norc", script, status);
  CHECK(status == 0);
  return "\n" + out;
}

bool is_installed(const char* name) {
  return std::filesystem::exists(std::string("/usr/bin/") + name);
}

// What fish offers behind a command line, "WORD TAB what it is" a line.
std::string fish_offers(Program& p, const std::string& line) {
  int status = -1;
  const auto out =
      shell(p, "fish --no-config",
            p.command({"--completion", "fish"}).out + "complete -C 'qemu-hook " + line + "'\n", status);
  CHECK(status == 0);
  return "\n" + out;
}

// What stands on the command lines when the tabulator has been pressed behind them, in a zsh on a
// pseudo-terminal.
std::string zsh_completes(Program& p, const std::vector<std::string>& lines) {
  p.root.write("/zsh/_qemu-hook", p.command({"--completion", "zsh"}).out);
  const std::string shown = p.root.path() + "/shown";
  std::string script =
      "zmodload zsh/zpty\nzpty z zsh -f -i\nzpty -w z 'fpath=(" + p.root.path() +
      "/zsh $fpath); autoload -Uz compinit; compinit -u -D; bindkey \"^I\" complete-word; "
      "show() { print -r -- \"$BUFFER\" >>" +
      shown +
      "; BUFFER=; zle reset-prompt }; zle -N show; bindkey \"^G\" show; echo ready$((40+2))'\n"
      "zpty -r z out '*ready42*'\n";
  for (const auto& line : lines) script += "zpty -w -n z $'qemu-hook " + line + "\\t\\x07'\n";
  script += "zpty -w z 'echo done$((40+3)) >>" + shown + "'\n";
  script += "repeat 200; do while zpty -r -t z out; do :; done; grep -qs done43 " + shown +
            " && break; sleep 0.1; done\n";
  int status = -1;
  const auto out = shell(p, "zsh -f", script, status);
  CHECK_MESSAGE(status == 0, out);
  return "\n" + p.root.read("/shown");
}

void add_guests_and_a_device(Program& p) {
  p.kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
  p.root.write("/etc/libvirt/qemu/router.xml", "<domain><name>router</name></domain>");
  p.root.write("/etc/libvirt/qemu/it's a guest.xml", "<domain><name>it's a guest</name></domain>");
}

}  // namespace

TEST_CASE("completion: bash offers commands, their options, guests and addresses") {
  Program p;
  add_guests_and_a_device(p);
  CHECK(has(offered(p, {"--s"}), "\n--setup\n--status\n"));
  CHECK(offered(p, {"--setup", "ro"}) == "\nrouter\n");
  CHECK(has(offered(p, {"--setup", ""}), "\nit\\'s\\ a\\ guest\n"));
  CHECK(has(offered(p, {"--setup", "router", "--add", "00"}), "\n0000:02:00.0\n"));
  CHECK(has(offered(p, {"--setup", "router", "--"}),
            "\n--add\n--remove\n--reserve\n--dry-run\n--xml\n--json\n"));
  CHECK(offered(p, {"--setup", "router", "--reserve", "="}) == "\ndisplay\nall\nno\n");
  CHECK(offered(p, {"--setup", "router", "--reserve", "=", "a"}) == "\nall\n");
  CHECK(offered(p, {"--setup", "router", "--reserve", "--js"}) == "\n--json\n");
  CHECK(
      has(offered(p, {"--query", "is_"}), "\nis_gpu_passthrough_guest\nis_primary_gpu_passthrough_guest\n"));
  CHECK(offered(p, {"--query", "guest_devices", "r"}) == "\nrouter\n");
  CHECK(offered(p, {"--query", "all", "--device", ""}) == "\n0000:02:00.0\n");
  CHECK(offered(p, {"--query", "all", "--format", ""}) == "\nsh\ndot\n");
}

TEST_CASE("completion: fish offers the same") {
  if (!is_installed("fish")) return;
  Program p;
  add_guests_and_a_device(p);
  CHECK(has(fish_offers(p, "--s"), "\n--setup\tmake or update"));
  CHECK(has(fish_offers(p, "--s"), "\n--status\t"));
  CHECK(fish_offers(p, "--setup ro") == "\nrouter\n");
  CHECK(fish_offers(p, "--setup ") == "\nit's a guest\nrouter\n");
  CHECK(has(fish_offers(p, "--setup router --add 00"), "\n0000:02:00.0\t"));
  CHECK(has(fish_offers(p, "--setup router --add 0000:02:00.0 00"), "\n0000:02:00.0\t"));
  CHECK(has(fish_offers(p, "--setup router --"), "\n--dry-run\t"));
  CHECK(has(fish_offers(p, "--setup router --reserve=a"), "\n--reserve=all\t"));
  CHECK(has(fish_offers(p, "--query is_g"), "\nis_gpu_passthrough_guest\t"));
  CHECK(fish_offers(p, "--query guest_devices r") == "\nrouter\n");
  CHECK(has(fish_offers(p, "--query all --format "), "\nsh\t"));
}

TEST_CASE("completion: zsh completes the same") {
  if (!is_installed("zsh")) return;
  Program p;
  add_guests_and_a_device(p);
  CHECK(zsh_completes(p, {"--sta", "--setup ro", "--setup i", "--setup router --add 00",
                          "--setup router --add 0000:02:00.0 00", "--setup router --reserve=a",
                          "--query is_g", "--query guest_devices r", "--query all --device 0"}) ==
        "\nqemu-hook --status \nqemu-hook --setup router \nqemu-hook --setup it\\'s\\ a\\ guest \n"
        "qemu-hook --setup router --add 0000:02:00.0 \n"
        "qemu-hook --setup router --add 0000:02:00.0 0000:02:00.0 \n"
        "qemu-hook --setup router --reserve=all \n"
        "qemu-hook --query is_gpu_passthrough_guest \nqemu-hook --query guest_devices router \n"
        "qemu-hook --query all --device 0000:02:00.0 \ndone43\n");
}

TEST_CASE("completion: each shell can read its own, and it names every command") {
  Program p;
  for (const char* name : {"bash", "zsh", "fish"}) {
    const auto text = p.command({"--completion", name}).out;
    for (const char* command :
         {"setup", "check", "plan", "status", "detach", "reattach", "query", "prune", "add"})
      CHECK_MESSAGE(has(text, command), name);
    if (!is_installed(name)) continue;
    int status = -1;
    const auto out = shell(p, std::string(name) + " -n", text, status);
    CHECK_MESSAGE(status == 0, out);
  }
  CHECK(p.command({"--completion", "csh"}).status == 2);
}
