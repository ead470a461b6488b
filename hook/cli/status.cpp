// qemu-hook --status
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/known_guests.h"
#include "cli/output.h"
#include "core/text.h"
#include "handover/claims.h"
#include "host/pci/pci_ids.h"
#include "host/processes/process.h"

namespace qh::cli {
namespace {

using nlohmann::ordered_json;

const char* to_string(handover::Holding holding) {
  switch (holding) {
    case handover::Holding::by_hand:
      return "by hand";
    case handover::Holding::running:
      return "running";
    case handover::Holding::changing:
      return "starting or ending";
    case handover::Holding::leftover:
      return "left over";
  }
  return "";
}

// Steps that a process of ours still hangs in.
std::vector<std::string> stuck_steps(const host::Host& host, const handover::Record& record) {
  std::vector<std::string> stuck;
  for (const auto& s : record.steps)
    if (s.stuck && host::is_alive(host, *s.stuck))
      stuck.push_back(describe(s.step) + ": process " + std::to_string(s.stuck->pid) +
                      " waits in the kernel for the driver");
  for (const auto& q : record.questions)
    if (host::is_alive(host, q.asker))
      stuck.push_back(q.device.text() + ": process " + std::to_string(q.asker.pid) + " waits for libvirt");
  return stuck;
}

struct Line {
  host::PciDevice device;
  bool present = true;
  std::vector<std::string> guests;
  const handover::Record* claim = nullptr;
};

std::vector<Line> collect(const host::Host& host, const std::vector<handover::Record>& records) {
  auto guests = guests_by_device(configured_guests(host, print_warning));
  std::set<PciAddress> wanted;
  for (const auto& [address, names] : guests) wanted.insert(address);
  for (const auto& r : records) wanted.insert(r.devices.begin(), r.devices.end());
  for (const auto& address : host::list_pci_addresses(host))
    if (const auto d = host::read_pci_device(host, address); d && d->is_display()) wanted.insert(address);

  std::vector<Line> lines;
  for (const auto& address : wanted) {
    Line line;
    if (auto d = host::read_pci_device(host, address))
      line.device = std::move(*d);
    else
      line.present = false, line.device.address = address;
    line.guests = guests[address];
    for (const auto& r : records)
      if (r.claims(address)) line.claim = &r;
    lines.push_back(std::move(line));
  }
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.device.is_display() > b.device.is_display();
  });
  return lines;
}

ordered_json to_json(const host::Host& host, const Line& line) {
  ordered_json object{{"address", line.device.address.text()},
                      {"virsh", line.device.address.node_device_name()},
                      {"present", line.present}};
  if (line.present) {
    object["identity"] = line.device.identity;
    object["name"] = host::pci_name(host, line.device.identity);
    object["driver"] = line.device.driver;
    object["iommu_group"] = line.device.iommu_group;
  }
  object["guests"] = line.guests;
  if (line.claim != nullptr)
    object["claim"] = {{"guest", line.claim->guest},
                       {"state", to_string(handover::holding(host, *line.claim))},
                       {"since", line.claim->since}};
  return object;
}

}  // namespace

Exit status(const host::Host& host, const Options& options) {
  const auto records = handover::list_records(host);
  const auto lines = collect(host, records);
  if (options.json) {
    ordered_json devices = ordered_json::array(), stuck = ordered_json::array();
    for (const auto& line : lines) devices.push_back(to_json(host, line));
    for (const auto& r : records)
      for (const auto& text : stuck_steps(host, r)) stuck.push_back({{"guest", r.guest}, {"step", text}});
    print_json({{"devices", std::move(devices)}, {"stuck", std::move(stuck)}});
    return Exit::done;
  }
  std::vector<std::vector<std::string>> rows{{"DEVICE", "DRIVER", "GROUP", "GUEST", "CLAIM"}};
  for (const auto& line : lines) {
    std::string claim = "-";
    if (line.claim != nullptr)
      claim = printable(line.claim->guest) + ", " + to_string(handover::holding(host, *line.claim)) + " " +
              handover::since(line.claim->since);
    rows.push_back({line.device.address.text(), line.present ? or_dash(line.device.driver) : "not there",
                    or_dash(line.device.iommu_group), or_dash(printable(join(line.guests))), claim});
    // The name on a line of its own: a phone's screen has 80 columns, or fewer.
    const std::string name = host::pci_name(host, line.device.identity);
    if (!name.empty()) rows.push_back({"  " + name});
  }
  std::fputs(rows.size() == 1 ? "no display and no device of a guest on this host\n" : table(rows).c_str(),
             stdout);
  for (const auto& r : records)
    for (const auto& text : stuck_steps(host, r))
      std::printf("\n  STUCK: %s: %s\n", printable(r.guest).c_str(), text.c_str());
  return Exit::done;
}

}  // namespace qh::cli
