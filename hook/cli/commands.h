// One function for each command; each gives the exit status.
#pragma once

#include <string>

#include "cli/options.h"
#include "host/host.h"

namespace qh::cli {

int check(const host::Host& host, const Options& options);
int plan(const host::Host& host, const Options& options);
int status(const host::Host& host, const Options& options);
int setup(const host::Host& host, const Options& options);
int detach(const host::Host& host, const Options& options);
int reattach(const host::Host& host, const Options& options);
int query(const host::Host& host, const Options& options);
int prune(const host::Host& host, const Options& options);
int completion(const host::Host& host, const Options& options);

}  // namespace qh::cli
