#include "handover/checks.h"

#include <algorithm>
#include <set>

#include "core/contains.h"
#include "core/text.h"
#include "host/names.h"

namespace qh::handover {
namespace {

using Findings = std::vector<Finding>;

void add(Findings& out, const char* check, Severity severity, const PciAddress& address,
         const std::string& message, const std::string& remedy) {
  out.push_back({check, severity, address.text(), address.text() + ": " + message, remedy});
}

void refuse(Findings& out, const char* check, const Device& d, const std::string& message,
            const std::string& remedy) {
  add(out, check, Severity::error, d.address(), message, remedy);
}

std::string call(const char* command, const std::string& guest) {
  return std::string("`qemu-hook ") + command + " " + printable(guest) + "`";
}

std::string allow(const Survey& s) {
  return "set `allow_in_use = true` for it in " + names::guest_conf(s.guest.name);
}

std::string edit(const Survey& s) {
  return "(`virsh edit " + printable(s.guest.name) + "`)";
}

void check_present(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    if (!d.present)
      refuse(out, "present", d, "there is no such device on this host",
             "see `lspci -D`; remove it from the guest " + edit(s) + ", or put the card back");
    else if (d.present->is_bridge())
      refuse(out, "present", d, "is a bridge, and a bridge cannot be given to a guest",
             "remove it from the guest " + edit(s) + "; name the devices behind it instead");
  }
}

// The function elsewhere that has this identity and that the guest does not mean otherwise.
std::string where_now(const Survey& s, const std::string& identity) {
  for (const auto& other : s.all_devices) {
    const bool meant = std::any_of(s.guest.devices.begin(), s.guest.devices.end(), [&](const Device& d) {
      return d.address() == other.address && d.conf.identity == identity;
    });
    if (other.identity == identity && !meant) return other.address.text();
  }
  return {};
}

// "NVIDIA Corporation GA104 [GeForce RTX 3070] (10de:2484 1462:3909 030000)"
std::string card(const Survey& s, const std::string& identity) {
  const auto name = s.names.find(identity);
  return name == s.names.end() || name->second.empty() ? identity : name->second + " (" + identity + ")";
}

void check_identity(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    if (!d.present || d.conf.identity.empty() || d.conf.identity == d.present->identity) continue;
    const std::string moved = where_now(s, d.conf.identity);
    refuse(out, "identity", d,
           "another card stands here now: " + card(s, d.present->identity) + "; the guest's conf means " +
               card(s, d.conf.identity) +
               (moved.empty() ? ", which is no longer on this host" : ", which is now at " + moved),
           (moved.empty() ? "" : "change the guest's address to " + moved + " " + edit(s) + ", or ") +
               std::string("if the new card is meant: ") + call("--setup", s.guest.name));
  }
}

void check_answers(const Survey& s, Findings& out) {
  for (std::size_t i = 0; i < s.guest.devices.size(); ++i)
    if (!s.uses[i].answers)
      refuse(out, "answers", s.guest.devices[i],
             "its configuration space does not answer: the kernel holds it, a reset or a driver hangs in the "
             "device",
             "`dmesg` may say what hangs; if it does not let go, reboot");
}

void check_iommu(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices)
    if (d.present && !d.present->is_bridge() && d.present->iommu_group.empty())
      refuse(out, "IOMMU", d, "is in no IOMMU group", s.iommu_remedy);
}

// Whether the device keeps its group from being given away: the kernel lets a group go to user space only
// when no driver in it does DMA for the host (iommu_device_use_default_domain in drivers/iommu/iommu.c; the
// drivers with `driver_managed_dma`).
bool is_in_the_way(const host::PciDevice& d) {
  return !d.driver.empty() && !d.on_vfio && d.driver != "pci-stub" && d.driver != "pcieport" &&
         d.class_code() != "060400";
}

void check_groups(const Survey& s, Findings& out) {
  const auto wanted = s.guest.addresses();
  std::set<std::string> done;
  for (const auto& d : s.guest.devices) {
    if (!d.present || d.present->iommu_group.empty() || !done.insert(d.present->iommu_group).second) continue;
    std::vector<std::string> members, in_the_way;
    for (const auto& other : s.all_devices) {
      if (other.iommu_group != d.present->iommu_group) continue;
      members.push_back(other.address.text());
      if (!contains(wanted, other.address) && is_in_the_way(other))
        in_the_way.push_back(other.address.text() + " (" + other.driver + ")");
    }
    if (in_the_way.empty()) continue;
    refuse(out, "group", d,
           "an IOMMU group goes to a guest as a whole, and the host uses a part of group " +
               d.present->iommu_group + ": " + join_few(in_the_way) + "; the group is " + join(members, " "),
           "give the guest all of it " + edit(s) + ", or put the card into another slot");
  }
}

void check_claims(const Survey& s, Findings& out) {
  for (const auto& c : s.conflicts) {
    const std::string owner = in_quotes(c.owner.guest);
    const std::string when = since(c.owner.since);
    std::string message, remedy;
    switch (c.holding) {
      case Holding::running:
        message = "the running guest " + owner + " has it " + when;
        remedy = "shut down " + owner + " first";
        break;
      case Holding::by_hand:
        message = "was detached by hand for the guest " + owner + ", " + when;
        remedy = call("--reattach", c.owner.guest) + " gives it back";
        break;
      case Holding::changing:
        message = "the guest " + owner + " has it " + when + " and is just starting or ending";
        remedy = "try again when it is down";
        break;
      case Holding::leftover:
        message = "is left over from the guest " + owner + ", " + when;
        remedy = call("--reattach", c.owner.guest) + " gives it back";
        break;
    }
    if (!contains(s.guest.addresses(), c.address))
      message = "shares its IOMMU group with a device of this guest; " + message;
    add(out, "claim", Severity::error, c.address, message, remedy);
  }
}

void check_storage(const Survey& s, Findings& out) {
  for (std::size_t i = 0; i < s.guest.devices.size(); ++i) {
    const auto& [uses, unknown] = s.uses[i].storage;
    std::vector<std::string> sentences, doubts;
    for (const auto& use : uses) sentences.push_back(use.sentence);
    for (const auto& use : unknown) doubts.push_back(use.sentence);
    const Device& d = s.guest.devices[i];
    if (!sentences.empty())
      refuse(
          out, "storage", d, "the host needs a disk on it: " + join_few(sentences),
          "take it out of use first (unmount, swapoff, vgchange -an), or remove the device from the guest " +
              edit(s));
    else if (!doubts.empty())
      // What cannot be told counts as in use; but only root can tell at all.
      add(out, "storage", s.sees_all ? Severity::error : Severity::warning, d.address(),
          "it cannot be told whether the host needs a disk on it: " + join_few(doubts),
          s.sees_all ? "see `dmesg`" : "ask again as root");
  }
}

void check_network(const Survey& s, Findings& out) {
  for (std::size_t i = 0; i < s.guest.devices.size(); ++i) {
    const Device& d = s.guest.devices[i];
    if (s.uses[i].network.empty() || d.conf.allow_in_use) continue;
    std::vector<std::string> sentences;
    for (const auto& use : s.uses[i].network) sentences.push_back(use.sentence);
    refuse(out, "network", d, "the host's network needs it: " + join_few(sentences),
           "give that to another interface first; or, if the host can do without, " + allow(s));
  }
}

void check_in_use(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    std::vector<host::Holder> users;
    for (const auto& h : s.holders.holders)
      if (h.node.function == d.address() && h.node.kind == host::NodeKind::vfio) users.push_back(h);
    // What a journal tells says it better.
    const bool is_claimed = std::any_of(s.conflicts.begin(), s.conflicts.end(),
                                        [&](const Conflict& c) { return c.owner.claims(d.address()); });
    if (!users.empty() && !is_claimed)
      refuse(out, "in use", d, "is in use through VFIO by " + describe(users),
             "shut that guest down, or take the device out of it (`virsh detach-device`)");
  }
}

void check_holders(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    std::vector<host::Holder> disks, own, behind;
    for (const auto& h : s.holders.holders)
      if (h.node.function == d.address() && h.node.kind != host::NodeKind::vfio)
        (h.node.kind == host::NodeKind::hot_plug ? behind : h.node.is_block ? disks : own).push_back(h);
    // As with every disk in use, nothing overrules it: what is written there would be lost.
    if (!disks.empty())
      refuse(out, "holders", d, "a disk of it is in use by " + describe(disks), "end that first");
    if (contains(s.console_devices, d.address())) continue;
    for (auto& finding : check_desktop_holders(s.guest, d, own, s.desktop)) out.push_back(std::move(finding));
    if (!behind.empty() && !d.conf.allow_in_use)
      add(out, "holders", Severity::warning, d.address(),
          "what is plugged into it is in use by " + describe(behind), "");
  }
  if (s.holders.unknown.empty()) return;
  std::vector<std::string> pids;
  for (const int pid : s.holders.unknown) pids.push_back(std::to_string(pid));
  out.push_back({"holders", Severity::warning, "",
                 "processes that could not be looked at may have a device open: " + join_few(pids),
                 s.sees_all ? "`ps -p " + join(pids, ",") + "` tells what they are" : "ask again as root"});
}

void warn_of_reservations(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices)
    for (auto& finding : check_reservation(s.guest, d, s.desktop)) out.push_back(std::move(finding));
}

void check_sriov(const Survey& s, Findings& out) {
  for (std::size_t i = 0; i < s.guest.devices.size(); ++i) {
    if (s.uses[i].virtual_functions.empty()) continue;
    std::vector<std::string> functions;
    for (const auto& f : s.uses[i].virtual_functions) functions.push_back(f.text());
    const Device& d = s.guest.devices[i];
    refuse(out, "SR-IOV", d, "has virtual functions, which would vanish: " + join_few(functions),
           "`echo 0 > /sys/bus/pci/devices/" + d.address().text() +
               "/sriov_numvfs` removes them; or give the guest one of them instead");
  }
}

void check_drivers(const Survey& s, Findings& out) {
  if (!s.has_vfio) out.push_back(missing_vfio(s.kernel));
  for (const auto& d : s.guest.devices)
    if (d.present && !d.is_ours() && !d.wanted.managed && !d.present->driver.empty() && !d.present->on_vfio)
      refuse(out, "driver", d,
             "is on its host driver " + d.present->driver +
                 ", and nobody is to detach it (detach = \"never\", managed='no')",
             "set `detach = \"auto\"` for it in " + names::guest_conf(s.guest.name));
}

void warn_of_last_inputs(const Survey& s, Findings& out) {
  const auto& [keyboards, mice] = s.last_inputs;
  std::vector<std::string> all = keyboards;
  for (const auto& name : mice) add_once(all, name);
  if (all.empty()) return;
  const char* what = keyboards.empty() ? "mouse goes"
                     : mice.empty()    ? "keyboard goes"
                                       : "keyboard and mouse go";
  out.push_back(
      {"input", Severity::warning, "",
       std::string("the host's only ") + what + " to the guest with their USB controller: " + join_few(all),
       "have ssh ready, or plug another one into a controller that stays"});
}

void warn_of_roms(const Survey& s, Findings& out) {
  for (const auto& problem : s.rom_problems)
    out.push_back({"rom", Severity::warning, "", problem, "mend the file, or remove <rom> " + edit(s)});
}

// The other functions of a card that is given away in part. On bus 0 one slot holds unrelated parts of the
// chipset, and a virtual function shares its slot with others' by design.
void warn_of_siblings(const Survey& s, Findings& out) {
  const auto wanted = s.guest.addresses();
  for (const auto& d : s.guest.devices) {
    const PciAddress& a = d.address();
    const bool first =
        std::none_of(wanted.begin(), wanted.end(), [&](const auto& w) { return w.same_slot(a) && w < a; });
    if (!d.present || !first || a.bus == 0 || contains(s.virtual_devices, a)) continue;
    std::vector<std::string> left;
    for (const auto& other : s.all_devices)
      if (other.address.same_slot(a) && !contains(wanted, other.address) &&
          !contains(s.virtual_devices, other.address) &&
          !(other.iommu_group == d.present->iommu_group && is_in_the_way(other)))  // refused already
        left.push_back(other.address.text() + (other.driver.empty() ? "" : " (" + other.driver + ")"));
    if (!left.empty())
      add(out, "siblings", Severity::warning, a,
          "functions of the same card stay with the host: " + join_few(left),
          "a card works best, and can be reset, as a whole: add them to the guest " + edit(s));
  }
}

void warn_of_reset_bugs(const Survey& s, Findings& out) {
  for (std::size_t i = 0; i < s.guest.devices.size(); ++i) {
    const auto& family = s.uses[i].reset_bug;
    if (family)
      add(out, "reset", Severity::warning, s.guest.devices[i].address(),
          "cards of the family " + *family +
              " often do not come back after a guest without a reset of their own",
          "install the kernel module vendor-reset, and set `reset = \"device_specific\"` for it in " +
              names::guest_conf(s.guest.name));
  }
}

}  // namespace

Finding missing_vfio(const std::string& kernel) {
  return {"driver", Severity::error, "", "the kernel " + kernel + " has no vfio-pci driver",
          "install this kernel's complete modules, or boot the kernel that is installed"};
}

std::vector<Finding> check(const Survey& s) {
  Findings findings;
  for (const auto look :
       {check_claims, check_present, check_answers, check_identity, check_iommu, check_storage, check_groups,
        check_network, check_in_use, check_holders, check_sriov, check_drivers, warn_of_last_inputs,
        warn_of_roms, warn_of_reservations, warn_of_siblings, warn_of_reset_bugs})
    look(s, findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return findings;
}

}  // namespace qh::handover
