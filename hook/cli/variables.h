// The variables of --query, for completion: the table itself is in query.cpp.
#pragma once

#include <vector>

namespace qh::cli {

struct Variable {
  const char* name;
  const char* help;
};
std::vector<Variable> variables();

}  // namespace qh::cli
