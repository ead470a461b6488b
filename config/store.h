// Reads and writes conf files: checks who may have written them, and never writes half a file.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace qh::config {

// The file's text. Confs steer a program that runs as root, so a symbolic link in the place of the file or of
// its folder, a file or a folder that others than its owner may write, or that belongs to another than the
// effective user or root, or a file over 1 MiB is refused, with the remedy. not_found if it does not exist.
// Never blocks, whatever stands in its place.
Result<std::string> load(const std::string& path);

// load() for each file of a folder whose name ends in ".toml", in the order of the names; the folder is
// opened and looked at once, which ten thousand confs notice. No such folder: no files. Fails if the folder
// itself is not to be trusted.
using EachConf = std::function<void(const std::string& path, Result<std::string> text)>;
Result<void> load_folder(const std::string& folder, const EachConf& each);

// Replaces the file's text: temporary file in the same folder, mode and owner of the old one (new: 0644),
// fsync, rename, fsync of the folder. Missing folders are made (0755); a folder that load() would refuse is
// refused here too. On failure the old file is untouched and no temporary file stays.
Result<void> save(const std::string& path, std::string_view text);

// Gives the file another name in its folder, durably. Fails where there is a file of that name.
Result<void> rename(const std::string& path, const std::string& new_path);

}  // namespace qh::config
