// Logs what was done: to the system's log, and by hand also to the terminal.
//
// journald gets each line with fields beside it, so that `journalctl QEMU_HOOK_GUEST=win10` selects and
// `journalctl --catalog` explains: QEMU_HOOK_GUEST, QEMU_HOOK_DEVICE, QEMU_HOOK_STEP, QEMU_HOOK_DURATION_MS
// and, for what install/qemu-hook.catalog explains, MESSAGE_ID. Elsewhere the line alone goes to syslog.
#pragma once

#include <syslog.h>

#include <functional>
#include <set>
#include <string>

#include "core/deadline.h"
#include "core/file.h"
#include "core/result.h"
#include "host/host.h"

namespace qh::host {

// Kinds of events, by the MESSAGE_ID of each in the catalog.
namespace events {
inline constexpr const char* prepared = "72e05825820b4ebaa17b1c631afcea7c";
inline constexpr const char* released = "617704b52e50416d9b330d3f03a785cc";
inline constexpr const char* refused = "bef33dcc24be4b28a03f67cf957eab01";
inline constexpr const char* step_done = "024acf6bc37d4ca89252212c3e7bc836";
inline constexpr const char* step_undone = "8c6c56c686064dc8b6a9f5def2184e49";
inline constexpr const char* not_undone = "f70f136dc4fc42e894af56fc07590d0f";
inline constexpr const char* left_over = "585cd0ce62154b62a27950b926ea0ea1";
}  // namespace events

// What a line is about. What does not apply stays empty.
struct Event {
  const char* message_id = "";
  std::string step = {}, device = {};
};

// One datagram a line, identifier "qemu-hook". It never blocks and never fails: syslog(3) would wait for a
// journal that does not read, and with it libvirt would.
class Log {
 public:
  Log(const Host& host, std::string guest);

  void info(const std::string& text, const Event& event = {}) { write(LOG_INFO, text, event); }
  void warning(const std::string& text, const Event& event = {}) { write(LOG_WARNING, text, event); }
  // Told once, however many find it worth telling.
  void error(const std::string& text, const Event& event = {});
  // With the hint on a line of its own.
  void error(const Error& error, const Event& event = {});
  // "text (12 ms)"
  void took(const std::string& text, const Stopwatch& watch, const Event& event = {});

  // What begins, and how long it may take at most. Not logged: that is done when it has ended.
  void begins(const std::string& text, Milliseconds limit) const {
    if (on_begin && !text.empty()) on_begin(text, limit);
  }

  // Also told to these (by hand: the terminal). Priority as syslog's.
  std::function<void(int priority, const std::string& text)> listener;
  std::function<void(const std::string& text, Milliseconds limit)> on_begin;

 private:
  // `milliseconds`: how long it took, where that is known.
  void write(int priority, const std::string& text, const Event& event, const std::string& milliseconds = "");
  bool send(const std::string& path, const std::string& datagram);
  std::string journald_, syslog_;
  std::string guest_;
  Fd socket_;
  std::set<std::string> errors_;
};

}  // namespace qh::host
