#include "core/redaction.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <utility>

#include "core/text.h"

namespace qh {
namespace {

constexpr const char* forms[] = {"password%zu", "serial%zu", "52:54:00:00:00:%02zx", "host%zu", "user%zu"};
constexpr std::string_view common =
    " address all auto bus desktop detach dev device devices driver etc guest guests home hook host kernel "
    "libvirt linux localhost name none nvidia pci proc qemu report reset root run server sys system "
    "user uuid vfio ";

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool is_mac(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i % 3 == 2 ? text[i] != ':' : hex_digit(text[i]) < 0) return false;
  return text.size() == 17;
}

// What stands behind a name: ='…', = "…", =…, : …, '>…<. Nothing where none does.
std::string_view value_at(std::string_view text) {
  for (const std::string_view opener : {" = \"", "='", "=\"", "=", ": \t ", "'>", "\">", ">"})
    if (text.starts_with(opener)) {
      const char mark = opener.back();
      std::string ends = "'\",;& \t\n<";
      if (mark == '>') ends = "<";
      if (mark == '\'' || mark == '"') ends = mark;
      text.remove_prefix(opener.size());
      return text.substr(0, text.find_first_of(ends));
    }
  return {};
}

}  // namespace

void Redaction::add(Kind kind, std::string_view secret) {
  const std::string text = lower_case(trimmed(secret));
  const bool is_common = kind >= host && common.find(" " + text + " ") != common.npos;
  const bool is_empty = text.find_first_not_of("0-:") == text.npos || text == "none";
  if (text.size() < 3 || is_common || is_empty || secrets_.contains(text)) return;
  char stand_in[64];
  std::snprintf(stand_in, sizeof stand_in, forms[kind], secrets_.size() + 1);
  secrets_[text] = {kind, stand_in};
  if (kind == mac) secrets_[replaced(text, ':', "")] = {kind, replaced(stand_in, ':', "")};  // "enx525400…"
}

void Redaction::learn(std::string_view text) {
  for (auto at = text.find(':'); at != text.npos; at = text.find(':', at + 1))
    if (at >= 2 && is_mac(text.substr(at - 2, 17))) add(mac, text.substr(at - 2, 17));
  const std::string lower = lower_case(text);
  constexpr std::pair<Kind, std::string_view> named[] = {{password, "passw"},
                                                         {serial, "serial"},
                                                         {serial, "id_wwn"},
                                                         {serial, "gpu uuid"},
                                                         {host, "remote_host"}};
  for (const auto& [kind, name] : named)
    for (auto at = lower.find(name); at != lower.npos; at = lower.find(name, at + 1)) {
      const auto end = lower.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + name.size());
      add(kind, value_at(text.substr(std::min(end, text.size()))));
    }
}

std::string Redaction::applied(std::string_view text) const {
  const std::string lower = lower_case(text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto found = std::find_if(secrets_.begin(), secrets_.end(), [&](const auto& known) {
      const auto& [secret, s] = known;
      if (lower.compare(at, secret.size(), secret) != 0) return false;
      const auto end = at + secret.size();
      const bool is_whole =
          (at == 0 || !is_word(lower[at - 1])) && (end == lower.size() || !is_word(lower[end]));
      return is_whole || (s.kind < host && secret.size() > 4);
    });
    const bool is_secret = found != secrets_.end();
    out += is_secret ? found->second.stand_in : std::string(1, text[at]);
    at += is_secret ? found->first.size() : 1;
  }
  return out;
}

}  // namespace qh
