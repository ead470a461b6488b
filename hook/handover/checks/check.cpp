#include "handover/checks/check.h"

#include "core/text.h"
#include "host/names.h"

namespace qh::handover::checks {

void add(Findings& out, const char* check, Severity severity, const PciAddress& address,
         const std::string& message, const std::string& remedy) {
  out.push_back({check, severity, address.text(), address.text() + ": " + message, remedy});
}

void refuse(Findings& out, const char* check, const Device& device, const std::string& message,
            const std::string& remedy) {
  add(out, check, Severity::error, device.address(), message, remedy);
}

std::string call(const char* command, const std::string& guest, const char* option) {
  return std::string("`qemu-hook ") + command + " " + printable(guest) + option + "`";
}

std::string allow(const Survey& survey) {
  return "set `allow_in_use = true` for it in " + names::guest_conf(survey.guest.name);
}

std::string edit(const Survey& survey) {
  return "(`virsh edit " + printable(survey.guest.name) + "`)";
}

bool is_in_the_way_of_its_group(const host::PciDevice& d) {
  return !d.driver.empty() && !d.on_vfio && d.driver != "pci-stub" && d.driver != "pcieport" &&
         d.class_code() != "060400";
}

}  // namespace qh::handover::checks
