#include "cli/reservation.h"

#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "core/contains.h"
#include "core/text.h"

namespace qh::cli {

handover::Reservations sync_reservations(const host::Host& host, const config::HostConf& host_conf) {
  host::RealUdev udev(host);
  auto all = handover::apply_reservations(host, udev, host_conf.defaults);
  if (!all) {
    const auto& e = all.error();
    print_warning("which cards are reserved for guests stays as it is: " + e.message +
                  (e.remedy.empty() ? "" : "; " + e.remedy));
    return {};
  }
  for (const auto& warning : all->warnings) print_warning(warning);
  return std::move(*all);
}

std::vector<std::string> reservation_lines(const handover::Reservations& all, const handover::Guest& guest) {
  std::vector<std::string> lines;
  for (const auto& f : all.functions)
    if (contains(guest.addresses(), f.address)) lines.push_back(describe(f, guest.name) + ".");
  return lines;
}

nlohmann::ordered_json to_json(const handover::Reservations& all, const handover::Guest& guest) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& f : all.functions)
    if (contains(guest.addresses(), f.address))
      list.push_back({{"device", f.address.text()}, {"level", to_string(f.level)}, {"in_force", f.in_force}});
  return list;
}

}  // namespace qh::cli
