// What every fuzz target uses: its entry, and what must hold of every error.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace qh::fuzz {

// The target: aborts where a property does not hold for `input`.
void check(std::string_view input);

// Aborts, and says what does not hold.
void require(bool holds, const char* what);

// An error for a person: of input, with a reason, and fit for a terminal and a log line whatever the input
// held.
void require_bad_input(const Error& error);
// The same, beginning with "FILE:LINE:COLUMN: ", a place that `text` has.
void require_place(const Error& error, const std::string& file, std::string_view text);

bool fit_for_terminal(std::string_view text);  // UTF-8 without control characters

}  // namespace qh::fuzz
