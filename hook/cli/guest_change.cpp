#include "cli/guest_change.h"

#include <csignal>
#include <cstdio>

#include "core/contains.h"
#include "core/text.h"
#include "handover/cards.h"

namespace qh::cli {
namespace {

// managed='yes': should qemu-hook be taken out one day the guest still starts, since libvirt then detaches
// the device by itself. With the hook that never comes to be: it has detached the device before libvirt
// looks.
std::string hostdev_element(const PciAddress& address) {
  char source[128];
  std::snprintf(source, sizeof source,
                "<address domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/>", address.domain,
                unsigned{address.bus}, unsigned{address.slot}, unsigned{address.function});
  return "<hostdev mode='subsystem' type='pci' managed='yes'>\n  <source>\n    " + std::string(source) +
         "\n  </source>\n</hostdev>\n";
}

const xml::HostDevice* find(const xml::Domain& domain, const PciAddress& address) {
  for (const auto& d : domain.devices)
    if (d.address == address) return &d;
  return nullptr;
}

Result<void> read(const std::vector<std::string>& words, std::vector<PciAddress>& out) {
  for (const auto& word : words) {
    const auto address = parse_pci_address(word);
    if (!address) return fail(address.error());
    add_once(out, *address);
  }
  return {};
}

// From here on a Ctrl-C would leave a part of the change behind.
class NoInterruption {
 public:
  NoInterruption() : before_(std::signal(SIGINT, SIG_IGN)) {}
  ~NoInterruption() { std::signal(SIGINT, before_); }
  NoInterruption(const NoInterruption&) = delete;
  NoInterruption& operator=(const NoInterruption&) = delete;

 private:
  void (*before_)(int);
};

Result<void> make_change(const libvirt::Domains& domains, const std::string& guest,
                         const GuestChange& change) {
  for (const auto& address : change.remove)
    if (auto done = domains.detach(guest, hostdev_element(address)); !done)
      return fail_in(address.text(), done.error());
  for (const auto& address : change.add)
    if (auto done = domains.attach(guest, hostdev_element(address)); !done)
      return fail_in(address.text(), done.error());
  // libvirt's success is no proof.
  const auto now = domains.xml(guest).and_then(xml::parse_domain);
  if (!now) return fail(now.error());
  for (const auto& address : change.add)
    if (find(*now, address) == nullptr)
      return fail(ErrorKind::failed, address.text() + ": libvirt accepted it but does not show it");
  for (const auto& address : change.remove)
    if (find(*now, address) != nullptr)
      return fail(ErrorKind::failed, address.text() + ": libvirt removed it but still shows it");
  return {};
}

}  // namespace

Result<GuestChange> read_change(const Options& options) {
  GuestChange change;
  if (auto done = read(options.add, change.add); !done) return fail(done.error());
  if (auto done = read(options.remove, change.remove); !done) return fail(done.error());
  for (const auto& address : change.add)
    if (contains(change.remove, address))
      return fail(ErrorKind::bad_input, address.text() + " is both in --add and in --remove",
                  "name it in only one of them");
  return change;
}

Result<GuestChange> needed_change(const host::Host& host, const config::HostConf& host_conf,
                                  const xml::Domain& domain, const GuestChange& change) {
  GuestChange needed;
  for (const auto& address : change.add)
    if (find(domain, address) == nullptr) needed.add.push_back(address);
  const auto reasons = handover::reasons_against(host, host_conf.defaults, domain.name, needed.add);
  if (!reasons.empty()) return fail(ErrorKind::refused, reasons.front().message, reasons.front().remedy);
  for (const auto& address : change.remove) {
    const auto* device = find(domain, address);
    if (device == nullptr)
      return fail(ErrorKind::not_found, address.text() + ": it is not a device of " + in_quotes(domain.name),
                  "see `qemu-hook --query guest_devices " + printable(domain.name) + "`");
    if (device->source != xml::Source::hostdev)
      return fail(ErrorKind::refused,
                  address.text() + ": it is not a <hostdev> of " + in_quotes(domain.name) + " but its <" +
                      to_string(device->source) + ">, which is more than a device",
                  "remove it with `virsh edit " + printable(domain.name) + "`");
    needed.remove.push_back(address);
  }
  return needed;
}

std::string change_xml(const GuestChange& change) {
  std::string text;
  for (const auto& address : change.remove) text += "<!-- to be removed: -->\n" + hostdev_element(address);
  for (const auto& address : change.add) text += "<!-- to be added: -->\n" + hostdev_element(address);
  return text;
}

Result<std::string> change_guest(const libvirt::Domains& domains, const std::string& guest,
                                 const GuestChange& change) {
  const auto before = domains.whole_xml(guest);
  if (!before) return before;
  const NoInterruption uninterrupted;
  if (const auto done = make_change(domains, guest, change); !done)
    return fail(restore_guest(domains, guest, *before, done.error(), "nothing was changed"));
  return before;
}

Error restore_guest(const libvirt::Domains& domains, const std::string& guest, const std::string& before,
                    Error error, const std::string& undone) {
  // All of it, with the controllers that libvirt has added for the devices.
  const auto defined = domains.define(guest, before);
  if (defined) {
    error.message += "; " + undone;
  } else {
    error.message += "; the guest could not be restored: " + defined.error().message;
    error.remedy = "see `virsh edit " + printable(guest) + "`";
  }
  return error;
}

}  // namespace qh::cli
