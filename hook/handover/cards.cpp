#include "handover/cards.h"

#include <algorithm>
#include <functional>

#include "core/contains.h"
#include "handover/checks/checks.h"
#include "handover/gpu.h"
#include "host/names.h"

namespace qh::handover {
namespace {

// What the findings' hints call the guest that nobody has.
constexpr const char* anybody = "GUEST";

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

// The functions of other cards that keep the card's IOMMU groups from being given away, and can go to a
// guest.
std::vector<PciAddress> companions_of(const Survey& whole, const Card& card) {
  std::vector<PciAddress> all;
  for (const auto& other : whole.all_devices)
    for (const auto& f : card.functions)
      if (!f.iommu_group.empty() && !other.is_bridge() && other.iommu_group == f.iommu_group &&
          !contains(card.addresses(), other.address) && checks::is_in_the_way_of_its_group(other))
        add_once(all, other.address);
  return all;
}

bool begins_card(const host::Host& host, const std::vector<Card>& cards, const host::PciDevice& device) {
  if (cards.empty() || !cards.back().functions.front().address.same_slot(device.address)) return true;
  return host.sysfs.exists(names::attribute(device.address, "physfn"));
}

bool has_display(const Card& card) {
  return std::ranges::any_of(card.functions, &host::PciDevice::is_display);
}

// What a survey of all cards says about a guest with these of their functions.
Survey about(const host::Host& host, const Survey& whole, const std::vector<PciAddress>& addresses) {
  Survey s = whole;
  std::erase_if(s.guest.devices, [&](const Device& d) { return !contains(addresses, d.address()); });
  s.gpu = measure_gpu(host, s.guest);
  s.conflicts = find_conflicts(host, "", devices_in_groups(host, s.guest));
  s.last_inputs = host::last_inputs(host, s.guest.addresses_of(&Device::is_the_hosts));
  return s;
}

}  // namespace

std::vector<PciAddress> Card::addresses() const {
  std::vector<PciAddress> all;
  for (const auto& f : functions) all.push_back(f.address);
  return all;
}

Availability Card::availability() const {
  if (has_errors(obstacles())) return Availability::no;
  return companions.empty() ? Availability::yes : Availability::together;
}

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
  std::vector<PciAddress> all;
  for (const auto& address : host::list_pci_addresses(host)) {
    auto device = host::read_pci_device(host, address);
    if (!device || device->is_bridge()) continue;
    if (begins_card(host, cards, *device)) cards.emplace_back();
    cards.back().functions.push_back(std::move(*device));
    all.push_back(address);
  }
  // One look at all processes and disks for all cards: it is what takes time.
  const Survey whole = survey_devices(host, made_up_guest(host, defaults, anybody, all));
  for (auto& card : cards) {
    auto addresses = card.addresses();
    card.findings = check(about(host, whole, addresses));
    card.companions = companions_of(whole, card);
    if (card.companions.empty()) continue;
    addresses.insert(addresses.end(), card.companions.begin(), card.companions.end());
    card.findings_together = check(about(host, whole, addresses));
  }
  std::ranges::stable_sort(cards, std::greater(), has_display);
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
