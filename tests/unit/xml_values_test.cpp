#include "xml/values.h"

#include <doctest/doctest.h>

#include <string>

using qh::xml::canonical_uuid;
using qh::xml::Place;
using qh::xml::unescape;

TEST_CASE("xml: references and line ends in values") {
  CHECK(unescape("&lt;&gt;&amp;&quot;&apos;", Place::attribute) == "<>&\"'");
  CHECK(unescape("&amp;lt;", Place::attribute) == "&lt;");
  CHECK(unescape("&#9;&#xa;", Place::attribute) == "\t\n");
  CHECK(unescape("a\r\nb\rc\td", Place::attribute) == "a b c d");
  CHECK(unescape("a\r\nb\rc\td", Place::content) == "a\nb\nc\td");
  CHECK(unescape("&#xe9;&#x20ac;&#x1F600;", Place::content) == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  for (const char* bad : {"&", "&;", "&#;", "&#x;", "&#xg;", "&#1a;", "&#8;", "&#xfffe;", "&#x110000;",
                          "&#99999999999999999999;", "&LT;", "&nbsp;", "&lt", "&#-1;", "&#X41;"})
    CHECK_MESSAGE(!unescape(bad, Place::content), bad);
}

TEST_CASE("xml: UUIDs in the spellings that libvirt reads") {
  const char* uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
  CHECK(canonical_uuid(uuid) == uuid);
  CHECK(canonical_uuid(" 4DEA22B3-1D52-D8F3-2516-782E98AB3FA0\n") == uuid);
  CHECK(canonical_uuid("4dea22b31d52d8f32516782e98ab3fa0") == uuid);
  for (const char* bad :
       {"", "4dea22b3", "4dea22b3-1d52-d8f3-2516-782e98ab3fa01", "4dea22b3-1d52-d8f3-2516-782e98ab3fag"})
    CHECK_MESSAGE(!canonical_uuid(bad), bad);
}
