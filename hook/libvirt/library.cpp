#include "libvirt/library.h"

#include <dlfcn.h>

namespace qh::libvirt {

// Lazily: to bind the thousands of names of libvirt's fifty libraries, most of them never called, costs a
// fifth of loading them. One that cannot be bound ends the process at its first call, and that is a child.
Library::Library(const char* file) : handle_(::dlopen(file, RTLD_LAZY | RTLD_LOCAL)) {
  if (handle_ == nullptr) note();
}

void* Library::symbol(const char* name) {
  if (!missing_.empty()) return nullptr;
  void* const found = ::dlsym(handle_, name);
  if (found == nullptr) note();
  return found;
}

void Library::note() {
  const char* reason = ::dlerror();
  missing_ = reason != nullptr ? reason : "unknown reason";
}

}  // namespace qh::libvirt
