// Takes out of texts what is nobody else's business. A secret has one stand-in, the same in all texts, so
// that what belongs together still does.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace qh {

class Redaction {
 public:
  enum Kind { password, serial, mac, host, user };

  // Not what is shorter than three characters, or a name that is a word of this program's: these stand
  // everywhere, and say nothing.
  void add(Kind kind, std::string_view secret);
  // What looks like a MAC address, and what a conf, a domain's XML, udev, logind or NVIDIA's driver calls a
  // password, a serial number or another host.
  void learn(std::string_view text);
  // With stand-ins. Names count as whole words only.
  std::string applied(std::string_view text) const;

 private:
  struct Secret {
    Kind kind;
    std::string stand_in;
  };
  // In lower case; a longer one comes before what it begins with.
  std::map<std::string, Secret, std::greater<>> secrets_;
};

}  // namespace qh
