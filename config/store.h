// Reading and writing conf files: who may have written them, and never half a file.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace qh::config {

// The file's text. Confs steer a program that runs as root, so a symbolic link in the file's place, a file or
// a folder (the file's own) that others than its owner may write, or that belongs to another than the
// effective user or root, or a file over 1 MiB is refused, with the remedy. not_found if it does not exist.
// Never blocks, whatever stands in its place.
Result<std::string> load(const std::string& path);

// Replaces the file's text: temporary file in the same folder, mode and owner of the old one (new: 0644),
// fsync, rename, fsync of the folder. Missing folders are made (0755); a folder that load() would refuse is
// refused here too. On failure the old file is untouched and no temporary file stays.
Result<void> save(const std::string& path, std::string_view text);

}  // namespace qh::config
