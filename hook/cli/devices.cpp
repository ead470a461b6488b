// qemu-hook --devices [ADDRESS...]
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/host_devices.h"
#include "cli/known_guests.h"
#include "cli/output.h"
#include "core/contains.h"
#include "core/text.h"
#include "handover/claims.h"
#include "handover/conf.h"
#include "host/names.h"
#include "host/pci/pci_ids.h"

namespace qh::cli {
namespace {

using handover::Availability;
using handover::Card;
using nlohmann::ordered_json;

// "yes", "together", "no: storage, holders": what a line has room for.
std::string short_answer(const Card& card) {
  if (card.availability() == Availability::yes) return "yes";
  if (card.availability() == Availability::together) return "together";
  std::vector<std::string> checks;
  for (const auto& f : card.obstacles())
    if (f.severity == handover::Severity::error) add_once(checks, f.check);
  return cut("no: " + join(checks), 20);
}

std::string answer(const Card& card) {
  const std::string others =
      card.companions.empty() ? "" : " together with " + join(texts(card.companions)) + " of its IOMMU group";
  if (card.availability() == Availability::no)
    return "No guest could have it now" + (others.empty() ? "" : ", not even" + others) + ":";
  return "A guest could have it now" + (others.empty() ? "" : "," + others) + ".";
}

const char* to_word(Availability availability) {
  return availability == Availability::yes        ? "yes"
         : availability == Availability::together ? "together"
                                                  : "no";
}

// "flr bus", as the kernel has them; empty where there is none.
std::string reset_methods(const host::Host& host, const PciAddress& address) {
  return host.sysfs.read(names::attribute(address, "reset_method")).value_or("");
}

// A line of the list.
struct CardFunction {
  const host::PciDevice* function;
  const Card* card;
};

// Lines in the order of the IOMMU groups.
std::vector<CardFunction> by_group(const std::vector<Card>& cards) {
  std::vector<CardFunction> all;
  for (const auto& card : cards)
    for (const auto& f : card.functions) all.push_back({&f, &card});
  const auto number = [](const CardFunction& line) {
    const std::string& group = line.function->iommu_group;
    return group.empty() ? ~0UL : std::strtoul(group.c_str(), nullptr, 10);
  };
  std::sort(all.begin(), all.end(), [&](const CardFunction& a, const CardFunction& b) {
    return std::pair(number(a), a.function->address) < std::pair(number(b), b.function->address);
  });
  return all;
}

void print_table(const host::Host& host, const std::vector<CardFunction>& lines, const HostDevices& devices) {
  std::vector<std::vector<std::string>> rows{{"GROUP", "DEVICE", "DRIVER", "GUEST", "FREE", "NAME"}};
  for (const auto& line : lines) {
    const auto& f = *line.function;
    rows.push_back({or_dash(f.iommu_group), f.address.text(), or_dash(f.driver),
                    or_dash(printable(join(devices.guests_of(f.address)))), short_answer(*line.card),
                    host::pci_name(host, f.identity, f.identity)});
  }
  // The name has what the other columns leave.
  std::size_t used = 0;
  for (std::size_t i = 0; i + 1 < rows[0].size(); ++i) {
    std::size_t widest = 0;
    for (const auto& row : rows) widest = std::max(widest, row[i].size());
    used += widest + 2;
  }
  for (auto& row : rows)
    row.back() = cut(row.back(), std::max<std::size_t>(screen - 2 - std::min(used, screen - 2), 12));
  std::fputs(table(rows).c_str(), stdout);
}

void print_details(const host::Host& host, const CardFunction& line, const HostDevices& devices) {
  const auto& f = *line.function;
  std::printf("%s  %s\n", f.address.text().c_str(),
              printable(host::pci_name(host, f.identity, f.identity)).c_str());
  const auto fact = [](const char* name, const std::string& text) {
    if (!text.empty()) std::fputs(paragraph(name + printable(text), 2).c_str(), stdout);
  };
  fact("identity: ", f.identity);
  fact("driver: ", f.driver.empty() ? "none" : f.driver);
  fact("IOMMU group: ", f.iommu_group.empty() ? "none" : f.iommu_group);
  fact("reset methods: ", reset_methods(host, f.address));
  fact("guests whose confs name it: ", join(devices.guests_of(f.address)));
  if (const auto* record = devices.record_of(f.address))
    fact("in the hands of: ", record->guest + ", " + handover::since(record->since));
  std::fputs(paragraph(answer(*line.card), 2).c_str(), stdout);
  std::fputs(finding_lines(line.card->obstacles()).c_str(), stdout);
}

ordered_json device_json(const host::Host& host, const CardFunction& line, const HostDevices& devices) {
  const auto& f = *line.function;
  ordered_json object{{"address", f.address.text()},
                      {"virsh", f.address.node_device_name()},
                      {"identity", f.identity},
                      {"name", host::pci_name(host, f.identity)},
                      {"driver", f.driver},
                      {"iommu_group", f.iommu_group},
                      {"reset_methods", reset_methods(host, f.address)},
                      {"guests", devices.guests_of(f.address)}};
  if (const auto* record = devices.record_of(f.address))
    object["claim"] = {{"guest", record->guest}, {"since", record->since}};
  object["available"] = to_word(line.card->availability());
  object["card"] = texts(line.card->addresses());
  object["companions"] = texts(line.card->companions);
  object["findings"] = to_json(line.card->obstacles());
  return object;
}

}  // namespace

std::vector<std::string> HostDevices::guests_of(const PciAddress& address) const {
  const auto found = guests.find(address);
  return found == guests.end() ? std::vector<std::string>{} : found->second;
}

const handover::Record* HostDevices::record_of(const PciAddress& address) const {
  for (const auto& r : records)
    if (r.claims(address)) return &r;
  return nullptr;
}

Exit devices(const host::Host& host, const Options& options) {
  std::vector<PciAddress> named;
  for (const auto& text : options.addresses) {
    const auto address = parse_pci_address(text);
    if (!address) return failed(options, address.error(), Exit::wrong_call);
    named.push_back(*address);
  }
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return failed(options, host_conf.error());
  const HostDevices all{handover::list_cards(host, host_conf->defaults),
                        guests_by_device(known_guests(host, print_warning)), handover::list_records(host)};
  if (options.format == "dot") return print(options, {}, device_graph(host, all));

  auto lines = by_group(all.cards);
  for (const auto& address : named)
    if (std::none_of(lines.begin(), lines.end(),
                     [&](const auto& l) { return l.function->address == address; }))
      return failed(options, {ErrorKind::not_found, address.text() + ": this host has no such card",
                              "`qemu-hook --devices` lists all"});
  if (!named.empty())
    std::erase_if(lines, [&](const auto& l) { return !contains(named, l.function->address); });
  if (options.json) {
    auto list = ordered_json::array();
    for (const auto& line : lines) list.push_back(device_json(host, line, all));
    print_json({{"devices", std::move(list)}});
  } else if (named.empty()) {
    print_table(host, lines, all);
  } else {
    for (const auto& line : lines) print_details(host, line, all);
  }
  return Exit::done;
}

}  // namespace qh::cli
