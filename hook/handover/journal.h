// What was done to the host for one guest, on disk before it is done, so that whoever comes next can undo it.
//
// A text file, /run/libvirt/qemu-hook/<guest>.journal, gone at reboot as bindings are. It appears whole
// (rename) with the plan in it; then a line is appended and synced before and after each step. Its existence
// is the guest's claim on its devices; a lock on it (flock) says that somebody works on it. Folder and files
// are root's alone, since whoever can open a file can lock it.
//
// Of a journal that a newer version has written, everything is read that both know; steps that are not known
// here stay in it (UnknownStep), other lines are passed over.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/file.h"
#include "core/pci_address.h"
#include "core/result.h"
#include "handover/steps/step.h"
#include "host/host.h"
#include "host/processes/process.h"

namespace qh::handover {

struct JournalledStep {
  Step step;
  bool begun = false;
  bool undone = false;
  std::optional<host::ProcessId> stuck = {};  // a process of ours that hangs in this step
};

// A process of ours that waits for libvirt's answer, and what it asked about.
struct Question {
  PciAddress device;
  host::ProcessId asker;

  bool operator==(const Question&) const = default;
};

struct Record {
  std::string guest;
  std::string uuid;
  std::optional<host::ProcessId> daemon;  // the libvirt daemon that called; nothing: by hand
  std::time_t since = 0;
  std::vector<PciAddress> devices;  // claimed: all of the guest's, also those that need no step
  std::vector<JournalledStep> steps;
  std::vector<PciAddress> dead;      // did not answer after a reset: not for a host driver
  std::vector<PciAddress> rescan;    // to be removed and rescanned when it is given back
  std::vector<PciAddress> removed;   // by us from the bus, or about to be: a rescan is due if it is not there
  std::vector<Question> questions;   // libvirt may still do what it was asked while the asker is alive
  std::vector<PciAddress> returned;  // given back while the guest runs on, since it was unplugged from it
  bool ready = false;                // `prepare` came to its end
  bool undoing = false;              // `release` or a rollback has begun

  bool claims(const PciAddress& address) const;
  // Whether the step is about a device that was returned, which another guest may have by now: then it is not
  // to be undone, whether or not its undoing could be noted.
  bool has_returned(const Step& step) const;
};

std::string to_text(const Record& record);
// bad_input: not a journal of ours, or damaged. A last line without its newline was never finished: it is
// ignored.
Result<Record> parse_record(std::string_view text);

// A journal, open and locked.
class Journal {
 public:
  // Makes the journal of record.guest below `root`. failed: it cannot be written, and nothing may be touched
  // then.
  static Result<Journal> create(const host::Host& host, const Record& record);
  // Opens the guest's journal and waits for its lock. not_found: the guest has none. timed_out: somebody
  // works on it. bad_input: it is damaged; with the remedy.
  static Result<Journal> open(const host::Host& host, const std::string& guest, Milliseconds lock_timeout);

  const Record& record() const { return record_; }
  // Whether this process has made it.
  bool is_own() const { return is_own_; }

  // On disk when they return. The record follows; but a step that is not on disk has not begun.
  Result<void> begin(std::size_t step);
  Result<void> undone(std::size_t step) { return note("undone " + std::to_string(step)); }
  Result<void> stuck(std::size_t step, const host::ProcessId& process);
  Result<void> asked(const PciAddress& address, const host::ProcessId& asker);
  Result<void> answered(const PciAddress& address) { return note("answered " + address.text()); }
  Result<void> dead(const PciAddress& address) { return note("dead " + address.text()); }
  Result<void> returned(const PciAddress& address) { return note("returned " + address.text()); }
  Result<void> rescan(const PciAddress& address) { return note("rescan " + address.text()); }
  Result<void> removed(const PciAddress& address) { return note("removed " + address.text()); }
  Result<void> ready() { return note("ready"); }
  Result<void> undoing() { return note("undoing"); }

  // Everything is undone: the guest's claim ends.
  Result<void> remove();
  // For a journal that open() calls damaged, when what it was about has been put right.
  static Result<void> remove_damaged(const host::Host& host, const std::string& guest);

 private:
  Journal(std::string path, Fd fd, Record record)
      : path_(std::move(path)), fd_(std::move(fd)), record_(std::move(record)) {}
  Result<void> note(const std::string& line);
  Result<void> append(const std::string& line);

  std::string path_;
  Fd fd_;
  Record record_;
  bool is_own_ = false;
};

// All journals on this host. A damaged one comes with what could be read of it: its devices are claimed too.
std::vector<Record> list_records(const host::Host& host);
// The guest's, in the same way; nothing: it has none.
std::optional<Record> find_record(const host::Host& host, const std::string& guest);

bool has_journal(const host::Host& host, const std::string& guest);

// The lock that orders claims between guests, on the folder itself so that nothing stays behind. Held
// shortly.
Result<Fd> lock_folder(const host::Host& host, Milliseconds timeout);

}  // namespace qh::handover
