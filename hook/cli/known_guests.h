// The guests of this host as its files know them: quickly, without libvirt's daemon.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/guest_conf.h"
#include "host/host.h"

namespace qh::cli {

// Of each guest its conf, always with its name. A device whose identity the conf does not say has that of the
// card which is there now.
using KnownGuests = std::vector<config::GuestConf>;

// Told of each file that cannot be used.
using Warn = void(const std::string& text);
inline void no_warnings(const std::string&) {}

// In the order of their files' names: those with a conf, then those that libvirt alone has a file for, where
// it may be read. Only root can read those; guests that are defined without root know their confs alone.
KnownGuests known_guests(const host::Host& host, Warn* warn);
// Those with a conf.
KnownGuests configured_guests(const host::Host& host, Warn* warn);
// The one guest alone; without devices where nothing is known of it.
config::GuestConf known_guest(const host::Host& host, const std::string& name, Warn* warn);

// Which of the guests want each device.
std::map<PciAddress, std::vector<std::string>> guests_by_device(const KnownGuests& guests);

// The guests that libvirt keeps on disk, by its files' names.
std::vector<std::string> defined_guests(const host::Host& host);

}  // namespace qh::cli
