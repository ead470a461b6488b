// Every name of the kernel's and libvirt's that this program uses, in one place. Plain character constants:
// nothing has to be constructed at start-up.
#pragma once

#include <string>

#include "core/pci_address.h"
#include "core/text.h"

namespace qh::names {

// Below /sys; see Documentation/ABI/testing/sysfs-bus-pci in the kernel's source.
inline constexpr char pci_devices[] = "bus/pci/devices";
inline constexpr char drivers_probe[] = "bus/pci/drivers_probe";
inline constexpr char pci_rescan[] = "bus/pci/rescan";
inline constexpr char vfio_pci_driver[] = "bus/pci/drivers/vfio-pci";

inline std::string device(const PciAddress& address) {
  return std::string(pci_devices) + "/" + address.text();
}
inline std::string attribute(const PciAddress& address, const std::string& name) {
  return device(address) + "/" + name;
}
// "bind" or "unbind". The kernel refuses to unbind a device that another driver has by then.
inline std::string driver_attribute(const std::string& driver, const std::string& name) {
  return "bus/pci/drivers/" + driver + "/" + name;
}

inline constexpr char consoles[] = "class/vtconsole";
inline std::string platform_driver(const std::string& driver) {
  return "bus/platform/drivers/" + driver;
}
inline std::string platform_device(const std::string& device) {
  return "bus/platform/devices/" + device;
}
inline std::string module(const std::string& name) {
  return "module/" + name;
}

inline constexpr char vfio_pci[] = "vfio-pci";  // driver and module, as libvirt writes both

// Below the root.
inline constexpr char host_conf[] = "/etc/libvirt/qemu-hook/host.toml";
inline constexpr char guest_conf_folder[] = "/etc/libvirt/qemu-hook/guests";
inline constexpr char run_folder[] = "/run/libvirt/qemu-hook";
inline constexpr char libvirt_hook[] = "/etc/libvirt/hooks/qemu";
inline constexpr char libvirt_hook_folder[] = "/etc/libvirt/hooks/qemu.d";
inline constexpr char libvirt_domain_folder[] = "/etc/libvirt/qemu";
inline constexpr char libvirt_pid_folder[] = "/run/libvirt/qemu";
inline constexpr char libvirt_log_folder[] = "/var/log/libvirt/qemu";
inline constexpr char udev_rules[] = "/etc/udev/rules.d/72-qemu-hook.rules";
inline constexpr char seatd_socket[] = "/run/seatd.sock";
inline constexpr char login_sessions[] = "/run/systemd/sessions";
inline constexpr char systemd_runs[] = "/run/systemd/system";  // sd_booted(3)
inline constexpr char openrc_started[] = "/run/openrc/started";
// libvirt's own, and where Slackware and Unraid have it.
inline constexpr const char* daemon_pid_files[] = {"/run/libvirtd.pid", "/run/virtqemud.pid",
                                                   "/run/libvirt/libvirtd.pid"};
inline constexpr const char* virtqemud[] = {"/usr/sbin/virtqemud", "/usr/bin/virtqemud"};
inline constexpr char libvirt_socket[] = "/run/libvirt/libvirt-sock";

// The guest with which install.sh finds out whether libvirt calls the hook (install/lib/probe.sh).
inline constexpr char trial_guest[] = "qemu-hook-probe";

// What that found out.
inline constexpr char trial_result[] = "/run/libvirt/qemu-hook/trial";

inline std::string guest_conf(const std::string& guest) {
  return std::string(guest_conf_folder) + "/" + guest_file_name(guest) + ".toml";
}
// libvirt's definition of a guest, its file about one that runs, and the PID file of its QEMU.
inline std::string domain_file(const std::string& guest) {
  return std::string(libvirt_domain_folder) + "/" + guest + ".xml";
}
inline std::string live_state(const std::string& guest) {
  return std::string(libvirt_pid_folder) + "/" + guest + ".xml";
}
inline std::string pid_file(const std::string& guest) {
  return std::string(libvirt_pid_folder) + "/" + guest + ".pid";
}
inline std::string journal(const std::string& guest) {
  return std::string(run_folder) + "/" + guest_file_name(guest) + ".journal";
}

}  // namespace qh::names
