// qemu-hook --report [GUEST]
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/domain_source.h"
#include "cli/output.h"
#include "core/text.h"
#include "handover/conf.h"
#include "host/host_copy.h"
#include "host/processes/child.h"
#include "host/processes/sessions.h"

namespace qh::cli {
namespace {

constexpr Milliseconds patience{60'000};
constexpr std::size_t largest = 64U << 20U;

// What the command prints, into files in the folder, and what it reads, into the notebook there. In a child,
// so that nothing of it stays: --check can confine itself. The host is made there: a child has no part in the
// servant of its parent's.
void say(const std::string& root, const std::string& name, Command* command, const std::string& guest,
         const std::string& folder) {
  const auto said = host::run_in_child(name, patience, [&]() -> Result<std::string> {
    notebook = folder + "/notes";
    const host::RealHost host(root);
    Options options;
    options.command = command;
    options.guest = guest;
    for (const bool json : {true, false}) {  // which do not read all the same
      const std::string file = folder + "/said/" + name + (json ? ".json" : ".txt");
      const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      ::dup2(fd.get(), STDOUT_FILENO);
      if (!json) ::dup2(fd.get(), STDERR_FILENO);
      options.json = json;
      (void)command(host, options);
      std::fflush(nullptr);
    }
    return std::string();
  });
  if (!said) print_warning(said.error().message);
}

// Those that no text names as what they are: see Redaction::learn().
Redaction secrets_of(const host::Host& host) {
  Redaction secrets;
  const auto add_user = [&](std::string_view name, std::string_view uid) {
    const auto number = to_number(uid);
    if (number >= 1000 && number <= 60513) secrets.add(Redaction::user, name);  // systemd's docs/UIDS-GIDS.md
  };
  const auto users = host.read("/etc/passwd").value_or("");
  for (const auto line : split(users, '\n'))
    if (const auto field = split(line, ':'); field.size() > 4)
      for (const auto name : {field[0], field[4].substr(0, field[4].find(','))}) add_user(name, field[2]);
  for (const auto& session : host::list_sessions(host)) add_user(session.user_name, session.user);
  for (const char* file : {"/proc/sys/kernel/hostname", "/etc/hostname"}) {
    const std::string name = host.read(file).value_or("");
    secrets.add(Redaction::host, name);
    secrets.add(Redaction::host, name.substr(0, name.find('.')));
  }
  for (const auto& interface : host.sysfs.list("class/net"))
    secrets.learn(host.sysfs.read("class/net/" + interface + "/address").value_or(""));
  for (const auto& entry : host.list("/run/udev/data"))
    if (entry.starts_with('b')) secrets.learn(host.read("/run/udev/data/" + entry).value_or(""));
  return secrets;
}

// Makes NAME.tar.gz here. Gives what is in it, a file a line.
Result<std::string> make_report(const host::Host& host, const std::string& temporary,
                                const std::string& name) {
  auto copied = host::copy_of(host, temporary + "/notes");
  if (!copied) return fail_in("what was read could not be noted", copied.error());
  host::HostCopy& copy = *copied;
  for (const auto& file : list_folder(temporary + "/said"))
    copy["/report/" + file].text = read_file(temporary + "/said/" + file, largest).value_or("");
  for (const char* file : {"/proc/cmdline", "/proc/version", "/etc/os-release"})
    if (const auto text = host.read(file)) copy[file].text = *text;
  const auto ask = [&](const std::string& tool, std::vector<std::string> arguments) {
    const auto text = host::run_tool(tool, std::move(arguments), patience);
    copy["/report/" + tool + ".txt"].text = text ? *text : text.error().message + "\n";
  };
  if (!host.is_copy()) {
    ask("journalctl",
        {"--identifier=qemu-hook", "--since=-7days", "--lines=20000", "--no-hostname", "--quiet"});
    ask("virsh", {"--version"});
    ask("qemu-system-x86_64", {"--version"});
  }
  Redaction secrets = secrets_of(host);
  for (const auto& [path, file] : copy) secrets.learn(file.text);
  const std::string archive = name + ".tar.gz", made = temporary + "/" + archive;
  if (const auto written = host::write_copy(copy, temporary + "/" + name, secrets); !written)
    return fail(written.error());
  const auto packed =
      host::run_tool("tar", {"-C", temporary, "--numeric-owner", "-czf", made, name}, patience);
  if (!packed) return packed;
  // Which follows no link that somebody has put here.
  if (const auto moved = host::run_tool("mv", {made, archive}, patience); !moved) return moved;
  std::string list;
  int more = 0;
  for (const auto& [path, file] : copy) {
    if (path.starts_with("/sys/") || path.starts_with("/proc/") || path.starts_with("/dev/"))
      ++more;
    else if (S_ISREG(file.mode))
      list += secrets.applied(path).substr(1) + "\n";
  }
  return list + std::to_string(more) + " entries of sys, proc and dev";
}

}  // namespace

Exit report(const host::Host& host, const Options& options) {
  const auto conf = handover::load_host_conf(host).value_or(config::HostConf{});
  if (!options.guest.empty())
    if (const auto found = find_domain(host, options, conf); !found) return failed(options, found.error());
  if (::geteuid() != 0)
    print_warning(
        "without root the report lacks what only root may read; run this again as root for the whole");
  // Whoever interrupts it waits for its end, so that nothing is left behind.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  ::umask(077);
  std::string temporary = "/tmp/qemu-hook-report-XXXXXX";
  if (::mkdtemp(temporary.data()) == nullptr) return failed(options, system_error("make", temporary, errno));
  (void)::mkdir((temporary + "/said").c_str(), 0700);
  (void)Fd(::open((temporary + "/notes").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  say(host.root, "check-host", check, "", temporary);
  say(host.root, "status", status, "", temporary);
  say(host.root, "devices", devices, "", temporary);
  say(host.root, "version", version, "", temporary);
  if (!options.guest.empty()) say(host.root, "check", check, options.guest, temporary);
  if (!options.guest.empty()) say(host.root, "plan", plan, options.guest, temporary);
  const std::string name = temporary.substr(temporary.rfind('/') + 1);
  // A file may lie on a server that does not answer.
  const auto made = host::run_in_child("making the report", 4 * patience, [&] {
    return make_report(host::RealHost(host.root), temporary, name);
  });
  (void)host::run_tool("rm", {"-rf", "--", temporary}, patience);
  if (!made) return failed(options, made.error());
  return print(options, {{"ok", true}, {"file", name + ".tar.gz"}, {"contents", split(*made, '\n')}},
               name + ".tar.gz has in it:\n  " + replaced(*made, '\n', "\n  ") +
                   "\nUnpacked, it says the same elsewhere:\n  QEMU_HOOK_ROOT=" + name +
                   " qemu-hook --check" + (options.guest.empty() ? "" : " " + shell_quoted(options.guest)) +
                   "\nPasswords, serial numbers, MAC addresses and names of users and hosts are replaced."
                   " Nothing was sent anywhere.\nLook through it before you attach it to an issue.\n");
}

}  // namespace qh::cli
