// What must hold: at each write to the kernel, at the end of each call, and when all is quiet.
#pragma once

#include <string>

namespace qh::simulation {

struct Run;
struct Task;
struct Guest;

void check_write(Run& run, const std::string& path, const std::string& value);
// The journal's file gets the line that its hand-over is undone from now on.
void check_undoing(Run& run, const std::string& journal);
// The hook let the guest start.
void check_prepared(Run& run, const Guest& guest);
void check_end(Run& run, const Task& process);
void check_quiet(Run& run, const std::string& when);

}  // namespace qh::simulation
