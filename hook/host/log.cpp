#include "host/log.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <ctime>

#include "core/text.h"

namespace qh::host {

Log::Log(const Host& host, std::string guest) : path_(host.path("/dev/log")), guest_(std::move(guest)) {}

void Log::took(const std::string& text, const Stopwatch& watch) {
  info(text + " (" + std::to_string(watch.elapsed().count()) + " ms)");
}

void Log::error(const std::string& text) {
  if (errors_.insert(text).second) write(LOG_ERR, text);
}

void Log::write(int priority, const std::string& text) {
  if (listener) listener(priority, text);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  if (!socket_) socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  char time[32] = "";
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::strftime(time, sizeof time, "%b %e %H:%M:%S", &local);
  const std::string line = "<" + std::to_string(LOG_DAEMON | priority) + ">" + time + " qemu-hook[" +
                           std::to_string(::getpid()) +
                           "]: " + (guest_.empty() ? "" : printable(guest_) + ": ") + printable(text);
  ::sendto(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace qh::host
