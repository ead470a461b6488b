#include "host/processes/sessions.h"

#include <algorithm>

#include "core/file.h"
#include "core/text.h"
#include "host/names.h"

namespace qh::host {
namespace {

// "PREFIXxyzSUFFIX" gives "xyz"; nothing if it is not of that form.
std::string between(std::string_view text, std::string_view prefix, std::string_view suffix) {
  if (text.size() <= prefix.size() + suffix.size() || !text.starts_with(prefix) || !text.ends_with(suffix))
    return {};
  return std::string(text.substr(prefix.size(), text.size() - prefix.size() - suffix.size()));
}

}  // namespace

std::vector<LoginSession> list_sessions(const Host& host) {
  std::vector<LoginSession> all;
  const std::string folder = host.path(names::login_sessions);
  for (const auto& id : list_folder(folder)) {
    // Beside each session's file is a pipe, "2.ref", that nobody else may open.
    if (id.find('.') != std::string::npos) continue;
    const auto text = read_file(folder + "/" + id);
    if (!text) continue;
    LoginSession session{id, "", ""};
    // The same lines that sd_session_get_seat(3) and sd_session_get_uid(3) read.
    for (const auto line : split(*text, '\n')) {
      if (line.substr(0, 5) == "SEAT=") session.seat = line.substr(5);
      if (line.substr(0, 4) == "UID=") session.user = line.substr(4);
      if (line.starts_with("USER=")) session.user_name = line.substr(5);
      if (line == "ACTIVE=1") session.active = true;
      if (line.starts_with("REALTIME="))  // microseconds
        session.since = to_number<std::time_t>(line.substr(9)) / 1'000'000;
    }
    all.push_back(std::move(session));
  }
  return all;
}

bool serves_sessions(int pid, const std::string& command) {
  return pid == 1 || command == "systemd-logind" || command.starts_with("elogin") || command == "seatd";
}

Place place_of(const Host& host, int pid) {
  Place place;
  const auto text = host.read("/proc/" + std::to_string(pid) + "/cgroup");
  if (!text) return place;
  for (const auto line : split(*text, '\n')) {
    // "0::/system.slice/gdm.service", or with version 1 "1:name=systemd:/…".
    const auto path = line.find(":/");
    if (path == std::string_view::npos) continue;
    const auto controllers = line.substr(0, path);
    if (controllers != "0:" && controllers.find("name=") == std::string_view::npos) continue;
    const auto components = split(line.substr(path + 2), '/');
    for (const auto c : components) {
      place.session = between(c, "session-", ".scope");
      place.user = between(c, "user@", ".service");
      if (place.session.empty() && place.user.empty() && !between(c, "", ".service").empty())
        place.service = std::string(c);
      if (!place.session.empty() || !place.user.empty() || !place.service.empty()) return place;
    }
    // elogind makes one group a session, named by its id: in a hierarchy of its own, or in the unified one.
    if (components.size() == 1 && !components[0].empty() &&
        host.exists(std::string(names::login_sessions) + "/" + std::string(components[0])))
      place.session = std::string(components[0]);
    if (!place.session.empty()) return place;
  }
  return place;
}

}  // namespace qh::host
