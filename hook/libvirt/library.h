// A shared library that is loaded when it is needed, and never at start-up.
#pragma once

#include <string>

#include "core/result.h"

namespace qh::libvirt {

// Resolves names in a library, and remembers the first that is missing. The library stays loaded: what it
// began (its threads, its tables) outlives this object, and the process ends soon.
class Library {
 public:
  // `file` as the loader finds it: "libvirt.so.0".
  explicit Library(const char* file);

  template <class Function>
  void find(const char* name, Function& out) {
    out = reinterpret_cast<Function>(symbol(name));
  }

  // `table`, or unavailable if the library or one of its names is not there. `what` names it for a person.
  template <class Table>
  Result<Table> give(const Table& table, const std::string& what) const {
    if (missing_.empty()) return table;
    return fail(ErrorKind::unavailable, what + " cannot be used: " + missing_);
  }

 private:
  void* symbol(const char* name);
  void note();

  void* handle_;
  std::string missing_;
};

}  // namespace qh::libvirt
