#include "cli/load_guest.h"

#include "cli/domain_source.h"
#include "cli/output.h"

namespace qh::cli {

std::optional<LoadedGuest> load_guest(const std::string& root, const Options& options,
                                      const host::Sysfs& sysfs, Conf use) {
  auto found = find_domain(root, options);
  if (!found) return print_errors({found.error()}), std::nullopt;
  if (!found->warning.empty()) print_warning(found->warning);
  const auto on_other_card =
      use == Conf::sync_and_accept ? config::OnOtherCard::accept : config::OnOtherCard::keep;
  const auto get = use == Conf::read_only ? handover::read_conf : handover::sync_conf;
  auto conf = get(root, sysfs, found->domain, on_other_card);
  if (!conf) return print_errors({conf.error()}), std::nullopt;
  auto guest = handover::make_guest(found->domain, conf->synced.conf, sysfs);
  return LoadedGuest{std::move(found->domain), std::move(*conf), std::move(guest)};
}

}  // namespace qh::cli
