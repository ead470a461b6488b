#include "handover/cards.h"

#include <algorithm>

#include "core/contains.h"
#include "handover/checks/checks.h"
#include "handover/gpu.h"
#include "host/names.h"

namespace qh::handover {
namespace {

// A guest that nobody has, with these devices.
Guest made_up_guest(const host::Host& host, const config::Defaults& defaults, const std::string& name,
                    const std::vector<PciAddress>& addresses) {
  Guest guest;
  guest.name = name;
  guest.gpu = defaults.gpu;
  for (const auto& address : addresses)
    guest.devices.push_back({{address, xml::Source::hostdev, true},
                             defaults.device(address),
                             host::read_pci_device(host, address)});
  return guest;
}

// Those that no guest can have whatever happens to the host's programs and other guests.
bool host_needs_it(const Finding& finding) {
  return finding.severity == Severity::error &&
         (finding.check == "storage" || finding.check == "network" || finding.check == "present");
}

bool begins_card(const host::Host& host, const std::vector<Card>& cards, const host::PciDevice& device) {
  if (cards.empty() || !cards.back().functions.front().address.same_slot(device.address)) return true;
  return host.sysfs.exists(names::attribute(device.address, "physfn"));
}

bool has_display(const Card& card) {
  return std::any_of(card.functions.begin(), card.functions.end(),
                     [](const auto& f) { return f.is_display(); });
}

// What a survey of all cards says about a guest with this one.
Survey about(const host::Host& host, const config::Defaults& defaults, const Survey& whole,
             const Card& card) {
  std::vector<PciAddress> addresses, going;
  for (const auto& f : card.functions) {
    addresses.push_back(f.address);
    if (!f.on_vfio) going.push_back(f.address);
  }
  Survey s = whole;
  s.guest = made_up_guest(host, defaults, "", addresses);
  s.gpu = measure_gpu(host, s.guest);
  s.uses.clear();
  for (std::size_t i = 0; i < whole.guest.devices.size(); ++i)
    if (contains(addresses, whole.guest.devices[i].address())) s.uses.push_back(whole.uses[i]);
  s.conflicts = find_conflicts(host, "", devices_in_groups(host, s.guest));
  s.last_inputs = host::last_inputs(host, going);
  return s;
}

}  // namespace

std::vector<std::string> Card::reasons_to_stay() const {
  std::vector<std::string> reasons;
  for (const auto& f : findings)
    if (host_needs_it(f)) reasons.push_back(f.message);
  return reasons;
}

std::vector<std::string> Card::warnings() const {
  std::vector<std::string> all;
  for (const auto& f : findings)
    if (!host_needs_it(f) && (f.severity == Severity::error || f.check == "input")) all.push_back(f.message);
  return all;
}

std::vector<Card> list_cards(const host::Host& host, const config::Defaults& defaults) {
  std::vector<Card> cards;
  for (const auto& address : host::list_pci_addresses(host)) {
    auto device = host::read_pci_device(host, address);
    if (!device || device->is_bridge()) continue;
    if (begins_card(host, cards, *device)) cards.emplace_back();
    cards.back().functions.push_back(std::move(*device));
  }
  std::vector<PciAddress> all;
  for (const auto& card : cards)
    for (const auto& f : card.functions) all.push_back(f.address);
  // One look at all processes and disks for all cards: it is what takes time.
  const Survey whole = survey_devices(host, made_up_guest(host, defaults, "", all));
  for (auto& card : cards) card.findings = check(about(host, defaults, whole, card));
  std::stable_sort(cards.begin(), cards.end(),
                   [](const Card& a, const Card& b) { return has_display(a) > has_display(b); });
  return cards;
}

std::vector<Finding> reasons_against(const host::Host& host, const config::Defaults& defaults,
                                     const std::string& guest, const std::vector<PciAddress>& addresses) {
  if (addresses.empty()) return {};
  auto findings = check(survey_devices(host, made_up_guest(host, defaults, guest, addresses)));
  std::erase_if(findings, [](const Finding& f) { return !host_needs_it(f); });
  return findings;
}

}  // namespace qh::handover
