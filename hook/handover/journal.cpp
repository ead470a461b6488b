#include "handover/journal.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/contains.h"
#include "core/text.h"
#include "host/names.h"

namespace qh::handover {
namespace {

constexpr std::string_view heading = "qemu-hook journal 1";
constexpr std::size_t largest_journal = 1U << 20U;

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string to_words(const host::ProcessId& p) {
  return std::to_string(p.pid) + " " + std::to_string(p.start_time);
}

std::optional<host::ProcessId> parse_process(std::string_view pid, std::string_view start) {
  const auto p = number<int>(pid);
  const auto s = number<std::uint64_t>(start);
  if (!p || !s || *p <= 0) return std::nullopt;
  return host::ProcessId{*p, *s};
}

// The guest's name and uuid may hold anything: as hexadecimal-escaped words.
std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    char buffer[4];
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '%')
      out += c;
    else
      out.append(buffer,
                 static_cast<std::size_t>(std::snprintf(buffer, sizeof buffer, "%%%02X", unsigned{byte})));
  }
  return out;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// Applies one line. False if it is not one that a journal can have.
bool apply(Record& r, std::string_view line) {
  const auto w = split(line, ' ');
  const auto& verb = w[0];
  const auto step_named = [&](std::string_view text) -> JournalledStep* {
    const auto n = number<std::size_t>(text);
    return n && *n < r.steps.size() ? &r.steps[*n] : nullptr;
  };
  if (verb == "guest" && w.size() == 2) {
    const auto name = unescaped(w[1]);
    if (name) r.guest = *name;
    return name.has_value();
  }
  if (verb == "uuid" && w.size() == 2) {
    const auto uuid = unescaped(w[1]);
    if (uuid) r.uuid = *uuid;
    return uuid.has_value();
  }
  if (verb == "daemon" && w.size() == 3) {
    r.daemon = parse_process(w[1], w[2]);
    return r.daemon.has_value();
  }
  if (verb == "since" && w.size() == 2) {
    const auto since = number<std::int64_t>(w[1]);
    if (since) r.since = *since;
    return since.has_value();
  }
  if ((verb == "device" || verb == "dead") && w.size() == 2) {
    const auto address = parse_pci_address(w[1]);
    if (address) (verb == "device" ? r.devices : r.dead).push_back(*address);
    return address.has_value();
  }
  if ((verb == "rescan" || verb == "removed") && w.size() == 2) {
    const auto address = parse_pci_address(w[1]);
    if (address) (verb == "rescan" ? r.rescan : r.removed).push_back(*address);
    return address.has_value();
  }
  if (verb == "step") {
    const auto step = parse_step(line.substr(std::min(line.size(), std::size_t{5})));
    if (step) r.steps.push_back({*step});
    return step.has_value();
  }
  if ((verb == "begin" || verb == "undone") && w.size() == 2) {
    JournalledStep* step = step_named(w[1]);
    if (step != nullptr) (verb == "begin" ? step->begun : step->undone) = true;
    return step != nullptr;
  }
  if (verb == "stuck" && w.size() == 4) {
    JournalledStep* step = step_named(w[1]);
    const auto process = parse_process(w[2], w[3]);
    if (step != nullptr && process) step->stuck = process;
    return step != nullptr && process;
  }
  if (line == "ready") return r.ready = true;
  if (line == "undoing") return r.undoing = true;
  return false;
}

std::string file_for(const std::string& root, const std::string& guest) {
  return root + names::journal(guest);
}

Result<void> lock(int fd, const std::string& path, Milliseconds timeout) {
  int error_number = 0;
  const bool locked = Deadline(timeout).wait_for([&] {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    error_number = errno;
    return error_number != EWOULDBLOCK && error_number != EINTR;
  });
  if (!locked)
    return fail(ErrorKind::timed_out, path + " is locked by another qemu-hook",
                "see `qemu-hook --status` and `journalctl -t qemu-hook` for what it is doing");
  if (error_number != 0 && error_number != EWOULDBLOCK && error_number != EINTR)
    return fail(host::system_error("lock", path, error_number));
  return {};
}

Error damaged(const std::string& path, const std::string& guest, const std::string& why) {
  return Error{ErrorKind::bad_input, "the journal " + path + " is damaged: " + why,
               "`qemu-hook --reattach " + in_quotes(guest) + "` gives back what can still be told from it"};
}

}  // namespace

bool Record::claims(const PciAddress& address) const {
  return contains(devices, address);
}

std::string to_text(const Record& r) {
  std::string text(heading);
  text += "\nguest " + escaped(r.guest) + "\nuuid " + escaped(r.uuid) + "\n";
  if (r.daemon) text += "daemon " + to_words(*r.daemon) + "\n";
  text += "since " + std::to_string(r.since) + "\n";
  for (const auto& address : r.devices) text += "device " + address.text() + "\n";
  for (const auto& s : r.steps) text.append("step ").append(to_line(s.step)).append("\n");
  return text;
}

Result<Record> parse_record(std::string_view text) {
  const auto end = text.rfind('\n');
  text = end == std::string_view::npos ? std::string_view{} : text.substr(0, end);
  const auto lines = split(text, '\n');
  if (lines[0] != heading) return fail(ErrorKind::bad_input, "it does not begin as one");
  Record record;
  for (std::size_t i = 1; i < lines.size(); ++i)
    if (!apply(record, lines[i]))
      return fail(ErrorKind::bad_input, "line " + std::to_string(i + 1) + " cannot be read");
  if (record.since == 0) return fail(ErrorKind::bad_input, "it ends too early");
  return record;
}

Result<Journal> Journal::create(const std::string& root, const Record& record) {
  const std::string folder = root + names::run_folder;
  const std::string path = file_for(root, record.guest);
  const auto failed = [&](Error error) {
    error.remedy =
        "without a journal nothing is touched; see `df " + folder + "` and `ls -ld " + folder + "`";
    return fail(std::move(error));
  };
  // A file without a name until it is whole: whoever is killed before leaves nothing behind.
  host::Fd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0644));
  if (!fd) return failed(host::system_error("make the journal", path, errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) return failed(host::system_error("lock", path, errno));
  if (auto written = host::write_all(fd.get(), to_text(record), path); !written)
    return failed(written.error());
  if (::fsync(fd.get()) < 0) return failed(host::system_error("sync", path, errno));
  const std::string nameless = "/proc/self/fd/" + std::to_string(fd.get());
  if (::linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) < 0)
    return failed(host::system_error("make the journal", path, errno));
  if (auto synced = host::sync_folder(folder); !synced) return failed(synced.error());
  return Journal(path, std::move(fd), record);
}

Result<Journal> Journal::open(const std::string& root, const std::string& guest, Milliseconds lock_timeout) {
  const std::string path = file_for(root, guest);
  const Deadline deadline(lock_timeout);
  for (;;) {
    host::Fd fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return fail(host::system_error("open the journal", path, errno));
    if (auto locked = lock(fd.get(), path, deadline.left()); !locked) return fail(locked.error());
    // Whoever held the lock may have removed or replaced the file.
    struct stat ours {
    }, now{};
    if (::fstat(fd.get(), &ours) < 0 || ::stat(path.c_str(), &now) < 0 || ours.st_ino != now.st_ino) continue;
    auto text = host::read_fd(fd.get(), path, largest_journal);
    if (!text) return fail(damaged(path, guest, text.error().message));
    auto record = parse_record(*text);
    if (record && record->guest != guest)
      record = fail(ErrorKind::bad_input, "it is of the guest " + in_quotes(record->guest));
    if (!record) return fail(damaged(path, guest, record.error().message));
    // A half line that was never finished must not run into the next one.
    if (::ftruncate(fd.get(), static_cast<off_t>(text->rfind('\n') + 1)) < 0)
      return fail(host::system_error("write", path, errno));
    return Journal(path, std::move(fd), std::move(*record));
  }
}

Result<void> Journal::append(const std::string& line) {
  struct stat before {};
  if (::fstat(fd_.get(), &before) < 0) return fail(host::system_error("write", path_, errno));
  if (auto written = host::write_all(fd_.get(), line + "\n", path_); !written) {
    // On a full disk half a line can stay, and the next one must not run into it.
    if (::ftruncate(fd_.get(), before.st_size) < 0) written.error().message += ", and it cannot be cut back";
    return written;
  }
  if (::fdatasync(fd_.get()) < 0) return fail(host::system_error("sync", path_, errno));
  return {};
}

Result<void> Journal::begin(std::size_t step) {
  auto written = append("begin " + std::to_string(step));
  record_.steps[step].begun = written.has_value();
  return written;
}
Result<void> Journal::undone(std::size_t step) {
  record_.steps[step].undone = true;
  return append("undone " + std::to_string(step));
}
Result<void> Journal::stuck(std::size_t step, const host::ProcessId& process) {
  record_.steps[step].stuck = process;
  return append("stuck " + std::to_string(step) + " " + to_words(process));
}
Result<void> Journal::dead(const PciAddress& address) {
  record_.dead.push_back(address);
  return append("dead " + address.text());
}
Result<void> Journal::rescan(const PciAddress& address) {
  record_.rescan.push_back(address);
  return append("rescan " + address.text());
}
Result<void> Journal::removed(const PciAddress& address) {
  record_.removed.push_back(address);
  return append("removed " + address.text());
}
Result<void> Journal::ready() {
  record_.ready = true;
  return append("ready");
}
Result<void> Journal::undoing() {
  record_.undoing = true;
  return append("undoing");
}

namespace {

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return fail(host::system_error("remove", path, errno));
  return {};
}

}  // namespace

Result<void> Journal::remove() {
  return remove_file(path_);
}

Result<void> Journal::remove_damaged(const std::string& root, const std::string& guest) {
  return remove_file(file_for(root, guest));
}

std::vector<Record> list_records(const std::string& root) {
  std::vector<Record> records;
  const std::string folder = root + names::run_folder;
  for (const auto& name : host::list_folder(folder)) {
    if (name.size() < 8 || name.substr(name.size() - 8) != ".journal") continue;
    const auto text = host::read_file(folder + "/" + name, largest_journal);
    if (!text) continue;
    auto record = parse_record(*text);
    if (!record) {
      // What can still be told: its lines, one by one.
      record.emplace();
      for (const auto line : split(*text, '\n')) apply(*record, line);
      if (record->guest.empty()) record->guest = name.substr(0, name.size() - 8);
    }
    records.push_back(std::move(*record));
  }
  return records;
}

bool has_journal(const std::string& root, const std::string& guest) {
  return host::exists(file_for(root, guest));
}

Result<host::Fd> lock_folder(const std::string& root, Milliseconds timeout) {
  const std::string folder = root + names::run_folder;
  if (auto made = host::make_folders(folder); !made) return fail(made.error());
  host::Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(host::system_error("open", folder, errno));
  if (auto locked = lock(fd.get(), folder, timeout); !locked) return fail(locked.error());
  return fd;
}

}  // namespace qh::handover
