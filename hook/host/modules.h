// Kernel modules, by modprobe.
#pragma once

#include <string>

#include "core/deadline.h"
#include "core/result.h"
#include "host/sysfs.h"

namespace qh::host {

// The port that loads a module; tests have a model's.
class Modules {
 public:
  virtual ~Modules() = default;
  virtual Result<void> load(const std::string& module, Milliseconds timeout) = 0;
};

class Modprobe : public Modules {
 public:
  Result<void> load(const std::string& module, Milliseconds timeout) override;
};

}  // namespace qh::host
