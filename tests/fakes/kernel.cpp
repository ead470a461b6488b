#include "fakes/kernel.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/contains.h"
#include "core/file.h"
#include "core/text.h"

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
  return read_file(path_ + file).value_or("");
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
  const Guard guard(mutex_);
  for (const char* file : {"bind", "unbind"}) root_.write("/sys/bus/pci/drivers/" + name + "/" + file, "");
}

std::string modalias(const std::string& identity) {
  const auto digits = [&](std::size_t at, std::size_t count) {
    std::string text = at < identity.size() ? identity.substr(at, count) : "";
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  };
  return "pci:v0000" + digits(0, 4) + "d0000" + digits(5, 4) + "sv0000" + digits(10, 4) + "sd0000" +
         digits(15, 4) + "bc" + digits(20, 2) + "sc" + digits(22, 2) + "i" + digits(24, 2);
}

void Kernel::make_device(const ModelDevice& d) {
  const std::string folder = device_folder(d.address);
  root_.write(folder + "/modalias", modalias(d.ids + " " + d.class_code) + "\n");
  root_.write(folder + "/driver_override", "(null)\n");
  root_.write(folder + "/remove", "");
  root_.write(folder + "/reset", "");
  root_.write(folder + "/reset_method", d.reset_methods + "\n");
  if (!d.physical.empty()) fs::create_symlink("../" + d.physical, root_.path() + folder + "/physfn");
  if (!d.group.empty()) {
    const std::string members = root_.path() + "/sys/kernel/iommu_groups/" + d.group + "/devices";
    fs::create_directories(members);
    fs::create_symlink("../../../../bus/pci/devices/" + d.address, members + "/" + d.address);
    fs::create_symlink("../../../../kernel/iommu_groups/" + d.group, root_.path() + folder + "/iommu_group");
  }
  devices_[d.address] = d;
  set_answering(d.address, true);
  probe(d.address);
  update_nodes();
}

void Kernel::set_answering(const std::string& address, bool answers) {
  const Guard guard(mutex_);
  std::string config(64, answers ? '\0' : '\xff');
  // A virtual function has neither ID (PCI Express 6.0, 9.3.4.1.1).
  if (answers)
    config.replace(
        0, 6, devices_.at(address).physical.empty() ? "\x86\x80\xd3\x10\x07\x04" : "\xff\xff\xff\xff\x04");
  root_.write(device_folder(address) + "/config", config);
}

void Kernel::remove_device(const std::string& address) {
  if (const auto device = devices_.find(address); device != devices_.end() && !device->second.group.empty())
    fs::remove(root_.path() + "/sys/kernel/iommu_groups/" + device->second.group + "/devices/" + address);
  devices_.erase(address);
  fs::remove_all(root_.path() + device_folder(address));
}

void Kernel::pull(const std::string& address) {
  const Guard guard(mutex_);
  remove_device(address);
  removed_.erase(address);
}

bool Kernel::write_reset_method(const std::string& address, const std::string& methods) {
  const ModelDevice& device = devices_.at(address);
  for (const auto method : split(methods, ' '))
    if (!methods.empty() && method != device.unlisted_reset &&
        !contains(split(device.reset_methods, ' '), method))
      return false;
  root_.write(device_folder(address) + "/reset_method", methods + "\n");
  return true;
}

void Kernel::put_on_vfio(const std::string& address) {
  add_driver("vfio-pci");
  write("bus/pci/devices/" + address + "/driver_override", "vfio-pci");
  write("bus/pci/drivers/" + driver(address) + "/unbind", address);
  write("bus/pci/drivers_probe", address);
}

void Kernel::add_device(const ModelDevice& device) {
  const Guard guard(mutex_);
  if (!device.native_driver.empty()) add_driver(device.native_driver);
  make_device(device);
}

std::string Kernel::driver(const std::string& address) const {
  // Asked often by the simulation: one system call, where fs::read_symlink makes two.
  char target[256];
  const std::string link = root_.path() + device_folder(address) + "/driver";
  const ssize_t size = ::readlinkat(AT_FDCWD, link.c_str(), target, sizeof target);
  return size < 0 ? "" : fs::path(target, target + size).filename().string();
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
  const bool draws = devices_[address].class_code.substr(0, 2) == "03" && name != "vfio-pci";
  if (draws && !has_system_console)
    for (const auto& console : list_folder(root_.path() + "/sys/class/vtconsole")) {
      const std::string console_folder = "/sys/class/vtconsole/" + console;
      const bool is_frame_buffers = root_.read(console_folder + "/name").find("frame") != std::string::npos;
      root_.write(console_folder + "/bind", is_frame_buffers ? "1\n" : "0\n");
    }
  update_nodes();
  return true;
}

bool Kernel::unbind(const std::string& address) {
  const bool done = fs::remove(root_.path() + device_folder(address) + "/driver");
  update_nodes();
  return done;
}

void Kernel::update_nodes() {
  int n = 0;
  for (const auto& [address, device] : devices_) {
    if (device.class_code.substr(0, 2) != "03") continue;
    const std::string number = std::to_string(n++), card = "/drm/card" + number;
    const std::string link = root_.path() + "/sys/dev/char/226:" + number, bound = driver(address);
    const auto needed = node_needs.find(bound);
    const bool has =
        !bound.empty() && bound != "vfio-pci" && (needed == node_needs.end() || has_module(needed->second));
    fs::remove(link);
    fs::remove_all(root_.path() + device_folder(address) + "/drm");
    fs::remove(root_.path() + "/dev/dri/card" + number);
    if (!has) continue;
    const std::string device_path = "/sys/devices/pci0000:00/" + address + card;
    root_.write(device_folder(address) + card + "/dev", "226:" + number + "\n");
    root_.write(device_path + "/dev", "226:" + number + "\n");
    root_.write("/dev/dri/card" + number, "");
    fs::create_directories(root_.path() + "/sys/dev/char");
    fs::create_directories(root_.path() + "/sys/class/drm");
    if (!root_.exists(device_path + "/subsystem"))
      fs::create_symlink("../../../../../class/drm", root_.path() + device_path + "/subsystem");
    fs::create_symlink("../.." + device_path.substr(4), link);
  }
}

void Kernel::add_console(const std::string& name, const std::string& title, bool bound) {
  root_.write("/sys/class/vtconsole/" + name + "/name", title + "\n");
  root_.write("/sys/class/vtconsole/" + name + "/bind", bound ? "1\n" : "0\n");
}

bool Kernel::write_console(const std::string& path, const std::string& value) {
  if (!root_.exists("/sys/" + path)) return false;
  if (value == "1" && !has_system_console) return true;
  root_.write("/sys/" + path, value + "\n");
  for (const auto& name : list_folder(root_.path() + "/sys/class/vtconsole"))
    if ("class/vtconsole/" + name + "/bind" != path)
      root_.write("/sys/class/vtconsole/" + name + "/bind", value == "1" ? "0\n" : "1\n");
  return true;
}

void Kernel::add_framebuffer(const std::string& name) {
  const std::string folder = "/sys/bus/platform/drivers/" + name;
  for (const char* file : {"/bind", "/unbind"}) root_.write(folder + file, "");
  fs::create_directories(root_.path() + "/sys/bus/platform/devices/" + name + ".0");
  fs::create_symlink("../../devices/" + name + ".0", root_.path() + folder + "/" + name + ".0");
}

void Kernel::remove_framebuffer(const std::string& name) {
  fs::remove(root_.path() + "/sys/bus/platform/drivers/" + name + "/" + name + ".0");
  fs::remove(root_.path() + "/sys/bus/platform/devices/" + name + ".0");
}

bool Kernel::write_platform(const std::string& path, const std::string& device) {
  const fs::path folder = fs::path(root_.path() + "/sys/" + path).parent_path();
  if (fs::path(path).filename() == "unbind") return fs::remove(folder / device);
  if (!root_.exists("/sys/bus/platform/devices/" + device) || fs::is_symlink(folder / device)) return false;
  fs::create_symlink("../../devices/" + device, folder / device);
  return true;
}

void Kernel::add_module(const std::string& name, const std::string& uses) {
  const Guard guard(mutex_);
  root_.write("/sys/module/" + name + "/refcnt", "0\n");
  fs::create_directories(root_.path() + "/sys/module/" + name + "/holders");
  if (!uses.empty()) fs::create_directories(root_.path() + "/sys/module/" + uses + "/holders/" + name);
  const std::string driver_folder = "/sys/bus/pci/drivers/" + name;
  if (uses.empty()) add_driver(name);
  if (root_.exists(driver_folder) && !root_.exists(driver_folder + "/module"))
    fs::create_symlink("../../../../module/" + name, root_.path() + driver_folder + "/module");
  modules_[name] = uses;
  update_nodes();
}

bool Kernel::remove_module(const std::string& name) {
  const Guard guard(mutex_);
  if (!has_module(name) || !list_folder(root_.path() + "/sys/module/" + name + "/holders").empty())
    return false;
  for (const auto& [address, device] : devices_)
    if (driver(address) == name) unbind(address);
  fs::remove_all(root_.path() + "/sys/module/" + name);
  fs::remove_all(root_.path() + "/sys/bus/pci/drivers/" + name);
  const std::string uses = modules_[name];
  if (!uses.empty()) fs::remove(root_.path() + "/sys/module/" + uses + "/holders/" + name);
  update_nodes();
  return true;
}

bool Kernel::knows_module(const std::string& name) const {
  const Guard guard(mutex_);
  return modules_.contains(name);
}
void Kernel::reload_module(const std::string& name) {
  const Guard guard(mutex_);
  const std::string uses = modules_.at(name);
  if (!uses.empty() && !has_module(uses)) reload_module(uses);
  add_module(name, uses);
}

bool Kernel::has_module(const std::string& name) const {
  const Guard guard(mutex_);
  return root_.exists("/sys/module/" + name + "/refcnt");
}

bool Kernel::probe(const std::string& address) {
  if (!devices_.contains(address)) return false;
  const std::string chosen = driver_override(address);
  // The write succeeds whether or not a driver takes the device.
  if (driver(address).empty()) bind(address, chosen.empty() ? devices_[address].native_driver : chosen);
  return true;
}

bool Kernel::write(const std::string& path, const std::string& value) {
  const Guard guard(mutex_);
  const fs::path p(path);
  const std::string attribute = p.filename().string(), text(trimmed(value));
  if (path.rfind("class/vtconsole/", 0) == 0) return write_console(path, text);
  if (path.rfind("bus/platform/", 0) == 0) return write_platform(path, text);
  if (path == "bus/pci/drivers_probe") return probe(text);
  if (path == "bus/pci/rescan") {
    if (rescan_helps) refusing_drivers.clear();
    for (const auto& [address, device] : std::exchange(removed_, {})) make_device(device);
    return true;
  }
  const std::string parent = p.parent_path().filename().string();
  // Only from the driver whose file it is.
  if (attribute == "unbind") return (parent == "driver" || parent == driver(text)) && unbind(text);
  if (attribute == "bind") {
    const auto device = devices_.find(text);
    return device != devices_.end() &&
           (device->second.native_driver == parent || driver_override(text) == parent) && bind(text, parent);
  }
  if (!devices_.contains(parent)) return false;
  if (attribute == "remove") {
    // A rescan cannot find a virtual function.
    if (devices_[parent].physical.empty()) removed_[parent] = devices_[parent];
    remove_device(parent);
    return true;
  }
  if (attribute == "reset_method") return write_reset_method(parent, text);
  if (attribute == "reset") {
    const std::string methods = root_.read(device_folder(parent) + "/reset_method");
    resets.push_back(parent + " " + methods.substr(0, methods.find_first_of(" \n")));
    if (contains(lost_by_reset, parent)) set_answering(parent, false);
    return true;
  }
  if (attribute == "driver_override") {
    root_.write("/sys/" + path, text.empty() ? "(null)\n" : text + "\n");
    return true;
  }
  return false;
}

std::string Kernel::state() const {
  const Guard guard(mutex_);
  std::string text;
  for (const auto& [address, device] : devices_)
    text += address + " driver=" + driver(address) + " override=" + driver_override(address) + "\n";
  for (const auto& [module, uses] : modules_)
    text += "module " + module + (has_module(module) ? "" : " is not loaded") + "\n";
  for (const auto& name : list_folder(root_.path() + "/sys/class/vtconsole"))
    text += name + " " + root_.read("/sys/class/vtconsole/" + name + "/bind");
  for (const auto& name : list_folder(root_.path() + "/dev/dri")) text += name + "\n";
  return text;
}

Result<void> Faults::run(const std::string& name, const std::function<Result<void>()>& act) {
  acts.push_back(name);
  const bool due = count++ == at || (!at_act.empty() && name.find(at_act) != std::string::npos);
  if (due && fault == Fault::killed_before) throw Killed{};
  if (due && fault == Fault::fails) return fail(ErrorKind::failed, name + ": made to fail");
  if (due && fault == Fault::hangs)
    return fail(Error{ErrorKind::timed_out, name + ": made to hang", {}, stuck_pid});
  auto result = act();
  if (due && fault == Fault::killed_after) throw Killed{};
  return result;
}

Result<std::string> ModelSysfs::read_bytes(const std::string& path, std::size_t limit) const {
  asked.push_back(path);
  if (contains(stuck, path)) return fail(ErrorKind::timed_out, path + " is made to be stuck");
  auto text = read_file(root_.path() + "/sys/" + path);
  if (text) text->resize(std::min(text->size(), limit));
  return text;
}

Result<void> ModelSysfs::write(const std::string& path, const std::string& value, Milliseconds,
                               const std::vector<std::string>& held) {
  asked.push_back(path);
  if (!held.empty()) held_for[path] = held;
  if (contains(stuck, path)) return fail(ErrorKind::timed_out, path + " is made to be stuck");
  return faults_.run("write " + path + " " + std::string(trimmed(value)), [&]() -> Result<void> {
    if (!kernel_.write(path, value))
      return fail(ErrorKind::failed, "cannot write " + path + ": No such device");
    return {};
  });
}

void ModelLibvirt::open_ahead() {
  if (!opened_after) opened_after = faults_.acts.size();
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
    if (kernel_.knows_module(module))
      kernel_.reload_module(module);
    else
      kernel_.add_driver(module);
    return {};
  });
}

Result<void> ModelModules::unload(const std::string& module, Milliseconds) {
  return faults_.run("unload " + module, [&]() -> Result<void> {
    if (!kernel_.remove_module(module)) return fail(ErrorKind::failed, "the module " + module + " is in use");
    return {};
  });
}

}  // namespace qh::fakes
