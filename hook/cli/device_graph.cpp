// qemu-hook --devices --format dot
#include <algorithm>

#include "cli/host_devices.h"
#include "core/text.h"
#include "host/pci/pci_ids.h"

namespace qh::cli {
namespace {

constexpr const char* a_guests = "#cfe2f3";
constexpr const char* the_hosts = "#f4cccc";
constexpr const char* free_to_go = "#d9ead3";

// As it stands inside a string of the language dot.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) out += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
  return out;
}
std::string quoted(const std::string& text) {
  return "\"" + escaped(text) + "\"";
}

// What the function is plugged into: a bridge's address or a host bridge ("pci0000:00"). The device's place
// in /sys/devices names each parent.
std::string parent_of(const host::Host& host, const PciAddress& address) {
  const auto target = host.sysfs.link_target("bus/pci/devices/" + address.text()).value_or("");
  const auto parts = split(target, '/');
  return parts.size() < 2 ? "" : std::string(parts[parts.size() - 2]);
}

std::string node(const PciAddress& address, const std::string& text, const char* colour) {
  return quoted(address.text()) + " [label=\"" + address.text() +
         (text.empty() ? "" : "\\n" + escaped(text)) + "\", fillcolor=\"" + colour + "\"]\n";
}

}  // namespace

std::string device_graph(const host::Host& host, const HostDevices& devices) {
  std::string text =
      "digraph host {\n  rankdir=LR\n  node [shape=box, style=filled, fillcolor=white, "
      "fontname=\"sans-serif\"]\n"
      "  graph [fontname=\"sans-serif\", style=dashed]\n"
      "  label=\"blue: a guest's   green: a guest could have it   red: the host needs it\"\n";
  std::map<std::string, std::string> groups;
  for (const auto& card : devices.cards)
    for (const auto& f : card.functions) {
      const bool is_a_guests =
          devices.record_of(f.address) != nullptr || !devices.guests_of(f.address).empty();
      const char* colour = is_a_guests                                         ? a_guests
                           : card.availability() == handover::Availability::no ? the_hosts
                                                                               : free_to_go;
      groups[f.iommu_group] += "    " + node(f.address, host::pci_name(host, f.identity, f.identity), colour);
    }
  for (const auto& [group, nodes] : groups) {
    if (group.empty())
      text += nodes;
    else
      text += "  subgraph \"cluster_" + group + "\" {\n    label=\"IOMMU group " + group + "\"\n" + nodes +
              "  }\n";
  }
  for (const auto& address : host::list_pci_addresses(host)) {
    const auto device = host::read_pci_device(host, address);
    if (!device) continue;
    if (device->is_bridge())
      text += "  " + node(address, host::pci_name(host, device->identity, device->identity), "#eeeeee");
    if (const auto parent = parent_of(host, address); !parent.empty())
      text += "  " + quoted(parent) + " -> " + quoted(address.text()) + "\n";
  }
  return text + "}\n";
}

}  // namespace qh::cli
