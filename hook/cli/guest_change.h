// Adds devices to a guest and removes them, in libvirt's own configuration of it.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "config/host_conf.h"
#include "host/host.h"
#include "libvirt/domains.h"
#include "xml/domain.h"

namespace qh::cli {

struct GuestChange {
  std::vector<PciAddress> add, remove;
  bool empty() const { return add.empty() && remove.empty(); }
};

// bad_input: one of the words is no address.
Result<GuestChange> read_change(const Options& options);

// What of the change is left to do for the guest as it is. Refused where a device to add is not there or is
// needed by the host itself, or where one to remove is not the guest's <hostdev>.
Result<GuestChange> needed_change(const host::Host& host, const config::HostConf& host_conf,
                                  const xml::Domain& domain, const GuestChange& change);

// The elements, for --dry-run.
std::string change_xml(const GuestChange& change);

// Makes all of the change, or nothing of it. Gives the guest's XML as it was, complete: never to be shown.
Result<std::string> change_guest(const libvirt::Domains& domains, const std::string& guest,
                                 const GuestChange& change);

// The error of a guest that was changed in vain, which is defined as it was `before`. The error then says
// `undone`, or what is left to do by hand.
Error restore_guest(const libvirt::Domains& domains, const std::string& guest, const std::string& before,
                    Error error, const std::string& undone);

}  // namespace qh::cli
