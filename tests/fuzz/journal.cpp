// A journal: what was read says the same when written, and what is appended to it is understood.
#include "handover/journal.h"

#include "core/contains.h"
#include "property.h"

namespace qh::fuzz {
namespace {

using namespace handover;

bool same(const JournalledStep& a, const JournalledStep& b) {
  return a.step == b.step && a.begun == b.begun && a.undone == b.undone && a.stuck == b.stuck;
}

// `progress`: also what is appended while it is worked with.
bool same(const Record& a, const Record& b, bool progress) {
  bool steps = a.steps.size() == b.steps.size();
  for (std::size_t i = 0; steps && i < a.steps.size(); ++i)
    steps = progress ? same(a.steps[i], b.steps[i]) : a.steps[i].step == b.steps[i].step;
  return steps && a.guest == b.guest && a.uuid == b.uuid && a.daemon == b.daemon && a.since == b.since &&
         a.devices == b.devices && a.returned == b.returned &&
         (!progress || (a.dead == b.dead && a.rescan == b.rescan && a.removed == b.removed &&
                        a.ready == b.ready && a.undoing == b.undoing && a.questions == b.questions));
}

void check_step(const Step& step) {
  const auto again = parse_step(to_line(step));
  require(again && *again == step, "a step is read as it is written");
  require(!describe(step).empty(), "a step can be described");
  const DeviceState* device = nullptr;
  if (const auto* unbind = std::get_if<Unbind>(&step)) device = &unbind->device;
  if (const auto* detach = std::get_if<BindVfio>(&step)) device = &detach->device;
  if (device == nullptr) return;
  for (const std::string* name : {&device->host_driver, &device->driver_override})
    require(name->find('/') == std::string::npos && *name != "..", "a driver's name leads nowhere else");
}

}  // namespace

void check(std::string_view input) {
  const auto record = parse_record(input);
  if (!record) return require_bad_input(record.error());
  for (const JournalledStep& s : record->steps) check_step(s.step);
  for (const PciAddress& address : record->devices)
    require(record->claims(address) == !contains(record->returned, address),
            "a device is claimed until it has been returned");

  const auto written = parse_record(to_text(*record));
  require(written && same(*record, *written, false), "a journal is read as it is written");

  const std::string whole(input.substr(0, input.rfind('\n') + 1));
  const auto cut_short = parse_record(whole + "undo");
  require(cut_short && same(*record, *cut_short, true), "a line that was never finished is ignored");
  const auto appended =
      parse_record(whole + "dead 0000:01:00.0\nrescan 0000:01:00.0\nremoved 0000:01:00.0\nready\nundoing\n");
  require(appended && appended->ready && appended->undoing &&
              appended->dead.size() == record->dead.size() + 1 &&
              appended->rescan.size() == record->rescan.size() + 1 &&
              appended->removed.size() == record->removed.size() + 1 && same(*record, *appended, false),
          "what is appended is read");
}

}  // namespace qh::fuzz
