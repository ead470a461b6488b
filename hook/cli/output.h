// Prints a command's result, for a person or as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/options.h"
#include "handover/checks/checks.h"
#include "handover/guest.h"

namespace qh::cli {

// Columns of a screen that nobody is asked about.
inline constexpr std::size_t screen = 80;

// Rows of cells as aligned columns, two blanks between, each line indented by two. A row of one cell is a
// line of its own.
std::string table(const std::vector<std::vector<std::string>>& rows);

// The text as lines that fit the screen, broken at blanks, each indented; one line where no terminal reads
// it.
std::string paragraph(const std::string& text, std::size_t indent);

// At most `width` bytes of the text; what is cut off shows as "...".
std::string cut(const std::string& text, std::size_t width);

// "-" for an empty text, in a cell.
std::string or_dash(const std::string& text);

// The guest's devices as a table, with names where the host knows them.
std::string device_table(const host::Host& host, const handover::Guest& guest);
std::string finding_lines(const std::vector<handover::Finding>& findings);

Exit done_if(bool ok);  // else refused

// A command ends: the errors to stderr, each with its hint. Done if there are none.
Exit end_with(const std::vector<Error>& errors);
void print_warning(const std::string& text);

// A command ends without a result: the error to stderr, and with --json as "error" in an object on stdout.
// Gives the exit status.
Exit failed(const Options& options, const Error& error, Exit status = Exit::refused);

// The object with --json, else the text, to stdout. Always done.
Exit print(const Options& options, const nlohmann::ordered_json& object, const std::string& text);

// guest, gpu, devices: what every command's object begins with.
nlohmann::ordered_json to_json(const host::Host& host, const handover::Guest& guest, config::Gpu gpu);
nlohmann::ordered_json to_json(const std::vector<handover::Finding>& findings);
nlohmann::ordered_json to_json(const Error& error);
nlohmann::ordered_json to_json(const std::vector<Error>& errors);
// To stdout. Bytes that are not UTF-8 are replaced.
void print_json(const nlohmann::ordered_json& object);

}  // namespace qh::cli
