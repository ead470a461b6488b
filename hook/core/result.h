// The one way in which functions of this program fail: a value, never an exception.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace qh {

// What kind of failure it is, for callers that act on it. Everything else is text for a person.
enum class ErrorKind {
  failed,       // the operation was tried and did not work
  refused,      // a check says that it must not be done
  bad_input,    // XML, TOML, address or argument that cannot be understood
  not_found,    // no such file, device, guest
  timed_out,    // a deadline passed; whatever was started may still be running
  unavailable,  // the service that would do it does not answer (libvirt: the sysfs way remains)
};

// `message` names the object and the reason, `remedy` (may be empty) what the reader can do about it.
struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string message;
  std::string remedy = {};
  int stuck_pid = 0;  // a process of ours that the kernel does not let end, 0 if there is none

  bool is(ErrorKind k) const { return kind == k; }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string remedy = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(message), std::move(remedy)});
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

// The same failure, seen from further out: "win10: cannot read …".
inline tl::unexpected<Error> fail_in(const std::string& context, Error error) {
  error.message = context + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

// Whether it worked, without what it gave.
template <class T>
Result<void> outcome(const Result<T>& done) {
  if (!done) return fail(done.error());
  return {};
}

}  // namespace qh
