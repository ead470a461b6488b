// Questions to a child, and its answers: what child.h offers on top of a Child.
#include "host/processes/child.h"

namespace qh::host {
namespace {

// A result as bytes: '0' and the text; or the error's kind, its message, NUL and its remedy.
std::string packed(const Result<std::string>& result) {
  if (result) return "0" + *result;
  const Error& e = result.error();
  return static_cast<char>('1' + static_cast<int>(e.kind)) + e.message + '\0' + e.remedy;
}

Result<std::string> unpacked(const std::string& bytes) {
  std::string text = bytes.substr(1);
  if (bytes[0] == '0') return text;
  const auto end = text.find('\0');
  return fail(static_cast<ErrorKind>(bytes[0] - '1'), text.substr(0, end), text.substr(end + 1));
}

}  // namespace

Error too_late(const std::string& what, Milliseconds timeout, int stuck_pid) {
  Error error{ErrorKind::timed_out, what + ": not finished after " + std::to_string(timeout.count() / 1000) +
                                        "." + std::to_string(timeout.count() % 1000 / 100) + " s"};
  if (stuck_pid != 0) error.message += " (process " + std::to_string(stuck_pid) + " is stuck in the kernel)";
  error.stuck_pid = stuck_pid;
  return error;
}

Result<Servant> Servant::start(const Answer& answer) {
  const auto work = [answer](const Child::Tell& tell) {
    while (const auto question = Child::next_from_parent()) tell(packed(answer(*question)));
  };
  return Child::start(work).map([](Child&& child) { return Servant(std::move(child)); });
}

Result<std::string> Servant::answer(const std::string& what, Milliseconds timeout, Overdue overdue) {
  if (has_given_up()) return fail(ErrorKind::unavailable, what + ": given up before");
  const auto bytes = child_.hear(timeout);
  if (bytes) return unpacked(*bytes);
  const bool is_overdue = bytes.error().is(ErrorKind::timed_out);
  if (is_overdue && overdue == Overdue::waits_on) child_.leave();
  const int stuck_pid = child_.end();
  if (is_overdue) return fail(too_late(what, timeout, stuck_pid));
  return fail(ErrorKind::unavailable, what + ": the helper process ended early");
}

Result<std::string> run_in_child(const std::string& what, Milliseconds timeout,
                                 const std::function<Result<std::string>()>& work) {
  return Servant::start([work](const std::string&) { return work(); }).and_then([&](Servant&& servant) {
    return servant.ask(what, "", timeout);
  });
}

}  // namespace qh::host
