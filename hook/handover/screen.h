// The steps that take what the kernel itself has on a card, done and undone.
#pragma once

#include "handover/ports.h"
#include "handover/step.h"

namespace qh::handover {

Result<void> execute(Ports& ports, const UnbindConsole& step);
Result<void> execute(Ports& ports, const UnbindFramebuffer& step);
Result<void> execute(Ports& ports, const UnloadModule& step);

// What the kernel cannot bring back (a console without a frame buffer, the firmware's frame buffer) is a
// warning.
Result<void> undo(Ports& ports, const UnbindConsole& step);
Result<void> undo(Ports& ports, const UnbindFramebuffer& step);
Result<void> undo(Ports& ports, const UnloadModule& step);

}  // namespace qh::handover
