#include "handover/trial.h"

#include "config/store.h"
#include "core/text.h"
#include "handover/journal.h"
#include "host/names.h"
#include "host/processes/confinement.h"

namespace qh::handover {
namespace {

constexpr std::string_view context_mark = "  context: ", lack_mark = "  cannot: ", remedy_mark = "  hint: ";

Result<void> leave(const host::Host& host, const std::string& text) {
  const auto folder = lock_folder(host, Milliseconds{3000});
  if (!folder) return fail(folder.error());
  return config::save(host.path(names::trial_result), text);
}

}  // namespace

Trial make_trial(const host::Host& host) {
  Trial trial{host::context(host), host::find_lacks(host, {})};
  if (const auto left = leave(host, to_text(trial)); !left)
    trial.lacks.push_back(
        {"write to /run: " + left.error().message,
         "take ProtectSystem=strict out of the unit of libvirt's daemon; see also `df /run`"});
  return trial;
}

std::optional<Trial> last_trial(const host::Host& host) {
  const auto text = host.read(names::trial_result);
  if (!text) return std::nullopt;
  Trial trial;
  for (const auto line : split(*text, '\n')) {
    if (line.starts_with(context_mark)) trial.context = line.substr(context_mark.size());
    if (line.starts_with(lack_mark)) trial.lacks.push_back({std::string(line.substr(lack_mark.size())), {}});
    if (line.starts_with(remedy_mark) && !trial.lacks.empty())
      trial.lacks.back().remedy = line.substr(remedy_mark.size());
  }
  return trial;
}

std::string to_text(const Trial& trial) {
  std::string text;
  if (!trial.context.empty()) text += std::string(context_mark) + printable(trial.context) + "\n";
  for (const auto& lack : trial.lacks)
    text += std::string(lack_mark) + printable(lack.what) + "\n" + std::string(remedy_mark) +
            printable(lack.remedy) + "\n";
  return text;
}

}  // namespace qh::handover
