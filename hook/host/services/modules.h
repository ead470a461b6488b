// Kernel modules.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/pci_address.h"
#include "core/result.h"
#include "host/host.h"

namespace qh::host {

// The port that loads and unloads modules; tests have a model's.
class Modules {
 public:
  virtual ~Modules() = default;
  virtual Result<void> load(const std::string& module, Milliseconds timeout) = 0;
  // That one alone, none that it needs. failed: something uses it.
  virtual Result<void> unload(const std::string& module, Milliseconds timeout) = 0;
};

class Modprobe : public Modules {
 public:
  Result<void> load(const std::string& module, Milliseconds timeout) override;
  Result<void> unload(const std::string& module, Milliseconds timeout) override;
};

// Whether it is loaded as a module, and so can be unloaded: not if it is built into the kernel.
bool is_loaded_module(const Host& host, const std::string& module);

// The module of the driver that a PCI function is bound to; empty for none.
std::string driver_module(const Host& host, const PciAddress& address);

// The modules that use this one, those that are themselves used later: the order of unloading.
std::vector<std::string> modules_above(const Host& host, const std::string& module);

// The release of the kernel that runs: "6.12.9-amd64".
std::string kernel_release(const Host& host);

// Whether modprobe could load the module, or it is built into the kernel of that release.
bool module_is_installed(const Host& host, const std::string& kernel, const std::string& module);

}  // namespace qh::host
