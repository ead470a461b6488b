#include "handover/checks.h"

#include <sys/utsname.h>

#include <algorithm>

#include "core/text.h"
#include "host/file.h"
#include "host/names.h"

namespace qh::handover {
namespace {

using Findings = std::vector<Finding>;

void add(Findings& out, const char* check, const Device& d, const std::string& message,
         const std::string& remedy) {
  out.push_back({check, Severity::error, d.address().text(), d.address().text() + ": " + message, remedy});
}

void check_present(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    if (!d.present)
      add(out, "present", d, "there is no such device on this host",
          "see `lspci -D`; remove it from the guest (`virsh edit`), or put the card back");
    else if (d.present->is_bridge())
      add(out, "present", d, "is a bridge, and a bridge cannot be given to a guest",
          "remove it from the guest; name the devices behind it instead");
  }
}

// The function elsewhere that has this identity and is not itself meant by the guest.
std::string where_now(const Survey& s, const std::string& identity) {
  for (const auto& other : s.all_devices)
    if (other.identity == identity) return other.address.text();
  return {};
}

void check_identity(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    if (!d.present || d.conf.identity.empty() || d.conf.identity == d.present->identity) continue;
    const std::string moved = where_now(s, d.conf.identity);
    add(out, "identity", d,
        "another card stands here now: " + d.present->identity + ", the guest's conf means " +
            d.conf.identity +
            (moved.empty() ? ", which is no longer on this host" : ", which is now at " + moved),
        (moved.empty() ? "" : "change the guest's address to " + moved + " (`virsh edit`), or ") +
            std::string("if the new card is meant: ") + "`qemu-hook --setup " + printable(s.guest.name) +
            "`");
  }
}

void check_iommu(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    if (!d.present || d.present->is_bridge() || !d.present->iommu_group.empty()) continue;
    add(out, "iommu", d, "is in no IOMMU group",
        s.iommu_in_kernel
            ? "the IOMMU works but leaves this device out; another slot may help"
            : "switch on the IOMMU in the firmware (VT-d, AMD-Vi), and on Intel boot with intel_iommu=on");
  }
}

void check_claims(const Survey& s, Findings& out) {
  for (const auto& c : s.conflicts) {
    const std::string owner = in_quotes(c.owner.guest), address = c.address.text();
    const std::string when = since(c.owner.since);
    std::string message, remedy;
    switch (c.holding) {
      case Holding::running:
        message = "the running guest " + owner + " has it " + when;
        remedy = "shut down " + owner + " first";
        break;
      case Holding::by_hand:
        message = "was detached by hand for the guest " + owner + ", " + when;
        remedy = "`qemu-hook --reattach " + printable(c.owner.guest) + "` gives it back";
        break;
      case Holding::changing:
        message = "the guest " + owner + " has it " + when + " and is just starting or ending";
        remedy = "try again when it is down";
        break;
      case Holding::leftover:
        message = "is left over from the guest " + owner + ", " + when;
        remedy = "`qemu-hook --reattach " + printable(c.owner.guest) + "` gives it back";
        break;
    }
    out.push_back({"claim", Severity::error, address, address + ": " + message, remedy});
  }
}

// vfio-pci as a file that modprobe could load, or built in.
bool vfio_in_modules(const std::string& root) {
  // A tree of another host's files, made to reproduce a bug, rarely has its modules: give it the benefit.
  if (!host::exists(root + "/lib/modules")) return !root.empty();
  utsname kernel{};
  ::uname(&kernel);
  for (const char* name : {"modules.builtin", "modules.dep"}) {
    const auto text = host::read_file(root + "/lib/modules/" + kernel.release + "/" + name, 16U << 20U);
    if (text && text->find("/vfio-pci.ko") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Survey survey(const std::string& root, const host::Sysfs& sysfs, Guest guest) {
  Survey s;
  for (const auto& address : host::list_pci_addresses(sysfs))
    if (auto device = host::read_pci_device(sysfs, address)) s.all_devices.push_back(std::move(*device));
  s.iommu_in_kernel = std::any_of(s.all_devices.begin(), s.all_devices.end(),
                                  [](const auto& d) { return !d.iommu_group.empty(); });
  s.missing_vfio = missing_vfio(root, sysfs);
  s.conflicts = find_conflicts(root, guest.name, guest.addresses());
  s.guest = std::move(guest);
  return s;
}

std::optional<Finding> missing_vfio(const std::string& root, const host::Sysfs& sysfs) {
  if (sysfs.exists(names::vfio_pci_driver) || vfio_in_modules(root)) return std::nullopt;
  utsname kernel{};
  ::uname(&kernel);
  return Finding{"driver", Severity::error, "",
                 std::string("the kernel ") + kernel.release + " has no vfio-pci driver",
                 "install this kernel's complete modules, or boot the kernel that is installed"};
}

std::vector<Finding> check(const Survey& s) {
  Findings findings;
  check_claims(s, findings);
  check_present(s, findings);
  check_identity(s, findings);
  check_iommu(s, findings);
  if (s.missing_vfio) findings.push_back(*s.missing_vfio);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return findings;
}

bool has_errors(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const auto& f) { return f.severity == Severity::error; });
}

}  // namespace qh::handover
