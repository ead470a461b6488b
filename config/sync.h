// Keeps the text of a guest's conf in step with the domain's XML, byte for byte around the user's own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/guest_conf.h"
#include "core/pci_address.h"
#include "core/result.h"

namespace qh::config {

// A device that the XML has, with what the host says about it.
struct WantedDevice {
  PciAddress address;
  std::string identity = {};            // empty: not present on this host now, or not readable
  std::string name = {};                // for the comment, "NVIDIA GA104 [GeForce RTX 3070]"; may be empty
  std::optional<Reserve> reserve = {};  // to be set to this; nothing: it stays as it is
};

struct WantedGuest {
  std::string name;
  std::string uuid = {};  // may be empty: then the conf's stays
  std::vector<WantedDevice> devices = {};
  Reserve default_reserve = Reserve::no;  // of a device whose conf does not say
};

// What to do where another card stands at an address than the conf means.
enum class OnOtherCard {
  keep,    // leave the conf's identity (`prepare`, which then refuses)
  accept,  // take the new card over (`--setup`)
};

struct Synced {
  std::string text;  // the conf's new text; equal to the old one where nothing had to change
  bool changed = false;
  std::vector<PciAddress> added, kept, dropped;
  std::vector<PciAddress> accepted;  // kept ones whose identity was replaced
  GuestConf conf;                    // `text`, read
};

// Syncs `text` (the conf as it is) to `wanted`. Devices new in the XML are added, devices gone from it are
// dropped, a missing identity, guest or uuid is filled in, a changed uuid is replaced, and of a conf with the
// guest's uuid another name; all else stays byte for byte. Where `text` is empty, a new conf is made, with
// the settings commented out. Fails with bad_input as parse_guest_conf does, where the conf is another
// guest's, or where the text cannot be edited safely (an inline device list, say): then nothing is changed
// and the message says what to write instead.
Result<Synced> sync(std::string_view text, const std::string& file, const WantedGuest& wanted,
                    OnOtherCard on_other_card);

}  // namespace qh::config
