// Edits the conf's text where the TOML parser says that things stand, then reads the result back: what it
// says must be exactly what was meant, or nothing is changed.
#include "config/sync.h"

#include <algorithm>
#include <utility>

#include "config/conf_text.h"
#include "config/guest_settings.h"
#include "config/toml.h"
#include "core/text.h"

namespace qh::config {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

std::string_view without_mark(std::string_view text) {
  return text.substr(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
}

bool is_blank(std::string_view line) {
  return trimmed(line).empty();
}
bool is_comment(std::string_view line) {
  return trimmed(line).starts_with('#');
}

// A user's comment and a setting that is commented out look different: "# reset = …".
bool commented_setting(std::string_view line, std::string_view key) {
  line = trimmed(line);
  if (!line.starts_with("#")) return false;
  line.remove_prefix(std::min(line.find_first_not_of("# \t"), line.size()));
  return line.starts_with(key) && trimmed(line.substr(key.size())).starts_with('=');
}
bool commented_setting(std::string_view line) {
  static const auto keys = device_keys();
  return std::any_of(keys.begin(), keys.end(),
                     [&](std::string_view key) { return commented_setting(line, key); });
}

// A text as lines that can be edited one by one; everything that is not edited comes out byte for byte: mixed
// line ends (a '\r' is a line's last byte), a byte order mark, a missing newline at the end.
class Lines {
 public:
  explicit Lines(std::string_view text) : has_mark_(text.starts_with(byte_order_mark)) {
    for (const auto line : split(without_mark(text), '\n')) lines_.emplace_back(line);
    if (lines_.size() > 1 && lines_.front().ends_with('\r')) return_ = "\r";
    newline_at_end_ = lines_.back().empty();
    if (newline_at_end_)
      lines_.pop_back();
    else
      lines_.back() += return_;
  }

  std::size_t size() const { return lines_.size(); }
  std::string& operator[](std::size_t at) { return lines_[at]; }
  const std::string& operator[](std::size_t at) const { return lines_[at]; }
  auto place(std::size_t at) { return lines_.begin() + static_cast<std::ptrdiff_t>(at); }

  // New lines get the line end of the text's first line.
  void insert(std::size_t at, std::vector<std::string> texts) {
    for (std::string& text : texts) text += return_;
    lines_.insert(place(at), texts.begin(), texts.end());
  }
  void erase(std::vector<std::string>::iterator begin, std::vector<std::string>::iterator end) {
    lines_.erase(begin, end);
  }

  std::string text() const {
    std::string out = (has_mark_ ? std::string(byte_order_mark) : "") + join(lines_, "\n");
    if (newline_at_end_ && !lines_.empty()) return out + "\n";
    if (out.ends_with('\r')) out.pop_back();
    return out;
  }

 private:
  bool has_mark_;
  const char* return_ = "";
  bool newline_at_end_ = true;
  std::vector<std::string> lines_;
};

// With their values.
using Keys = std::vector<std::pair<std::string, std::string>>;

// The key that ends last.
const TomlEntry& last_entry(const TomlValue& table) {
  return *std::max_element(
      table.entries.begin(), table.entries.end(),
      [](const TomlEntry& a, const TomlEntry& b) { return a.value.end.line < b.value.end.line; });
}

tl::unexpected<Error> cannot_edit(Position at, const std::string& why, std::string remedy) {
  return error_at(at, "cannot edit this: " + why, std::move(remedy));
}

class Editor {
 public:
  Editor(std::string_view text, const WantedGuest& guest, OnOtherCard on_other_card)
      : text_(text), guest_(guest), on_other_card_(on_other_card), lines_(text) {}

  // Its errors are error_at()'s.
  Result<void> edit();
  Result<Synced> read_back(const std::string& file);

 private:
  struct Block {
    std::size_t begin = 0;  // the header's line, counted from 0
    std::size_t end = 0;    // behind its last line
  };
  struct Insertion {
    std::size_t at = 0;
    std::vector<std::string> lines = {};
  };

  Result<Insertion> head();
  Insertion new_head(const Keys& keys) const;
  Result<void> add_devices();
  Result<void> keep_or_drop_devices();
  Result<void> keep_device(const TomlValue& table, DeviceConf& device, const WantedDevice& wanted);
  Result<void> set_reserve(const TomlValue& table, DeviceConf& device, Reserve wanted);

  Result<void> set_string(const TomlValue& value, const std::string& text);
  std::vector<std::string> lines_like(const TomlEntry& entry, const Keys& keys) const;
  Result<Block> block(const TomlValue& table) const;
  void drop(const Block& block);

  const std::string_view text_;
  const WantedGuest& guest_;
  const OnOtherCard on_other_card_;

  Lines lines_;
  TomlValue root_;
  GuestConf expected_;  // what the new text must say
  Synced out_;
};

// Puts a string in the place of another; the new one is a basic string, whatever the old one was.
Result<void> Editor::set_string(const TomlValue& value, const std::string& text) {
  const auto is_quote = [](char c) { return c == '"' || c == '\''; };
  std::string& line = lines_[value.begin.line - 1];
  // Columns are bytes here: only keys and values that are ASCII can stand in front, and the value is one
  // itself.
  const std::size_t begin = value.begin.column - 1, end = value.end.column - 1;
  if (value.begin.line != value.end.line || end > line.size() || end < begin + 2 || !is_quote(line[begin]) ||
      !is_quote(line[end - 1]))
    return cannot_edit(value.begin, "the value spans several lines", "write it on one line, in quotes");
  line.replace(begin, end - begin, toml_string(text));
  return {};
}

// Lines "key = value", indented and aligned like that of `entry`.
std::vector<std::string> Editor::lines_like(const TomlEntry& entry, const Keys& keys) const {
  const std::string& line = lines_[entry.key_at.line - 1];
  const std::string indent = line.substr(0, line.find_first_not_of(" \t"));
  const std::size_t equals = line.find('=');
  std::vector<std::string> lines;
  for (const auto& [key, value] : keys) {
    std::string text = indent + key;
    if (equals != std::string::npos && equals > text.size()) text.resize(equals, ' ');
    if (text.back() != ' ') text += ' ';
    lines.push_back(text + "= " + toml_string(value));
  }
  return lines;
}

// For a conf without any key of the head: below the comments that it begins with, unless those belong to a
// device.
Editor::Insertion Editor::new_head(const Keys& keys) const {
  Insertion head;
  while (head.at < lines_.size() && is_comment(lines_[head.at])) ++head.at;
  if (head.at < lines_.size() && !is_blank(lines_[head.at])) head.at = 0;
  for (const auto& [key, value] : keys)
    head.lines.push_back(key + (key == "uuid" ? "  = " : " = ") + toml_string(value));
  if (head.at < lines_.size() && !is_blank(lines_[head.at])) head.lines.emplace_back();
  return head;
}

// Corrects guest and UUID. Gives the lines for those that are missing.
Result<Editor::Insertion> Editor::head() {
  // A guest keeps its UUID when it is renamed (virsh domrename).
  const bool same_uuid = !guest_.uuid.empty() && expected_.uuid == guest_.uuid;
  if (!expected_.guest.empty() && expected_.guest != guest_.name && !same_uuid)
    return error_at(
        root_.find("guest")->value.begin,
        "this is the conf of guest " + in_quotes(expected_.guest) + ", not of " + in_quotes(guest_.name),
        "if the guest was renamed, correct the line 'guest'");
  Keys missing;
  const auto want = [&](const char* key, std::string& now, const std::string& wanted) -> Result<void> {
    if (wanted.empty() || now == wanted) return {};
    now = wanted;
    if (const TomlEntry* entry = root_.find(key)) return set_string(entry->value, wanted);
    missing.emplace_back(key, wanted);
    return {};
  };
  if (auto done = want("guest", expected_.guest, guest_.name); !done) return fail(done.error());
  if (auto done = want("uuid", expected_.uuid, guest_.uuid); !done) return fail(done.error());
  if (missing.empty()) return Insertion{};
  if (const TomlEntry* guest = root_.find("guest"))
    return Insertion{guest->value.end.line, lines_like(*guest, missing)};
  if (const TomlEntry* first = root_.find("uuid") ? root_.find("uuid") : root_.find("gpu"))
    return Insertion{first->key_at.line - 1, lines_like(*first, missing)};
  return new_head(missing);
}

// Behind the last device, or behind the last line that says something.
Result<void> Editor::add_devices() {
  const TomlEntry* list = root_.find("device");
  std::vector<std::string> added;
  for (const WantedDevice& device : guest_.devices) {
    if (expected_.find(device.address)) continue;
    expected_.devices.push_back({device.address, device.identity});
    if (device.reserve) expected_.devices.back().reserve = *device.reserve;
    out_.added.push_back(device.address);
    added.emplace_back();
    for (std::string& line : device_block(device)) added.push_back(std::move(line));
  }
  if (added.empty()) return {};
  if (list && list->value.items.empty())
    return cannot_edit(list->key_at, "the devices are written as one list, device = [ ]", "delete this line");
  std::size_t at = lines_.size();
  if (list) {
    const auto last = block(list->value.items.back());
    if (!last) return fail(last.error());
    at = last->end;
    while (at < lines_.size() && is_comment(lines_[at])) ++at;
  } else {
    while (at > 0 && is_blank(lines_[at - 1])) --at;
  }
  lines_.insert(at, std::move(added));
  return {};
}

Result<void> Editor::keep_or_drop_devices() {
  const TomlEntry* list = root_.find("device");
  for (std::size_t i = list ? list->value.items.size() : 0; i-- > 0;) {
    const TomlValue& table = list->value.items[i];
    DeviceConf& device = expected_.devices[i];
    const auto wanted = std::find_if(guest_.devices.begin(), guest_.devices.end(),
                                     [&](const WantedDevice& d) { return d.address == device.address; });
    if (wanted != guest_.devices.end()) {
      out_.kept.push_back(device.address);
      if (auto done = keep_device(table, device, *wanted); !done) return done;
      continue;
    }
    const auto found = block(table);
    if (!found) return fail(found.error());
    drop(*found);
    out_.dropped.push_back(device.address);
    expected_.devices.erase(expected_.devices.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (auto* addresses : {&out_.kept, &out_.dropped, &out_.accepted})
    std::reverse(addresses->begin(), addresses->end());
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
  const TomlEntry& above = *(table.find("virsh") ? table.find("virsh") : table.find("address"));
  lines_.insert(above.value.end.line, lines_like(above, {{"identity", wanted.identity}}));
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
    std::string& line = lines_[at];
    if (!commented_setting(line, "reserve")) continue;
    const std::size_t hash = line.find('#'), rest = line.find_first_of("#\r", line.find("reserve"));
    std::string text = line.substr(0, hash) + "reserve = " + toml_string(to_string(wanted));
    if (rest != std::string::npos) {
      if (line[rest] == '#') text.resize(std::max(text.size() + 1, rest), ' ');
      text += line.substr(rest);
    }
    line = std::move(text);
    return {};
  }
  const TomlEntry& last = last_entry(table);
  lines_.insert(last.value.end.line, lines_like(last, {{"reserve", to_string(wanted)}}));
  return {};
}

// A device's lines: from its header to its last key, and the settings below that are commented out. Other
// comments are the user's.
Result<Editor::Block> Editor::block(const TomlValue& table) const {
  const std::size_t begin = table.begin.line - 1;
  if (!trimmed(lines_[begin]).starts_with("[["))
    return cannot_edit(table.begin, "the devices are written as one list, device = [ … ]",
                       "begin each device with a line [[device]], and write its keys below, one per line");
  std::size_t end = last_entry(table).value.end.line;
  while (end < lines_.size() && commented_setting(lines_[end])) ++end;
  return Block{begin, end};
}

// Takes a block out, but for the user's comments in it. The blank line above it goes too where two would be
// left, or one at the text's end.
void Editor::drop(const Block& block) {
  const auto begin = lines_.place(block.begin), end = lines_.place(block.end);
  const auto rest = std::remove_if(
      begin, end, [](const std::string& line) { return !is_comment(line) || commented_setting(line); });
  const bool kept = rest != begin;
  lines_.erase(rest, end);
  const std::size_t at = block.begin;
  if (kept || (at < lines_.size() && !is_blank(lines_[at]))) return;
  if (at == 0 ? lines_.size() > 0 : is_blank(lines_[at - 1])) {
    const auto blank = lines_.place(at == 0 ? 0 : at - 1);
    lines_.erase(blank, blank + 1);
  }
}

Result<Synced> Editor::read_back(const std::string& file) {
  out_.text = lines_.text();
  out_.changed = out_.text != text_;
  auto now = parse_guest_conf(out_.text, file);
  if (!now || *now != expected_)
    return fail(
        ErrorKind::bad_input, file + ": cannot edit this file: the result would be wrong",
        "write the devices as the shipped example does, or move the file away: it is then made again");
  out_.conf = std::move(*now);
  return std::move(out_);
}

// From the end to the beginning, so that what the parser says of the lines ahead stays true.
Result<void> Editor::edit() {
  auto root = parse_toml(text_);
  if (!root) return fail(root.error());
  auto conf = read_guest_conf(*root);
  if (!conf) return fail(conf.error());
  expected_ = std::move(*conf);
  root_ = std::move(*root);
  auto missing = head();
  if (!missing) return fail(missing.error());
  if (auto done = add_devices(); !done) return done;
  if (auto done = keep_or_drop_devices(); !done) return done;
  lines_.insert(missing->at, std::move(missing->lines));
  return {};
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
  const bool is_new = is_blank(without_mark(text));
  std::string head;
  if (is_new)
    for (const std::string& line : new_conf_head(guest)) head += line + "\n";
  Editor editor(is_new ? head : text, guest, on_other_card);
  if (const auto edited = editor.edit(); !edited) return fail(in_file(file, edited.error()));
  auto synced = editor.read_back(file);
  if (synced && is_new) synced->changed = true;
  return synced;
}

}  // namespace qh::config
