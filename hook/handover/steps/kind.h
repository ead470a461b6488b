// What every kind of step is made of. Each is a struct in the file of its name, with
//
//   verbs            the first words of its line in the journal, which stay as they are for ever
//   describe()       "unbind 0000:01:00.0 from nvidia"
//   line()           its line in the journal
//   parse()          that line, in words, back; bad_input: it is damaged
//   run()            does it, and brings what it is about to its state from whatever state that is in
//   describe_undo()  what giving back does about it: "start gdm.service"
//   undo()           does that; may be repeated. A kind without these two is never undone
//
// and the list of all kinds is in step.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/pci_address.h"
#include "core/result.h"

namespace qh::handover {

struct Ports;
struct Record;

using Words = std::vector<std::string_view>;

// "damaged step 'LINE'"
tl::unexpected<Error> damaged(const Words& words);
// A name that becomes a file name below /sys, or a program's argument.
bool is_name(std::string_view text);
// The one word behind the verb. bad_input: there is none, there are more, or it is no name.
Result<std::string> parse_name(const Words& words);
// The words from `from` to `to`.
Result<std::vector<PciAddress>> parse_addresses(const Words& words, std::size_t from, std::size_t to);
// "0000:01:00.0 0000:01:00.1"
std::string to_words(const std::vector<PciAddress>& addresses);

// How a device stood on the host before it was touched; what giving it back restores.
struct DeviceState {
  PciAddress address;
  std::string host_driver;      // empty: it had none
  std::string driver_override;  // empty: none was set

  bool operator==(const DeviceState&) const = default;
};
// "0000:01:00.0 nvidia -"
std::string to_words(const DeviceState& device);
Result<DeviceState> parse_device(const Words& words);

}  // namespace qh::handover
