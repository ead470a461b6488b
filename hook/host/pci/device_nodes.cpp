#include "host/pci/device_nodes.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/file.h"
#include "core/text.h"
#include "host/names.h"
#include "host/pci/beneath.h"
#include "host/pci/pci_device.h"
#include "host/processes/child.h"
#include "host/storage/block_device.h"

namespace qh::host {
namespace {

// NVIDIA's driver: kernel-open/common/inc/nv-linux.h in https://github.com/NVIDIA/open-gpu-kernel-modules
constexpr std::uint32_t nvidia_major = 195, nvidia_control = 255, nvidia_modeset = 254;

// Adds the node if it has a number, "226:1".
void add(const std::string& number, DeviceNode node, std::vector<DeviceNode>& out) {
  const auto colon = number.find(':');
  if (colon == std::string::npos) return;
  node.major = to_number<std::uint32_t>(number);
  node.minor = to_number<std::uint32_t>(number.substr(colon + 1));
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
    const auto entry = words(line);
    if (entry.size() == 2 && entry[1] == name) return to_number<std::uint32_t>(entry[0]);
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
    if (!line.starts_with(mark)) continue;
    const auto minor = to_number<std::uint32_t>(line.substr(mark.size()));
    add_node(nvidia_major, minor, "/dev/nvidia" + std::to_string(minor), NodeKind::own);
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

std::string node_path(const std::string& subsystem, const std::string& kernel_name) {
  const std::string name = replaced(kernel_name, '!', "/");
  constexpr std::pair<std::string_view, const char*> folders[] = {{"drm", "/dri/"},
                                                                  {"sound", "/snd/"},
                                                                  {"input", "/input/"},
                                                                  {"accel", "/accel/"},
                                                                  {"bsg", "/bsg/"},
                                                                  {"vfio-dev", "/vfio/devices/"},
                                                                  {"infiniband_verbs", "/infiniband/"},
                                                                  {"infiniband_mad", "/infiniband/"}};
  for (const auto& [of, folder] : folders)
    if (subsystem == of) return std::string("/dev") + folder + name;
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
  for (const auto& function : functions) {
    for (const auto& disk : disks_beneath(host, function)) {
      const auto place = host.sysfs.link_target("class/block/" + disk.name).value_or("");
      const auto kind = is_on_usb(place) ? NodeKind::hot_plug : NodeKind::own;
      add(block_number(host, disk.name), {0, 0, node_path("block", disk.name), "block", kind, function, true},
          all);
    }
    add_vfio_nodes(host, function, all);
    add_nvidia_nodes(host, function, all);
    add_kfd(host, function, all);
  }
  return all;
}

}  // namespace qh::host
