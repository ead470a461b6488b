#include "host/network/network.h"

#include "core/contains.h"
#include "core/file.h"
#include "core/text.h"
#include "host/pci/beneath.h"

namespace qh::host {
namespace {

using Names = std::vector<std::string>;

// include/uapi/linux/route.h, if.h
constexpr unsigned long route_up = 0x1, route_reject = 0x200, interface_up = 0x1;

class Network {
 public:
  explicit Network(const Host& host) : host_(host), default_routes_(default_route_interfaces(host)) {}

  // Why the host needs it, as the rest of a sentence that begins with its name; empty: it does not.
  std::string reason(const std::string& interface) const {
    Names seen, seen_again;
    const auto route = path(interface, Goal::route, seen);
    return route.empty() ? path(interface, Goal::joint, seen_again) : route;
  }

 private:
  // "bridge" or "bonding".
  bool is(const std::string& kind, const std::string& interface) const {
    return host_.sysfs.exists(folder_ + interface + "/" + kind);
  }
  bool is_up(const std::string& interface) const {
    return (to_number(host_.sysfs.read(folder_ + interface + "/flags").value_or(""), 16) & interface_up) != 0;
  }
  std::string master(const std::string& interface) const {
    return host_.sysfs.link(folder_ + interface + "/master").value_or("");
  }
  // What is made of the interface: its master, its VLANs, macvlans and the like (netdev_adjacent_sysfs_add in
  // net/core/dev.c makes an "upper_NAME" for each).
  Names uppers(const std::string& interface) const {
    Names all;
    if (const auto name = master(interface); !name.empty()) all.push_back(name);
    for (const auto& entry : host_.sysfs.list(folder_ + interface))
      if (entry.starts_with("upper_")) add_once(all, entry.substr(6));
    return all;
  }
  std::string step(const std::string& interface, const std::string& upper) const {
    if (is("bridge", upper)) return "is in the bridge " + printable(upper);
    if (is("bonding", upper)) return "is in the bond " + printable(upper);
    // A team, a VRF, an Open vSwitch bridge: sysfs does not tell them apart.
    if (master(interface) == upper) return "belongs to " + printable(upper);
    return "carries " + printable(upper);
  }

  // The way up to a default route, or to the topmost bridge, bond or the like that is up.
  enum class Goal { route, joint };
  std::string path(const std::string& interface, Goal goal, Names& seen) const {
    if (goal == Goal::route && contains(default_routes_, interface)) return "carries the default route";
    add_once(seen, interface);
    for (const auto& upper : uppers(interface)) {
      if (contains(seen, upper)) continue;
      const auto more = path(upper, goal, seen);
      if (!more.empty()) return step(interface, upper) + ", which " + more;
      if (goal == Goal::route) continue;
      if (is("bridge", upper) || is("bonding", upper)) {
        if (is_up(upper)) return step(interface, upper) + ", which is up";
      } else if (master(interface) == upper) {
        // Open vSwitch forwards through an "ovs-system" that is down.
        return step(interface, upper);
      }
    }
    return {};
  }

  const Host& host_;
  const std::string folder_ = "class/net/";
  Names default_routes_;
};

}  // namespace

std::vector<std::string> default_route_interfaces(const Host& host) {
  Names all;
  const auto add = [&](std::string_view interface, std::string_view flags) {
    if ((to_number(flags, 16) & (route_up | route_reject)) == route_up) add_once(all, std::string(interface));
  };
  // proc_net_route: "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT", a heading first
  // (fib_route_seq_show in net/ipv4/fib_trie.c).
  const auto ipv4 = host.read("/proc/net/route", 64U << 20U).value_or("");
  for (const auto line : split(ipv4, '\n')) {
    const auto field = words(line);
    if (field.size() >= 8 && field[1] == "00000000" && field[7] == "00000000") add(field[0], field[3]);
  }
  // "destination length source length next-hop metric references use flags interface"
  // (rt6_info_route in net/ipv6/route.c). The kernel always has a default route that rejects, on lo.
  const auto ipv6 = host.read("/proc/net/ipv6_route", 64U << 20U).value_or("");
  for (const auto line : split(ipv6, '\n')) {
    const auto field = words(line);
    if (field.size() >= 10 && field[1] == "00" && field[3] == "00" && field[9] != "lo")
      add(field[9], field[8]);
  }
  return all;
}

std::vector<InterfaceUse> network_use(const Host& host, const PciAddress& address) {
  const auto interfaces = links_beneath(host, "class/net", {address});
  if (interfaces.empty()) return {};
  const Network network(host);
  std::vector<InterfaceUse> all;
  for (const auto& found : interfaces)
    if (const auto reason = network.reason(found.name); !reason.empty())
      all.push_back({found.name, printable(found.name) + " " + reason});
  return all;
}

}  // namespace qh::host
