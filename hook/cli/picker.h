// Lets a person choose cards for a guest on a terminal.
#pragma once

#include <string>
#include <vector>

#include "handover/cards.h"
#include "host/host.h"

namespace qh::cli {

// The list of cards, numbered where they can be chosen; `owners` are the guests that have a device already.
std::string card_list(const host::Host& host, const std::vector<handover::Card>& cards,
                      const std::vector<std::string>& owners);

// The cards that an answer like "1 3" or "1,3" names, counted from 0; nothing for an empty answer. bad_input:
// a number that is none, or of a card that stays.
Result<std::vector<std::size_t>> chosen_cards(const std::string& answer,
                                              const std::vector<handover::Card>& cards);

// Shows the list and asks, until the answer can be used. Nothing chosen, or the end of the input: empty.
std::vector<PciAddress> pick_cards(const host::Host& host, const std::string& guest,
                                   const std::vector<handover::Card>& cards);

// A question with yes or no; no is what anything but "y" and "yes" means.
bool confirmed(const std::string& question);

// Whether a person is there to be asked.
bool on_terminal();

}  // namespace qh::cli
