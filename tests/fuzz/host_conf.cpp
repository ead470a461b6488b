// The host's conf: its errors name a place, and no deadline can be endless or none.
#include "config/host_conf.h"

#include "property.h"

namespace qh::fuzz {

void check(std::string_view input) {
  const std::string file = "host.toml";
  const auto conf = config::parse_host_conf(input, file);
  if (!conf) return require_place(conf.error(), file, input);
  const config::Deadlines& d = conf->deadlines;
  for (const auto deadline : {d.connect, d.detach, d.reattach, d.holders, d.display_manager, d.lock, d.whole})
    require(deadline.count() >= 1 && deadline.count() <= 3'600'000,
            "each deadline is between 1 ms and an hour");
}

}  // namespace qh::fuzz
