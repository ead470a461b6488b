// What of a card is kept from the host's desktops.
#pragma once

namespace qh {

enum class Reserve {
  no,
  display,  // no desktop shows anything on it; programs may compute on it
  all,      // nor may anybody but root use it
};

inline const char* to_string(Reserve level) {
  return level == Reserve::all ? "all" : level == Reserve::display ? "display" : "no";
}

}  // namespace qh
