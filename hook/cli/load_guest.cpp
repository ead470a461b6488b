#include "cli/load_guest.h"

#include "cli/domain_source.h"
#include "cli/output.h"
#include "handover/readiness.h"
#include "host/services/services.h"

namespace qh::cli {

Result<LoadedGuest> load_guest(const host::Host& host, const Options& options,
                               const config::HostConf& host_conf, Conf use) {
  auto found = find_domain(host, options, host_conf);
  if (!found) return fail(found.error());
  if (!found->warning.empty()) print_warning(found->warning);
  return put_together(host, host_conf, std::move(found->domain), use);
}

Result<LoadedGuest> put_together(const host::Host& host, const config::HostConf& host_conf,
                                 xml::Domain domain, Conf use, const handover::ReserveSettings& reserve) {
  const bool accepts = use == Conf::sync_and_accept || use == Conf::read_only_and_accept;
  const bool writes = use == Conf::sync_and_accept || use == Conf::sync;
  const auto get = writes ? handover::sync_conf : handover::read_conf;
  auto conf = get(host, host_conf, domain, accepts ? config::OnOtherCard::accept : config::OnOtherCard::keep,
                  reserve);
  if (!conf) return fail(conf.error());
  for (const auto& notice : conf->notices) print_warning(notice);
  auto guest = handover::make_guest(domain, conf->synced.conf, host);
  return LoadedGuest{std::move(domain), std::move(*conf), std::move(guest)};
}

Result<handover::Assessment> assess_guest(const host::Host& host, const Options& options) {
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return fail(host_conf.error());
  const auto loaded = load_guest(host, options, *host_conf, Conf::read_only);
  if (!loaded) return fail(loaded.error());
  return assess_start(host, loaded->guest);
}

handover::Assessment assess_start(const host::Host& host, const handover::Guest& guest) {
  handover::be_confined_as_the_hook(host);
  return handover::assess(host, host::RealServices(host), guest);
}

}  // namespace qh::cli
