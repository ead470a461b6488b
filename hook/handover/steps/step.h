// The steps of a handover, as data: printed, journalled, done and undone from the same value.
#pragma once

#include <variant>

#include "handover/steps/bind_vfio.h"
#include "handover/steps/end_persistence.h"
#include "handover/steps/end_sessions.h"
#include "handover/steps/inhibit_sleep.h"
#include "handover/steps/load_module.h"
#include "handover/steps/stop_display_manager.h"
#include "handover/steps/stop_service.h"
#include "handover/steps/unbind.h"
#include "handover/steps/unbind_console.h"
#include "handover/steps/unbind_framebuffer.h"
#include "handover/steps/unload_module.h"
#include "handover/steps/wait_for_holders.h"

namespace qh::handover {

// A step in the journal of a newer version of this program. What it did is for that version to undo.
struct UnknownStep {
  std::string text;
  bool operator==(const UnknownStep&) const = default;
};

// All kinds. A new one is its own file, a line here, and its place in the plan (plan.h).
using Step = std::variant<UnknownStep, LoadModule, Unbind, BindVfio, InhibitSleep, StopDisplayManager,
                          EndSessions, StopService, EndPersistence, WaitForHolders, UnbindConsole,
                          UnbindFramebuffer, UnloadModule, UnloadModuleIfFree>;

// These ask the step's own kind, see kind.h. The undoing of a step that is never undone is described by an
// empty text, and succeeds.
std::string describe(const Step& step);
std::string describe_undo(const Step& step);
Result<void> run(Ports& ports, const Record& record, const Step& step);
Result<void> undo(Ports& ports, const Step& step);

// The device that the step takes from the host, and that is given back as a whole; nullptr: it is about none.
const DeviceState* device_of(const Step& step);

// One line of the journal, and back. Words are separated by blanks; one that contains a blank is escaped.
// bad_input: the line is damaged. A kind of step that is not known here is an UnknownStep.
std::string to_line(const Step& step);
Result<Step> parse_step(std::string_view line);

}  // namespace qh::handover
