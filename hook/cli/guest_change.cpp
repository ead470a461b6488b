#include "cli/guest_change.h"

#include <csignal>

#include "core/contains.h"
#include "core/text.h"
#include "handover/cards.h"
#include "xml/hostdev.h"

namespace qh::cli {
namespace {

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
  for (const auto& address : change.remove) text += "<!-- to be removed: -->\n" + xml::hostdev(address);
  for (const auto& address : change.add) text += "<!-- to be added: -->\n" + xml::hostdev(address);
  return text;
}

Result<ChangedGuest> ChangedGuest::apply(const libvirt::Domains& domains, const std::string& guest,
                                         const GuestChange& change) {
  auto before = domains.whole_xml(guest);
  if (!before) return fail(before.error());
  const NoInterruption uninterrupted;
  ChangedGuest changed(domains, guest, std::move(*before));
  auto done = changed.run(change);
  if (done) return changed;
  Error error = done.error();
  if (auto undone = changed.undo(); undone)
    error.message += "; nothing was changed";
  else
    error.message += "; " + undone.error().message;
  return fail(error);
}

Result<void> ChangedGuest::run(const GuestChange& change) const {
  for (const auto& address : change.remove)
    if (auto done = domains_.detach(guest_, xml::hostdev(address)); !done)
      return fail_in(address.text(), done.error());
  for (const auto& address : change.add)
    if (auto done = domains_.attach(guest_, xml::hostdev(address)); !done)
      return fail_in(address.text(), done.error());
  // libvirt's success is no proof.
  auto text = domains_.xml(guest_);
  if (!text) return fail(text.error());
  const auto now = xml::parse_domain(std::move(*text));
  if (!now) return fail(now.error());
  for (const auto& address : change.add)
    if (find(*now, address) == nullptr)
      return fail(ErrorKind::failed, address.text() + ": libvirt accepted it but does not show it");
  for (const auto& address : change.remove)
    if (find(*now, address) != nullptr)
      return fail(ErrorKind::failed, address.text() + ": libvirt removed it but still shows it");
  return {};
}

Result<void> ChangedGuest::undo() {
  if (before_.empty()) return {};
  // All of it, with the controllers that libvirt has added for the devices.
  const auto defined = domains_.define(guest_, before_);
  before_.clear();
  if (defined) return {};
  return fail(ErrorKind::failed, "the guest could not be restored: " + defined.error().message,
              "see `virsh edit " + printable(guest_) + "`");
}

}  // namespace qh::cli
