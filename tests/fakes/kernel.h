// A model of the kernel's PCI driver core, on a tree of files: bind, unbind, probe, driver_override, remove,
// rescan.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/services/modules.h"
#include "host/sysfs.h"
#include "libvirt/node_devices.h"

namespace qh::fakes {

// A folder that is gone with the object; "/sys" and the rest go below it.
class TemporaryRoot {
 public:
  TemporaryRoot();
  ~TemporaryRoot();
  TemporaryRoot(const TemporaryRoot&) = delete;
  TemporaryRoot& operator=(const TemporaryRoot&) = delete;
  const std::string& path() const { return path_; }
  void write(const std::string& file, const std::string& text) const;  // makes its folders
  std::string read(const std::string& file) const;                     // empty if it is not there
  bool exists(const std::string& file) const;

 private:
  std::string path_;
};

// The attribute of that name, for an identity "8086:10d3 1af4:1100 020000".
std::string modalias(const std::string& identity);

struct ModelDevice {
  std::string address;
  std::string ids = "1234:5678 1234:0001";  // vendor:device subsystem
  std::string class_code = "020000";
  std::string native_driver;              // the one that matches its ids; empty for none
  std::string group = "1";                // empty: no IOMMU
  std::string reset_methods = "flr bus";  // as found when it was enumerated
  std::string unlisted_reset = {};        // a method that came later: taken when it is written
  std::string physical = {};              // a virtual function's physical one
};

class Kernel {
 public:
  explicit Kernel(const TemporaryRoot& root);

  void add_driver(const std::string& name);    // "loads its module"
  void add_device(const ModelDevice& device);  // and probes it

  // What a write to sysfs does. False: the write fails.
  bool write(const std::string& path, const std::string& value);
  void put_on_vfio(const std::string& address);  // as a user does, by a driver_override

  std::string driver(const std::string& address) const;
  std::string driver_override(const std::string& address) const;
  // Drivers and overrides of all devices, as a text to compare.
  std::string state() const;

  // A text console, "vtcon0". The last bound one that is unbound gives way to the other kind, as in Linux.
  void add_console(const std::string& name, const std::string& title, bool bound);
  // A firmware's frame buffer: "vesa-framebuffer" and its device ".0", bound.
  void add_framebuffer(const std::string& driver);
  void remove_framebuffer(const std::string& driver);
  // A loaded module; it uses another one, and belongs to the PCI driver of its name if there is one.
  void add_module(const std::string& name, const std::string& uses = {});
  bool remove_module(const std::string& name);
  bool has_module(const std::string& name) const;
  bool knows_module(const std::string& name) const;  // it was there once
  void reload_module(const std::string& name);       // and what it uses
  // Whether the device answers, or its configuration space reads as all ones.
  void set_answering(const std::string& address, bool answers);
  // Out of its slot: no rescan finds it, until add_device().
  void pull(const std::string& address);

  // A BIOS's VGA text console is gone: a console's bind is ignored, a card's driver brings one.
  bool has_system_console = true;
  // A driver that refuses to bind from now on; perhaps until the next rescan.
  std::vector<std::string> refusing_drivers;
  bool rescan_helps = false;
  // "ADDRESS METHOD" for each reset that was done, and devices that do not answer after one.
  std::vector<std::string> resets;
  std::vector<std::string> lost_by_reset;
  // A card of this driver has a DRM node only with this module: nvidia's nvidia_drm.
  std::map<std::string, std::string> node_needs = {{"nvidia", "nvidia_drm"}};

 private:
  std::string device_folder(const std::string& address) const;
  void make_device(const ModelDevice& device);
  void remove_device(const std::string& address);
  bool write_reset_method(const std::string& address, const std::string& methods);
  bool probe(const std::string& address);
  bool bind(const std::string& address, const std::string& driver);
  bool unbind(const std::string& address);
  bool write_console(const std::string& path, const std::string& value);
  bool write_platform(const std::string& path, const std::string& device);
  void update_nodes();  // DRM nodes follow drivers and modules

  // A test adds devices while another thread answers writes.
  using Guard = std::lock_guard<std::recursive_mutex>;
  mutable std::recursive_mutex mutex_;
  const TemporaryRoot& root_;
  std::map<std::string, std::string> modules_;  // what each uses
  std::map<std::string, ModelDevice> devices_;
  std::map<std::string, ModelDevice> removed_;
};

// What happens to the n-th act (write to sysfs, call of libvirt, module load), counted from 0.
enum class Fault { none, fails, hangs, killed_before, killed_after };
struct Killed {};  // thrown in place of the death of the process

class Faults {
 public:
  int at = -1;
  std::string at_act;  // or to each act whose name contains this
  Fault fault = Fault::none;
  int stuck_pid = 0;  // of an act that hangs
  int count = 0;
  std::vector<std::string> acts;

  // Runs `act` under the fault that is due.
  Result<void> run(const std::string& name, const std::function<Result<void>()>& act);
};

class ModelSysfs : public host::Sysfs {
 public:
  ModelSysfs(const TemporaryRoot& root, Kernel& kernel, Faults& faults)
      : Sysfs(root.path()), root_(root), kernel_(kernel), faults_(faults) {}
  Result<std::string> read_bytes(const std::string& path, std::size_t limit) const override;
  Result<void> write(const std::string& path, const std::string& value, Milliseconds timeout,
                     const std::vector<std::string>& held) override;

  // Attributes that the kernel holds: whoever reads or writes one waits in vain.
  std::vector<std::string> stuck;

  // What the device or its driver was asked for.
  mutable std::vector<std::string> asked;

  // The block devices that were to be held during a write, by its path.
  std::map<std::string, std::vector<std::string>> held_for;

 private:
  const TemporaryRoot& root_;
  Kernel& kernel_;
  Faults& faults_;
};

// libvirt as it behaves: the detach is three writes, the reattach unbinds whatever is bound.
class ModelLibvirt : public libvirt::NodeDevices {
 public:
  ModelLibvirt(Kernel& kernel, Faults& faults) : kernel_(kernel), faults_(faults) {}
  void open_ahead() override;
  Result<void> detach(const std::string& name, Milliseconds timeout) override;
  Result<void> reattach(const std::string& name, Milliseconds timeout) override;
  int asker(const std::string&) override { return available ? asked_by : 0; }

  bool available = true;
  int asked_by = 0;  // the process that asks it, if the host is to have one
  std::vector<std::string> calls;
  std::optional<std::size_t> opened_after;  // how many acts, at the first open_ahead()

 private:
  Kernel& kernel_;
  Faults& faults_;
};

class ModelModules : public host::Modules {
 public:
  ModelModules(Kernel& kernel, Faults& faults) : kernel_(kernel), faults_(faults) {}
  Result<void> load(const std::string& module, Milliseconds timeout) override;
  Result<void> unload(const std::string& module, Milliseconds timeout) override;
  bool loadable = true;

 private:
  Kernel& kernel_;
  Faults& faults_;
};

}  // namespace qh::fakes
