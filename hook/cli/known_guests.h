// The guests of this host as its files know them: quickly, without libvirt's daemon.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/guest_conf.h"
#include "host/host.h"

namespace qh::cli {

struct KnownDevice {
  PciAddress address;
  bool is_display = false;
};

struct KnownGuest {
  std::string name;
  config::Gpu gpu = config::Gpu::automatic;  // as the conf says
  std::vector<KnownDevice> devices;
};

struct KnownGuests {
  std::vector<KnownGuest> guests;     // in the order of their files' names, those with a conf first
  std::vector<std::string> warnings;  // files that cannot be used
};

// A guest's conf tells its devices; of a guest without one, libvirt's own file for it, where it may be read.
// Only root can read those; guests that are defined without root know their confs alone.
KnownGuests known_guests(const host::Host& host);
// The one guest alone; its name is kept where nothing is known of it.
KnownGuests known_guest(const host::Host& host, const std::string& name);

// Each guest's conf, in the order of the files' names; a conf that does not say its guest has the one that
// its file's name says. Fails if the folder is not to be trusted.
using EachGuestConf = std::function<void(const std::string& path, const Result<config::GuestConf>& conf)>;
Result<void> each_conf(const host::Host& host, const EachGuestConf& each);

// The guests that libvirt keeps on disk, by its files' names.
std::vector<std::string> defined_guests(const host::Host& host);
// Names alone, sorted, for completion.
std::vector<std::string> guest_names(const host::Host& host);

}  // namespace qh::cli
