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
// Of any version: what it has in common with this one can be read.
constexpr std::string_view any_heading = "qemu-hook journal ";
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

bool read(std::string_view word, std::string& text) {
  auto meant = from_word(word);
  if (meant) text = std::move(*meant);
  return meant.has_value();
}

bool add(std::string_view word, std::vector<PciAddress>& addresses) {
  const auto address = parse_pci_address(word);
  if (address) addresses.push_back(*address);
  return address.has_value();
}

// nullptr: there is no such step.
JournalledStep* find_step(Record& r, std::string_view word) {
  const auto n = number<std::size_t>(word);
  return n && *n < r.steps.size() ? &r.steps[*n] : nullptr;
}

bool mark(Record& r, std::string_view word, bool JournalledStep::*state) {
  JournalledStep* step = find_step(r, word);
  if (step != nullptr) step->*state = true;
  return step != nullptr;
}

// All lines that a journal can have, but those of its steps. `apply` is false if the words say nothing.
using Words = std::vector<std::string_view>;
struct LineKind {
  std::string_view verb;
  std::size_t words;  // the verb among them
  bool (*apply)(Record& r, const Words& w);
};
constexpr LineKind line_kinds[] = {
    {"guest", 2, [](Record& r, const Words& w) { return read(w[1], r.guest); }},
    {"uuid", 2, [](Record& r, const Words& w) { return read(w[1], r.uuid); }},
    {"daemon", 3,
     [](Record& r, const Words& w) { return (r.daemon = parse_process(w[1], w[2])).has_value(); }},
    {"since", 2,
     [](Record& r, const Words& w) {
       const auto since = number<std::int64_t>(w[1]);
       if (since) r.since = *since;
       return since.has_value();
     }},
    {"device", 2, [](Record& r, const Words& w) { return add(w[1], r.devices); }},
    {"dead", 2, [](Record& r, const Words& w) { return add(w[1], r.dead); }},
    {"returned", 2, [](Record& r, const Words& w) { return add(w[1], r.returned); }},
    {"rescan", 2, [](Record& r, const Words& w) { return add(w[1], r.rescan); }},
    {"removed", 2, [](Record& r, const Words& w) { return add(w[1], r.removed); }},
    {"begin", 2, [](Record& r, const Words& w) { return mark(r, w[1], &JournalledStep::begun); }},
    {"undone", 2, [](Record& r, const Words& w) { return mark(r, w[1], &JournalledStep::undone); }},
    {"asked", 4,
     [](Record& r, const Words& w) {
       const auto address = parse_pci_address(w[1]);
       const auto process = parse_process(w[2], w[3]);
       if (address && process) r.questions.push_back({*address, *process});
       return address && process;
     }},
    {"answered", 2,
     [](Record& r, const Words& w) {
       const auto address = parse_pci_address(w[1]);
       if (address) std::erase_if(r.questions, [&](const Question& q) { return q.device == *address; });
       return address.has_value();
     }},
    {"stuck", 4,
     [](Record& r, const Words& w) {
       JournalledStep* step = find_step(r, w[1]);
       const auto process = parse_process(w[2], w[3]);
       if (step != nullptr && process) step->stuck = process;
       return step != nullptr && process;
     }},
    {"ready", 1, [](Record& r, const Words&) { return r.ready = true; }},
    {"undoing", 1, [](Record& r, const Words&) { return r.undoing = true; }},
};

// Applies one line. False if it is not one that a journal can have.
bool apply_line(Record& r, std::string_view line) {
  const auto words = split(line, ' ');
  const auto verb = words[0];
  if (verb == "step") {
    const auto step = parse_step(line.substr(std::min(line.size(), std::size_t{5})));
    if (step) r.steps.push_back({*step});
    return step.has_value();
  }
  const auto* kind = std::ranges::find(line_kinds, verb, &LineKind::verb);
  if (kind != std::end(line_kinds)) return words.size() == kind->words && kind->apply(r, words);
  // A newer version may write lines that this one can do without: they begin with a word of small letters.
  return words.size() > 1 && verb.size() >= 4 &&
         std::ranges::all_of(verb, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

std::string file_for(const host::Host& host, const std::string& guest) {
  return host.path(names::journal(guest));
}

Result<void> lock(int fd, const std::string& path, Milliseconds timeout) {
  int error_number = 0;
  const bool locked = Deadline(timeout).wait_for([&] {
    error_number = ::flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    return error_number != EWOULDBLOCK && error_number != EINTR;
  });
  if (!locked)
    return fail(ErrorKind::timed_out, path + " is locked by another qemu-hook",
                "see `qemu-hook --status` and `journalctl -t qemu-hook` for what it is doing");
  if (error_number != 0) return fail(system_error("lock", path, error_number));
  return {};
}

Error damaged(const std::string& path, const std::string& guest, const std::string& why) {
  return Error{ErrorKind::bad_input, "the journal " + path + " is damaged: " + why,
               "`qemu-hook --reattach " + in_quotes(guest) + "` gives back what can still be read from it"};
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return fail(system_error("remove", path, errno));
  return {};
}

// A journal as far as it can be read: of a damaged one its lines, one by one.
std::optional<Record> read_record(const std::string& path) {
  const auto text = read_file(path, largest_journal);
  if (!text) return std::nullopt;
  if (auto record = parse_record(*text)) return std::move(*record);
  Record record;
  for (const auto line : split(*text, '\n')) apply_line(record, line);
  return record;
}

// Root's alone: whoever can open a file can lock it (flock(2)), and every hand-over would wait for him.
Result<void> make_private(const Fd& folder, const std::string& path) {
  struct stat status {};
  if (::fstat(folder.get(), &status) < 0) return fail(system_error("look at", path, errno));
  if (status.st_uid != ::geteuid())
    return fail(ErrorKind::refused, path + " belongs to another user",
                "remove it, and start the guest again");
  if ((status.st_mode & 077) != 0 && ::fchmod(folder.get(), 0700) < 0)
    return fail(system_error("restrict access to", path, errno));
  return {};
}

}  // namespace

bool Record::claims(const PciAddress& address) const {
  return contains(devices, address) && !contains(returned, address);
}

bool Record::has_returned(const Step& step) const {
  const DeviceState* device = device_of(step);
  return device != nullptr && contains(returned, device->address);
}

std::string to_text(const Record& r) {
  std::string text(heading);
  text += "\nguest " + to_word(r.guest) + "\nuuid " + to_word(r.uuid) + "\n";
  if (r.daemon) text += "daemon " + to_words(*r.daemon) + "\n";
  text += "since " + std::to_string(r.since) + "\n";
  for (const auto& address : r.devices) text += "device " + address.text() + "\n";
  for (const auto& address : r.returned) text += "returned " + address.text() + "\n";
  for (const auto& s : r.steps) text.append("step ").append(to_line(s.step)).append("\n");
  return text;
}

Result<Record> parse_record(std::string_view text) {
  const auto end = text.rfind('\n');
  text = end == std::string_view::npos ? std::string_view{} : text.substr(0, end);
  const auto lines = split(text, '\n');
  if (!lines[0].starts_with(any_heading)) return fail(ErrorKind::bad_input, "the header line is missing");
  Record record;
  for (std::size_t i = 1; i < lines.size(); ++i)
    if (!apply_line(record, lines[i]))
      return fail(ErrorKind::bad_input, "line " + std::to_string(i + 1) + " cannot be read");
  if (record.since == 0) return fail(ErrorKind::bad_input, "it ends too early");
  return record;
}

Result<Journal> Journal::create(const host::Host& host, const Record& record) {
  const std::string folder = host.path(names::run_folder);
  const std::string path = file_for(host, record.guest);
  // It gets its name when it is whole. Whoever is killed before leaves this one behind: nobody reads it, and
  // the next one here, under the folder's lock, replaces it. (A file without a name cannot be given one
  // inside libvirtd's AppArmor profile: "Failed name lookup - deleted entry".)
  const std::string temporary = folder + "/.new";
  const auto failed = [&](Error error) {
    (void)::unlink(temporary.c_str());
    if (error.remedy.empty())
      error.remedy =
          "without a journal nothing is touched; see `df " + folder + "` and `ls -ld " + folder + "`";
    return fail(std::move(error));
  };
  const std::string text = to_text(record);
  // What cannot be read back could not be undone.
  if (const auto back = parse_record(text); !back || to_text(*back) != text)
    return failed({ErrorKind::failed,
                   "BUG: the journal of " + in_quotes(record.guest) + " would not be readable",
                   "please report it, with the output of `qemu-hook --plan`"});
  (void)::unlink(temporary.c_str());
  Fd fd(::open(temporary.c_str(), O_CREAT | O_EXCL | O_RDWR | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) return failed(system_error("make the journal", path, errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) return failed(system_error("lock", path, errno));
  if (auto written = write_all(fd.get(), text, path); !written) return failed(written.error());
  if (::fsync(fd.get()) < 0) return failed(system_error("sync", path, errno));
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) < 0)
    return failed(system_error("make the journal", path, errno));
  if (auto synced = sync_folder(folder); !synced) return failed(synced.error());
  Journal journal(path, std::move(fd), record);
  journal.is_own_ = true;
  return journal;
}

Result<Journal> Journal::open(const host::Host& host, const std::string& guest, Milliseconds lock_timeout) {
  const std::string path = file_for(host, guest);
  const Deadline deadline(lock_timeout);
  for (;;) {
    Fd fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (!fd) return fail(system_error("open the journal", path, errno));
    struct stat ours {
    }, now{};
    // Whoever reads a FIFO that he has open for writing himself waits for ever.
    if (::fstat(fd.get(), &ours) < 0 || !S_ISREG(ours.st_mode))
      return fail(damaged(path, guest, "it is not a regular file"));
    (void)::fchmod(fd.get(), 0600);  // an older version made it readable, and so lockable, for everybody
    if (auto locked = lock(fd.get(), path, deadline.left()); !locked) return fail(locked.error());
    // Whoever held the lock may have removed or replaced the file.
    if (::stat(path.c_str(), &now) < 0 || ours.st_ino != now.st_ino) continue;
    auto text = read_fd(fd.get(), path, largest_journal);
    if (!text) return fail(damaged(path, guest, text.error().message));
    auto record = parse_record(*text);
    if (record && record->guest != guest)
      record = fail(ErrorKind::bad_input, "it belongs to the guest " + in_quotes(record->guest));
    if (!record) return fail(damaged(path, guest, record.error().message));
    // A half line that was never finished must not run into the next one.
    if (::ftruncate(fd.get(), static_cast<off_t>(text->rfind('\n') + 1)) < 0)
      return fail(system_error("write", path, errno));
    return Journal(path, std::move(fd), std::move(*record));
  }
}

Result<void> Journal::append(const std::string& line) {
  struct stat before {};
  if (::fstat(fd_.get(), &before) < 0) return fail(system_error("write", path_, errno));
  if (auto written = write_all(fd_.get(), line + "\n", path_); !written) {
    // On a full disk half a line can stay, and the next one must not run into it.
    if (::ftruncate(fd_.get(), before.st_size) < 0) written.error().message += ", and it cannot be cut back";
    return written;
  }
  if (::fdatasync(fd_.get()) < 0) return fail(system_error("sync", path_, errno));
  return {};
}

Result<void> Journal::note(const std::string& line) {
  apply_line(record_, line);
  return append(line);
}

Result<void> Journal::begin(std::size_t step) {
  const std::string line = "begin " + std::to_string(step);
  auto written = append(line);
  if (written) apply_line(record_, line);
  return written;
}

Result<void> Journal::stuck(std::size_t step, const host::ProcessId& process) {
  return note("stuck " + std::to_string(step) + " " + to_words(process));
}

Result<void> Journal::asked(const PciAddress& address, const host::ProcessId& asker) {
  return note("asked " + address.text() + " " + to_words(asker));
}

Result<void> Journal::remove() {
  return remove_file(path_);
}

Result<void> Journal::remove_damaged(const host::Host& host, const std::string& guest) {
  return remove_file(file_for(host, guest));
}

std::vector<Record> list_records(const host::Host& host) {
  std::vector<Record> records;
  const std::string folder = host.path(names::run_folder);
  constexpr std::string_view suffix = ".journal";
  for (const auto& name : list_folder(folder)) {
    if (!name.ends_with(suffix)) continue;
    auto record = read_record(folder + "/" + name);
    if (!record) continue;
    if (record->guest.empty())
      record->guest = guest_of_file_name(std::string_view(name).substr(0, name.size() - suffix.size()));
    records.push_back(std::move(*record));
  }
  return records;
}

std::optional<Record> find_record(const host::Host& host, const std::string& guest) {
  auto record = read_record(file_for(host, guest));
  if (record) record->guest = guest;
  return record;
}

bool has_journal(const host::Host& host, const std::string& guest) {
  return exists(file_for(host, guest));
}

Result<Fd> lock_folder(const host::Host& host, Milliseconds timeout) {
  const std::string folder = host.path(names::run_folder);
  if (auto made = make_folders(folder); !made) return fail(made.error());
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return fail(system_error("open", folder, errno));
  if (auto closed = make_private(fd, folder); !closed) return fail(closed.error());
  if (auto locked = lock(fd.get(), folder, timeout); !locked) return fail(locked.error());
  return fd;
}

}  // namespace qh::handover
