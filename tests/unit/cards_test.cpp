// What the recorded hosts could hand over, card by card.
#include <doctest/doctest.h>

#include "fakes/hosts.h"
#include "handover/cards.h"

using namespace qh;

namespace {

std::vector<handover::Card> cards_of(const fakes::TemporaryRoot& root, const char* tree) {
  fakes::write_host(root, tree);
  const host::RealHost host{root.path()};
  return handover::list_cards(host, {});
}

const handover::Card& card_at(const std::vector<handover::Card>& cards, const char* address) {
  for (const auto& card : cards)
    if (card.functions.front().address == *parse_pci_address(address)) return card;
  FAIL(address);
  return cards.front();
}

}  // namespace

TEST_CASE("cards: displays first, whole, each with what speaks against it and nothing of the others'") {
  const fakes::TemporaryRoot root;
  const auto cards = cards_of(root, fakes::desktop);
  REQUIRE(cards.size() == 6);
  CHECK(cards[0].functions.size() == 4);
  CHECK(cards[0].functions[0].is_display());

  const auto system = card_at(cards, "0000:02:00.0").reasons_to_stay();
  REQUIRE(system.size() == 1);
  CHECK(system[0].find("0000:02:00.0: the host needs a disk on it") == 0);
  const auto network = card_at(cards, "0000:03:00.0").reasons_to_stay();
  REQUIRE(network.size() == 1);
  CHECK(network[0].find("enp3s0 carries the default route") != std::string::npos);

  const auto& inputs = card_at(cards, "0000:00:14.0");
  CHECK(inputs.reasons_to_stay().empty());
  REQUIRE(inputs.warnings().size() == 1);
  CHECK(inputs.warnings()[0].find("only keyboard and mouse go") != std::string::npos);

  const auto& free = card_at(cards, "0000:04:00.0");
  CHECK(free.findings.empty());
}

TEST_CASE("cards: who holds one card speaks against that one alone") {
  const fakes::TemporaryRoot root;
  const auto cards =
      cards_of(root, (std::string(fakes::workstation) + "process 999 ffmpeg open=/dev/dri/card1\n").c_str());
  const auto held = card_at(cards, "0000:02:00.0").warnings();
  REQUIRE(held.size() == 1);
  CHECK(held[0].find("0000:02:00.0: the desktop has it open: ffmpeg (999: /dev/dri/card1)") == 0);
  // The card with the console is the desktop's, which makes way.
  CHECK(card_at(cards, "0000:01:00.0").reasons_to_stay().empty());
  CHECK(card_at(cards, "0000:01:00.0").warnings().empty());
}
