// Ends the sessions of the seats that hold the card, and what is left of their users' programs. Never undone:
// nothing can.
#include <algorithm>
#include <map>
#include <set>

#include "core/text.h"
#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/processes/holders.h"
#include "host/processes/sessions.h"

namespace qh::handover {

std::string EndSessions::describe() const {
  return "end the sessions that hold the card";
}

Result<void> EndSessions::run(Ports& ports, Journal&) const {
  const Milliseconds limit = ports.limit(ports.conf.deadlines.holders);
  const Deadline deadline(limit), patience(limit / 2);
  std::set<std::string> ending(users.begin(), users.end());
  std::set<std::string> ended;  // sessions
  std::map<int, bool> asked;    // processes; true: by force
  for (;;) {
    // On a host that is busy with other things the time can pass within one round: there is always one more.
    const bool is_last = deadline.passed();
    bool any = false;
    const auto sessions = host::list_sessions(ports.host);
    for (const auto& h : host::holders_of(ports.host, devices)) {
      const auto place = host::place_of(ports.host, h.pid);
      const auto session = std::ranges::find_if(
          sessions, [&](const auto& s) { return !s.seat.empty() && s.id == place.session; });
      const bool in_session = session != sessions.end();
      // A desktop that runs below the user's own service manager outlives the session that started it. The
      // user's other programs, and who is logged in from elsewhere, stay.
      if (!in_session && (place.user.empty() || !ending.contains(place.user))) continue;
      any = true;
      if (in_session && ended.insert(session->id).second) {
        ending.insert(session->user);
        ports.log.info("ending the session " + session->id + ", in which " + printable(h.command) +
                       " holds the card");
        if (const auto done =
                ports.services.end_session(session->id, ports.limit(ports.conf.deadlines.holders));
            !done)
          ports.log.warning(done.error().message);
        continue;
      }
      // Its session's end reaches it in a moment; a program without one is asked to go, and whatever is still
      // there then is ended.
      const bool by_force = patience.passed();
      if (in_session && !by_force) continue;
      const auto before = asked.find(h.pid);
      if (before != asked.end() && before->second >= by_force) continue;
      asked[h.pid] = by_force;
      if (const auto process = host::find_process(ports.host, h.pid)) {
        ports.log.info(std::string(by_force ? "killing " : "ending ") + printable(h.command) + " (process " +
                       std::to_string(h.pid) + "), which holds the card");
        ports.services.end_process(*process, by_force);
      }
    }
    if (!any || is_last) return {};  // whoever is left, WaitForHolders names
    std::this_thread::sleep_for(std::min(host::pause_between_looks, deadline.left()));
  }
}

}  // namespace qh::handover
