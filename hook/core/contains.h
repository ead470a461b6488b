// Uses a list as a set: finds a value, adds one that is missing.
#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

namespace qh {

// The list alone says what T is, so that the value may be whatever converts to it.
template <class T>
bool contains(const std::vector<T>& list, const std::type_identity_t<T>& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

template <class T>
void add_once(std::vector<T>& list, std::type_identity_t<T> value) {
  if (!contains(list, value)) list.push_back(std::move(value));
}

}  // namespace qh
