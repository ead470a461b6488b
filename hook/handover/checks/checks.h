// All checks: they decide before anything is touched. Pure: from one survey of the host to findings.
#pragma once

#include <string>
#include <vector>

#include "handover/finding.h"
#include "handover/survey.h"

namespace qh::handover {

// Errors first; among them, what the others may only follow from.
std::vector<Finding> check(const Survey& survey);

// The finding for a host without vfio-pci, `kernel` its release.
Finding missing_vfio(const std::string& kernel);

// What every check is made of: a function from the survey, or from it and one of the guest's devices, to
// findings, in the file of its name, and a place in the list of checks.cpp. Pure: whatever a check needs to
// know is in the survey.
namespace checks {

using Findings = std::vector<Finding>;
using Check = void(const Survey& survey, Findings& out);
using DeviceCheck = void(const Survey& survey, const Device& device, Findings& out);

// A finding about a device. `check` is the name that programs read; it stays as it is for ever.
void add(Findings& out, const char* check, Severity severity, const PciAddress& address,
         const std::string& message, const std::string& remedy);
void refuse(Findings& out, const char* check, const Device& device, const std::string& message,
            const std::string& remedy);

// "`qemu-hook --setup win10`"
std::string call(const char* command, const std::string& guest, const char* option = "");
// "set `allow_in_use = true` for it in …"
std::string allow(const Survey& survey);
// "(`virsh edit win10`)"
std::string edit(const Survey& survey);

// Whether a device keeps its IOMMU group from being given away: the kernel lets a group go to user space only
// when no driver in it does DMA for the host (iommu_device_use_default_domain in drivers/iommu/iommu.c; the
// drivers with `driver_managed_dma`).
bool is_in_the_way_of_its_group(const host::PciDevice& device);

}  // namespace checks
}  // namespace qh::handover
