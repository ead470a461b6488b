// The variables of --query: the names are those of the scripts that this program replaces.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qh::cli {

enum class Variable {
  guest_devices,
  devices_with_virsh_format,
  primary_gpu_passthrough_guests,
  gpu_passthrough_guests,
  guest_gpu_device,
  is_gpu_passthrough_guest,
  is_primary_gpu_passthrough_guest,
  pci_id_with_virsh_format,
  guest_name_by_pci_id,
};

struct VariableRow {
  const char* name;
  Variable variable;
  const char* help;
  bool of_device = false;  // means nothing without --device
};

std::span<const VariableRow> variable_table();

// The rows that `name` asks for: one, or for "all" each; none if it is no variable. '-' is taken for '_'.
std::vector<const VariableRow*> find_variables(std::string_view name);

// What was probably meant by a name that is none.
std::string variables_hint(std::string_view name);
std::string variables_help();

}  // namespace qh::cli
