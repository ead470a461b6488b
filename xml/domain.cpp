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

  Result<Domain> document(const pugi::xml_document& document);
  tl::unexpected<Error> error(std::ptrdiff_t offset, const std::string& reason) const;

 private:
  Result<void> domain(pugi::xml_node domain);
  Result<void> device(pugi::xml_node device);
  Result<void> hostdev(pugi::xml_node hostdev);
  Result<void> interface(pugi::xml_node interface);
  Result<void> disk(pugi::xml_node disk);
  Result<void> storage(pugi::xml_node storage);
  Result<void> host_device(pugi::xml_node owner, Source source, bool managed);
  Result<void> rom(pugi::xml_node owner);
  Result<PciAddress> address(pugi::xml_node owner, pugi::xml_node address) const;
  Result<void> image(pugi::xml_node node, const char* name);

  // An attribute's value, nothing if it is absent.
  Result<std::optional<std::string>> attribute(pugi::xml_node node, const char* name) const;
  Result<bool> attribute_is(pugi::xml_node node, const char* name, std::string_view value,
                            std::string_view absent = {}) const;
  Result<std::string> content(pugi::xml_node node) const;

  std::string_view text_;
  Domain domain_;
  std::map<PciAddress, std::size_t> seen_;  // place in domain_.devices
};

tl::unexpected<Error> Walk::error(std::ptrdiff_t offset, const std::string& reason) const {
  std::string where = "domain XML";
  if (offset >= 0) {
    const auto end = text_.begin() + std::min(offset, static_cast<std::ptrdiff_t>(text_.size()));
    where += ", line " + std::to_string(1 + std::count(text_.begin(), end, '\n'));
  }
  return fail(ErrorKind::bad_input, where + ": " + reason);
}

Result<std::optional<std::string>> Walk::attribute(pugi::xml_node node, const char* name) const {
  std::optional<std::string> value;
  for (const pugi::xml_attribute attribute : node.attributes()) {
    if (std::string_view(attribute.name()) != name) continue;
    // XML forbids it, pugixml does not: another reader could take the other one.
    if (value) return error(node.offset_debug(), element(node) + " has " + name + " twice");
    value = unescape(attribute.value(), Place::attribute);
    if (!value)
      return error(node.offset_debug(),
                   element(node) + ": " + name + " has an unknown entity: " + shown(attribute.value()));
  }
  return value;
}

Result<bool> Walk::attribute_is(pugi::xml_node node, const char* name, std::string_view value,
                                std::string_view absent) const {
  const auto found = attribute(node, name);
  if (!found) return fail(found.error());
  return (found->has_value() ? std::string_view(**found) : absent) == value;
}

Result<std::string> Walk::content(pugi::xml_node node) const {
  std::string out;
  for (const pugi::xml_node child : node.children()) {
    if (child.type() == pugi::node_cdata) {
      out += child.value();
    } else if (child.type() == pugi::node_pcdata) {
      const auto part = unescape(child.value(), Place::content);
      if (!part) return error(child.offset_debug(), element(node) + " has an unknown entity");
      out += *part;
    }
  }
  return out;
}

Result<Domain> Walk::document(const pugi::xml_document& document) {
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
  if (auto done = domain(root); !done) return fail(done.error());
  return std::move(domain_);
}

Result<void> Walk::domain(pugi::xml_node domain) {
  if (const pugi::xml_node name = domain.child("name")) {
    auto text = content(name);
    if (!text) return fail(text.error());
    domain_.name = std::move(*text);
  }
  if (const pugi::xml_node uuid = domain.child("uuid")) {
    const auto text = content(uuid);
    if (!text) return fail(text.error());
    if (!trimmed(*text).empty()) {
      auto canonical = canonical_uuid(*text);
      if (!canonical) return error(uuid.offset_debug(), "<uuid>: " + shown(*text) + " is not a UUID");
      domain_.uuid = std::move(*canonical);
    }
  }
  for (const pugi::xml_node devices : domain.children("devices"))
    for (const pugi::xml_node node : devices.children())
      if (auto done = device(node); !done) return done;
  return {};
}

Result<void> Walk::device(pugi::xml_node device) {
  const std::string_view name = device.name();
  if (name == "hostdev") return hostdev(device);
  if (name == "interface") return interface(device);
  if (name == "disk") return disk(device);
  return {};
}

Result<void> Walk::hostdev(pugi::xml_node hostdev) {
  const auto subsystem = attribute_is(hostdev, "mode", "subsystem", "subsystem");
  if (!subsystem) return fail(subsystem.error());
  const auto pci = attribute_is(hostdev, "type", "pci");
  if (!pci) return fail(pci.error());
  if (!*subsystem || !*pci) return {};
  const auto managed = attribute_is(hostdev, "managed", "yes");
  if (!managed) return fail(managed.error());
  if (auto done = host_device(hostdev, Source::hostdev, *managed); !done) return done;
  return rom(hostdev);
}

Result<void> Walk::interface(pugi::xml_node interface) {
  const auto is_hostdev = attribute_is(interface, "type", "hostdev");
  if (!is_hostdev) return fail(is_hostdev.error());
  if (!*is_hostdev) return {};
  const pugi::xml_node source = interface.child("source");
  // libvirt takes a source with a vendor and no address type for USB, and refuses any other without one.
  const auto pci =
      attribute_is(source.child("address"), "type", "pci", source.child("vendor") ? "usb" : "pci");
  if (!pci) return fail(pci.error());
  if (!*pci) return {};
  const auto managed = attribute_is(interface, "managed", "yes");
  if (!managed) return fail(managed.error());
  if (auto done = host_device(interface, Source::interface, *managed); !done) return done;
  return rom(interface);
}

// A disk is a tree of storage sources, each behind the other; a loop with its own stack, since nothing limits
// how deep the XML nests them.
Result<void> Walk::disk(pugi::xml_node disk) {
  std::vector<pugi::xml_node> pending{disk};
  while (!pending.empty()) {
    const pugi::xml_node node = pending.back();
    pending.pop_back();
    if (auto done = storage(node); !done) return done;
    const auto first_new = static_cast<std::ptrdiff_t>(pending.size());
    const auto add_children = [&](pugi::xml_node parent) {
      for (const pugi::xml_node child : parent.children()) {
        const std::string_view name = child.name();
        if (name == "backingStore" || name == "mirror" || name == "dataStore") pending.push_back(child);
      }
    };
    add_children(node);
    add_children(node.child("source"));
    std::reverse(pending.begin() + first_new, pending.end());  // so that the first one is next
  }
  return {};
}

Result<void> Walk::storage(pugi::xml_node storage) {
  const pugi::xml_node source = storage.child("source");
  if (auto done = image(source, "file"); !done) return done;
  if (auto done = image(source, "dev"); !done) return done;
  // What libvirt wrote for a mirror before it knew other storage than files.
  if (std::string_view(storage.name()) == "mirror" && !source)
    if (auto done = image(storage, "file"); !done) return done;

  const auto nvme = attribute_is(storage, "type", "nvme");
  if (!nvme) return fail(nvme.error());
  if (!*nvme) return {};
  const auto pci = attribute_is(source, "type", "pci", "pci");
  if (!pci) return fail(pci.error());
  if (!*pci) return {};
  const auto managed = attribute_is(source, "managed", "yes");
  if (!managed) return fail(managed.error());
  return host_device(storage, Source::disk, *managed);
}

Result<void> Walk::image(pugi::xml_node node, const char* name) {
  auto path = attribute(node, name);
  if (!path) return fail(path.error());
  if (path->has_value() && !(*path)->empty()) domain_.images.push_back(std::move(**path));
  return {};
}

Result<void> Walk::rom(pugi::xml_node owner) {
  auto file = attribute(owner.child("rom"), "file");
  if (!file) return fail(file.error());
  if (file->has_value() && !(*file)->empty()) domain_.rom_files.push_back(std::move(**file));
  return {};
}

Result<void> Walk::host_device(pugi::xml_node owner, Source source, bool managed) {
  const pugi::xml_node node = owner.child("source").child("address");
  if (!node) return error(owner.offset_debug(), element(owner) + " has no address in its <source>");
  if (node.next_sibling("address"))
    return error(owner.offset_debug(), element(owner) + " has more than one address in its <source>");
  const auto at = address(owner, node);
  if (!at) return fail(at.error());
  const auto [known, is_new] = seen_.try_emplace(*at, domain_.devices.size());
  if (is_new)
    domain_.devices.push_back({*at, source, managed});
  else
    domain_.devices[known->second].managed |= managed;
  return {};
}

Result<PciAddress> Walk::address(pugi::xml_node owner, pugi::xml_node address) const {
  struct Part {
    const char* name;
    std::uint32_t largest;
    std::uint32_t value;
  } parts[] = {
      {"domain", 0xffffffff, 0},
      {"bus", 0xff, 0},
      {"slot", 0x1f, 0},
      {"function", 7, 0},
  };
  for (Part& part : parts) {
    const auto text = attribute(address, part.name);
    if (!text) return fail(text.error());
    if (!text->has_value()) continue;  // absent: 0
    const auto value = parse_uint(**text);
    if (!value || *value > part.largest)
      return error(address.offset_debug(),
                   element(owner) + ": source address: " + part.name + " " + shown(**text) +
                       (value ? " is above " + std::to_string(part.largest) : " is not a number"));
    part.value = *value;
  }
  // All zeros is an address like any other (virPCIDeviceAddressParseXML in libvirt): a PC's host bridge, on
  // s390x an ordinary device.
  return PciAddress{parts[0].value, static_cast<std::uint8_t>(parts[1].value),
                    static_cast<std::uint8_t>(parts[2].value), static_cast<std::uint8_t>(parts[3].value)};
}

}  // namespace

const char* to_string(Source source) {
  switch (source) {
    case Source::hostdev:
      return "hostdev";
    case Source::interface:
      return "interface";
    case Source::disk:
      return "disk";
  }
  return "";
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
