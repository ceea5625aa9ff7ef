// The traps of each format: clocks that wrap, sizes that lie, packets of other kinds, values that cannot be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "support/decoded.h"
#include "support/recording_writers.h"
#include "unit/events/decoding.h"

namespace dltonic::events {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;
using Times = std::vector<std::int64_t>;

std::string& operator<<(std::string& bytes, std::string_view text) { return bytes += text; }
template <class Number>
requires std::is_arithmetic_v<Number> std::string& operator<<(std::string& bytes, Number number) {
  return bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

/// Decodes in every way; they must agree.
Decoded decode_text(Format format, const std::string& text, DecodeOptions options = {}) {
  const auto bytes = std::as_bytes(std::span(text));
  const Decoded got = decode_at_once(format, bytes, options);
  const Decoded blocks = decode_in_blocks(format, bytes, options, 50, 9);
  EXPECT_EQ(blocks.fault, got.fault);
  if (got.fault.empty()) {
    EXPECT_EQ(blocks, got);
  }
  options.vectors = !options.vectors;
  EXPECT_EQ(decode_at_once(format, bytes, options), got);
  return got;
}

// ---- clocks -----------------------------------------------------------------------------------------------------------

std::string dat_of(const std::vector<std::uint32_t>& times) {
  std::string text = "% x\n";
  text << std::uint8_t{0} << std::uint8_t{8};
  for (const std::uint32_t t : times) text << t << std::uint32_t{1u << 28 | 3 << 14 | 2};
  return text;
}

TEST(Clock, WrapsAreUndoneAndLateEventsGoBackOverThem) {
  const std::uint32_t end = 0xFFFFFFFF;
  const std::int64_t turn = std::int64_t{1} << 32;
  const Decoded got = decode_text(Format::dat, dat_of({end - 9, end, 5, end - 1, 6, 7}));
  EXPECT_EQ(got.t, (Times{end - 9, end, turn + 5, end - 1, turn + 6, turn + 7}));
  EXPECT_EQ(got.report.wraps, 1u);
  EXPECT_EQ(got.report.back_steps, 1u);
}

TEST(Clock, ALongPauseIsNoWrap) {
  const Decoded got = decode_text(Format::dat, dat_of({5, 0xF0000000, 0xF0000001}));
  EXPECT_EQ(got.t, (Times{5, 0xF0000000, 0xF0000001}));
  EXPECT_EQ(got.report.wraps, 0u);
}

TEST(Clock, WrapsAtEveryPlaceOfAVectorAreSeen) {
  for (std::size_t place = 0; place < 40; ++place) {
    std::vector<std::uint32_t> times;
    for (std::size_t i = 0; i < 40; ++i) times.push_back(static_cast<std::uint32_t>(i - place) * 100);
    const Decoded got = decode_text(Format::dat, dat_of(times));
    EXPECT_EQ(got.report.back_steps, 0u) << place;
    EXPECT_EQ(got.report.wraps, place > 0 ? 1u : 0u) << place;
    EXPECT_EQ(got.t.back() - got.t.front(), 3900) << place;
  }
}

TEST(Decode, ARecordingOfMoreThan71MinutesStreamsButDoesNotFitOne) {
  std::vector<std::uint32_t> times;
  for (std::uint32_t i = 0; i < 12; ++i) times.push_back(i * 0x40000000);
  const std::string text = dat_of(times);
  const auto bytes = std::as_bytes(std::span(text));
  EXPECT_THAT(decode_at_once(Format::dat, bytes, {}).fault,
              AllOf(HasSubstr("between 0 and 11811160064 us"), HasSubstr("2^32 us")));
  const Decoded blocks = decode_in_blocks(Format::dat, bytes, {}, 100, 100);
  EXPECT_EQ(blocks.fault, "");
  EXPECT_EQ(blocks.t.back(), std::int64_t{11} << 30);
  EXPECT_EQ(blocks.report.wraps, 2u);
}

TEST(Decode, ZeroIsTheRecordingsOwnWhereTheFormatHasOneAndTheEarliestTimeElsewhere) {
  Recording out;
  const std::string dat = dat_of({700, 900});
  decode(Format::dat, std::as_bytes(std::span(dat)), {}, out);
  EXPECT_EQ(out.t_offset, 0);
  EXPECT_THAT(out.events.t, ElementsAre(700, 900));
  EXPECT_EQ(out.duration, 200u);
  const std::string wraps = dat_of({0xFFFFFFF0, 5});
  decode(Format::dat, std::as_bytes(std::span(wraps)), {}, out);
  EXPECT_EQ(out.t_offset, 0xFFFFFFF0);
  EXPECT_THAT(out.events.t, ElementsAre(0, 21));
  RecordingWriter writer(Format::aedat2);
  writer.write({{700, 1, 1, 1}, {650, 1, 1, 1}, {900, 1, 1, 1}});
  decode(Format::aedat2, writer.take(), {}, out);
  EXPECT_EQ(out.t_offset, 650);
  EXPECT_THAT(out.events.t, ElementsAre(50, 0, 250));
}

TEST(Decode, MemoryIsUsedAgainAndOldEventsAreGone) {
  Recording out;
  for (const std::size_t count : {100u, 3u, 0u, 50u}) {
    const std::string text = dat_of(std::vector<std::uint32_t>(count, 7));
    EXPECT_EQ(decode(Format::dat, std::as_bytes(std::span(text)), {}, out).events, count);
    EXPECT_EQ(out.events.size(), count);
    EXPECT_EQ(out.events.x.size(), count);
  }
}

// ---- AEDAT 2 ------------------------------------------------------------------------------------------------------------

TEST(Aedat2, AddressesBecomePlacesInBothConventions) {
  std::string text = "#!AER-DAT2.0\r\n";
  const std::uint32_t address = 100u << 8 | 30u << 1 | 1;
  text << __builtin_bswap32(address) << __builtin_bswap32(77u);
  const Decoded upright = decode_text(Format::aedat2, text),
                raw = decode_text(Format::aedat2, text, {.aedat2 = Aedat2Convention::raw});
  EXPECT_EQ((Times{upright.x[0], upright.y[0], upright.p[0], upright.t[0]}), (Times{27, 97, 0, 77}));
  EXPECT_EQ((Times{raw.x[0], raw.y[0], raw.p[0], raw.t[0]}), (Times{100, 30, 1, 77}));
}

TEST(Aedat2, RecordsThatAreNoEventsAreSkippedAtAnyPlace) {
  for (std::size_t place = 0; place < 20; ++place) {
    for (const std::uint32_t address : {0x8000u, 0x10000u, 0x80000000u}) {
      std::string text = "#!AER-DAT2.0\r\n";
      for (std::uint32_t i = 0; i < 20; ++i) text << __builtin_bswap32(i == place ? address : i) << __builtin_bswap32(1000 + i);
      const Decoded got = decode_text(Format::aedat2, text);
      EXPECT_EQ(got.report.events, 19u);
      EXPECT_EQ(got.report.skipped, 1u);
    }
  }
}

TEST(Aedat2, HeadersOfAllKinds) {
  EXPECT_EQ(decode_text(Format::aedat2, "#!AER-DAT2.0\n").report.events, 0u);
  EXPECT_EQ(decode_text(Format::aedat2, "#!AER-DAT2.0\r\n#\n").fault, "");
  // Behind the line that ends a header, '#' is a byte like any other: here of a record that is no event.
  std::string text = "#!AER-DAT2.0\r\n#End Of ASCII Header\r\n";
  text << __builtin_bswap32(0x23000000u) << 0u;
  EXPECT_EQ(decode_text(Format::aedat2, text).report.skipped, 1u);
  EXPECT_THAT(decode_text(Format::aedat2, "").fault, HasSubstr("empty"));
  EXPECT_THAT(decode_text(Format::aedat2, "abc").fault, HasSubstr("first byte"));
  EXPECT_THAT(decode_text(Format::aedat2, "#!AER-DAT3.1\r\n").fault, HasSubstr("#!AER-DAT3.1"));
  EXPECT_THAT(decode_text(Format::aedat2, "#!AER-DAT2.0\r\n# cut").fault, AllOf(HasSubstr("byte 14"), HasSubstr("byte 19")));
  EXPECT_THAT(decode_text(Format::aedat2, "#!AER-DAT2.0\r\n1234567").fault,
              AllOf(HasSubstr("7 bytes into"), HasSubstr("at byte 14")));
  EXPECT_THAT(decode_text(Format::aedat2, "#" + std::string(70000, 'x')).fault, HasSubstr("does not end within 65536"));
}

// ---- AEDAT 3 ------------------------------------------------------------------------------------------------------------

struct Packet {
  std::int16_t type = 1, source = 1;
  std::int32_t event_bytes = 8, ts_offset = 4, overflow = 0, capacity = 0, number = 0, valid = 0;
};
const std::string kAedat3Text = "#!AER-DAT3.1\r\n#!END-HEADER\r\n";  // 28 bytes

std::string& operator<<(std::string& bytes, const Packet& packet) {
  return bytes.append(reinterpret_cast<const char*>(&packet), 28);
}

TEST(Aedat3, SizesThatCannotBeAreFaults) {
  const auto fault = [](const Packet& packet) {
    std::string text = kAedat3Text;
    text << packet << std::string(64, 'x');
    return decode_text(Format::aedat3, text).fault;
  };
  EXPECT_THAT(fault({.capacity = 3, .number = 4}), AllOf(HasSubstr("at byte 28"), HasSubstr("4 events in a capacity of 3")));
  EXPECT_THAT(fault({.capacity = -3, .number = -4}), HasSubstr("capacity of -3"));
  EXPECT_THAT(fault({.event_bytes = -8, .capacity = 3}), HasSubstr("-8 bytes each"));
  EXPECT_THAT(fault({.overflow = -1}), HasSubstr("overflow -1"));
  EXPECT_THAT(fault({.event_bytes = 12, .capacity = 3}), HasSubstr("12 bytes, it has 8"));
  EXPECT_THAT(fault({.type = -32767}), HasSubstr("compressed"));
  EXPECT_THAT(fault({.capacity = 9, .number = 8}), AllOf(HasSubstr("at byte 28 has 72 bytes"), HasSubstr("64 are there")));
  const std::int32_t most = 0x7FFFFFFF;
  EXPECT_THAT(fault({.capacity = most, .number = most}), HasSubstr("17179869176 bytes behind its header, 64 are there"));
  EXPECT_THAT(fault({.type = 2, .event_bytes = most, .capacity = most}), HasSubstr("4611686014132420609 bytes"));
}

TEST(Aedat3, OtherPacketsAndASecondCameraAreLeftOut) {
  std::string text = kAedat3Text;
  const std::uint32_t data = 9u << 17 | 8u << 2 | 3;
  text << Packet{.type = 3, .event_bytes = 36, .capacity = 1, .number = 1} << std::string(36, 'x');
  text << Packet{.source = 5, .overflow = 3, .capacity = 2, .number = 1} << data << 17u << std::string(8, 'x');
  text << Packet{.source = 6, .capacity = 1, .number = 1} << data << 18u;
  text << Packet{.source = 5, .overflow = 2} << Packet{.source = 5, .overflow = 4, .capacity = 1, .number = 1} << (data & ~1u)
       << 0x80000001u;
  const Decoded got = decode_text(Format::aedat3, text);
  EXPECT_EQ(got.t, (Times{17 + (std::int64_t{3} << 31), (std::int64_t{4} << 31) | 0x80000001}));
  EXPECT_EQ(got.report.other_packets, 2u);
  EXPECT_EQ(got.report.invalid, 1u);
  EXPECT_EQ((Times{got.x[0], got.y[0], got.p[0]}), (Times{9, 8, 1}));
}

TEST(Aedat3, HeadersOfAllKinds) {
  EXPECT_EQ(decode_text(Format::aedat3, kAedat3Text).fault, "");
  EXPECT_EQ(decode_text(Format::aedat3, "#!AER-DAT3.1\r\n#Source 1: DAVIS346\r\n#!END-HEADER\r\n").width, 346);
  EXPECT_THAT(decode_text(Format::aedat3, "").fault, HasSubstr("empty"));
  EXPECT_THAT(decode_text(Format::aedat3, "#!AER-DAT2.0\r\n").fault, HasSubstr("#!AER-DAT3.1"));
  EXPECT_THAT(decode_text(Format::aedat3, "#!AER-DAT3.1\r\n#a\r\n").fault,
              HasSubstr("no #!END-HEADER before its end at byte 18"));
  EXPECT_THAT(decode_text(Format::aedat3, "#!AER-DAT3.1\r\nbinary\n").fault, HasSubstr("byte 14"));
  EXPECT_THAT(decode_text(Format::aedat3, kAedat3Text + "12345").fault,
              AllOf(HasSubstr("5 bytes into the 28"), HasSubstr("byte 28")));
}

// ---- AEDAT 4 ------------------------------------------------------------------------------------------------------------

std::string text_of(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string aedat4_header(bool zstd = false) { return text_of(RecordingWriter(Format::aedat4, 0, zstd).take()); }

std::string aedat4_events(const std::vector<TimedEvent>& events) {
  RecordingWriter writer(Format::aedat4);
  writer.write(events);
  return text_of(writer.take());
}

TEST(Aedat4, BothCompressionsGiveTheEventsInAnyPacketSize) {
  for (const bool zstd : {false, true}) {
    for (const std::size_t packet : {1u, 7u, 8u, 9u, 1000u, 20000u}) {
      RecordingWriter writer(Format::aedat4, 0, zstd);
      Decoded sent;
      for (std::int64_t t = 0; t < 20000; t += static_cast<std::int64_t>(packet)) {
        std::vector<TimedEvent> events;
        for (std::size_t i = 0; i < packet; ++i) {
          const std::int64_t time = 1600000000000000 + 3 * (t + static_cast<std::int64_t>(i));
          events.push_back(
              {time, static_cast<std::uint16_t>(time % 640), static_cast<std::uint16_t>(time % 480), time % 2 == 0});
          sent.x.push_back(events.back().x), sent.y.push_back(events.back().y), sent.p.push_back(events.back().p),
              sent.t.push_back(time);
        }
        writer.write(events);
      }
      const Decoded got = decode_text(Format::aedat4, text_of(writer.take()));
      EXPECT_EQ(got.fault, "");
      EXPECT_TRUE(got.t == sent.t && got.x == sent.x && got.y == sent.y && got.p == sent.p);
    }
  }
}

TEST(Aedat4, TimesOfAnySignAndSizeAreKept) {
  const std::int64_t least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  const std::string text = aedat4_events({{-5, 1, 2, 1}, {7, 3, 4, 0}});
  const Decoded got = decode_text(Format::aedat4, text);
  EXPECT_EQ(got.t, (Times{-5, 7}));
  const std::string wide = aedat4_events({{least, 1, 2, 1}, {most, 3, 4, 0}, {0, 0, 0, 1}});
  EXPECT_THAT(decode_at_once(Format::aedat4, std::as_bytes(std::span(wide)), {}).fault, HasSubstr("9223372036854775807"));
  EXPECT_EQ(decode_in_blocks(Format::aedat4, std::as_bytes(std::span(wide)), {}, 9, 9).t, (Times{least, most, 0}));
}

TEST(Aedat4, WhatUnpacksToTooMuchIsRefusedEarly) {
  for (const bool zstd : {false, true}) {
    for (const char* identifier : {"EVTS", "NONE"}) {
      RecordingWriter writer(Format::aedat4, 0, zstd);
      std::string bomb(std::size_t{100} << 20, '\0');
      std::memcpy(bomb.data() + 8, identifier, 4);
      writer.write_packet(std::string_view(bomb));
      const Bytes bytes = writer.take();
      Recording out;
      const std::string fault = fault_of([&] { decode(Format::aedat4, bytes, {}, out); });
      if (identifier[0] == 'E') {
        EXPECT_THAT(fault, AllOf(HasSubstr("the packet at byte 54"), HasSubstr("unpacks to more than")));
      } else {
        EXPECT_EQ(fault, "no DataError");  // a packet of another type is not unpacked
      }
    }
  }
}

TEST(Aedat4, DamagedPacketsAreNamed) {
  const std::string header = aedat4_header(), good = aedat4_events({{5, 1, 2, 1}});
  const auto with_size = [&](std::int32_t size) {
    std::string text = good;
    std::memcpy(text.data() + header.size() + 4, &size, 4);
    return decode_text(Format::aedat4, text).fault;
  };
  EXPECT_THAT(with_size(0), HasSubstr("the packet at byte 54 has 0 bytes"));
  EXPECT_THAT(with_size(-1), HasSubstr("-1 bytes"));
  EXPECT_THAT(with_size(1 << 30), HasSubstr("1073741824 bytes"));
  EXPECT_THAT(with_size(9999), AllOf(HasSubstr("68 bytes into the 10007 bytes"), HasSubstr("byte 54")));
  std::size_t faults = 0;
  for (std::size_t at = header.size() + 8; at < good.size(); ++at) {
    std::string text = good;
    text[at] = static_cast<char>(text[at] ^ 0x55);
    faults += decode_text(Format::aedat4, text).fault.empty() ? 0 : 1;
  }
  EXPECT_GT(faults, 10u);
  EXPECT_THAT(decode_text(Format::aedat4, aedat4_events({{5, 0x8000, 2, 1}})).fault,
              HasSubstr("event 0 lies at x -32768, y 2"));
}

TEST(Aedat4, HeadersOfAllKinds) {
  const std::string good = aedat4_header();
  EXPECT_EQ(decode_text(Format::aedat4, good).fault, "");
  EXPECT_EQ(decode_text(Format::aedat4, good).report.events, 0u);
  EXPECT_THAT(decode_text(Format::aedat4, "").fault, HasSubstr("empty"));
  EXPECT_THAT(decode_text(Format::aedat4, "#!AER-DAT3").fault, HasSubstr("#!AER-DAT4.0"));
  EXPECT_THAT(decode_text(Format::aedat4, good.substr(0, 40)).fault, HasSubstr("byte 40"));
  const auto changed = [&](std::size_t at, std::int32_t value) {
    std::string text = good;
    std::memcpy(text.data() + at, &value, 4);
    return decode_text(Format::aedat4, text).fault;
  };
  EXPECT_THAT(changed(14, -1), HasSubstr("4294967295 bytes"));
  EXPECT_THAT(changed(14, 3), HasSubstr("damaged"));
  EXPECT_THAT(changed(18, 1000), HasSubstr("damaged"));
  EXPECT_THAT(changed(42, 9), HasSubstr("compression 9"));
}

TEST(Aedat4, ATableOfPacketsWhereNoneCanBeIsAFault) {
  // The position is the last field: 8 bytes at 46.
  const auto with_table = [](std::int64_t at) {
    std::string text = aedat4_events({{5, 1, 2, 1}});
    std::memcpy(text.data() + 46, &at, 8);
    return text;
  };
  const std::string none = with_table(-1);
  EXPECT_EQ(decode_text(Format::aedat4, none).fault, "");
  const auto size = static_cast<std::int64_t>(none.size());
  EXPECT_EQ(decode_text(Format::aedat4, with_table(size)).report.events, 1u);
  EXPECT_EQ(decode_text(Format::aedat4, with_table(size) + "any table").report.events, 1u);
  EXPECT_THAT(decode_text(Format::aedat4, with_table(20)).fault, AllOf(HasSubstr("byte 20"), HasSubstr("ends at byte 54")));
  EXPECT_THAT(decode_text(Format::aedat4, with_table(70)).fault,
              AllOf(HasSubstr("at byte 54 ends at byte"), HasSubstr("at byte 70")));
  EXPECT_THAT(decode_text(Format::aedat4, with_table(size + 9)).fault,
              AllOf(HasSubstr("byte " + std::to_string(size + 9)), HasSubstr("ends at byte " + std::to_string(size))));
}

// ---- DAT ----------------------------------------------------------------------------------------------------------------

TEST(Dat, HeadersOfAllKinds) {
  EXPECT_EQ(decode_text(Format::dat, std::string("% a\n\x0C\x08", 6)).fault, "");
  const Decoded sized = decode_text(Format::dat, std::string("% Height 240\n% Width 304\n\0\x08", 27));
  EXPECT_EQ((Times{sized.width, sized.height}), (Times{304, 240}));
  EXPECT_THAT(decode_text(Format::dat, "").fault, HasSubstr("empty"));
  EXPECT_THAT(decode_text(Format::dat, std::string("\0\x08", 2)).fault, HasSubstr("first byte"));
  EXPECT_THAT(decode_text(Format::dat, "% a").fault, AllOf(HasSubstr("byte 0"), HasSubstr("byte 3")));
  EXPECT_THAT(decode_text(Format::dat, "% a\n").fault, HasSubstr("the type and size"));
  EXPECT_THAT(decode_text(Format::dat, std::string("% a\n\x0E\x08", 6)).fault,
              AllOf(HasSubstr("type 14"), HasSubstr("byte 4")));
  EXPECT_THAT(decode_text(Format::dat, std::string("% a\n\0\x10", 6)).fault, HasSubstr("16 bytes each"));
  EXPECT_THAT(decode_text(Format::dat, std::string("% a\n\0\x08"
                                                   "12345",
                                                   11))
                  .fault,
              AllOf(HasSubstr("5 bytes into"), HasSubstr("byte 6")));
}

// ---- NumPy --------------------------------------------------------------------------------------------------------------

std::string npy_text(const std::string& dictionary) {
  std::string text = "\x93NUMPY";
  return text << std::uint8_t{1} << std::uint8_t{0} << static_cast<std::uint16_t>(dictionary.size()) << dictionary;
}
template <class Number>
std::string npy(const std::string& type, const std::vector<Number>& values) {
  std::string text = npy_text("{'descr': '" + type + "', 'fortran_order': False, 'shape': (" +
                              std::to_string(values.size() / 4) + ", 4), }\n");
  for (const Number value : values) text << value;
  return text;
}

TEST(Npy, TimesAreTurnedIntoMicroseconds) {
  EXPECT_EQ(decode_text(Format::npy, npy<double>("<f8", {1, 2, 1, 0.001, 3, 4, 0, 1.0005})).t,
            (Times{1, 1000}));  // to nearest, even
  EXPECT_EQ(decode_text(Format::npy, npy<std::int64_t>("<i8", {1, 2, 1, -7, 3, 4, 0, 5})).t, (Times{-7000, 5000}));
  EXPECT_EQ(decode_text(Format::npy, npy<std::int16_t>("<i2", {1, 2, 1, 7, 3, 4, 0, 9}), {.npy_time_us = 1}).t, (Times{7, 9}));
  // Whole numbers stay exact beyond what a double holds.
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  EXPECT_EQ(decode_text(Format::npy, npy<std::int64_t>("<i8", {1, 2, 1, large}), {.npy_time_us = 1}).t, (Times{large}));
  Recording out;
  EXPECT_THROW(decode(Format::npy, {}, {.npy_time_us = 0}, out), ConfigError);
  EXPECT_THROW(decode(Format::npy, {}, {.npy_time_us = std::nan("")}, out), ConfigError);
}

TEST(Npy, ValuesThatCannotBeAreNamed) {
  const auto fault = [](std::vector<double> row) {
    std::vector<double> values{1, 2, 1, 3};
    values.insert(values.end(), row.begin(), row.end());
    return decode_text(Format::npy, npy<double>("<f8", values)).fault;
  };
  EXPECT_EQ(fault({65535, 0, 0, 5}), "");
  EXPECT_THAT(fault({65536, 0, 0, 5}), HasSubstr("row 1: x is 65536"));
  EXPECT_THAT(fault({-1, 0, 0, 5}), HasSubstr("x is -1"));
  EXPECT_THAT(fault({1.5, 0, 0, 5}), HasSubstr("x is 1.5"));
  EXPECT_THAT(fault({std::nan(""), 0, 0, 5}), HasSubstr("x is nan"));
  EXPECT_THAT(fault({1, 70000, 0, 5}), HasSubstr("y is 70000"));
  EXPECT_THAT(fault({1, 2, 2, 5}), HasSubstr("p is 2, 0 or 1"));
  EXPECT_THAT(fault({1, 2, 0, std::numeric_limits<double>::infinity()}), HasSubstr("t is inf"));
  EXPECT_THAT(fault({1, 2, 0, 1e17}), HasSubstr("t is 1e+17"));
  EXPECT_THAT(decode_text(Format::npy, npy<std::uint64_t>("<u8", {1, 2, 0, ~std::uint64_t{0}})).fault,
              HasSubstr("row 0: t is"));
}

TEST(Npy, ArraysOfAnotherKindAreRefused) {
  const auto fault = [](const std::string& dictionary) { return decode_text(Format::npy, npy_text(dictionary)).fault; };
  const std::string type = "{'descr': '<i4', ", order = "'fortran_order': False, ";
  EXPECT_EQ(fault(type + order + "'shape': (0, 4), }"), "");
  EXPECT_EQ(fault("{'descr': '<i4', 'fortran_order': True, 'shape': (0, 4), }"), "");
  EXPECT_THAT(fault(type + order + "'shape': (4,), }"), HasSubstr("shape is (4,)"));
  EXPECT_THAT(fault(type + order + "'shape': (7, 5), }"), HasSubstr("shape is (7, 5)"));
  EXPECT_THAT(fault(type + order + "'shape': (-1, 4), }"), HasSubstr("shape is (-1, 4)"));
  EXPECT_THAT(fault(type + order + "'shape': (99999999999999999999, 4), }"), HasSubstr("shape is (999"));
  EXPECT_THAT(fault(type + order + "'shape': (9999999999999999, 4), }"), HasSubstr("9999999999999999 rows"));
  EXPECT_THAT(fault(type + order + "'shape': (10, 4), }"),
              AllOf(HasSubstr("cut"), HasSubstr("10 rows are 160 bytes"), HasSubstr("0 are there")));
  EXPECT_THAT(fault(type + "'shape': (0, 4), }"), HasSubstr("no 'fortran_order'"));
  EXPECT_THAT(fault(type + "'fortran_order': 0, 'shape': (0, 4), }"), HasSubstr("neither True nor False"));
  for (const std::string odd : {"'<f2'", "'|b1'", "'<c8'", "'|O'", "[('x', '<i2'), ('t', '<i8')]", "'<i4", "'xi4'", ""})
    EXPECT_THAT(fault("{'descr': " + odd + ", " + order + "'shape': (0, 4), }"), HasSubstr("type is")) << odd;
  EXPECT_THAT(decode_text(Format::npy, npy<std::int8_t>("|i1", {1, 2, 1, 3}) + "x").fault,
              AllOf(HasSubstr("too long"), HasSubstr("5 are there")));
  EXPECT_THAT(decode_text(Format::npy, "").fault, HasSubstr("empty"));
  EXPECT_THAT(decode_text(Format::npy, "\x93NUMPX and more").fault, HasSubstr("does not begin"));
  EXPECT_THAT(decode_text(Format::npy, std::string("\x93NUMPY\x04\0\0\0\0\0", 12)).fault, HasSubstr("format 4"));
  EXPECT_THAT(decode_text(Format::npy, std::string("\x93NUMPY\x02\0\xFF\xFF\xFF\xFF", 12)).fault,
              HasSubstr("4294967295 bytes"));
}

}  // namespace
}  // namespace dltonic::events
