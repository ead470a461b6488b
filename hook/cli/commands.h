// One function for each command; each gives the exit status.
#pragma once

#include <string>

#include "cli/options.h"

namespace qh::cli {

int check(const std::string& root, const Options& options);
int plan(const std::string& root, const Options& options);
int status(const std::string& root, const Options& options);
int setup(const std::string& root, const Options& options);
int detach(const std::string& root, const Options& options);
int reattach(const std::string& root, const Options& options);
int query(const std::string& root, const Options& options);
int prune(const std::string& root, const Options& options);
int completion(const std::string& root, const Options& options);

}  // namespace qh::cli
