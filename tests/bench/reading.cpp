// What reading costs, as ratios: how the time grows with the text.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

#include "config/sync.h"
#include "xml/domain.h"

namespace {

using namespace qh;

// The quickest of several rounds: the machine may be busy with something else.
double seconds(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  for (int round = 0; round < 10; ++round) {
    const auto begin = Clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

std::string domain(int devices) {
  std::string text = "<domain><name>bench</name><devices>\n";
  for (int i = 0; i < devices; ++i)
    text += "<hostdev type='pci' mode='subsystem'><source><address domain='" + std::to_string(i) +
            "' bus='1'/></source></hostdev>\n";
  return text + "</devices></domain>\n";
}

config::WantedGuest guest(unsigned devices) {
  config::WantedGuest wanted{"bench", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", {}};
  for (unsigned i = 0; i < devices; ++i)
    wanted.devices.push_back({{i, 1, 0, 0}, "10de:2484 1462:3909 030000", "a name"});
  return wanted;
}

double parse_domain(int devices) {
  const std::string text = domain(devices);
  return seconds([&] { (void)xml::parse_domain(text); });
}

double sync(const std::string& text, const config::WantedGuest& wanted) {
  return seconds([&] { (void)config::sync(text, "f", wanted, config::OnOtherCard::keep); });
}

}  // namespace

int main() {
  std::printf("%-62s %6.1f\n", "a domain's XML, ten times the devices, times the time:",
              parse_domain(20'000) / parse_domain(2'000));
  const auto few = guest(20), many = guest(200);
  const std::string few_text = config::sync("", "f", few, config::OnOtherCard::keep)->text,
                    many_text = config::sync("", "f", many, config::OnOtherCard::keep)->text;
  std::printf("%-62s %6.1f\n", "sync of a conf, nothing to do, ten times the devices:",
              sync(many_text, many) / sync(few_text, few));
  const double whole = seconds([&] { (void)config::parse_guest_conf(many_text, "f"); });
  std::printf("%-62s %6.1f\n",
              "sync of a conf, nothing to do, against reading it alone:", sync(many_text, many) / whole);
}
