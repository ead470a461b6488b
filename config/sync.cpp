// Edits the conf's text where the TOML parser says that things stand, then reads the result back: what it
// says must be exactly what was meant, or nothing is changed.
#include "config/sync.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "config/conf_text.h"
#include "config/guest_settings.h"
#include "config/lines.h"
#include "config/toml.h"
#include "core/text.h"

namespace qh::config {
namespace {

// A user's comment and a setting that is commented out look different: "# reset = …".
bool commented_setting(std::string_view line, std::string_view key) {
  line = trimmed(line);
  if (!line.starts_with("#")) return false;
  line.remove_prefix(std::min(line.find_first_not_of("# \t"), line.size()));
  return line.starts_with(key) && trimmed(line.substr(key.size())).substr(0, 1) == "=";
}
bool commented_setting(std::string_view line) {
  static const auto keys = device_keys();
  return std::any_of(keys.begin(), keys.end(),
                     [&](std::string_view key) { return commented_setting(line, key); });
}

// With their values.
using Keys = std::vector<std::pair<std::string, std::string>>;

class Editor {
 public:
  Editor(std::string_view text, const std::string& file, const WantedGuest& guest, OnOtherCard on_other_card)
      : text_(text), file_(file), guest_(guest), on_other_card_(on_other_card), lines_(text) {}

  Result<Synced> edit();

 private:
  struct Block {
    std::size_t begin = 0;  // the header's line, counted from 0
    std::size_t end = 0;    // behind its last line
  };

  Result<void> head();
  Result<void> compare();
  Result<void> keep_device(const TomlValue& table, DeviceConf& device, const WantedDevice& wanted);
  Result<void> set_reserve(const TomlValue& table, DeviceConf& device, Reserve wanted);
  Result<void> apply();
  Result<Synced> read_back();

  Result<void> set_string(const TomlValue& value, const std::string& text);
  void insert_beside(const TomlEntry& anchor, bool below, const Keys& keys);
  void insert_head(const Keys& keys);
  Result<Block> block(const TomlValue& table) const;
  void drop(const Block& block);
  tl::unexpected<Error> cannot_edit(Position at, const std::string& why, std::string remedy) const;

  const std::string_view text_;
  const std::string& file_;
  const WantedGuest& guest_;
  const OnOtherCard on_other_card_;

  Lines lines_;
  TomlValue root_;
  GuestConf expected_;                  // what the new text must say
  std::vector<WantedDevice> new_ones_;  // in the order of the XML
  std::vector<const TomlValue*> gone_;
  // Lines to put in, by the line that they come before.
  std::map<std::size_t, std::vector<std::string>> insertions_;
  std::map<std::size_t, std::string> replacements_;
  Synced out_;
};

tl::unexpected<Error> Editor::cannot_edit(Position at, const std::string& why, std::string remedy) const {
  return error_at(file_, at, "cannot edit this: " + why, std::move(remedy));
}

// Puts a string in the place of another; the new one is a basic string, whatever the old one was.
Result<void> Editor::set_string(const TomlValue& value, const std::string& text) {
  const std::size_t at = value.begin.line - 1;
  const auto is_quote = [](char c) { return c == '"' || c == '\''; };
  const std::string& line = lines_[at];
  // Columns are bytes here: only keys and values that are ASCII can stand in front, and the value is one
  // itself.
  const std::size_t begin = value.begin.column - 1, end = value.end.column - 1;
  if (value.begin.line != value.end.line || end > line.size() || end < begin + 2 || !is_quote(line[begin]) ||
      !is_quote(line[end - 1]))
    return cannot_edit(value.begin, "the value spans several lines", "write it on one line, in quotes");
  lines_.replace(at, line.substr(0, begin) + toml_string(text) + line.substr(end));
  return {};
}

// Lines "key = value" above or below that of `anchor`, indented and aligned like it.
void Editor::insert_beside(const TomlEntry& anchor, bool below, const Keys& keys) {
  const std::string& line = lines_[anchor.key_at.line - 1];
  const std::string indent = line.substr(0, line.find_first_not_of(" \t"));
  const std::size_t equals = line.find('=');
  std::vector<std::string> added;
  for (const auto& [key, value] : keys) {
    std::string text = indent + key;
    if (equals != std::string::npos && equals > text.size()) text.resize(equals, ' ');
    if (text.back() != ' ') text += ' ';
    added.push_back(text + "= " + toml_string(value));
  }
  auto& place = insertions_[below ? anchor.value.end.line : anchor.key_at.line - 1];
  place.insert(place.end(), added.begin(), added.end());
}

// For a conf without any key of the head: below the comments that it begins with, unless those belong to a
// device.
void Editor::insert_head(const Keys& keys) {
  std::size_t at = 0;
  while (at < lines_.size() && lines_.comment(at)) ++at;
  if (at < lines_.size() && !lines_.blank(at)) at = 0;
  auto& place = insertions_[at];
  for (const auto& [key, value] : keys)
    place.push_back(key + (key == "uuid" ? "  = " : " = ") + toml_string(value));
  if (at < lines_.size() && !lines_.blank(at)) place.emplace_back();
}

Result<void> Editor::head() {
  // A guest keeps its UUID when it is renamed (virsh domrename).
  const bool same_uuid = !guest_.uuid.empty() && expected_.uuid == guest_.uuid;
  if (!expected_.guest.empty() && expected_.guest != guest_.name && !same_uuid) {
    const Position at = root_.find("guest")->value.begin;
    return error_at(
        file_, at,
        "this is the conf of guest " + in_quotes(expected_.guest) + ", not of " + in_quotes(guest_.name),
        "if the guest was renamed, correct the line 'guest'");
  }
  Keys missing;
  const auto want = [&](const char* key, std::string& now, const std::string& wanted) -> Result<void> {
    if (wanted.empty() || now == wanted) return {};
    now = wanted;
    if (const TomlEntry* entry = root_.find(key)) return set_string(entry->value, wanted);
    missing.emplace_back(key, wanted);
    return {};
  };
  if (auto done = want("guest", expected_.guest, guest_.name); !done) return done;
  if (auto done = want("uuid", expected_.uuid, guest_.uuid); !done) return done;
  if (missing.empty()) return {};
  if (const TomlEntry* guest = root_.find("guest"))
    insert_beside(*guest, true, missing);
  else if (const TomlEntry* first = root_.find("uuid") ? root_.find("uuid") : root_.find("gpu"))
    insert_beside(*first, false, missing);
  else
    insert_head(missing);
  return {};
}

// What stays, goes and comes.
Result<void> Editor::compare() {
  std::map<PciAddress, const WantedDevice*> wanted;
  for (const WantedDevice& device : guest_.devices) wanted.try_emplace(device.address, &device);

  const TomlEntry* list = root_.find("device");
  std::vector<DeviceConf> kept;
  for (std::size_t i = 0; i < expected_.devices.size(); ++i) {
    DeviceConf& device = expected_.devices[i];
    const TomlValue& table = list->value.items[i];
    const auto found = wanted.find(device.address);
    if (found == wanted.end()) {
      out_.dropped.push_back(device.address);
      gone_.push_back(&table);
      continue;
    }
    out_.kept.push_back(device.address);
    if (auto done = keep_device(table, device, *found->second); !done) return done;
    kept.push_back(device);
    wanted.erase(found);
  }
  for (const WantedDevice& device : guest_.devices) {
    if (wanted.erase(device.address) == 0) continue;
    out_.added.push_back(device.address);
    new_ones_.push_back(device);
    kept.push_back({device.address, device.identity});
    if (device.reserve) kept.back().reserve = *device.reserve;
  }
  expected_.devices = std::move(kept);
  return {};
}

// The line that is there, or else the one that is commented out in a new conf.
Result<void> Editor::set_reserve(const TomlValue& table, DeviceConf& device, Reserve wanted) {
  const TomlEntry* entry = table.find("reserve");
  if ((entry ? device.reserve : guest_.default_reserve) == wanted) return {};
  const auto editable = block(table);
  if (!editable) return fail(editable.error());
  device.reserve = wanted;
  if (entry) return set_string(entry->value, to_string(wanted));
  for (std::size_t at = editable->begin; at < editable->end; ++at) {
    if (!commented_setting(lines_[at], "reserve")) continue;
    const std::string& line = lines_[at];
    const std::size_t hash = line.find('#'), key = line.find("reserve"), comment = line.find('#', key);
    std::string text = line.substr(0, hash) + "reserve = " + toml_string(to_string(wanted));
    if (comment != std::string::npos) {
      text.resize(std::max(text.size() + 1, comment), ' ');
      text += line.substr(comment);
    }
    replacements_[at] = std::move(text);
    return {};
  }
  std::size_t last = 0;
  for (const TomlEntry& other : table.entries) last = std::max(last, other.value.end.line);
  for (const TomlEntry& other : table.entries)
    if (other.value.end.line == last) insert_beside(other, true, {{"reserve", to_string(wanted)}});
  return {};
}

Result<void> Editor::keep_device(const TomlValue& table, DeviceConf& device, const WantedDevice& wanted) {
  if (wanted.reserve)
    if (auto done = set_reserve(table, device, *wanted.reserve); !done) return done;
  if (wanted.identity.empty() || wanted.identity == device.identity) return {};
  const bool other_card = !device.identity.empty();
  if (other_card && on_other_card_ == OnOtherCard::keep) return {};
  if (auto editable = block(table); !editable) return fail(editable.error());
  if (other_card) out_.accepted.push_back(device.address);
  device.identity = wanted.identity;
  if (const TomlEntry* entry = table.find("identity")) return set_string(entry->value, wanted.identity);
  const TomlEntry* anchor = table.find("virsh") ? table.find("virsh") : table.find("address");
  insert_beside(*anchor, true, {{"identity", wanted.identity}});
  return {};
}

// A device's lines: from its header to its last key, and the settings below that are commented out. Other
// comments are the user's.
Result<Editor::Block> Editor::block(const TomlValue& table) const {
  const std::size_t begin = table.begin.line - 1;
  if (trimmed(lines_[begin]).substr(0, 2) != "[[")
    return cannot_edit(table.begin, "the devices are written as one list, device = [ … ]",
                       "begin each device with a line [[device]], and write its keys below, one per line");
  std::size_t end = begin + 1;
  for (const TomlEntry& entry : table.entries) end = std::max(end, entry.value.end.line);
  while (end < lines_.size() && commented_setting(lines_[end])) ++end;
  return Block{begin, end};
}

// Takes a block out, but for the user's comments in it. The blank line above it goes too where two would be
// left, or one at the text's end.
void Editor::drop(const Block& block) {
  bool kept = false;
  for (std::size_t line = block.end; line-- > block.begin;) {
    if (lines_.comment(line) && !commented_setting(lines_[line]))
      kept = true;
    else
      lines_.erase(line, line + 1);
  }
  if (kept) return;
  const std::size_t at = block.begin;
  const bool blank_below = at == lines_.size() || lines_.blank(at);
  if (!blank_below) return;
  if (at == 0) {
    if (at < lines_.size()) lines_.erase(at, at + 1);
  } else if (lines_.blank(at - 1)) {
    lines_.erase(at - 1, at);
  }
}

Result<void> Editor::apply() {
  std::vector<Block> to_drop;
  for (const TomlValue* table : gone_) {
    const auto found = block(*table);
    if (!found) return fail(found.error());
    to_drop.push_back(*found);
  }
  if (!new_ones_.empty()) {
    // Behind the last device, or behind the last line that says something.
    std::size_t at = 0;
    const TomlEntry* list = root_.find("device");
    if (list && list->value.items.empty())
      return cannot_edit(list->key_at, "the devices are written as one list, device = [ ]",
                         "delete this line");
    if (list) {
      const auto last = block(list->value.items.back());
      if (!last) return fail(last.error());
      at = last->end;
      while (at < lines_.size() && lines_.comment(at)) ++at;
    } else {
      for (std::size_t i = 0; i < lines_.size(); ++i)
        if (!lines_.blank(i)) at = i + 1;
    }
    auto& place = insertions_[at];
    for (const WantedDevice& device : new_ones_) {
      place.emplace_back();
      for (std::string& line : device_block(device)) place.push_back(std::move(line));
    }
  }
  for (auto& [at, text] : replacements_) lines_.replace(at, std::move(text));
  // From the end to the beginning, so that the line numbers ahead stay true.
  while (!insertions_.empty() || !to_drop.empty()) {
    const auto last = insertions_.empty() ? insertions_.end() : std::prev(insertions_.end());
    if (!to_drop.empty() && (last == insertions_.end() || to_drop.back().begin >= last->first)) {
      drop(to_drop.back());
      to_drop.pop_back();
    } else {
      lines_.insert(last->first, last->second);
      insertions_.erase(last);
    }
  }
  return {};
}

Result<Synced> Editor::read_back() {
  out_.text = lines_.text();
  out_.changed = out_.text != text_;
  auto now = parse_guest_conf(out_.text, file_);
  if (!now || *now != expected_)
    return fail(
        ErrorKind::bad_input, file_ + ": cannot edit this file: the result would be wrong",
        "write the devices as the shipped example does, or move the file away: it is then made again");
  out_.conf = std::move(*now);
  return std::move(out_);
}

Result<Synced> Editor::edit() {
  auto root = parse_toml(text_, file_);
  if (!root) return fail(root.error());
  auto conf = read_guest_conf(*root, file_);
  if (!conf) return fail(conf.error());
  expected_ = std::move(*conf);
  root_ = std::move(*root);
  if (auto done = head(); !done) return fail(done.error());
  if (auto done = compare(); !done) return fail(done.error());
  if (auto done = apply(); !done) return fail(done.error());
  return read_back();
}

bool says_nothing(std::string_view text) {
  const Lines lines(text);
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (!lines.blank(i)) return false;
  return true;
}

}  // namespace

Result<Synced> sync(std::string_view text, const std::string& file, const WantedGuest& wanted,
                    OnOtherCard on_other_card) {
  WantedGuest guest = wanted;
  // As reading a conf gives them, so that both can be compared.
  guest.uuid = lower_case(guest.uuid);
  for (WantedDevice& device : guest.devices) device.identity = lower_case(device.identity);
  if (!valid_utf8(guest.name))
    return fail(ErrorKind::bad_input,
                "the guest's name " + in_quotes(guest.name) + " is not valid UTF-8, which a conf cannot hold",
                "rename the guest (virsh domrename)");
  if (!says_nothing(text)) return Editor(text, file, guest, on_other_card).edit();

  std::string head;
  for (const std::string& line : new_conf_head(guest)) head += line + "\n";
  auto synced = Editor(head, file, guest, on_other_card).edit();
  if (synced) synced->changed = true;
  return synced;
}

}  // namespace qh::config
