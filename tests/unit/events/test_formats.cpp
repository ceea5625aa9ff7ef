// The committed recordings of every format against facts found without dltonic (tests/fixtures/make_fixtures.py), and formats'
// names and marks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/events/gesture_labels.h"
#include "support/decoded.h"
#include "unit/events/decoding.h"

namespace dltonic::events {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kFolder = std::string(DLTONIC_FIXTURES) + "/events_formats/";

nlohmann::json facts() {
  return nlohmann::json::parse(read_text(std::string(DLTONIC_FIXTURES) + "/events_facts.json")).at("formats");
}

/// x u16, y u16, t i64, p u8, little-endian, an event after the other.
std::string hash_of_events(const Decoded& decoded) {
  std::string packed;
  const auto put = [&packed](auto number) { packed.append(reinterpret_cast<const char*>(&number), sizeof number); };
  for (std::size_t i = 0; i < decoded.t.size(); ++i) put(decoded.x[i]), put(decoded.y[i]), put(decoded.t[i]), put(decoded.p[i]);
  return sha256_hex(std::as_bytes(std::span(packed)));
}

TEST(FormatFixtures, DecodeToTheKnownEventsInEveryWay) {
  std::set<std::string> formats;
  for (const auto& fact : facts()) {
    const std::string file = fact.at("file");
    SCOPED_TRACE(file);
    const Format format = format_from(fact.at("format"));
    formats.emplace(name_of(format));
    const auto bytes = read_file(kFolder + file);
    ASSERT_EQ(bytes.size(), fact.at("bytes"));
    EXPECT_EQ(detect_format(file, std::span(bytes).first(64)), format);
    const Decoded got = decode_at_once(format, bytes, {});
    ASSERT_EQ(got.fault, "");
    EXPECT_EQ(got.report.events, fact.at("events"));
    ASSERT_EQ(got.t.size(), fact.at("events"));
    const nlohmann::json first{got.t.front(), got.x.front(), got.y.front(), got.p.front()};
    const nlohmann::json last{got.t.back(), got.x.back(), got.y.back(), got.p.back()};
    EXPECT_EQ(first, fact.at("first"));
    EXPECT_EQ(last, fact.at("last"));
    EXPECT_EQ(hash_of_events(got), fact.at("sha256_of_events").get<std::string>());
    EXPECT_EQ(got.report.back_steps, fact.at("back_steps"));
    EXPECT_EQ(got.report.wraps, fact.value("wraps", 0u));
    EXPECT_EQ(got.report.skipped, fact.value("skipped", 0u));
    EXPECT_EQ(got.report.invalid, fact.value("invalid", 0u));
    EXPECT_EQ(got.report.other_packets, fact.value("other_packets", 0u));
    EXPECT_EQ(got.width, fact.value("width", 0));
    EXPECT_EQ(got.height, fact.value("height", 0));

    EXPECT_EQ(decode_at_once(format, bytes, {.vectors = false}), got);
    for (const std::size_t piece : {1u, 13u, 1000u, 1000000u}) {
      for (const std::size_t most : {1u, 7u, 8u, 64u, 100000u})
        EXPECT_EQ(decode_in_blocks(format, bytes, {}, piece, most), got);
    }
  }
  EXPECT_EQ(formats, (std::set<std::string>{"aedat2", "aedat3", "aedat4", "dat", "npy"}));
}

TEST(FormatFixtures, AnyCutIsAFaultThatNamesAByteOrLeavesWholeEvents) {
  for (const auto& fact : facts()) {
    const std::string file = fact.at("file");
    const Format format = format_from(fact.at("format"));
    const auto bytes = read_file(kFolder + file);
    std::size_t faults = 0, cuts = 0;
    for (std::size_t length = 0; length < bytes.size(); length += 1 + length / 100, ++cuts) {
      SCOPED_TRACE(file + " cut at byte " + std::to_string(length));
      const std::span<const std::byte> part(bytes.data(), length);
      const Decoded got = decode_at_once(format, part, {});
      const Decoded blocks = decode_in_blocks(format, part, {}, 100, 50);
      EXPECT_EQ(blocks.fault, got.fault);
      if (got.fault.empty()) {
        EXPECT_LE(got.report.events, fact.at("events"));
        EXPECT_EQ(blocks, got);
      } else {
        ++faults;
        EXPECT_THAT(got.fault, ::testing::AnyOf(HasSubstr("byte " + std::to_string(length)), HasSubstr("is empty"),
                                                HasSubstr("are there")));
      }
    }
    EXPECT_GT(faults, cuts / 2) << file;
  }
}

TEST(FormatFixtures, GestureLabels) {
  const auto spans = parse_gesture_labels(read_text(kFolder + "overflow_labels.csv"));
  EXPECT_EQ(spans,
            (std::vector<GestureSpan>{{1, 2147433648, 2147450000}, {8, 2147460000, 2147470000}, {8, 2147480000, 2147490000}}));
}

TEST(Formats, HaveNames) {
  for (const std::string word : {"atis", "aedat2", "aedat3", "aedat4", "dat", "npy"})
    EXPECT_EQ(name_of(format_from(word)), word);
  for (const std::string word : {"spikingjelly", "raw"}) EXPECT_EQ(name_of(aedat2_convention_from(word)), word);
  try {
    format_from("aedat5");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("'aedat5'"), HasSubstr("atis, aedat2, aedat3, aedat4, dat, npy")));
  }
  EXPECT_THROW(aedat2_convention_from("tonic"), ConfigError);
}

TEST(Formats, AreKnownByTheirMarksAndEndings) {
  const auto detect = [](const std::string& name, const std::string& head) {
    return detect_format(name, std::as_bytes(std::span(head)));
  };
  EXPECT_EQ(detect("a/00001.bin", "\x05\x06"), Format::atis);
  EXPECT_EQ(detect("a/00001.bin", "%#"), Format::atis);  // an event at x 37 is no header
  EXPECT_EQ(detect("a/zero.bs2", ""), Format::atis);
  EXPECT_EQ(detect("a.aedat", "#!AER-DAT2.0\r\n"), Format::aedat2);
  EXPECT_EQ(detect("a.aedat", "# no version\r\n"), Format::aedat2);
  EXPECT_EQ(detect("a.aedat", "#!AER-DAT3.1\r\n"), Format::aedat3);
  EXPECT_EQ(detect("a.aedat", "#!AER-DAT4.0\r\n"), Format::aedat4);  // what it begins with wins
  EXPECT_EQ(detect("A.NPY", "\x93NUMPY\x01"), Format::npy);
  EXPECT_EQ(detect("x.y/a.DAT", "% Data"), Format::dat);
  const auto fault = [&](const std::string& name, const std::string& head) { return fault_of([&] { detect(name, head); }); };
  EXPECT_THAT(fault("a.aedat", "#!AER-DAT1.0"), AllOf(HasSubstr("\".aedat\""), HasSubstr("\"#!AER-DAT1.0\"")));
  EXPECT_THAT(fault("b.d/photo", "\xFF\xD8\xFF"), AllOf(HasSubstr("its ending is \"\""), HasSubstr("\\xff\\xd8\\xff")));
  EXPECT_THAT(fault("a.npy", ""), HasSubstr("it is empty"));
}

TEST(GestureLabels, FaultsAreNamedByTheirLine) {
  const std::string first = "class,startTime_usec,endTime_usec\n";
  const auto fault = [&](const std::string& text) { return fault_of([&] { parse_gesture_labels(text); }); };
  EXPECT_EQ(parse_gesture_labels(first).size(), 0u);
  EXPECT_EQ(parse_gesture_labels(first + "9,5,5\r\n\n3,1,9").size(), 2u);  // spans may overlap; the last line may lack its end
  EXPECT_THAT(fault(""), HasSubstr("line 1"));
  EXPECT_THAT(fault("1,2,3\n"), HasSubstr("line 1 is '1,2,3'"));
  EXPECT_THAT(fault(first + "1,2,3\n1,2\n"), HasSubstr("line 3: '1,2'"));
  EXPECT_THAT(fault(first + "1,2,3,4\n"), HasSubstr("line 2"));
  EXPECT_THAT(fault(first + "1,2,3.5\n"), HasSubstr("line 2"));
  EXPECT_THAT(fault(first + "1,2,99999999999999999999\n"), HasSubstr("line 2"));
  EXPECT_THAT(fault(first + "0,2,3\n"), HasSubstr("class 0"));
  EXPECT_THAT(fault(first + "4,30,20\n"), AllOf(HasSubstr("20 us"), HasSubstr("30 us")));
}

}  // namespace
}  // namespace dltonic::events
