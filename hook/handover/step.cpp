#include "handover/step.h"

#include <algorithm>

#include "core/text.h"

namespace qh::handover {
namespace {

std::string line(const char* verb, const Measured& d) {
  return std::string(verb) + " " + d.address.text() + " " + to_word(d.host_driver) + " " +
         to_word(d.driver_override);
}

std::vector<std::string> texts(const std::vector<PciAddress>& addresses) {
  std::vector<std::string> all;
  for (const auto& a : addresses) all.push_back(a.text());
  return all;
}
// "verb first ADDRESS..."
std::string line(const std::string& verb, const std::vector<PciAddress>& addresses) {
  return verb + (addresses.empty() ? "" : " ") + join(texts(addresses), " ");
}

using Words = std::vector<std::string_view>;

// A name that becomes a file name below /sys, or a program's argument.
bool is_name(std::string_view text) {
  constexpr std::string_view more = "_.@:\\-";
  if (text.empty() || text == "." || text == ".." || text[0] == '-') return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           more.find(c) != std::string_view::npos;
  });
}

tl::unexpected<Error> damaged(std::string_view text) {
  return fail(ErrorKind::bad_input, "damaged step " + in_quotes(text));
}

// The kinds of steps have names like "stop-service": another one is a newer version's.
bool may_be_a_verb(std::string_view text) {
  return !text.empty() && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

Result<std::vector<PciAddress>> parse_addresses(const Words& words, std::size_t from, std::size_t to) {
  std::vector<PciAddress> all;
  for (std::size_t i = from; i < to; ++i) {
    const auto address = parse_pci_address(words[i]);
    if (!address) return fail(address.error());
    all.push_back(*address);
  }
  return all;
}

// "end-sessions ADDRESS... for USER...", without users "end-sessions ADDRESS... for".
Result<Step> parse_end_sessions(std::string_view text, const Words& words) {
  const auto mark = static_cast<std::size_t>(std::find(words.begin(), words.end(), "for") - words.begin());
  if (mark == words.size()) return damaged(text);
  auto devices = parse_addresses(words, 1, mark);
  if (!devices) return fail(devices.error());
  EndSessions step{std::move(*devices), {}};
  for (std::size_t i = mark + 1; i < words.size(); ++i) {
    if (!is_name(words[i])) return damaged(text);
    step.users.emplace_back(words[i]);
  }
  return step;
}

Result<Step> parse_unbind_framebuffer(std::string_view text, const Words& words) {
  if (words.size() != 4 || !is_name(words[1]) || !is_name(words[2])) return damaged(text);
  const auto card = parse_pci_address(words[3]);
  if (!card) return fail(card.error());
  return UnbindFramebuffer{std::string(words[1]), std::string(words[2]), *card};
}

// Steps with one name and nothing else.
Result<Step> parse_named(std::string_view text, const Words& words) {
  const auto verb = words[0];
  constexpr std::string_view known[] = {"load-module", "inhibit-sleep", "stop-service", "unload-module",
                                        "unload-module-if-free"};
  if (std::find(std::begin(known), std::end(known), verb) == std::end(known))
    return may_be_a_verb(verb) ? Result<Step>(UnknownStep{std::string(text)}) : Result<Step>(damaged(text));
  if (words.size() != 2 || !is_name(words[1])) return damaged(text);
  const std::string name(words[1]);
  if (verb == "load-module") return LoadModule{name};
  if (verb == "inhibit-sleep") return InhibitSleep{name};
  if (verb == "stop-service") return StopService{name};
  if (verb == "unload-module") return UnloadModule{name, true};
  return UnloadModule{name, false};
}

// Steps with addresses, some with a name before them.
Result<Step> parse_addressed(std::string_view text, const Words& words) {
  const auto verb = words[0];
  const bool is_manager = verb == "stop-display-manager", is_console = verb == "unbind-console",
             has_name = is_manager || is_console;
  if (has_name && (words.size() < 2 || !is_name(words[1]))) return damaged(text);
  auto addresses = parse_addresses(words, has_name ? 2 : 1, words.size());
  if (!addresses) return fail(addresses.error());
  if (is_manager) return StopDisplayManager{std::string(words[1]), std::move(*addresses)};
  if (is_console) return UnbindConsole{std::string(words[1]), std::move(*addresses)};
  if (verb == "end-persistence" && addresses->size() == 1) return EndPersistence{addresses->front()};
  if (verb == "wait-for-holders") return WaitForHolders{std::move(*addresses)};
  return damaged(text);
}

Result<Step> parse_device(std::string_view text, const Words& words) {
  if (words.size() != 4) return damaged(text);
  const auto address = parse_pci_address(words[1]);
  if (!address) return fail(address.error());
  const auto driver = from_word(words[2]), driver_override = from_word(words[3]);
  if (!driver || !driver_override) return damaged(text);
  Measured device{*address, *driver, *driver_override};
  // Names of drivers become file names below /sys.
  for (const auto* name : {&device.host_driver, &device.driver_override})
    if (name->find('/') != std::string::npos || *name == "..")
      return fail(ErrorKind::bad_input, "no driver can be named " + in_quotes(*name));
  if (words[0] == "unbind") return Unbind{std::move(device)};
  return Detach{std::move(device)};
}

}  // namespace

std::string describe(const Step& step) {
  return std::visit(
      Overloaded{
          [](const UnknownStep& s) { return "a step of a newer version, " + in_quotes(s.line); },
          [](const LoadModule& s) { return "load the module " + s.module; },
          [](const Unbind& s) {
            return "unbind " + s.device.address.text() + " from " + s.device.host_driver;
          },
          [](const Detach& s) {
            return "detach " + s.device.address.text() + " (" + s.device.address.node_device_name() + ")";
          },
          [](const InhibitSleep&) { return std::string("keep the host from sleeping"); },
          [](const StopDisplayManager& s) { return "stop the display manager " + s.service; },
          [](const EndSessions&) { return std::string("end the sessions that hold the card"); },
          [](const StopService& s) { return "stop " + s.service; },
          [](const EndPersistence& s) { return "end the persistence mode of " + s.card.text(); },
          [](const WaitForHolders& s) { return "wait until no program holds " + join(texts(s.devices)); },
          [](const UnbindConsole& s) { return "unbind the text console " + s.console; },
          [](const UnbindFramebuffer& s) { return "unbind " + s.device + " from " + s.driver; },
          [](const UnloadModule& s) { return "unload the module " + s.module; },
      },
      step);
}

std::string describe_undo(const Step& step) {
  return std::visit(
      Overloaded{
          [](const Detach& s) {
            const Measured& d = s.device;
            return "reattach " + d.address.text() +
                   (d.host_driver.empty() ? ", which had no driver" : " to " + d.host_driver) +
                   (d.driver_override.empty() ? "" : ", with driver_override " + d.driver_override);
          },
          [](const InhibitSleep&) { return std::string("let the host sleep again"); },
          [](const StopDisplayManager& s) {
            return "start " + s.service + (s.cards.empty() ? "" : ", once the card has its DRM node");
          },
          [](const StopService& s) { return "start " + s.service; },
          [](const EndPersistence& s) { return "set the persistence mode of " + s.card.text(); },
          [](const UnbindConsole& s) { return "bind the text console " + s.console; },
          [](const UnbindFramebuffer& s) { return "bind " + s.device + ", if it is still there"; },
          [](const UnloadModule& s) { return "load the module " + s.module; },
          // vfio-pci stays; a reattached device has its host driver again; what has ended, has ended.
          [](const auto&) { return std::string(); },
      },
      step);
}

std::string to_line(const Step& step) {
  return std::visit(
      Overloaded{
          [](const UnknownStep& s) { return s.line; },
          [](const LoadModule& s) { return "load-module " + s.module; },
          [](const Unbind& s) { return line("unbind", s.device); },
          [](const Detach& s) { return line("detach", s.device); },
          [](const InhibitSleep& s) { return "inhibit-sleep " + s.unit; },
          [](const StopDisplayManager& s) { return line("stop-display-manager " + s.service, s.cards); },
          [](const EndSessions& s) {
            return line("end-sessions", s.devices) + " for" + (s.users.empty() ? "" : " ") +
                   join(s.users, " ");
          },
          [](const StopService& s) { return "stop-service " + s.service; },
          [](const EndPersistence& s) { return "end-persistence " + s.card.text(); },
          [](const WaitForHolders& s) { return line("wait-for-holders", s.devices); },
          [](const UnbindConsole& s) { return line("unbind-console " + s.console, s.cards); },
          [](const UnbindFramebuffer& s) {
            return "unbind-framebuffer " + s.driver + " " + s.device + " " + s.card.text();
          },
          [](const UnloadModule& s) {
            return std::string(s.is_required ? "unload-module " : "unload-module-if-free ") + s.module;
          },
      },
      step);
}

Result<Step> parse_step(std::string_view text) {
  const auto words = split(text, ' ');
  for (const auto w : words)
    if (w.empty()) return fail(ErrorKind::bad_input, "empty word in the step " + in_quotes(text));
  const auto verb = words[0];
  if (verb == "unbind" || verb == "detach") return parse_device(text, words);
  if (verb == "end-sessions") return parse_end_sessions(text, words);
  if (verb == "unbind-framebuffer") return parse_unbind_framebuffer(text, words);
  if (verb == "stop-display-manager" || verb == "unbind-console" || verb == "end-persistence" ||
      verb == "wait-for-holders")
    return parse_addressed(text, words);
  return parse_named(text, words);
}

}  // namespace qh::handover
