#include "host/log.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <ctime>

#include "core/text.h"

namespace qh::host {

Log::Log(const Host& host, std::string guest)
    : journald_(host.path("/run/systemd/journal/socket")),
      syslog_(host.path("/dev/log")),
      guest_(std::move(guest)) {}

void Log::took(const std::string& text, const Stopwatch& watch, const Event& event) {
  const std::string milliseconds = std::to_string(watch.elapsed().count());
  write(LOG_INFO, text + " (" + milliseconds + " ms)", event, milliseconds);
}

void Log::error(const std::string& text, const Event& event) {
  if (errors_.insert(text).second) write(LOG_ERR, text, event);
}

void Log::error(const Error& error, const Event& event) {
  this->error(error.message, event);
  if (!error.remedy.empty()) this->error("hint: " + error.remedy);
}

bool Log::send(const std::string& path, const std::string& datagram) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  if (!socket_) socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::sendto(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&address), sizeof address) >= 0;
}

void Log::write(int priority, const std::string& text, const Event& event, const std::string& milliseconds) {
  if (listener) listener(priority, text);
  const std::string guest = printable(guest_);
  const std::string line = (guest.empty() ? "" : guest + ": ") + printable(text);

  // systemd's native protocol: "FIELD=value", one a line; none of the values has a line feed in it.
  std::string fields =
      "MESSAGE=" + line + "\nPRIORITY=" + std::to_string(priority) +
      "\nSYSLOG_IDENTIFIER=qemu-hook\nSYSLOG_FACILITY=" + std::to_string(LOG_FAC(LOG_DAEMON)) + "\n";
  const std::pair<const char*, std::string> more[] = {{"QEMU_HOOK_GUEST", guest},
                                                      {"QEMU_HOOK_DEVICE", event.device},
                                                      {"QEMU_HOOK_STEP", event.step},
                                                      {"QEMU_HOOK_DURATION_MS", milliseconds},
                                                      {"MESSAGE_ID", event.message_id}};
  for (const auto& [field, value] : more)
    if (!value.empty()) fields += std::string(field) + "=" + value + "\n";
  if (send(journald_, fields)) return;

  char time[32] = "";
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::strftime(time, sizeof time, "%b %e %H:%M:%S", &local);
  send(syslog_, "<" + std::to_string(LOG_DAEMON | priority) + ">" + time + " qemu-hook[" +
                    std::to_string(::getpid()) + "]: " + line);
}

}  // namespace qh::host
