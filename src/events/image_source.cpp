#include <algorithm>
#include <charconv>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "dltonic/events/image_file.h"
#include "events/sources.h"

namespace dltonic::events {
namespace {

constexpr std::uint32_t kTestIndexBase = 1u << 31;

void hash_set(Sha256& hash, const char* part, const ImageSet& set) {
  hash.update(cat(part, ' ', set.images.count, ' ', set.images.height, ' ', set.images.width, '\n'));
  hash.update(std::as_bytes(std::span(set.images.pixels)));
  hash.update(std::as_bytes(std::span(set.labels)));
}

}  // namespace

std::set<std::uint32_t> read_index_list(const std::filesystem::path& path, const std::string& rows_start_with) {
  std::string text;
  try {
    text = read_text(path);
  } catch (const StorageError& error) {
    throw DataError(cat("data.simulator.exclude: ", error.what()));
  }
  std::set<std::uint32_t> indices;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const std::size_t comma = line.rfind(',');
    std::size_t from = comma == std::string::npos ? 0 : comma + 1;
    while (from < line.size() && line[from] == ' ') ++from;
    std::uint32_t index = 0;
    const auto [stop, error] = std::from_chars(line.data() + from, line.data() + line.size(), index);
    if (error != std::errc{} || stop != line.data() + line.size()) {
      if (number == 1 && comma != std::string::npos) continue;  // a CSV's header
      throw DataError(cat(path.string(), ":", number, ": \"", line, "\" does not end in an image index"));
    }
    if (line.starts_with(rows_start_with)) indices.insert(index);
  }
  return indices;
}

ImageSource::ImageSource(const SourceOptions& options) : simulator_(options.simulator) {
  width_ = options.sensor_width;
  height_ = options.sensor_height;
  origin_ = cat(options.root, " (idx, simulated)");
  const bool train = has_image_set(options.root, Split::train), test = has_image_set(options.root, Split::test);
  if (train || !test) train_ = read_image_set(options.root, Split::train);  // neither: its error lists the names looked for
  if (test) test_ = read_image_set(options.root, Split::test);

  std::set<std::uint32_t> left_out;
  if (!simulator_.exclude.empty()) left_out = read_index_list(simulator_.exclude, simulator_.exclude_rows);
  if (!left_out.empty() && *left_out.rbegin() >= train_.images.count) {
    throw DataError(cat(simulator_.exclude, ": image ", *left_out.rbegin(), " is to be left out, but there are only ",
                        train_.images.count, " train images"));
  }
  if (train_.images.count > 0) train_simulator_.emplace(simulator_for(train_));
  if (test_.images.count > 0) test_simulator_.emplace(simulator_for(test_));
  add_part(train_, Split::train, left_out);
  add_part(test_, Split::test, {});
  if (items_.empty()) throw DataError(cat(options.root, ": no images are left"));
  const std::uint16_t most =
      std::max_element(items_.begin(), items_.end(), [](const auto& a, const auto& b) { return a.label < b.label; })->label;
  for (int label = 0; label <= most; ++label) classes_.push_back(std::to_string(label));

  Sha256 hash;
  hash.update(cat("idx sensor ", width_, "x", height_, "\n", simulator_.describe(), "\nleft out:"));
  for (const std::uint32_t index : left_out) hash.update(cat(' ', index));
  hash_set(hash, "\ntrain", train_);
  hash_set(hash, "\ntest", test_);
  fingerprint_ = hash.hex();
}

Simulator ImageSource::simulator_for(const ImageSet& set) const {
  const bool scales = simulator_.image_width > 0;
  return {simulator_, scales ? simulator_.image_width : set.images.width, scales ? simulator_.image_height : set.images.height,
          width_, height_};
}

void ImageSource::add_part(const ImageSet& set, Split split, const std::set<std::uint32_t>& left_out) {
  const bool train = split == Split::train;
  const auto bytes = static_cast<std::uint64_t>(set.images.height) * static_cast<std::uint64_t>(set.images.width);
  for (std::uint32_t i = 0; i < set.images.count; ++i) {
    if (left_out.contains(i)) continue;
    units_.push_back({items_.size(), 1, bytes});
    items_.push_back({cat(train ? "train" : "test", " image ", i), set.labels[i], split});
    origins_.push_back({&set, i, train ? i : kTestIndexBase + i});
  }
}

ReadNotes ImageSource::read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* /*sha256*/) const {
  const Origin& origin = origins_[unit];
  const Simulator& simulator = origin.set == &train_ ? *train_simulator_ : *test_simulator_;
  const auto image = origin.set->images.image(origin.image);
  if (simulator_.image_width > 0) {
    const GreyImage as_stored{origin.set->images.width, origin.set->images.height, {image.begin(), image.end()}};
    const GreyImage larger = scaled(as_stored, simulator_.image_width, simulator_.image_height);
    simulator.simulate(larger.pixels, origin.index, scratch.whole.events);
  } else {
    simulator.simulate(image, origin.index, scratch.whole.events);
  }
  scratch.whole.t_offset = 0;
  complete_recording(items_[unit], width_, height_, scratch.whole);
  take(unit, scratch.whole);
  return {};
}

}  // namespace dltonic::events
