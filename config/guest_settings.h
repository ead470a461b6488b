// What can be set, as tables: reading, the host's [defaults], sync and the text of a new conf all follow
// them.
#pragma once

#include <string_view>
#include <vector>

#include "config/guest_conf.h"
#include "config/setting.h"

namespace qh::config {

// For a device, in the order of a new conf.
const Settings<DeviceConf>& device_settings();
// For a guest.
const Setting<GuestConf>& gpu_setting();
// Below [defaults] in the host's conf: the same again.
const Settings<Defaults>& default_settings();

// All keys of a guest's conf: those at its top, and those below a [[device]].
std::vector<std::string_view> guest_keys();
std::vector<std::string_view> device_keys();

}  // namespace qh::config
