#include "config/setting.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"

namespace qh::config {
namespace {

// Levenshtein's distance; a swap of neighbours counts once.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] =
          std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

std::string as_value(std::string_view word) {
  return "\"" + std::string(word) + "\"";
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr std::size_t longest = 40;
  if (word.size() > longest) return {};
  std::string_view best;
  std::size_t best_distance = 0;
  for (std::string_view candidate : known) {
    const std::size_t d = distance(lower_case(word), lower_case(candidate));
    if (d <= std::max<std::size_t>(1, candidate.size() / 3) && (best.empty() || d < best_distance)) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

tl::unexpected<Error> unknown_key(const TomlEntry& entry, const KnownKeys& known) {
  const std::string reason = "unknown key " + in_quotes(entry.key) + " " + known.place;
  std::string remedy;
  if (contains(known.elsewhere, entry.key))
    remedy = known.there;
  else if (const auto meant = nearest(entry.key, known.here); !meant.empty())
    remedy = "did you mean '" + std::string(meant) + "'?";
  else
    remedy = "known keys here: " + join({known.here.begin(), known.here.end()});
  return error_at(entry.key_at, reason, remedy);
}

tl::unexpected<Error> wrong_type(const TomlEntry& entry, TomlValue::Type wanted, const std::string& example) {
  return error_at(
      entry.value.begin,
      in_quotes(entry.key) + " must be " + to_string(wanted) + ", not " + to_string(entry.value.type),
      "write, for example: " + entry.key + " = " + example);
}

Result<std::size_t> find_word(const TomlEntry& entry, const std::vector<std::string_view>& words) {
  if (entry.value.type != TomlValue::Type::string)
    return wrong_type(entry, TomlValue::Type::string, as_value(words.front()));
  const std::string& word = entry.value.string;
  const auto found = std::find(words.begin(), words.end(), word);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  std::vector<std::string> all;
  for (const std::string_view known : words) all.push_back(as_value(known));
  std::string remedy = "one of " + join(all);
  if (const auto meant = nearest(word, words); !meant.empty())
    remedy = "did you mean " + as_value(meant) + "? (" + remedy + ")";
  return error_at(entry.value.begin, in_quotes(entry.key) + " cannot be \"" + printable(word) + "\"", remedy);
}

}  // namespace qh::config
