#include "host/services/tool.h"

#include "core/file.h"
#include "host/processes/child.h"

namespace qh::host {

Result<std::string> run_tool(const std::string& name, std::vector<std::string> arguments,
                             Milliseconds timeout) {
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"}) {
    if (!exists(folder + name)) continue;
    arguments.insert(arguments.begin(), folder + name);
    return run_program(arguments, timeout);
  }
  return fail(ErrorKind::not_found, name + " is not installed");
}

}  // namespace qh::host
