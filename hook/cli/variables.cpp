#include "cli/variables.h"

#include <algorithm>
#include <array>

#include "config/setting.h"

namespace qh::cli {
namespace {

constexpr std::array table{
    VariableRow{"guest_devices", Variable::guest_devices, "GUEST's devices, as 0000:01:00.0"},
    VariableRow{"devices_with_virsh_format", Variable::devices_with_virsh_format,
                "the same, as virsh names them: pci_0000_01_00_0"},
    VariableRow{"primary_gpu_passthrough_guests", Variable::primary_gpu_passthrough_guests,
                "guests that take the GPU with the host's console"},
    VariableRow{"gpu_passthrough_guests", Variable::gpu_passthrough_guests, "guests that take another GPU"},
    VariableRow{"guest_gpu_device", Variable::guest_gpu_device, "GUEST's GPU"},
    VariableRow{"is_gpu_passthrough_guest", Variable::is_gpu_passthrough_guest,
                "GUEST, if it takes a GPU other than the console's"},
    VariableRow{"is_primary_gpu_passthrough_guest", Variable::is_primary_gpu_passthrough_guest,
                "GUEST, if it takes the console's GPU"},
    VariableRow{"pci_id_with_virsh_format", Variable::pci_id_with_virsh_format, "--device, as virsh names it",
                true},
    VariableRow{"guest_name_by_pci_id", Variable::guest_name_by_pci_id, "guests that use --device", true},
};

std::string with_underscores(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

}  // namespace

std::span<const VariableRow> variable_table() {
  return table;
}

std::vector<const VariableRow*> find_variables(std::string_view name) {
  std::vector<const VariableRow*> rows;
  for (const auto& row : table)
    if (name == "all" || with_underscores(name) == row.name) rows.push_back(&row);
  return rows;
}

std::string variables_hint(std::string_view name) {
  std::vector<std::string_view> names{"all"};
  for (const auto& row : table) names.push_back(row.name);
  const auto meant = config::nearest(name, names);
  return meant.empty() ? "see `qemu-hook --query help`" : "did you mean " + std::string(meant) + "?";
}

std::string variables_help() {
  std::string text = "qemu-hook --query VARIABLE [GUEST] [--device ADDRESS] [--format sh | --json]\n\n";
  for (const auto& row : table) {
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

}  // namespace qh::cli
