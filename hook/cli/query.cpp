// qemu-hook --query VARIABLE [GUEST] [--device ADDRESS]
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/known_guests.h"
#include "cli/output.h"
#include "cli/variables.h"
#include "config/setting.h"
#include "core/contains.h"
#include "core/text.h"
#include "handover/conf.h"
#include "handover/gpu.h"
#include "host/graphics/console.h"

namespace qh::cli {
namespace {

using Values = std::vector<std::string>;

// What kind of GPU guest each is; the host is asked once about each card.
class GpuKinds {
 public:
  explicit GpuKinds(const host::Host& host) : host_(host) {
    const auto conf = handover::load_host_conf(host);
    if (conf)
      gpu_default_ = conf->defaults.gpu;
    else
      print_warning(conf.error().message);
  }

  config::Gpu gpu_kind(const KnownGuest& guest) {
    std::vector<PciAddress> displays;
    for (const auto& d : guest.devices)
      if (d.is_display) displays.push_back(d.address);
    return handover::gpu_kind(guest.gpu == config::Gpu::automatic ? gpu_default_ : guest.gpu, displays,
                              [&](const auto& address) { return carries_console(address); });
  }

 private:
  bool carries_console(const PciAddress& address) {
    const auto [known, is_new] = console_.try_emplace(address);
    if (is_new) known->second = !host::console_reasons(host_, address).empty();
    return known->second;
  }

  const host::Host& host_;
  config::Gpu gpu_default_ = config::Gpu::automatic;
  std::map<PciAddress, bool> console_;
};

class Query {
 public:
  Query(const host::Host& host, const Options& options, std::optional<PciAddress> device)
      : host_(host), gpu_kinds_(host), guest_(options.guest), device_(device) {}

  const std::vector<KnownGuest>& everyone();
  // Those that a question without a list in its name is about: GUEST, else whoever has DEVICE.
  const std::vector<KnownGuest>& those_meant();
  Values devices(bool virsh);
  Values gpu_devices();
  // Guests whose GPU is of the kind; with DEVICE, by that device.
  Values names(const std::vector<KnownGuest>& guests, config::Gpu kind);
  Values device_name() const;
  Values users_of_device();

 private:
  const std::vector<KnownGuest>& keep(KnownGuests found, std::optional<std::vector<KnownGuest>>& place) const;
  bool is_meant(const KnownDevice& device) const { return !device_ || device.address == *device_; }
  bool has_meant(const KnownGuest& guest) const {
    return std::any_of(guest.devices.begin(), guest.devices.end(),
                       [&](const auto& d) { return is_meant(d); });
  }

  const host::Host& host_;
  GpuKinds gpu_kinds_;
  std::string guest_;
  std::optional<PciAddress> device_;
  std::optional<std::vector<KnownGuest>> everyone_, meant_;
};

const std::vector<KnownGuest>& Query::keep(KnownGuests found,
                                           std::optional<std::vector<KnownGuest>>& place) const {
  for (const auto& warning : found.warnings) print_warning(warning);
  return place.emplace(std::move(found.guests));
}

const std::vector<KnownGuest>& Query::everyone() {
  return everyone_ ? *everyone_ : keep(known_guests(host_), everyone_);
}

const std::vector<KnownGuest>& Query::those_meant() {
  if (meant_) return *meant_;
  if (!guest_.empty()) return keep(known_guest(host_, guest_), meant_);
  KnownGuests found;
  if (device_)
    for (const auto& guest : everyone())
      if (has_meant(guest)) found.guests.push_back(guest);
  return keep(std::move(found), meant_);
}

Values Query::devices(bool virsh) {
  Values values;
  for (const auto& guest : those_meant())
    for (const auto& d : guest.devices)
      if (is_meant(d)) add_once(values, virsh ? d.address.node_device_name() : d.address.text());
  return values;
}

Values Query::gpu_devices() {
  Values values;
  for (const auto& guest : those_meant()) {
    if (gpu_kinds_.gpu_kind(guest) == config::Gpu::none) continue;
    for (const auto& d : guest.devices)
      if (d.is_display && is_meant(d)) values.push_back(d.address.text());
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

Values Query::names(const std::vector<KnownGuest>& guests, config::Gpu kind) {
  Values values;
  for (const auto& guest : guests) {
    const auto by_it = [&](const auto& d) { return d.is_display && is_meant(d); };
    if (device_ && std::none_of(guest.devices.begin(), guest.devices.end(), by_it)) continue;
    if (gpu_kinds_.gpu_kind(guest) == kind) values.push_back(guest.name);
  }
  return values;
}

Values Query::device_name() const {
  return device_ ? Values{device_->node_device_name()} : Values{};
}

Values Query::users_of_device() {
  Values values;
  if (device_)
    for (const auto& guest : everyone())
      if (has_meant(guest)) values.push_back(guest.name);
  return values;
}

// The names that scripts of the module before this program know. A row is all that a variable is.
struct VariableRow {
  const char* name;
  const char* help;
  Values (*answer)(Query&);
  bool of_device = false;  // means nothing without --device
};

constexpr VariableRow variable_rows[] = {
    {"guest_devices", "GUEST's devices, as 0000:01:00.0", [](Query& q) { return q.devices(false); }},
    {"devices_with_virsh_format", "the same, as virsh names them: pci_0000_01_00_0",
     [](Query& q) { return q.devices(true); }},
    {"primary_gpu_passthrough_guests", "guests that take the GPU with the host's console",
     [](Query& q) { return q.names(q.everyone(), config::Gpu::primary); }},
    {"gpu_passthrough_guests", "guests that take another GPU",
     [](Query& q) { return q.names(q.everyone(), config::Gpu::secondary); }},
    {"guest_gpu_device", "GUEST's GPU", [](Query& q) { return q.gpu_devices(); }},
    {"is_gpu_passthrough_guest", "GUEST, if it takes a GPU other than the console's",
     [](Query& q) { return q.names(q.those_meant(), config::Gpu::secondary); }},
    {"is_primary_gpu_passthrough_guest", "GUEST, if it takes the console's GPU",
     [](Query& q) { return q.names(q.those_meant(), config::Gpu::primary); }},
    {"pci_id_with_virsh_format", "--device, as virsh names it", [](Query& q) { return q.device_name(); },
     true},
    {"guest_name_by_pci_id", "guests that use --device", [](Query& q) { return q.users_of_device(); }, true},
};

std::string with_underscores(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

// The rows that `name` asks for: one, or for "all" each; none if it is no variable. '-' is taken for '_'.
std::vector<const VariableRow*> find_variables(std::string_view name) {
  std::vector<const VariableRow*> rows;
  for (const auto& row : variable_rows)
    if (name == "all" || with_underscores(name) == row.name) rows.push_back(&row);
  return rows;
}

// What was probably meant by a name that is none.
std::string variables_hint(std::string_view name) {
  std::vector<std::string_view> names{"all"};
  for (const auto& row : variable_rows) names.push_back(row.name);
  const auto meant = config::nearest(name, names);
  return meant.empty() ? "see `qemu-hook --query help`" : "did you mean " + std::string(meant) + "?";
}

std::string variables_help() {
  std::string text = "qemu-hook --query VARIABLE [GUEST] [--device ADDRESS] [--format sh | --json]\n\n";
  for (const auto& row : variable_rows) {
    std::string line = std::string("  ") + row.name;
    line.resize(36, ' ');
    text += line + row.help + "\n";
  }
  return text +
         "  all                               all of them\n\n"
         "One value per line; --format sh prints name='value' lines to eval. With --device\n"
         "the answers are about that device alone, and without GUEST about the guests\n"
         "that use it. A variable without an answer prints nothing; that is no error.\n";
}

void print_plainly(const std::vector<const VariableRow*>& rows, const std::vector<Values>& all) {
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const auto& value : all[i])
      // One variable is for a script: its bytes as they are. All of them are for a person.
      text += rows.size() == 1 ? value + "\n" : std::string(rows[i]->name) + ": " + printable(value) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_for_shell(const std::vector<const VariableRow*>& rows, const std::vector<Values>& all) {
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i)
    text += std::string(rows[i]->name) + "=" + shell_quoted(join(all[i], "\n")) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

nlohmann::ordered_json variables_json() {
  nlohmann::ordered_json variables;
  for (const auto& row : variable_rows) variables[row.name] = row.help;
  return {{"variables", std::move(variables)}};
}

}  // namespace

std::vector<Variable> variables() {
  std::vector<Variable> all;
  for (const auto& row : variable_rows) all.push_back({row.name, row.help});
  return all;
}

Exit query(const host::Host& host, const Options& options) {
  const auto wrong = [&](const std::string& message, const std::string& remedy) {
    return failed(options, {ErrorKind::bad_input, message, remedy}, Exit::wrong_call);
  };
  if (options.subject == "help") return print(options, variables_json(), variables_help());
  const auto rows = find_variables(options.subject);
  if (rows.empty())
    return wrong("there is no variable " + in_quotes(options.subject), variables_hint(options.subject));
  if (rows.size() == 1 && rows.front()->of_device && options.device.empty())
    return wrong(std::string(rows.front()->name) + " is about a device", "add --device 0000:01:00.0");
  std::optional<PciAddress> device;
  if (!options.device.empty()) {
    const auto address = parse_pci_address(options.device);
    if (!address) return wrong(address.error().message, address.error().remedy);
    device = *address;
  }
  Query query(host, options, device);
  std::vector<Values> all;
  for (const auto* row : rows) all.push_back(row->answer(query));
  if (options.json) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < rows.size(); ++i) object[rows[i]->name] = all[i];
    print_json(object);
  } else if (options.format == "sh") {
    print_for_shell(rows, all);
  } else {
    print_plainly(rows, all);
  }
  return Exit::done;
}

}  // namespace qh::cli
