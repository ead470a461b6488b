// Warns of a reservation that does not hold what it promises yet, whoever has what open.
#include <algorithm>

#include "handover/checks/checks.h"
#include "host/names.h"

namespace qh::handover::checks {

void reservation(const Survey& s, const Device& d, Findings& out) {
  // Who has the device open has been named, with the remedy.
  if (std::ranges::any_of(out, [&](const Finding& f) {
        return f.check == "holders" && f.severity == Severity::error && f.device == d.address().text();
      }))
    return;
  const auto warn = [&](const std::string& message, const std::string& remedy) {
    add(out, "reserve", Severity::warning, d.address(), message, remedy);
  };
  const std::string setup = call("--setup", s.guest.name);
  switch (d.use.reservation) {
    case Reservation::none:
      break;
    case Reservation::impossible:
      warn("is not reserved: it carries the host's console, and the desktop ends when the guest starts",
           "set `reserve = \"no\"` for it in " + names::guest_conf(s.guest.name));
      break;
    case Reservation::no_database:
      warn("is not reserved: this host has no udev database, so no desktop asks for a card's seat",
           "let the desktop's own settings keep it off the card");
      break;
    case Reservation::missing:
      warn("is to be reserved, but " + std::string(names::udev_rules) + " does not say so",
           setup + " writes it");
      break;
    case Reservation::pending:
      warn("is reserved from the next boot on",
           setup + " puts that in force now, if nobody has the card open");
      break;
    case Reservation::in_force:
      if (s.has_seatd && d.is_display())
        warn(
            "is reserved, but seatd opens a card for a desktop whatever its seat: Hyprland, niri and "
            "cosmic-comp take it anew when the guest gives it back",
            "run such a desktop with logind or elogind");
      break;
  }
}

}  // namespace qh::handover::checks
