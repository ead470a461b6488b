#include "handover/guest.h"

namespace qh::handover {

bool Device::is_ours() const {
  switch (conf.detach) {
    case config::Detach::always:
      return true;
    case config::Detach::never:
      return false;
    case config::Detach::automatic:
      break;
  }
  return wanted.source == xml::Source::hostdev || !wanted.managed;
}

std::vector<PciAddress> Guest::addresses() const {
  std::vector<PciAddress> all;
  for (const auto& d : devices) all.push_back(d.address());
  return all;
}

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
