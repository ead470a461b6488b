#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "host/pci/pci_ids.h"

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

// Of the terminal that reads this; 0 for a file or a pipe, whose lines stay whole for grep.
std::size_t screen_columns() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0) return 0;
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : 80;
}

}  // namespace

std::string paragraph(const std::string& text, std::size_t indent) {
  const std::size_t columns = screen_columns();
  std::string all;
  for (const auto& line : columns > indent ? wrapped(text, columns - indent) : std::vector{text})
    all += std::string(indent, ' ') + line + "\n";
  return all;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (row.size() == 1) continue;  // a line of its own, not a cell
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    if (row.size() == 1) {
      const auto blanks = row[0].find_first_not_of(' ');
      text += paragraph(row[0].substr(blanks == std::string::npos ? 0 : blanks),
                        2 + (blanks == std::string::npos ? 0 : blanks));
      continue;
    }
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += "  " + row[i] + std::string(widths[i] - width(row[i]), ' ');
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string cut(const std::string& text, std::size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string device_table(const host::Host& host, const handover::Guest& guest) {
  std::vector<std::vector<std::string>> rows{{"DEVICE", "FROM", "DRIVER NOW", "GROUP"}};
  for (const auto& d : guest.devices) {
    const std::string from = to_string(d.wanted.source);
    if (!d.present) {
      rows.push_back({d.address().text(), from, "-", "-"});
      rows.push_back({"  not on this host now"});
      continue;
    }
    rows.push_back({d.address().text(), from, d.present->driver.empty() ? "none" : d.present->driver,
                    or_dash(d.present->iommu_group)});
    // The name on a line of its own: a phone's screen has 80 columns, or fewer.
    rows.push_back({"  " + host::pci_name(host, d.present->identity, d.present->identity)});
  }
  return table(rows);
}

std::string finding_lines(const std::vector<handover::Finding>& findings) {
  std::string text;
  for (const auto& f : findings) {
    const bool error = f.severity == handover::Severity::error;
    std::string lines =
        paragraph(std::string(to_string(f.severity)) + ": " + f.check + ": " + printable(f.message), 2);
    // The colour once the lines are broken: it has no width.
    const std::string word = to_string(f.severity);
    text += lines.replace(2, word.size(), coloured(error ? "31" : "33", word));
    if (!f.remedy.empty()) text += paragraph("hint: " + printable(f.remedy), 6);
  }
  return text;
}

Exit done_if(bool ok) {
  return ok ? Exit::done : Exit::refused;
}

Exit end_with(const std::vector<Error>& errors) {
  for (const auto& e : errors) {
    std::fprintf(stderr, "qemu-hook: %s\n", printable(e.message).c_str());
    if (!e.remedy.empty()) std::fprintf(stderr, "  hint: %s\n", printable(e.remedy).c_str());
  }
  return done_if(errors.empty());
}

void print_warning(const std::string& text) {
  std::fprintf(stderr, "qemu-hook: warning: %s\n", printable(text).c_str());
}

Exit failed(const Options& options, const Error& error, Exit status) {
  (void)end_with({error});
  if (!options.json) return status;
  ordered_json object;
  if (!options.guest.empty()) object["guest"] = options.guest;
  object["ok"] = false;
  // The lists that the command's object always has.
  if (options.command == check) object["findings"] = ordered_json::array();
  if (options.all) object["guests"] = object["failed"] = ordered_json::array();
  object["error"] = to_json(error);
  print_json(object);
  return status;
}

Exit print(const Options& options, const ordered_json& object, const std::string& text) {
  if (options.json)
    print_json(object);
  else
    std::fputs(text.c_str(), stdout);
  return Exit::done;
}

ordered_json to_json(const host::Host& host, const handover::Guest& guest, config::Gpu gpu) {
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
      object["name"] = host::pci_name(host, d.present->identity);
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

ordered_json to_json(const Error& error) {
  return {{"message", error.message}, {"remedy", error.remedy}};
}

ordered_json to_json(const std::vector<Error>& errors) {
  ordered_json list = ordered_json::array();
  for (const auto& e : errors) list.push_back(to_json(e));
  return list;
}

void print_json(const ordered_json& object) {
  const std::string text = object.dump(2, ' ', false, ordered_json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
}

}  // namespace qh::cli
