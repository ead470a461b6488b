#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "host/pci_ids.h"

namespace qh::cli {
namespace {

using nlohmann::ordered_json;

bool colour() {
  return ::isatty(STDOUT_FILENO) != 0;
}
std::string coloured(const char* code, const std::string& text) {
  return colour() ? "\x1b[" + std::string(code) + "m" + text + "\x1b[0m" : text;
}

const char* to_string(handover::Severity severity) {
  return severity == handover::Severity::error ? "error" : "warning";
}

// Columns on a screen: bytes that do not continue a UTF-8 sequence.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (row.size() == 1) continue;  // a line of its own, not a cell
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += "  " + row[i] + (row.size() == 1 ? "" : std::string(widths[i] - width(row[i]), ' '));
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string device_table(const handover::Guest& guest) {
  std::vector<std::vector<std::string>> rows{{"DEVICE", "FROM", "DRIVER NOW", "GROUP", "NAME"}};
  for (const auto& d : guest.devices) {
    if (!d.present) {
      rows.push_back({d.address().text(), to_string(d.wanted.source), "-", "-", "not on this host now"});
      continue;
    }
    const std::string name = host::pci_name(d.present->identity);
    rows.push_back({d.address().text(), to_string(d.wanted.source),
                    d.present->driver.empty() ? "none" : d.present->driver,
                    d.present->iommu_group.empty() ? "-" : d.present->iommu_group,
                    name.empty() ? d.present->identity : name});
  }
  return table(rows);
}

std::string finding_lines(const std::vector<handover::Finding>& findings) {
  std::string text;
  for (const auto& f : findings) {
    const bool error = f.severity == handover::Severity::error;
    text += "  " + coloured(error ? "31" : "33", to_string(f.severity)) + ": " + f.check + ": " +
            printable(f.message) + "\n";
    if (!f.remedy.empty()) text += "      what helps: " + printable(f.remedy) + "\n";
  }
  return text;
}

void print_errors(const std::vector<Error>& errors) {
  for (const auto& e : errors) {
    std::fprintf(stderr, "qemu-hook: %s\n", printable(e.message).c_str());
    if (!e.remedy.empty()) std::fprintf(stderr, "  what helps: %s\n", printable(e.remedy).c_str());
  }
}

void print_warning(const std::string& text) {
  std::fprintf(stderr, "qemu-hook: warning: %s\n", printable(text).c_str());
}

ordered_json to_json(const handover::Guest& guest, config::Gpu gpu) {
  ordered_json devices = ordered_json::array();
  for (const auto& d : guest.devices) {
    ordered_json object{{"address", d.address().text()},
                        {"virsh", d.address().node_device_name()},
                        {"source", to_string(d.wanted.source)},
                        {"managed", d.wanted.managed},
                        {"present", d.present.has_value()}};
    if (d.present) {
      object["identity"] = d.present->identity;
      object["driver"] = d.present->driver;
      object["iommu_group"] = d.present->iommu_group;
      object["name"] = host::pci_name(d.present->identity);
    }
    devices.push_back(std::move(object));
  }
  return {{"guest", guest.name},
          {"uuid", guest.uuid},
          {"gpu", config::to_string(gpu)},
          {"devices", std::move(devices)}};
}

ordered_json to_json(const std::vector<handover::Finding>& findings) {
  ordered_json list = ordered_json::array();
  for (const auto& f : findings)
    list.push_back({{"check", f.check},
                    {"severity", to_string(f.severity)},
                    {"device", f.device},
                    {"message", f.message},
                    {"remedy", f.remedy}});
  return list;
}

ordered_json to_json(const std::vector<Error>& errors) {
  ordered_json list = ordered_json::array();
  for (const auto& e : errors) list.push_back({{"message", e.message}, {"remedy", e.remedy}});
  return list;
}

void print_json(const ordered_json& object) {
  const std::string text = object.dump(2, ' ', false, ordered_json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
}

}  // namespace qh::cli
