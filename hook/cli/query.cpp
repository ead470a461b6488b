// qemu-hook --query VARIABLE [GUEST] [--device ADDRESS]
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "cli/known_guests.h"
#include "cli/output.h"
#include "cli/variables.h"
#include "config/setting.h"
#include "core/contains.h"
#include "core/text.h"
#include "handover/conf.h"
#include "handover/gpu.h"
#include "host/graphics/console.h"
#include "host/pci/pci_device.h"

namespace qh::cli {
namespace {

using Values = std::vector<std::string>;

// What the answers are made of; the host and its files are asked once, when an answer needs it.
class Query {
 public:
  Query(const host::Host& host, const Options& options, std::optional<PciAddress> device)
      : host_(host), guest_(options.guest), device_(device) {
    if (const auto conf = handover::load_host_conf(host))
      gpu_default_ = conf->defaults.gpu;
    else
      print_warning(conf.error().message);
  }

  const KnownGuests& everyone();
  // Those that a question without a list in its name is about: GUEST, else whoever has DEVICE.
  const KnownGuests& those_meant();
  Values devices(bool virsh);
  Values gpu_devices();
  // Guests whose GPU is of the kind; with DEVICE, by that device.
  Values names(const KnownGuests& guests, config::Gpu kind);
  Values device_name() const;
  Values users_of_device();

 private:
  bool is_meant(const PciAddress& address) const { return !device_ || address == *device_; }
  config::Gpu gpu_kind(const config::GuestConf& guest);

  const host::Host& host_;
  std::string guest_;
  std::optional<PciAddress> device_;
  config::Gpu gpu_default_ = config::Gpu::automatic;
  std::optional<KnownGuests> everyone_, meant_;
  std::map<PciAddress, bool> carries_console_;
};

std::vector<PciAddress> displays(const config::GuestConf& guest) {
  std::vector<PciAddress> addresses;
  for (const auto& d : guest.devices) {
    host::PciDevice device;
    device.identity = d.identity;
    if (device.is_display()) addresses.push_back(d.address);
  }
  return addresses;
}

config::Gpu Query::gpu_kind(const config::GuestConf& guest) {
  const auto conf = guest.gpu == config::Gpu::automatic ? gpu_default_ : guest.gpu;
  return handover::gpu_kind(conf, displays(guest), [&](const auto& address) {
    const auto [known, is_new] = carries_console_.try_emplace(address);
    if (is_new) known->second = !host::console_reasons(host_, address).empty();
    return known->second;
  });
}

const KnownGuests& Query::everyone() {
  if (!everyone_) everyone_ = known_guests(host_, print_warning);
  return *everyone_;
}

const KnownGuests& Query::those_meant() {
  if (meant_) return *meant_;
  meant_.emplace();
  if (!guest_.empty())
    meant_->push_back(known_guest(host_, guest_, print_warning));
  else if (device_)
    std::copy_if(everyone().begin(), everyone().end(), std::back_inserter(*meant_),
                 [&](const auto& guest) { return guest.find(*device_) != nullptr; });
  return *meant_;
}

Values Query::devices(bool virsh) {
  Values values;
  for (const auto& guest : those_meant())
    for (const auto& d : guest.devices)
      if (is_meant(d.address)) add_once(values, virsh ? d.address.node_device_name() : d.address.text());
  return values;
}

Values Query::gpu_devices() {
  std::set<std::string> values;
  for (const auto& guest : those_meant())
    if (gpu_kind(guest) != config::Gpu::none)
      for (const auto& address : displays(guest))
        if (is_meant(address)) values.insert(address.text());
  return {values.begin(), values.end()};
}

Values Query::names(const KnownGuests& guests, config::Gpu kind) {
  Values values;
  for (const auto& guest : guests)
    if ((!device_ || contains(displays(guest), *device_)) && gpu_kind(guest) == kind)
      values.push_back(guest.guest);
  return values;
}

Values Query::device_name() const {
  return device_ ? Values{device_->node_device_name()} : Values{};
}

Values Query::users_of_device() {
  Values values;
  if (device_)
    for (const auto& guest : everyone())
      if (guest.find(*device_)) values.push_back(guest.guest);
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

using Answers = std::vector<std::pair<const VariableRow*, Values>>;

nlohmann::ordered_json json_of(const Answers& answers) {
  auto object = nlohmann::ordered_json::object();
  for (const auto& [row, values] : answers) object[row->name] = values;
  return object;
}

std::string to_text(const Answers& answers, bool for_shell) {
  std::string text;
  for (const auto& [row, values] : answers) {
    const std::string name = row->name;
    if (for_shell) {
      text += name + "=" + shell_quoted(join(values, "\n")) + "\n";
      continue;
    }
    // One variable is for a script: its bytes as they are. All of them are for a person.
    for (const auto& value : values)
      text += answers.size() == 1 ? value + "\n" : name + ": " + printable(value) + "\n";
  }
  return text;
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
  Answers answers;
  for (const auto* row : rows) answers.emplace_back(row, row->answer(query));
  if (options.json) {
    print_json(json_of(answers));
  } else {
    const std::string text = to_text(answers, options.format == "sh");
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return Exit::done;
}

}  // namespace qh::cli
