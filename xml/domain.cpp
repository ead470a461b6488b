// The walk over a domain's XML. pugixml parses without recursion and resolves nothing here (parse_minimal),
// so neither deep nesting nor entities can hurt; values are resolved one by one, where they are used.
#include "xml/domain.h"

#include <algorithm>
#include <map>
#include <optional>
#include <pugixml.hpp>
#include <string_view>

#include "core/text.h"
#include "xml/values.h"

namespace qh::xml {
namespace {

std::string cut(std::string_view value) {
  constexpr std::size_t longest_shown = 40;
  return printable(value.substr(0, longest_shown)) + (value.size() > longest_shown ? "…" : "");
}

std::string shown(std::string_view value) {
  return "'" + cut(value) + "'";
}

std::string element(pugi::xml_node node) {
  return "<" + cut(node.name()) + ">";
}

// The first byte that XML forbids, NUL above all: pugixml would end the value there.
std::size_t forbidden_byte(std::string_view text) {
  const auto at = std::find_if(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r';
  });
  return static_cast<std::size_t>(at - text.begin());
}

class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  Result<Domain> document(const pugi::xml_document& document) {
    pugi::xml_node root;
    for (const pugi::xml_node node : document.children()) {
      if (node.type() != pugi::node_element)
        return error(node.offset_debug(), "there is text outside of the element <domain>");
      if (root) return error(node.offset_debug(), "there is a second element next to " + element(root));
      root = node;
    }
    if (!root) return error(-1, "there is no element in it");
    if (std::string_view(root.name()) != "domain")
      return error(root.offset_debug(), "it begins with " + element(root) + ", not with <domain>");
    domain(root);
    if (wrong_) return fail(*wrong_);
    return std::move(domain_);
  }

  tl::unexpected<Error> error(std::ptrdiff_t offset, const std::string& reason) const {
    std::string where = "domain XML";
    if (offset >= 0) {
      const auto end = text_.begin() + std::min(offset, static_cast<std::ptrdiff_t>(text_.size()));
      where += ", line " + std::to_string(1 + std::count(text_.begin(), end, '\n'));
    }
    return fail(ErrorKind::bad_input, where + ": " + reason);
  }

 private:
  // The first of them becomes the result; the walk goes on for nothing then.
  void wrong(pugi::xml_node node, const std::string& reason) {
    if (!wrong_) wrong_ = error(node.offset_debug(), reason).value();
  }

  // An attribute's value, nothing if it is absent.
  std::optional<std::string> attribute(pugi::xml_node node, const char* name) {
    std::optional<std::string> value;
    for (const pugi::xml_attribute attribute : node.attributes()) {
      if (std::string_view(attribute.name()) != name) continue;
      // XML forbids it, pugixml does not: another reader could take the other one.
      if (value) wrong(node, element(node) + " has " + name + " twice");
      value = unescape(attribute.value(), Place::attribute);
      if (!value)
        wrong(node, element(node) + ": " + name + " has an unknown entity: " + shown(attribute.value()));
    }
    return value;
  }

  bool attribute_is(pugi::xml_node node, const char* name, const char* value, const char* absent = "") {
    return attribute(node, name).value_or(absent) == value;
  }

  void add_path(std::vector<std::string>& paths, pugi::xml_node node, const char* name) {
    if (auto path = attribute(node, name).value_or(""); !path.empty()) paths.push_back(std::move(path));
  }

  std::string content(pugi::xml_node node) {
    std::string out;
    for (const pugi::xml_node child : node.children()) {
      if (child.type() == pugi::node_cdata) {
        out += child.value();
      } else if (child.type() == pugi::node_pcdata) {
        const auto part = unescape(child.value(), Place::content);
        if (!part) wrong(child, element(node) + " has an unknown entity");
        out += part.value_or("");
      }
    }
    return out;
  }

  void domain(pugi::xml_node domain) {
    domain_.name = content(domain.child("name"));
    const pugi::xml_node uuid = domain.child("uuid");
    if (const std::string text = content(uuid); !trimmed(text).empty()) {
      const auto canonical = canonical_uuid(text);
      if (!canonical) wrong(uuid, "<uuid>: " + shown(text) + " is not a UUID");
      domain_.uuid = canonical.value_or("");
    }
    for (const pugi::xml_node devices : domain.children("devices")) {
      for (const pugi::xml_node device : devices.children()) {
        const std::string_view name = device.name();
        if (name == "hostdev") hostdev(device);
        if (name == "interface") interface(device);
        if (name == "disk") disk(device);
      }
    }
  }

  void hostdev(pugi::xml_node hostdev) {
    const bool is_subsystem = attribute_is(hostdev, "mode", "subsystem", "subsystem");
    const bool is_pci = attribute_is(hostdev, "type", "pci");
    if (!is_subsystem || !is_pci) return;
    host_device(hostdev, Source::hostdev, hostdev);
    add_path(domain_.rom_files, hostdev.child("rom"), "file");
  }

  void interface(pugi::xml_node interface) {
    if (!attribute_is(interface, "type", "hostdev")) return;
    const pugi::xml_node source = interface.child("source");
    // libvirt takes a source with a vendor and no address type for USB, and refuses any other without one.
    if (!attribute_is(source.child("address"), "type", "pci", source.child("vendor") ? "usb" : "pci")) return;
    host_device(interface, Source::interface, interface);
    add_path(domain_.rom_files, interface.child("rom"), "file");
  }

  // A disk is a tree of storage sources, each behind the other; a loop with its own stack, since nothing
  // limits how deep the XML nests them.
  void disk(pugi::xml_node disk) {
    std::vector<pugi::xml_node> pending{disk};
    while (!pending.empty()) {
      const pugi::xml_node node = pending.back();
      pending.pop_back();
      storage(node);
      const auto first_new = static_cast<std::ptrdiff_t>(pending.size());
      for (const pugi::xml_node parent : {node, node.child("source")}) {
        for (const pugi::xml_node child : parent.children()) {
          const std::string_view name = child.name();
          if (name == "backingStore" || name == "mirror" || name == "dataStore") pending.push_back(child);
        }
      }
      std::reverse(pending.begin() + first_new, pending.end());  // so that the first one is next
    }
  }

  void storage(pugi::xml_node storage) {
    const pugi::xml_node source = storage.child("source");
    add_path(domain_.images, source, "file");
    add_path(domain_.images, source, "dev");
    // What libvirt wrote for a mirror before it knew other storage than files.
    if (std::string_view(storage.name()) == "mirror" && !source) add_path(domain_.images, storage, "file");
    if (attribute_is(storage, "type", "nvme") && attribute_is(source, "type", "pci", "pci"))
      host_device(storage, Source::disk, source);
  }

  // `managed`: the element that says whether it is.
  void host_device(pugi::xml_node owner, Source source, pugi::xml_node managed) {
    const bool is_managed = attribute_is(managed, "managed", "yes");
    const pugi::xml_node node = owner.child("source").child("address");
    if (!node) return wrong(owner, element(owner) + " has no address in its <source>");
    if (node.next_sibling("address"))
      return wrong(owner, element(owner) + " has more than one address in its <source>");
    const PciAddress at = address(owner, node);
    const auto [known, is_new] = seen_.try_emplace(at, domain_.devices.size());
    if (is_new) domain_.devices.push_back({at, source});
    domain_.devices[known->second].managed |= is_managed;
  }

  PciAddress address(pugi::xml_node owner, pugi::xml_node address) {
    const auto part = [&](const char* name, std::uint32_t largest) {
      const auto text = attribute(address, name).value_or("0");
      const auto value = parse_uint(text);
      if (!value || *value > largest)
        wrong(address, element(owner) + ": source address: " + name + " " + shown(text) +
                           (value ? " is above " + std::to_string(largest) : " is not a number"));
      return value.value_or(0);
    };
    // All zeros is an address like any other (virPCIDeviceAddressParseXML in libvirt): a PC's host bridge, on
    // s390x an ordinary device. In braces, the parts are read in their order.
    return PciAddress{part("domain", 0xffffffff), static_cast<std::uint8_t>(part("bus", 0xff)),
                      static_cast<std::uint8_t>(part("slot", 0x1f)),
                      static_cast<std::uint8_t>(part("function", 7))};
  }

  std::string_view text_;
  Domain domain_;
  std::map<PciAddress, std::size_t> seen_;  // place in domain_.devices
  std::optional<Error> wrong_;
};

}  // namespace

const char* to_string(Source source) {
  return source == Source::hostdev ? "hostdev" : source == Source::interface ? "interface" : "disk";
}

Result<Domain> parse_domain(std::string text) {
  Walk walk(text);
  if (text.size() > largest_domain_xml) return walk.error(-1, "it is larger than 16 MiB");
  if (trimmed(text).empty()) return walk.error(-1, "it is empty");
  if (const auto at = forbidden_byte(text); at < text.size())
    return walk.error(static_cast<std::ptrdiff_t>(at), "there is a control character in it");

  // parse_fragment, so that text outside of the root is seen (and refused) instead of skipped.
  constexpr unsigned flags = pugi::parse_minimal | pugi::parse_cdata | pugi::parse_fragment;
  pugi::xml_document document;
  const auto parsed = document.load_buffer(text.data(), text.size(), flags, pugi::encoding_utf8);
  if (!parsed) return walk.error(parsed.offset, std::string("not well-formed: ") + parsed.description());
  return walk.document(document);
}

}  // namespace qh::xml
