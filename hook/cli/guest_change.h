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

// A guest that has been changed, until keep(): at the end of its life it is as before.
class ChangedGuest {
 public:
  // All of the change, or nothing of it.
  static Result<ChangedGuest> apply(const libvirt::Domains& domains, const std::string& guest,
                                    const GuestChange& change);

  void keep() { before_.clear(); }
  // Defines the guest as it was. The error says what is left to do by hand.
  Result<void> undo();

 private:
  ChangedGuest(const libvirt::Domains& domains, std::string guest, std::string before)
      : domains_(domains), guest_(std::move(guest)), before_(std::move(before)) {}
  Result<void> run(const GuestChange& change) const;

  libvirt::Domains domains_;
  std::string guest_;
  std::string before_;  // its XML, complete; never shown
};

}  // namespace qh::cli
