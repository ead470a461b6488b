// The device conf of one guest, /etc/libvirt/qemu-hook/guests/<guest>.toml: how its devices are handed over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/pci_address.h"
#include "core/reserve.h"
#include "core/result.h"

namespace qh::config {

enum class Gpu { automatic, primary, secondary, none };
enum class Detach { automatic, always, never };
enum class Reset { none, automatic, flr, pm, bus, device_specific, remove_rescan };
using qh::Reserve;

const char* to_string(Gpu value);    // as written in the conf: "auto", "primary", …
const char* to_string(Reset value);  // "none", "auto", "flr", …, "remove-rescan"

// A new setting is a field here, a row in guest_settings.cpp, and a line in each file of etc-libvirt/.
struct DeviceConf {
  PciAddress address;
  // The card that was meant, "vvvv:dddd ssss:ssss cccccc" in lower case; empty if not known yet.
  std::string identity = {};
  Detach detach = Detach::automatic;
  Reset reset = Reset::none;
  bool allow_in_use = false;
  Reserve reserve = Reserve::no;

  bool operator==(const DeviceConf&) const = default;
};

// What the host's conf says for guests and devices whose own conf does not.
struct Defaults {
  Gpu gpu = Gpu::automatic;
  DeviceConf settings = {};  // those of every device; no address

  DeviceConf device(const PciAddress& address) const;  // of a device that no conf names
  bool operator==(const Defaults&) const = default;
};

struct GuestConf {
  std::string guest;  // empty if the conf does not say
  std::string uuid;   // lower case; empty if the conf does not say
  Gpu gpu = Gpu::automatic;
  std::vector<DeviceConf> devices;

  const DeviceConf* find(const PciAddress& address) const;

  bool operator==(const GuestConf&) const = default;
};

// Reads a guest's conf. `file` is only for the messages. Fails with bad_input as "FILE:LINE:COLUMN: reason":
// TOML that does not parse, an unknown key (with the key that was probably meant), a wrong type, a value
// that is not one of those known, an address twice, a `virsh` that does not belong to its `address`.
// What the conf leaves open, `gpu = "auto"` too, is as `defaults` say.
Result<GuestConf> parse_guest_conf(std::string_view text, const std::string& file,
                                   const Defaults& defaults = {});

// The same from a text that is parsed already; its errors are error_at()'s, without the file's name.
struct TomlValue;
Result<GuestConf> read_guest_conf(const TomlValue& root, const Defaults& defaults = {});

}  // namespace qh::config
