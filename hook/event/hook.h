// libvirt's side: one call for each step of each guest's life, and one when the daemon starts.
#pragma once

#include <string>
#include <vector>
#include "host/host.h"

namespace qh::event {

// Whether the program was started as libvirt starts its hooks. argv[0] decides: libvirt passes the hook's
// full path.
bool is_hook_call(const std::string& argv0);

// `hook`: argv[0]. `arguments`: GUEST OPERATION SUB-OPERATION EXTRA; the domain's XML is on stdin. For the
// daemon itself GUEST is "-", and there is no XML. Gives the exit status. Prints to stderr only on failure,
// to stdout never: at some operations libvirt would take that for the guest's new XML.
int run(const host::Host& host, const std::string& hook, const std::vector<std::string>& arguments);

}  // namespace qh::event
