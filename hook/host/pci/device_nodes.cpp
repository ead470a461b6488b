#include "host/pci/device_nodes.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include "core/file.h"
#include "core/text.h"
#include "host/names.h"
#include "host/pci/beneath.h"
#include "host/pci/pci_device.h"
#include "host/processes/child.h"
#include "host/storage/block_layer.h"

namespace qh::host {
namespace {

// NVIDIA's driver: kernel-open/common/inc/nv-linux.h in https://github.com/NVIDIA/open-gpu-kernel-modules
constexpr std::uint32_t nvidia_major = 195, nvidia_control = 255, nvidia_modeset = 254;

// Adds the node if it has a number, "226:1".
void add(const std::string& number, DeviceNode node, std::vector<DeviceNode>& out) {
  char* rest = nullptr;
  node.major = static_cast<std::uint32_t>(std::strtoul(number.c_str(), &rest, 10));
  if (rest == number.c_str() || *rest != ':') return;
  node.minor = static_cast<std::uint32_t>(std::strtoul(rest + 1, nullptr, 10));
  out.push_back(std::move(node));
}

// A component "usb1": beyond it are the devices on that bus.
bool is_on_usb(const std::string& path) {
  const auto components = split(path, '/');
  return std::any_of(components.begin(), components.end(), [](std::string_view c) {
    return c.size() > 3 && c.starts_with("usb") && std::isdigit(static_cast<unsigned char>(c[3])) != 0;
  });
}

// The number that the kernel gave a driver's name in /proc/devices.
std::optional<std::uint32_t> major_of(const Host& host, const std::string& name) {
  const auto text = host.read("/proc/devices").value_or("");
  // Block devices come after the character devices, under a heading of their own.
  for (const auto line : split(std::string_view(text).substr(0, text.find("Block devices")), '\n')) {
    const auto entry = trimmed(line);
    const auto blank = entry.find(' ');
    if (blank != std::string_view::npos && entry.substr(blank + 1) == name)
      return static_cast<std::uint32_t>(std::strtoul(std::string(entry).c_str(), nullptr, 10));
  }
  return std::nullopt;
}

void add_nvidia_nodes(const Host& host, const PciAddress& function, std::vector<DeviceNode>& out) {
  const std::string gpus = host.path("/proc/driver/nvidia/gpus");
  // NVIDIA's driver prints it under its locks.
  const std::string file = gpus + "/" + function.text() + "/information";
  if (!exists(file)) return;
  const auto text = run_in_child("reading " + file, attribute_timeout, [&] { return read_file(file); });
  if (!text) return;
  const std::string mark = "Device Minor:";
  const auto add_node = [&](std::uint32_t major, std::uint32_t minor, const std::string& path,
                            NodeKind kind) {
    out.push_back({major, minor, path, "nvidia", kind, function, false});
  };
  for (const auto line : split(*text, '\n')) {
    if (line.substr(0, mark.size()) != mark) continue;
    const auto minor = std::strtoul(std::string(line.substr(mark.size())).c_str(), nullptr, 10);
    add_node(nvidia_major, static_cast<std::uint32_t>(minor), "/dev/nvidia" + std::to_string(minor),
             NodeKind::own);
  }
  if (list_folder(gpus).size() != 1) return;
  add_node(nvidia_major, nvidia_control, "/dev/nvidiactl", NodeKind::shared);
  add_node(nvidia_major, nvidia_modeset, "/dev/nvidia-modeset", NodeKind::shared);
  if (const auto uvm = major_of(host, "nvidia-uvm")) {
    add_node(*uvm, 0, "/dev/nvidia-uvm", NodeKind::shared);
    add_node(*uvm, 1, "/dev/nvidia-uvm-tools", NodeKind::shared);
  }
}

// /dev/kfd is one node for all cards of amdgpu (drivers/gpu/drm/amd/amdkfd/kfd_chardev.c).
void add_kfd(const Host& host, const PciAddress& function, std::vector<DeviceNode>& out) {
  if (bound_driver(host, function) != "amdgpu") return;
  for (const auto& entry : host.sysfs.list("bus/pci/drivers/amdgpu"))
    if (const auto other = parse_pci_address(entry); other && *other != function) return;
  add(host.sysfs.read("class/kfd/kfd/dev").value_or(""),
      {0, 0, "/dev/kfd", "kfd", NodeKind::shared, function, false}, out);
}

// A process that has the group open can use every function of it (drivers/vfio/group.c); one that opens the
// device itself has no part of the group (drivers/vfio/device_cdev.c).
void add_vfio_nodes(const Host& host, const PciAddress& function, std::vector<DeviceNode>& out) {
  const auto group = host.sysfs.link(names::attribute(function, "iommu_group"));
  if (!group || !is_on_vfio(host, function)) return;
  add(host.sysfs.read("class/vfio/" + *group + "/dev").value_or(""),
      {0, 0, "/dev/vfio/" + *group, "vfio", NodeKind::vfio, function, false}, out);
}

}  // namespace

std::string node_path(const std::string& subsystem, std::string name) {
  std::replace(name.begin(), name.end(), '!', '/');
  if (subsystem == "drm") return "/dev/dri/" + name;
  if (subsystem == "sound") return "/dev/snd/" + name;
  if (subsystem == "input") return "/dev/input/" + name;
  if (subsystem == "accel") return "/dev/accel/" + name;
  if (subsystem == "bsg") return "/dev/bsg/" + name;
  if (subsystem == "vfio-dev") return "/dev/vfio/devices/" + name;
  if (subsystem == "infiniband_verbs" || subsystem == "infiniband_mad") return "/dev/infiniband/" + name;
  return "/dev/" + name;
}

std::vector<DeviceNode> device_nodes(const Host& host, const std::vector<PciAddress>& functions) {
  std::vector<DeviceNode> all;
  for (const auto& found : links_beneath(host, "dev/char", functions)) {
    const auto subsystem = host.sysfs.link("dev/char/" + found.name + "/subsystem").value_or("");
    const auto path = node_path(subsystem, found.path.substr(found.path.rfind('/') + 1));
    const auto kind = is_on_usb(found.path)     ? NodeKind::hot_plug
                      : subsystem == "vfio-dev" ? NodeKind::vfio
                                                : NodeKind::own;
    add(found.name, {0, 0, path, subsystem, kind, found.function, false}, all);
  }
  const BlockLayer blocks(host);
  for (const auto& function : functions) {
    for (const auto& disk : blocks.beneath(function)) {
      const auto place = host.sysfs.link_target("class/block/" + disk.name).value_or("");
      const auto kind = is_on_usb(place) ? NodeKind::hot_plug : NodeKind::own;
      add(blocks.number(disk.name), {0, 0, node_path("block", disk.name), "block", kind, function, true},
          all);
    }
    add_vfio_nodes(host, function, all);
    add_nvidia_nodes(host, function, all);
    add_kfd(host, function, all);
  }
  return all;
}

}  // namespace qh::host
