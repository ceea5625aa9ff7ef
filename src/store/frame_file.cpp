#include "dltonic/store/frame_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/store/settings.h"
#include "store/recording_table.h"

namespace dltonic::store {

static_assert(std::endian::native == std::endian::little, "frames lie on the disk as words of a little-endian machine");

namespace {

constexpr const char* kSchema = "dltonic.frames";
constexpr int kVersion = 3;  // 2: thresholds, 3: depth

void check_block(const FrameFileInfo& info, std::size_t recordings, const BitMatrix& rows,
                 std::span<const std::uint16_t> labels, std::span<const std::uint32_t> recording) {
  if (labels.size() != rows.rows() || recording.size() != rows.rows()) {
    throw DataError(cat(rows.rows(), " frames with ", labels.size(), " labels and ", recording.size(), " recording indices"));
  }
  if (rows.rows() > 0 && rows.bits() != info.row_bits()) {
    throw DataError(cat("frames of ", rows.bits(), " bits, ", info.channels, " x ", info.height, " x ", info.width,
                        info.depth == 1 ? " = " : " half floats = ", info.row_bits(), " expected"));
  }
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    if (labels[i] >= info.classes.size())
      throw DataError(cat("frame ", i, " of this rank has label ", labels[i], ", there are ", info.classes.size(), " classes"));
    if (recording[i] >= recordings)
      throw DataError(cat("frame ", i, " of this rank is of recording ", recording[i], ", there are ", recordings));
  }
}

}  // namespace

void write_frame_file(comm::World& world, const std::filesystem::path& path, const FrameFileInfo& info, const BitMatrix& rows,
                      std::span<const std::uint16_t> labels, std::span<const std::uint32_t> recording) {
  const auto recordings =
      static_cast<std::size_t>(world.sum(world.is_root() ? static_cast<std::int64_t>(info.recordings.size()) : 0));
  const auto offset = world.offset(rows.rows());
  world.agree("writing " + path.string(), [&] {
    with_context(path.string(), [&] {
      check_block(info, recordings, rows, labels, recording);
      if (offset.total == 0)
        throw DataError("there is no frame to write: recordings without events, or frames longer than any recording");
    });
  });

  const std::size_t row_bytes = words_for(info.row_bits()) * sizeof(std::uint64_t);
  ParallelFile file(world, path);
  std::size_t longest = 0;
  for (const auto& row : info.recordings) longest = std::max(longest, row.source.size());
  file.claim(offset.total * (row_bytes + 6) + recordings * (21 + longest));
  file.text_attribute("schema", kSchema);
  file.number_attribute("version", kVersion);
  file.number_attribute("channels", info.channels);
  file.number_attribute("height", info.height);
  file.number_attribute("width", info.width);
  file.number_attribute("depth", info.depth);
  file.text_attribute("source_hash", info.source_hash);
  file.text_attribute("settings", info.settings);
  file.text_attribute("key", settings_key(info.settings));
  file.text_attribute("thresholds", nlohmann::json(info.thresholds).dump());
  file.write_strings("/classes", info.classes);
  write_recordings(file, info.recordings, false);

  const auto frames = file.create("/frames", h5::file_type<std::uint8_t>(), {offset.total, row_bytes});
  file.write(frames, h5::memory_type<std::uint8_t>(), offset.before, rows.rows(), rows.words().data());
  const auto label = file.create("/labels", h5::file_type<std::uint16_t>(), {offset.total});
  file.write(label, h5::memory_type<std::uint16_t>(), offset.before, labels.size(), labels.data());
  const auto index = file.create("/recording", h5::file_type<std::uint32_t>(), {offset.total});
  file.write(index, h5::memory_type<std::uint32_t>(), offset.before, recording.size(), recording.data());
  file.commit();
}

struct FrameFileReader::Impl {
  ~Impl() {
    if (fd >= 0) ::close(fd);
  }
  std::filesystem::path path;
  FrameFileInfo info;
  std::string key;
  std::vector<std::uint16_t> labels;
  std::vector<std::uint32_t> recording;
  std::uint64_t frames_at = 0;  ///< byte in the file
  int fd = -1;
};

FrameFileReader::FrameFileReader(const std::filesystem::path& path) : impl_(std::make_unique<Impl>()) {
  Impl& r = *impl_;
  r.path = path;
  const h5::ReadFile file(path, "run prepare again");
  file.expect_schema(kSchema, kVersion);
  r.info.channels = static_cast<int>(file.number_attribute("channels"));
  r.info.height = static_cast<int>(file.number_attribute("height"));
  r.info.width = static_cast<int>(file.number_attribute("width"));
  if (r.info.channels < 1 || r.info.height < 1 || r.info.width < 1)
    file.damaged(cat("frames of ", r.info.channels, " x ", r.info.height, " x ", r.info.width));
  r.info.depth = static_cast<int>(file.number_attribute("depth"));
  if (r.info.depth != 1 && r.info.depth != 16) file.damaged(cat("features of ", r.info.depth, " bits"));
  r.info.source_hash = file.text_attribute("source_hash");
  r.info.settings = file.text_attribute("settings");
  r.key = file.text_attribute("key");
  if (r.key != settings_key(r.info.settings)) file.damaged("its key is not that of its settings");
  const std::string thresholds = file.text_attribute("thresholds");
  try {
    r.info.thresholds = nlohmann::json::parse(thresholds).get<std::vector<double>>();
  } catch (const nlohmann::json::exception&) {
    file.damaged(cat("its thresholds are no list of numbers: ", thresholds));
  }
  r.info.classes = file.strings("/classes");
  r.info.recordings = read_recordings(file, false);
  r.labels = file.column<std::uint16_t>("/labels");
  r.recording = file.column<std::uint32_t>("/recording");

  const h5::Handle frames = file.dataset("/frames");
  const auto extent = file.extent(frames, "/frames");
  const std::size_t samples = r.labels.size(), row_bytes = row_words() * sizeof(std::uint64_t);
  if (extent.size() != 2 || extent[0] != samples || extent[1] != row_bytes || r.recording.size() != samples) {
    file.damaged(cat("frames, labels and recording indices do not fit: ", samples, " labels of rows of ", row_bytes, " bytes, ",
                     r.recording.size(), " indices"));
  }
  for (std::size_t i = 0; i < samples; ++i) {
    if (r.labels[i] >= r.info.classes.size())
      file.damaged(cat("sample ", i, " has label ", r.labels[i], " of ", r.info.classes.size(), " classes"));
    if (r.recording[i] >= r.info.recordings.size())
      file.damaged(cat("sample ", i, " is of recording ", r.recording[i], " of ", r.info.recordings.size()));
  }
  const haddr_t at = H5Dget_offset(frames.get());
  if (at == HADDR_UNDEF) file.damaged("its frames are not contiguous");
  r.frames_at = at;
  const auto bytes = std::filesystem::file_size(path);
  if (bytes < at + samples * row_bytes) file.damaged(cat("it has ", bytes, " bytes, ", at + samples * row_bytes, " expected"));
  r.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (r.fd < 0) throw StorageError(cat("cannot open ", path.string(), ": ", std::strerror(errno)));
}

FrameFileReader::~FrameFileReader() = default;
FrameFileReader::FrameFileReader(FrameFileReader&&) noexcept = default;
FrameFileReader& FrameFileReader::operator=(FrameFileReader&&) noexcept = default;
const std::filesystem::path& FrameFileReader::path() const { return impl_->path; }
const FrameFileInfo& FrameFileReader::info() const { return impl_->info; }
const std::string& FrameFileReader::key() const { return impl_->key; }
std::size_t FrameFileReader::samples() const { return impl_->labels.size(); }
std::size_t FrameFileReader::row_words() const { return words_for(impl_->info.row_bits()); }
const std::vector<std::uint16_t>& FrameFileReader::labels() const { return impl_->labels; }
const std::vector<std::uint32_t>& FrameFileReader::recording() const { return impl_->recording; }

void FrameFileReader::read_rows(std::size_t first, std::size_t count, BitMatrix& out) const {
  out.reset(count, impl_->info.row_bits());
  read_rows(first, count, out.words());
}

void FrameFileReader::read_rows(std::size_t first, std::size_t count, std::span<std::uint64_t> words) const {
  const Impl& r = *impl_;
  if (first > samples() || count > samples() - first)
    throw std::out_of_range(cat("rows ", first, " + ", count, " of ", samples(), " in ", r.path.string()));
  if (words.size() != count * row_words())
    throw std::out_of_range(cat(words.size(), " words for ", count, " rows of ", row_words()));
  auto* const bytes = reinterpret_cast<char*>(words.data());
  const std::size_t wanted = words.size_bytes();
  const std::uint64_t at = r.frames_at + first * row_words() * sizeof(std::uint64_t);
  for (std::size_t done = 0; done < wanted;) {
    const ssize_t got = ::pread(r.fd, bytes + done, wanted - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw StorageError(cat("cannot read ", r.path.string(), ": ", std::strerror(errno)));
    if (got == 0)
      throw DataError(cat(r.path.string(), " is damaged: it has ", std::filesystem::file_size(r.path), " bytes, ", at + wanted,
                          " expected; run prepare again"));
    done += static_cast<std::size_t>(got);
  }
}

void FrameFileReader::expect_settings(const std::string& settings) const {
  const auto differences = settings_difference(impl_->info.settings, settings);
  if (!differences.empty())
    throw DataError(cat(impl_->path.string(), " was made by other settings: ", join(differences, "; "), "; run prepare again"));
}

}  // namespace dltonic::store
