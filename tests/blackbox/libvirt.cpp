// A stand-in for libvirt.so.0: the functions that the hook calls, acting on the tree below QEMU_HOOK_ROOT as
// libvirt acts on /sys. Each call is noted in $QEMU_HOOK_ROOT/libvirt-calls; $QEMU_HOOK_ROOT/libvirt-mode
// says what goes wrong.
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace {

namespace fs = std::filesystem;

std::string root() {
  const char* value = std::getenv("QEMU_HOOK_ROOT");
  return value != nullptr ? value : "";
}
std::string mode() {
  std::string text;
  std::ifstream(root() + "/libvirt-mode") >> text;
  return text;
}
void note(const std::string& text) {
  std::ofstream(root() + "/libvirt-calls", std::ios::app) << text << "\n";
}
void hang() {
  for (;;) ::pause();
}

virError last;
std::string last_text;
void set_error(int domain, int code, const std::string& text, int number = 0) {
  last_text = text;
  last.int1 = number;
  last.domain = domain;
  last.code = code;
  last.message = last_text.data();
}

// The daemon itself may not write to sysfs.
bool is_denied() {
  if (mode() != "denied") return false;
  set_error(VIR_FROM_NONE, VIR_ERR_SYSTEM_ERROR, "Failed to add driver: Permission denied", EACCES);
  return true;
}

std::string device_folder(const std::string& name) {  // pci_0000_01_00_0
  std::string address = name.substr(4);
  address[4] = ':';
  address[7] = ':';
  address[10] = '.';
  return root() + "/sys/bus/pci/devices/" + address;
}
void put(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::trunc) << text;
}

std::string content(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}
// "fail-attach-2": the second call of that name fails.
bool fails_now(const std::string& call) {
  const std::string calls = content(root() + "/libvirt-calls");
  int count = 0;
  for (std::size_t at = 0; (at = calls.find(call + " ", at)) != std::string::npos; ++at)
    if (at == 0 || calls[at - 1] == '\n') ++count;
  if (call == "define" ? mode().find("fail-define") == std::string::npos
                       : mode().find("fail-" + call + "-" + std::to_string(count)) == std::string::npos)
    return false;
  set_error(VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "no such luck");
  return true;
}

bool bound_to(const std::string& folder, const std::string& driver) {
  std::error_code error;
  return fs::read_symlink(folder + "/driver", error).filename() == driver;
}
void wait_until(auto state) {
  for (int i = 0; i < 1000 && !state(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

}  // namespace

struct _virConnect {};
struct _virNodeDevice {
  std::string name;
};
struct _virDomain {
  std::string name;
};

extern "C" {

virConnectPtr virConnectOpen(const char* uri) {
  note(std::string("open ") + uri);
  if (mode() == "hang-connect") hang();
  if (mode() == "refuse-connect") {
    set_error(VIR_FROM_RPC, VIR_ERR_SYSTEM_ERROR, "Failed to connect socket: No such file or directory");
    return nullptr;
  }
  // "open-after-unbind-of:0000:02:00.0": as slow as the device's host driver.
  if (const std::string slow = "open-after-unbind-of:"; mode().starts_with(slow)) {
    const std::string driver = root() + "/sys/bus/pci/devices/" + mode().substr(slow.size()) + "/driver";
    wait_until([&] { return !fs::is_symlink(driver); });
    note(fs::is_symlink(driver) ? "opened before the unbind" : "opened after the unbind");
  }
  static _virConnect connection;
  return &connection;
}
int virConnectClose(virConnectPtr) {
  return 0;
}
virErrorPtr virGetLastError(void) {
  return &last;
}
void virSetErrorFunc(void*, virErrorFunc) {}

virNodeDevicePtr virNodeDeviceLookupByName(virConnectPtr, const char* name) {
  if (mode() == "no-driver") {
    set_error(VIR_FROM_NONE, VIR_ERR_NO_SUPPORT,
              "this function is not supported by the connection driver: virNodeDeviceLookupByName");
    return nullptr;
  }
  if (mode() == std::string("unknown:") + name) {
    set_error(VIR_FROM_NODEDEV, VIR_ERR_NO_NODE_DEVICE, "Node device not found");
    return nullptr;
  }
  return new _virNodeDevice{name};
}
char* virNodeDeviceGetXMLDesc(virNodeDevicePtr device, unsigned int) {
  note("describe " + device->name);
  if (mode() == "no-worker") hang();
  return ::strdup("<device/>");
}
int virNodeDeviceFree(virNodeDevicePtr device) {
  delete device;
  return 0;
}
int virNodeDeviceDetachFlags(virNodeDevicePtr device, const char*, unsigned int) {
  note("detach " + device->name);
  if (mode() == "hang-detach") {
    // Longer than the hook waits for it. Whoever asked stays until then.
    std::this_thread::sleep_for(std::chrono::seconds(8));
    set_error(VIR_FROM_RPC, VIR_ERR_SYSTEM_ERROR, "Cannot recv data: Connection reset by peer");
    return -1;
  }
  if (mode() == "fail-detach") {
    set_error(VIR_FROM_NODEDEV, VIR_ERR_OPERATION_INVALID,
              "PCI device is in use by driver QEMU, domain other");
    return -1;
  }
  if (is_denied()) return -1;
  const std::string folder = device_folder(device->name);
  put(folder + "/driver_override", "vfio-pci");
  put(root() + "/sys/bus/pci/drivers_probe", fs::path(folder).filename());
  wait_until([&] { return bound_to(folder, "vfio-pci"); });
  return 0;
}
int virNodeDeviceReAttach(virNodeDevicePtr device) {
  note("reattach " + device->name);
  if (is_denied()) return -1;
  const std::string folder = device_folder(device->name);
  put(folder + "/driver_override", "(null)\n");
  put(folder + "/driver/unbind", fs::path(folder).filename());
  wait_until([&] { return !bound_to(folder, "vfio-pci"); });
  put(root() + "/sys/bus/pci/drivers_probe", fs::path(folder).filename());
  return 0;
}

int virConnectListAllDomains(virConnectPtr, virDomainPtr** domains, unsigned int) {
  int count = 0;
  static virDomainPtr all[100];
  if (fs::exists(root() + "/domains"))
    for (const auto& file : fs::directory_iterator(root() + "/domains"))
      all[count++] = new _virDomain{file.path().filename()};
  *domains = all;
  return count;
}
const char* virDomainGetName(virDomainPtr domain) {
  return domain->name.c_str();
}
// The element goes to the end of the devices, and comes out by its source address.
int virDomainAttachDeviceFlags(virDomainPtr domain, const char* xml, unsigned int flags) {
  note("attach " + domain->name + " " + std::to_string(flags));
  if (fails_now("attach")) return -1;
  const std::string file = root() + "/domains/" + domain->name;
  std::string text = content(file);
  put(file, text.insert(text.rfind("</devices>"), xml));
  return 0;
}
int virDomainDetachDeviceFlags(virDomainPtr domain, const char* xml, unsigned int flags) {
  note("detach-device " + domain->name + " " + std::to_string(flags));
  if (fails_now("detach-device")) return -1;
  const std::string file = root() + "/domains/" + domain->name, device = xml;
  const auto begin = device.find("<address"), end = device.find("/>", begin);
  std::string text = content(file);
  const auto at = text.find(device.substr(begin, end - begin));
  if (at == std::string::npos) {
    set_error(VIR_FROM_QEMU, VIR_ERR_DEVICE_MISSING, "host pci device not found");
    return -1;
  }
  const auto first = text.rfind("<hostdev", at), last = text.find("</hostdev>", at) + 10;
  put(file, text.erase(first, last - first));
  return 0;
}
virDomainPtr virDomainDefineXML(virConnectPtr, const char* xml) {
  note("define");
  if (fails_now("define")) return nullptr;
  const std::string text = xml;
  const auto begin = text.find("<name>") + 6;
  const std::string name = text.substr(begin, text.find("</name>") - begin);
  put(root() + "/domains/" + name, text);
  return new _virDomain{name};
}

virDomainPtr virDomainLookupByName(virConnectPtr, const char* name) {
  if (!fs::exists(root() + "/domains/" + name)) {
    set_error(VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN, "Domain not found");
    return nullptr;
  }
  return new _virDomain{name};
}
char* virDomainGetXMLDesc(virDomainPtr domain, unsigned int) {
  std::ifstream in(root() + "/domains/" + domain->name);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return ::strdup(text.c_str());
}
int virDomainFree(virDomainPtr domain) {
  delete domain;
  return 0;
}
}
