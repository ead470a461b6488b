// The manual against the program: what one knows, the other knows too.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "blackbox/program.h"
#include "cli/options.h"
#include "cli/variables.h"
#include "config/guest_conf.h"
#include "config/guest_settings.h"
#include "config/host_conf.h"
#include "core/contains.h"
#include "core/text.h"
#include "host/names.h"

using namespace qh;
using blackbox::Program;

namespace {

using Texts = std::vector<std::string>;
using Set = std::set<std::string>;

std::string source(const std::string& file) {
  std::ifstream in(QH_SOURCE_FOLDER "/" + file);
  REQUIRE_MESSAGE(in.good(), file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What the first group of the pattern matches, each time.
Texts all_matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  Texts all;
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
    all.push_back((*at)[1]);
  return all;
}
Set set_of(const Texts& texts) {
  return {texts.begin(), texts.end()};
}

// So that a failed comparison shows it.
std::string listed(const Set& texts) {
  return join({texts.begin(), texts.end()});
}

// Without scdoc's marks for bold and underlined words, scdoc(5).
std::string unmarked(std::string_view text) {
  const auto alnum = [&](std::size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size())
      out += text[++i];
    else if (text[i] != '*' && (text[i] != '_' || (i > 0 && alnum(i - 1) && alnum(i + 1))))
      out += text[i];
  }
  return out;
}

// A page by its sections: "COMMANDS", and "GUEST.TOML [[device]]" for what stands below a smaller heading.
class Page {
 public:
  explicit Page(const std::string& name) {
    const std::string text = source("install/man/" + name + ".scd");
    std::string section, subsection;
    bool is_literal = false;
    for (const auto line : split(text, '\n')) {
      if (line == "```") is_literal = !is_literal;
      if (is_literal) {
        lines_[section + subsection].emplace_back(line);
      } else if (line.starts_with("# ")) {
        section = line.substr(2);
        subsection.clear();
      } else if (line.starts_with("## ")) {
        subsection = " " + std::string(line.substr(3));
      } else {
        lines_[section + subsection].emplace_back(line);
      }
    }
  }

  const Texts& lines(const std::string& section) const {
    const auto found = lines_.find(section);
    REQUIRE_MESSAGE(found != lines_.end(), section);
    return found->second;
  }
  // The headings of a section's paragraphs, without marks: what indented text explains.
  Texts heads(const std::string& section) const {
    Texts all;
    const auto& text = lines(section);
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      const bool more = text[i].ends_with(" ++");
      if (text[i].empty() || text[i].starts_with('\t') || (!more && !text[i + 1].starts_with('\t'))) continue;
      all.push_back(unmarked(more ? text[i].substr(0, text[i].size() - 3) : text[i]));
    }
    REQUIRE_FALSE(all.empty());
    return all;
  }
  // What stands between ``` and ```, in one section or in all.
  Texts literals(const std::string& only = "") const {
    Texts all;
    for (const auto& [section, text] : lines_) {
      bool inside = false;
      for (const auto& line : text) {
        if (line == "```") {
          inside = !inside;
          if (inside && (only.empty() || section == only)) all.emplace_back();
        } else if (inside && (only.empty() || section == only)) {
          all.back() += line + "\n";
        }
      }
    }
    return all;
  }
  std::string all() const {
    std::string text;
    for (const auto& [section, lines] : lines_) text += join(lines, "\n") + "\n";
    return text;
  }

 private:
  std::map<std::string, Texts> lines_;
};

const std::string page = "qemu-hook.8", conf_page = "qemu-hook.toml.5";

// The words of "qemu-hook --setup win10  # comment", to where the shell takes over; empty: no call.
Texts call_in(const std::string& line) {
  constexpr std::string_view name = "qemu-hook --";
  const auto at = line.find(name);
  if (at == std::string::npos) return {};
  const std::string call = line.substr(at + 10, line.find_first_of("|)>#;", at) - at - 10);
  Texts words;
  for (const auto word : split(call, ' '))
    if (!word.empty()) words.emplace_back(word);
  return words;
}

// A key of a conf as the page has it: where, and "gpu = "auto" | "primary"".
struct Key {
  std::string place, name, values, by_default;
};

std::vector<Key> keys_in(const Page& p, const std::string& section, const std::string& place) {
  std::vector<Key> all;
  for (const auto& head : p.heads(section)) {
    const auto equals = head.find(" = ");
    const std::string values = equals == std::string::npos ? "" : head.substr(equals + 3);
    const std::string names = head.substr(0, equals);
    for (const auto name : split(names, ',')) all.push_back({place, std::string(trimmed(name)), values, ""});
  }
  std::size_t at = 0;
  for (const auto& line : p.lines(section)) {
    const std::string text = unmarked(line);
    if (at < all.size() && text.starts_with(all[at].name) && !line.starts_with('\t')) ++at;
    if (text.starts_with("\tDefault: ")) {
      REQUIRE(at > 0);
      all[at - 1].by_default = text.substr(10);
    }
  }
  return all;
}

// A conf in which only this key is set.
Error error_of(const Key& key, const std::string& value) {
  const std::string line = key.name + " = " + value + "\n";
  if (key.place == "guest" || key.place == "[[device]]") {
    const std::string address = key.name == "address" ? "" : "address = \"0000:01:00.0\"\n";
    const auto conf =
        config::parse_guest_conf((key.place == "guest" ? "" : key.place + "\n" + address) + line, "a.toml");
    return conf ? Error{} : conf.error();
  }
  const auto conf = config::parse_host_conf((key.place.empty() ? "" : key.place + "\n") + line, "host.toml");
  return conf ? Error{} : conf.error();
}

std::string defaults_of(const std::vector<Key>& keys, const std::string& place) {
  std::string text;
  for (const auto& key : keys)
    if (key.place == place && !key.by_default.empty()) text += key.name + " = " + key.by_default + "\n";
  return text;
}

std::vector<Key> host_keys(const Page& p) {
  auto all = keys_in(p, "HOST.TOML", "");
  for (const char* header : {"[deadlines]", "[defaults]"})
    for (auto& key : keys_in(p, "HOST.TOML " + std::string(header), header)) all.push_back(std::move(key));
  return all;
}
std::vector<Key> guest_keys_of(const Page& p) {
  auto all = keys_in(p, "GUEST.TOML", "guest");
  for (auto& key : keys_in(p, "GUEST.TOML [[device]]", "[[device]]")) all.push_back(std::move(key));
  return all;
}

}  // namespace

TEST_CASE("manual: the commands and options are those of --help, with their arguments and in its order") {
  Program p;
  const Page manual(page);
  Texts helped;
  const std::string help = p.command({"--help"}).out;
  for (const auto line : split(help, '\n'))
    if (line.starts_with("  --")) helped.emplace_back(trimmed(line.substr(0, line.find("  ", 2))));
  Texts written = manual.heads("COMMANDS");
  for (auto& head : manual.heads("OPTIONS")) written.push_back(std::move(head));
  CHECK(join(written, "\n") == join(helped, "\n"));
}

TEST_CASE("manual: the synopsis gives each command the options that it takes") {
  std::map<std::string, Set> written, known;
  std::string call;
  const Page manual(page);
  for (const auto& line : manual.lines("SYNOPSIS")) {
    if (!line.starts_with('\t')) call.clear();
    for (const auto& word : all_matches(unmarked(line), "(--[a-z-]+)")) {
      if (call.empty())
        written[call = word];
      else
        written[call].insert(word);
    }
  }
  for (const auto& command : cli::command_table()) {
    if (!command.is_command()) continue;
    auto& options = known[command.name];
    for (const auto& option : cli::command_table())
      if (option.goes_with(command)) options.insert(option.name);
  }
  CHECK(written == known);
}

TEST_CASE("manual: no text names an option that the program does not have") {
  Set known{"--uninstall", "--no-reload", "--force", "--purge", "--tree"};  // install.sh's
  for (const auto& row : cli::command_table()) known.insert(row.name);
  for (const auto& name : {page, conf_page})
    for (const auto& option : all_matches(Page(name).all(), "(?:^|[^-a-z])(--[a-z][a-z-]*)"))
      CHECK_MESSAGE(known.contains(option), option);
}

TEST_CASE("manual: the query variables") {
  Texts known;
  for (const auto& v : cli::variables()) known.emplace_back(v.name);
  known.emplace_back("all");
  CHECK(join(Page(page).heads("QUERY VARIABLES")) == join(known));
}

TEST_CASE("manual: each check that the program can name in a finding, and no other") {
  // "add(out, "name"", "refuse(out, "name"", "{"name", Severity::…" and the like.
  const std::string finding =
      R"re((?:(?:add|refuse)\(\s*out,\s*|\{)"([A-Za-z -]+)",\s*(?:Severity::|d\.conf|s\.guest|d,|a,|c\.|s\.screen|s\.sees_all|survey))re";
  Set guests, hosts;
  for (const auto& file : std::filesystem::directory_iterator(QH_SOURCE_FOLDER "/hook/handover/checks"))
    for (auto& name : all_matches(source("hook/handover/checks/" + file.path().filename().string()), finding))
      guests.insert(name);
  for (auto& name : all_matches(source("hook/handover/readiness.cpp"), finding)) hosts.insert(name);
  CHECK(guests.size() >= 17);
  const Page manual(page);
  CHECK(listed(set_of(manual.heads("CHECKS"))) == listed(guests));
  auto written = set_of(manual.heads("CHECKS Checks of the host"));
  for (const char* shared : {"IOMMU", "driver"}) written.insert(shared);  // explained above
  hosts.insert("driver");                                                 // by missing_vfio()
  CHECK(listed(written) == listed(hosts));
}

TEST_CASE("manual: the events that the hook acts on, exit statuses, the environment") {
  const Page manual(page);
  CHECK(set_of(manual.heads("LIBVIRT'S CALLS")) ==
        set_of(all_matches(source("hook/event/hook.cpp"), "\\{\"([a-z]+ [a-z-]+)\", [a-z_]+\\}")));
  Texts statuses;
  for (const auto status : {cli::Exit::done, cli::Exit::refused, cli::Exit::wrong_call})
    statuses.push_back(std::to_string(static_cast<int>(status)));
  CHECK(manual.heads("EXIT STATUS") == statuses);
  CHECK(manual.heads("ENVIRONMENT") == all_matches(source("hook/main.cpp"), "getenv\\(\"([A-Z_]+)\"\\)"));
}

TEST_CASE("manual: the files") {
  const std::string guest = "GUEST", shipped = "/etc/libvirt/qemu-hook/guests/example.toml.sample";
  Set known{names::host_conf,
            names::guest_conf(guest),
            names::journal(guest),
            names::guest_conf(guest) + ".pruned",
            names::udev_rules,
            names::trial_result,
            names::domain_file(guest),
            names::libvirt_hook,
            std::string(names::libvirt_hook_folder) + "/50-qemu-hook",
            "/etc/libvirt/hooks/daemon.d/50-qemu-hook",
            shipped};
  for (const auto& file : std::filesystem::directory_iterator(QH_SCHEMA_FOLDER))
    known.insert("/usr/share/qemu-hook/" + file.path().filename().string());
  for (const auto& file : std::filesystem::directory_iterator(QH_SOURCE_FOLDER "/install/selinux"))
    known.insert("/usr/share/qemu-hook/" + file.path().filename().string());
  const std::string places = source("install/lib/common.sh");
  known.insert(all_matches(places, "state=(/\\S+)").front() + "/manifest");
  CHECK(listed(set_of(Page(page).heads("FILES"))) == listed(known));
  CHECK(set_of(Page(conf_page).heads("FILES")) == Set{names::host_conf, names::guest_conf(guest), shipped});
}

TEST_CASE("manual: every example works") {
  Program p;
  p.kernel.add_device({"0000:00:02.0", "8086:4680 1462:7d25", "030000", "i915", "1"});
  p.kernel.add_device({"0000:01:00.0", "10de:2484 1462:3909", "030000", "nouveau", "15"});
  p.kernel.add_device({"0000:01:00.1", "10de:228b 1462:3909", "040300", "snd_hda_intel", "15"});
  p.kernel.add_driver("vfio-pci");
  p.root.write("/sys/bus/pci/devices/0000:00:02.0/boot_vga", "1\n");
  p.root.write("/sys/class/iommu/dmar0/.keep", "");
  p.root.write("/run/udev/data/c226:0", "E:ID_SEAT=\n");
  p.root.write("/usr/sbin/qemu-hook", "");
  std::filesystem::permissions(p.root.path() + "/usr/sbin/qemu-hook", std::filesystem::perms(0755));
  std::filesystem::create_directories(p.root.path() + "/etc/libvirt/hooks");
  std::filesystem::create_symlink("/usr/sbin/qemu-hook", p.root.path() + names::libvirt_hook);
  p.root.write("/domains/win10", "<domain><name>win10</name><devices></devices></domain>");
  int calls = 0;
  for (const auto& block : Page(page).literals("EXAMPLES"))
    for (const auto line : split(block, '\n')) {
      const auto words = call_in(std::string(line));
      if (words.empty()) continue;
      ++calls;
      const auto ran = p.command(words);
      CHECK_MESSAGE(ran.status == 0, line, "\n", ran.out, ran.err);
      CHECK_MESSAGE(!ran.out.empty(), line);
    }
  CHECK(calls >= 15);
}

TEST_CASE("manual: every call in running text, and in README, is one that the program takes") {
  Texts lines;
  for (const auto& name : {page, conf_page}) {
    const Page p(name);
    for (const auto& block : p.literals())
      for (const auto line : split(block, '\n')) lines.emplace_back(line);
    for (const auto& call : all_matches(p.all(), "\\*(qemu-hook --[^*]*\\*( _[A-Z]+_)?)"))
      lines.push_back(unmarked(call));
  }
  const std::string readme = source("README.md");
  for (const auto line : split(readme, '\n')) {
    if (line.starts_with("    ")) lines.emplace_back(line);
    for (const auto& call : all_matches(std::string(line), "`[^`]*(qemu-hook --[^`]*)`"))
      lines.push_back(call);
  }
  int calls = 0;
  for (const auto& line : lines) {
    const auto words = call_in(line);
    if (words.empty()) continue;
    ++calls;
    const auto parsed = cli::parse(words);
    CHECK_MESSAGE(parsed.has_value(), line, ": ", (parsed ? "" : parsed.error().message));
  }
  CHECK(calls >= 30);
}

TEST_CASE("manual: the keys of the confs, with their values and defaults") {
  const Page p(conf_page);
  Set written;
  const auto of_host = host_keys(p), of_guest = guest_keys_of(p);
  for (const auto& key : of_host) written.insert((key.place.empty() ? "" : key.place + " ") + key.name);
  CHECK(listed(written) == listed(set_of(config::host_conf_keys())));

  Set written_for_guest, known_for_guest;
  for (const auto& key : of_guest) written_for_guest.insert(key.place + " " + key.name);
  for (const auto key : config::guest_keys())
    if (key != "device") known_for_guest.insert("guest " + std::string(key));
  for (const auto key : config::device_keys()) known_for_guest.insert("[[device]] " + std::string(key));
  CHECK(listed(written_for_guest) == listed(known_for_guest));

  for (const auto* keys : {&of_host, &of_guest})
    for (const auto& key : *keys) {
      CAPTURE(key.place);
      CAPTURE(key.name);
      if (key.place == "[defaults]") continue;  // explained with the guest's
      const bool is_plain_text = key.values.starts_with('"') && !contains(split(key.values, ' '), "|");
      CHECK(key.by_default.empty() == is_plain_text);
      const std::string what = "'" + key.name + "' must be ";
      if (key.values == "SECONDS")
        CHECK(error_of(key, "\"x\"").message.find(what + "a number") != std::string::npos);
      else if (key.values == "true | false")
        CHECK(error_of(key, "7").message.find(what + "true or false") != std::string::npos);
      else if (is_plain_text)
        CHECK(error_of(key, "7").message.find(what + "a string") != std::string::npos);
      else
        CHECK(error_of(key, "\"no such word at all\"").remedy ==
              "one of " + std::regex_replace(key.values, std::regex(" \\|"), ","));
    }

  const auto host_conf = config::parse_host_conf(
      defaults_of(of_host, "") + "[deadlines]\n" + defaults_of(of_host, "[deadlines]"), "host.toml");
  REQUIRE_MESSAGE(host_conf.has_value(), (host_conf ? "" : host_conf.error().message));
  CHECK(*host_conf == config::HostConf{});
  const auto conf =
      config::parse_guest_conf(defaults_of(of_guest, "guest") + "[[device]]\naddress = \"0000:01:00.0\"\n" +
                                   defaults_of(of_guest, "[[device]]"),
                               "a.toml");
  REQUIRE_MESSAGE(conf.has_value(), (conf ? "" : conf.error().message));
  CHECK(conf->gpu == config::Gpu::automatic);
  CHECK(conf->devices.at(0) == config::Defaults{}.device(conf->devices.at(0).address));
}

TEST_CASE("manual: the example confs are read without an error") {
  const auto examples = Page(conf_page).literals("EXAMPLES");
  CHECK(examples.size() >= 4);
  for (const auto& text : examples) {
    const bool is_hosts = text.starts_with("# host.toml\n");
    const auto host_conf = config::parse_host_conf(is_hosts ? text : "", "host.toml");
    const auto conf = config::parse_guest_conf(is_hosts ? "" : text, "a.toml");
    CHECK_MESSAGE(host_conf.has_value(), (host_conf ? "" : host_conf.error().message));
    CHECK_MESSAGE(conf.has_value(), (conf ? "" : conf.error().message));
    if (conf && !is_hosts) CHECK_FALSE(conf->devices.empty());
  }
}
