// Login sessions, and who owns a process, read from the files of logind and systemd.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "host/host.h"

namespace qh::host {

struct LoginSession {
  std::string id;    // "2", "c1"
  std::string seat;  // "seat0"; empty: it is nobody's who sits at this machine
  std::string user;  // the user's number
  std::string user_name = {};
  std::time_t since = 0;  // 0: unknown
  bool active = false;    // what is seen at its seat now
};

// Those that logind (or elogind) knows; empty without it.
std::vector<LoginSession> list_sessions(const Host& host);

// logind and seatd open cards for the sessions that they serve, and close them with these. systemd as process
// 1 keeps copies of what logind has open, over logind's restarts (its "fdstore"), until logind lets go.
bool serves_sessions(int pid, const std::string& command);

// What a process runs in, by its control group. At most one of them is set.
struct Place {
  std::string service;  // a system service, "gdm.service"
  std::string session;  // a login session's id
  std::string user;     // a user's own service manager: the user's number
};
Place place_of(const Host& host, int pid);

}  // namespace qh::host
