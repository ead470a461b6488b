#include "handover/step.h"

#include "core/text.h"

namespace qh::handover {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

// An empty word would not be seen between two blanks.
std::string word(const std::string& text) {
  return text.empty() ? "-" : text;
}
std::string unword(std::string_view text) {
  return text == "-" ? "" : std::string(text);
}

std::string line(const char* verb, const Measured& d) {
  return std::string(verb) + " " + d.address.text() + " " + word(d.host_driver) + " " +
         word(d.driver_override);
}

}  // namespace

std::string describe(const Step& step) {
  return std::visit(Overloaded{
                        [](const LoadModule& s) { return "load the module " + s.module; },
                        [](const Unbind& s) {
                          return "unbind " + s.device.address.text() + " from " + s.device.host_driver;
                        },
                        [](const Detach& s) {
                          return "detach " + s.device.address.text() + " (" +
                                 s.device.address.node_device_name() + ")";
                        },
                    },
                    step);
}

std::string describe_undo(const Step& step) {
  const auto* detached = std::get_if<Detach>(&step);
  if (detached == nullptr) return {};  // a module stays; a reattached device has its host driver again
  const Measured& d = detached->device;
  return "reattach " + d.address.text() +
         (d.host_driver.empty() ? ", which had no driver" : " to " + d.host_driver) +
         (d.driver_override.empty() ? "" : ", with driver_override " + d.driver_override);
}

std::string to_line(const Step& step) {
  return std::visit(Overloaded{
                        [](const LoadModule& s) { return "load-module " + s.module; },
                        [](const Unbind& s) { return line("unbind", s.device); },
                        [](const Detach& s) { return line("detach", s.device); },
                    },
                    step);
}

Result<Step> parse_step(std::string_view text) {
  const auto words = split(text, ' ');
  for (const auto w : words)
    if (w.empty()) return fail(ErrorKind::bad_input, "empty word in the step " + in_quotes(text));
  if (words[0] == "load-module" && words.size() == 2) return LoadModule{std::string(words[1])};
  const bool unbind = words[0] == "unbind", detach = words[0] == "detach";
  if ((!unbind && !detach) || words.size() != 4)
    return fail(ErrorKind::bad_input, "unknown step " + in_quotes(text));
  const auto address = parse_pci_address(words[1]);
  if (!address) return fail(address.error());
  Measured device{*address, unword(words[2]), unword(words[3])};
  // Names of drivers become file names below /sys.
  for (const auto* name : {&device.host_driver, &device.driver_override})
    if (name->find('/') != std::string::npos || *name == "..")
      return fail(ErrorKind::bad_input, "no driver can be named " + in_quotes(*name));
  if (unbind) return Unbind{std::move(device)};
  return Detach{std::move(device)};
}

}  // namespace qh::handover
