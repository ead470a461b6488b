#include "config/guest_settings.h"

namespace qh::config {
namespace {

template <class Conf>
Setting<Conf> gpu_of() {
  return one_of("gpu", &Conf::gpu,
                {{"auto", Gpu::automatic},
                 {"primary", Gpu::primary},
                 {"secondary", Gpu::secondary},
                 {"none", Gpu::none}});
}

}  // namespace

const Settings<DeviceConf>& device_settings() {
  static const Settings<DeviceConf> table = {
      one_of("detach", &DeviceConf::detach,
             {{"auto", Detach::automatic}, {"always", Detach::always}, {"never", Detach::never}}),
      one_of("reset", &DeviceConf::reset,
             {{"none", Reset::none},
              {"auto", Reset::automatic},
              {"flr", Reset::flr},
              {"pm", Reset::pm},
              {"bus", Reset::bus},
              {"device_specific", Reset::device_specific},
              {"remove-rescan", Reset::remove_rescan}}),
      yes_or_no("allow_in_use", &DeviceConf::allow_in_use, "hand it over although the host uses it"),
      one_of("reserve", &DeviceConf::reserve,
             {{"no", Reserve::no}, {"display", Reserve::display}, {"all", Reserve::all}},
             "keep the host's desktops off it"),
  };
  return table;
}

const Setting<GuestConf>& gpu_setting() {
  static const Setting<GuestConf> setting = gpu_of<GuestConf>();
  return setting;
}

const Settings<Defaults>& default_settings() {
  static const Settings<Defaults> table = [] {
    Settings<Defaults> rows = {gpu_of<Defaults>()};
    for (const auto& setting : device_settings())
      rows.push_back({setting.key, [&setting](const TomlEntry& entry, Defaults& out) {
                        return setting.read(entry, out.settings);
                      }});
    return rows;
  }();
  return table;
}

const char* to_string(Gpu value) {
  GuestConf conf;
  conf.gpu = value;
  return gpu_setting().word(conf);
}

const char* to_string(Reset value) {
  DeviceConf conf;
  conf.reset = value;
  return find(device_settings(), "reset")->word(conf);
}

}  // namespace qh::config
