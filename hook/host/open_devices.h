// Who has character devices open or mapped, asked of the kernel in one go.
#pragma once

#include <cstdint>
#include <vector>

#include "core/result.h"

namespace qh::host {

struct OpenDevice {
  int pid = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  bool mapped = false;  // found mapped; a device that is open and mapped stands here twice
  bool operator==(const OpenDevice&) const = default;
};

// All character devices that any process but this one has open or mapped, in no order. Two small programs run
// in the kernel over its own tables (BPF iterators task_file and task_vma;
// Documentation/bpf/bpf_iterators.rst): nothing is made up for each descriptor as in /proc, no process is
// touched, and none is out of sight, whatever its user, mount namespace or confinement. What they find of
// this process itself is known, and proves each answer right before it is given.
//
// unavailable: not root, a kernel before 6.2, without BPF or without a description of its types, no libbpf,
// or another PID namespace than the host's. May block in the kernel while a process's memory map is being
// changed: call it in a child.
Result<std::vector<OpenDevice>> open_devices();

}  // namespace qh::host
