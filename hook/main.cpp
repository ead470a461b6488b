// One program, two faces: libvirt's hook, and the command `qemu-hook`.
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "event/hook.h"
#include "host/host.h"

namespace {

int run(const std::string& root, const std::string& name, const std::vector<std::string>& arguments) {
  const qh::host::RealHost host(root);
  if (qh::event::is_hook_call(name)) return qh::event::run(host, name, arguments);
  return qh::cli::run(host, arguments);
}

}  // namespace

// The static pugixml's XPath, which nothing here calls, asks for this function: not worth loading libm for.
// libm.a would bring it too, with libc's private errno, and so tie the program to one version of libc.
extern "C" double fmod(double /*x*/, double /*y*/) noexcept {
  std::abort();
}

int main(int argc, char** argv) {
  try {
    // Ignored where the program has more rights than whoever set its environment.
    const char* root = ::secure_getenv("QEMU_HOOK_ROOT");
    char whole[PATH_MAX];  // links below it are followed, and must be seen to stay there
    if (root != nullptr && ::realpath(root, whole) != nullptr) root = whole;
    return run(root != nullptr ? root : "", argc > 0 ? argv[0] : "",
               {argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const std::exception& e) {
    // Memory ran out, most likely. What was begun stands in the journal.
    const std::string text = std::string("qemu-hook: BUG or out of memory: ") + e.what() + "\n";
    return ::write(STDERR_FILENO, text.data(), text.size()) < 0 ? 2 : 1;
  }
}
