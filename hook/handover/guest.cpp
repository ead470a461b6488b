#include "handover/guest.h"

namespace qh::handover {

Guest make_guest(const xml::Domain& domain, const config::GuestConf& conf, const host::Host& host) {
  Guest guest{domain.name, domain.uuid, conf.gpu, {}, domain.images, domain.rom_files};
  for (const auto& wanted : domain.devices) {
    const auto* known = conf.find(wanted.address);
    auto how = known != nullptr ? *known : config::DeviceConf{.address = wanted.address};
    guest.devices.push_back({wanted, std::move(how), host::read_pci_device(host, wanted.address)});
  }
  return guest;
}

}  // namespace qh::handover
