// Logs what was done: to the system's log, and by hand also to the terminal.
#pragma once

#include <syslog.h>

#include <functional>
#include <set>
#include <string>

#include "core/deadline.h"
#include "core/file.h"
#include "host/host.h"

namespace qh::host {

// One datagram a line to /dev/log, in syslog's format, identifier "qemu-hook". It never blocks and never
// fails: syslog(3) would wait for a journal that does not read, and with it libvirt would.
class Log {
 public:
  // `root` stands in front of "/dev/log".
  Log(const Host& host, std::string guest);

  void info(const std::string& text) { write(LOG_INFO, text); }
  void warning(const std::string& text) { write(LOG_WARNING, text); }
  // Told once, however many find it worth telling.
  void error(const std::string& text);
  // "text (12 ms)"
  void took(const std::string& text, const Stopwatch& watch);

  // Also told to this (by hand: the terminal). Priority as syslog's.
  std::function<void(int priority, const std::string& text)> listener;

 private:
  void write(int priority, const std::string& text);
  std::string path_;
  std::string guest_;
  Fd socket_;
  std::set<std::string> errors_;
};

}  // namespace qh::host
