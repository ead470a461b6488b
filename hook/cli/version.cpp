// qemu-hook --version
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace qh::cli {

Exit version(const host::Host& /*host*/, const Options& options) {
  return print(options, {{"version", QH_VERSION}}, "qemu-hook " QH_VERSION "\n");
}

}  // namespace qh::cli
