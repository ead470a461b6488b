#include "fakes/kernel.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/text.h"
#include "host/file.h"

namespace qh::fakes {
namespace fs = std::filesystem;

TemporaryRoot::TemporaryRoot() {
  // In memory where possible: the journal is synced often.
  const fs::path base = fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
  std::string pattern = (base / "qemu-hook-test-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}
TemporaryRoot::~TemporaryRoot() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}
void TemporaryRoot::write(const std::string& file, const std::string& text) const {
  fs::create_directories(fs::path(path_ + file).parent_path());
  std::ofstream(path_ + file, std::ios::binary | std::ios::trunc) << text;
}
std::string TemporaryRoot::read(const std::string& file) const {
  return host::read_file(path_ + file).value_or("");
}
bool TemporaryRoot::exists(const std::string& file) const {
  return fs::exists(fs::symlink_status(path_ + file));
}

Kernel::Kernel(const TemporaryRoot& root) : root_(root) {
  fs::create_directories(root.path() + "/proc");
  fs::create_directories(root.path() + "/dev");
  fs::create_directories(root.path() + "/sys/bus/pci/devices");
  root.write("/sys/bus/pci/drivers_probe", "");
  root.write("/sys/bus/pci/rescan", "");
}

std::string Kernel::device_folder(const std::string& address) const {
  return "/sys/bus/pci/devices/" + address;
}

void Kernel::add_driver(const std::string& name) {
  for (const char* file : {"bind", "unbind"}) root_.write("/sys/bus/pci/drivers/" + name + "/" + file, "");
}

void Kernel::make_device(const ModelDevice& d) {
  const std::string folder = device_folder(d.address);
  root_.write(folder + "/vendor", "0x" + d.ids.substr(0, 4) + "\n");
  root_.write(folder + "/device", "0x" + d.ids.substr(5, 4) + "\n");
  root_.write(folder + "/subsystem_vendor", "0x" + d.ids.substr(10, 4) + "\n");
  root_.write(folder + "/subsystem_device", "0x" + d.ids.substr(15, 4) + "\n");
  root_.write(folder + "/class", "0x" + d.class_code + "\n");
  root_.write(folder + "/driver_override", "(null)\n");
  root_.write(folder + "/remove", "");
  if (!d.group.empty()) {
    fs::create_directories(root_.path() + "/sys/kernel/iommu_groups/" + d.group);
    fs::create_symlink("../../../../kernel/iommu_groups/" + d.group, root_.path() + folder + "/iommu_group");
  }
  devices_[d.address] = d;
  probe(d.address);
}

void Kernel::add_device(const ModelDevice& device) {
  if (!device.native_driver.empty()) add_driver(device.native_driver);
  make_device(device);
}

std::string Kernel::driver(const std::string& address) const {
  std::error_code error;
  const auto target = fs::read_symlink(root_.path() + device_folder(address) + "/driver", error);
  return error ? "" : target.filename().string();
}

std::string Kernel::driver_override(const std::string& address) const {
  const std::string text(trimmed(root_.read(device_folder(address) + "/driver_override")));
  return text == "(null)" ? "" : text;
}

bool Kernel::bind(const std::string& address, const std::string& name) {
  const bool refuses =
      std::find(refusing_drivers.begin(), refusing_drivers.end(), name) != refusing_drivers.end();
  const std::string folder = "/sys/bus/pci/drivers/" + name;
  if (refuses || name.empty() || !root_.exists(folder) || !driver(address).empty()) return false;
  fs::create_symlink("../../drivers/" + name, root_.path() + device_folder(address) + "/driver");
  return true;
}

bool Kernel::unbind(const std::string& address) {
  return fs::remove(root_.path() + device_folder(address) + "/driver");
}

bool Kernel::probe(const std::string& address) {
  if (!devices_.contains(address)) return false;
  const std::string chosen = driver_override(address);
  // The write succeeds whether or not a driver takes the device.
  if (driver(address).empty()) bind(address, chosen.empty() ? devices_[address].native_driver : chosen);
  return true;
}

bool Kernel::write(const std::string& path, const std::string& value) {
  const fs::path p(path);
  const std::string attribute = p.filename().string(), text(trimmed(value));
  if (path == "bus/pci/drivers_probe") return probe(text);
  if (path == "bus/pci/rescan") {
    for (const auto& [address, device] : std::exchange(removed_, {})) make_device(device);
    return true;
  }
  if (attribute == "unbind") return unbind(text);
  const std::string parent = p.parent_path().filename().string();
  if (attribute == "bind") {
    const auto device = devices_.find(text);
    return device != devices_.end() &&
           (device->second.native_driver == parent || driver_override(text) == parent) && bind(text, parent);
  }
  if (!devices_.contains(parent)) return false;
  if (attribute == "remove") {
    removed_[parent] = devices_[parent];
    devices_.erase(parent);
    fs::remove_all(root_.path() + device_folder(parent));
    return true;
  }
  if (attribute == "driver_override") {
    root_.write("/sys/" + path, text.empty() ? "(null)\n" : text + "\n");
    return true;
  }
  return false;
}

std::string Kernel::state() const {
  std::string text;
  for (const auto& [address, device] : devices_)
    text += address + " driver=" + driver(address) + " override=" + driver_override(address) + "\n";
  return text;
}

Result<void> Faults::run(const std::string& name, const std::function<Result<void>()>& act) {
  acts.push_back(name);
  const bool due = count++ == at;
  if (due && fault == Fault::killed_before) throw Killed{};
  if (due && fault == Fault::fails) return fail(ErrorKind::failed, name + ": made to fail");
  if (due && fault == Fault::hangs) return fail(ErrorKind::timed_out, name + ": made to hang");
  auto result = act();
  if (due && fault == Fault::killed_after) throw Killed{};
  return result;
}

Result<std::string> ModelSysfs::read_locked(const std::string& path, Milliseconds) const {
  const auto text = read(path);
  if (!text) return fail(ErrorKind::not_found, path + " is not there");
  return *text;
}

Result<void> ModelSysfs::write(const std::string& path, const std::string& value, Milliseconds) {
  return faults_.run("write " + path + " " + std::string(trimmed(value)), [&]() -> Result<void> {
    if (!kernel_.write(path, value))
      return fail(ErrorKind::failed, "cannot write " + path + ": No such device");
    return {};
  });
}

Result<void> ModelLibvirt::detach(const std::string& name, Milliseconds) {
  if (!available) return fail(ErrorKind::unavailable, "no libvirt");
  calls.push_back("detach " + name);
  return faults_.run("detach " + name, [&]() -> Result<void> {
    const std::string address = parse_pci_address(name)->text();
    if (kernel_.driver(address) == "vfio-pci") return {};
    kernel_.write("bus/pci/devices/" + address + "/driver_override", "vfio-pci");
    if (!kernel_.driver(address).empty())
      kernel_.write("bus/pci/devices/" + address + "/driver/unbind", address);
    kernel_.write("bus/pci/drivers_probe", address);
    return {};
  });
}

Result<void> ModelLibvirt::reattach(const std::string& name, Milliseconds) {
  if (!available) return fail(ErrorKind::unavailable, "no libvirt");
  calls.push_back("reattach " + name);
  return faults_.run("reattach " + name, [&]() -> Result<void> {
    const std::string address = parse_pci_address(name)->text();
    kernel_.write("bus/pci/devices/" + address + "/driver_override", "\n");
    kernel_.write("bus/pci/devices/" + address + "/driver/unbind", address);
    kernel_.write("bus/pci/drivers_probe", address);
    return {};
  });
}

Result<void> ModelModules::load(const std::string& module, Milliseconds) {
  return faults_.run("load " + module, [&]() -> Result<void> {
    if (!loadable) return fail(ErrorKind::failed, "modprobe " + module + " failed");
    kernel_.add_driver(module);
    return {};
  });
}

}  // namespace qh::fakes
