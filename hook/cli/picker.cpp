#include "cli/picker.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "cli/known_guests.h"
#include "cli/output.h"
#include "core/contains.h"
#include "core/text.h"
#include "host/pci/pci_ids.h"

namespace qh::cli {
namespace {

constexpr std::size_t note_indent = 8, group_width = 8;

// What the class code says, for a host without the file of names.
std::string kind_of(const host::PciDevice& device) {
  struct Kind {
    const char* prefix;
    const char* name;
  };
  constexpr Kind kinds[] = {{"03", "display"},           {"0401", "sound"},
                            {"0403", "sound"},           {"0c03", "USB controller"},
                            {"02", "network card"},      {"0108", "NVMe disk"},
                            {"0106", "SATA controller"}, {"01", "storage controller"},
                            {"0b40", "accelerator"},     {"12", "accelerator"}};
  const std::string code = device.class_code();
  for (const auto& kind : kinds)
    if (code.starts_with(kind.prefix)) return kind.name;
  return "device of class " + code;
}

std::string name_of(const host::Host& host, const host::PciDevice& device) {
  return host::pci_name(host, device.identity, kind_of(device));
}

std::string note(const std::string& mark, const std::string& text) {
  std::string lines;
  for (const auto& line : wrapped(mark + printable(text), screen - note_indent))
    lines += std::string(note_indent, ' ') + line + "\n";
  return lines;
}

// Nothing at the end of the input.
std::optional<std::string> read_line() {
  std::string line;
  for (int c = 0; (c = std::fgetc(stdin)) != EOF;) {
    if (c == '\n') return line;
    line += static_cast<char>(c);
  }
  return std::nullopt;
}

void ask(const std::string& question) {
  std::fputs(question.c_str(), stdout);
  std::fflush(stdout);
}

// Which other guests have a device of the card, a text for each card.
std::vector<std::string> owners_of(const host::Host& host, const std::vector<handover::Card>& cards) {
  const auto known = known_guests(host, no_warnings);
  std::vector<std::string> owners;
  for (const auto& card : cards) {
    std::vector<std::string> names;
    for (const auto& guest : known)
      if (std::any_of(card.functions.begin(), card.functions.end(),
                      [&](const auto& f) { return guest.find(f.address) != nullptr; }))
        names.push_back(printable(guest.guest));
    owners.push_back(join(names));
  }
  return owners;
}

}  // namespace

std::string card_list(const host::Host& host, const std::vector<handover::Card>& cards,
                      const std::vector<std::string>& owners) {
  std::size_t address_width = 0, driver_width = 0;
  for (const auto& card : cards)
    for (const auto& f : card.functions) {
      address_width = std::max(address_width, f.address.text().size());
      driver_width = std::max(driver_width, f.driver.empty() ? 1 : f.driver.size());
    }
  std::string text;
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const auto reasons = cards[i].reasons_to_stay();
    for (const auto& f : cards[i].functions) {
      const bool first = &f == &cards[i].functions.front();
      std::string line = !first ? "" : reasons.empty() ? std::to_string(i + 1) : "-";
      line.insert(0, 4 - std::min<std::size_t>(line.size(), 4), ' ');
      line += "  " + f.address.text() + std::string(address_width - f.address.text().size() + 2, ' ');
      const std::string driver = or_dash(f.driver);
      line += driver + std::string(driver_width - driver.size() + 2, ' ');
      const std::string group = f.iommu_group.empty() ? "no group" : "group " + f.iommu_group;
      line += group + std::string(group_width - std::min(group_width, group.size()) + 2, ' ');
      text += line + cut(name_of(host, f), screen - std::min(line.size(), screen - 20)) + "\n";
    }
    for (const auto& reason : reasons) text += note("must stay: ", reason);
    if (!reasons.empty()) continue;
    for (const auto& warning : cards[i].warnings()) text += note("! ", warning);
    if (i < owners.size() && !owners[i].empty()) text += note("", "also a device of " + owners[i]);
  }
  return text;
}

Result<std::vector<std::size_t>> chosen_cards(const std::string& answer,
                                              const std::vector<handover::Card>& cards) {
  std::string words = answer;
  std::replace(words.begin(), words.end(), ',', ' ');
  std::replace(words.begin(), words.end(), '\t', ' ');
  std::vector<std::size_t> chosen;
  for (const auto word : split(words, ' ')) {
    if (word.empty()) continue;
    std::size_t number = 0;
    const bool digits = word.size() < 6 && word.find_first_not_of("0123456789") == std::string_view::npos;
    if (digits) number = static_cast<std::size_t>(std::stoul(std::string(word)));
    if (number < 1 || number > cards.size())
      return fail(ErrorKind::bad_input, in_quotes(word) + " is not one of the numbers");
    if (!cards[number - 1].reasons_to_stay().empty())
      return fail(ErrorKind::bad_input,
                  cards[number - 1].functions.front().address.text() + " must stay with the host");
    add_once(chosen, number - 1);
  }
  return chosen;
}

std::vector<PciAddress> pick_cards(const host::Host& host, const std::string& guest,
                                   const std::vector<handover::Card>& cards) {
  ask(printable(guest) + " has no devices of this host yet. The host's cards:\n\n" +
      card_list(host, cards, owners_of(host, cards)) + "\n");
  for (;;) {
    ask("Numbers of the cards for " + printable(guest) + " (for example: 1 3), or Enter for none: ");
    const auto answer = read_line();
    if (!answer) return {};
    const auto chosen = chosen_cards(*answer, cards);
    if (!chosen) {
      ask(chosen.error().message + ".\n");
      continue;
    }
    bool sure = true;
    std::vector<PciAddress> addresses;
    for (const auto i : *chosen) {
      for (const auto& f : cards[i].functions) addresses.push_back(f.address);
      for (const auto& finding : cards[i].findings)
        if (finding.check == "input")
          sure = sure && confirmed(printable(finding.message) + ". Is that what you want?");
    }
    if (sure) return addresses;
  }
}

bool confirmed(const std::string& question) {
  ask(question + " [y/N] ");
  const auto answer = read_line();
  return answer && (*answer == "y" || *answer == "Y" || *answer == "yes");
}

bool on_terminal() {
  return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
}

}  // namespace qh::cli
