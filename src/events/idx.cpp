#include "dltonic/events/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::events {
namespace {

constexpr std::uint32_t kImagesMagic = 0x00000803;  // unsigned bytes, 3 dimensions
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // unsigned bytes, 1 dimension
/// Memory is asked for in pieces that double, as the content comes: a damaged header must not make us ask for terabytes.
constexpr std::uint64_t kFirstPieceBytes = std::uint64_t{1} << 16;

/// Reads a plain or gzip file (zlib tells them apart).
class IdxReader {
 public:
  explicit IdxReader(const std::filesystem::path& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (file_ == nullptr) throw DataError(cat(path_.string(), ": cannot be opened"));
    gzbuffer(file_.get(), 1 << 17);
  }

  void read(std::uint8_t* to, std::uint64_t count) {
    std::uint64_t done = 0;
    while (done < count) {
      const auto step = static_cast<unsigned>(std::min<std::uint64_t>(count - done, 1u << 30));
      const int got = gzread(file_.get(), to + done, step);
      if (got < 0) fail_gzip();
      if (got == 0)
        throw DataError(
            cat(path_.string(), ": truncated: byte ", position_ + done, " is missing (", position_ + count, " expected)"));
      done += static_cast<std::uint64_t>(got);
    }
    position_ += count;
  }
  std::vector<std::uint8_t> read_bytes(std::uint64_t count) {
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < count) {
      const std::uint64_t begin = bytes.size(), piece = std::min(count - begin, std::max(begin, kFirstPieceBytes));
      bytes.resize(begin + piece);
      read(bytes.data() + begin, piece);
    }
    return bytes;
  }
  std::uint32_t read_u32() {
    std::array<std::uint8_t, 4> b{};
    read(b.data(), b.size());
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
  }
  void expect_magic(std::uint32_t magic, const char* kind) {
    if (const std::uint32_t found = read_u32(); found != magic) {
      throw DataError(cat(path_.string(), ": no IDX file of ", kind, ": magic number ", found, ", expected ", magic));
    }
  }
  void expect_end() {
    std::uint8_t extra = 0;
    const int got = gzread(file_.get(), &extra, 1);
    if (got < 0) fail_gzip();
    if (got > 0) throw DataError(cat(path_.string(), ": holds more than its header says (", position_, " bytes)"));
  }

 private:
  [[noreturn]] void fail_gzip() {
    int code = 0;
    throw DataError(cat(path_.string(), ": damaged gzip near byte ", position_, ": ", gzerror(file_.get(), &code)));
  }
  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::uint64_t position_ = 0;
};

const char* prefix_of(Split part) { return part == Split::test ? "t10k" : "train"; }

/// The plain file, the gzip one, or an empty path.
std::filesystem::path find_one(const std::filesystem::path& root, const std::string& name) {
  std::error_code ignored;
  for (const char* ending : {"", ".gz"}) {
    const std::filesystem::path path = root / (name + ending);
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return {};
}

std::string images_name(Split part) { return cat(prefix_of(part), "-images-idx3-ubyte"); }
std::string labels_name(Split part) { return cat(prefix_of(part), "-labels-idx1-ubyte"); }

}  // namespace

IdxImages read_idx_images(const std::filesystem::path& path) {
  IdxReader reader(path);
  reader.expect_magic(kImagesMagic, "images");
  const std::uint32_t count = reader.read_u32(), height = reader.read_u32(), width = reader.read_u32();
  if (height == 0 || width == 0 || height > 65535 || width > 65535) {
    throw DataError(cat(path.string(), ": images of ", width, " x ", height, " pixels"));
  }
  const std::uint64_t bytes = std::uint64_t{height} * width * count;  // below 2^64: 65535^2 * 2^32
  IdxImages images{count, static_cast<int>(height), static_cast<int>(width), reader.read_bytes(bytes)};
  reader.expect_end();
  return images;
}

std::vector<std::uint8_t> read_idx_labels(const std::filesystem::path& path) {
  IdxReader reader(path);
  reader.expect_magic(kLabelsMagic, "labels");
  std::vector<std::uint8_t> labels = reader.read_bytes(reader.read_u32());
  reader.expect_end();
  return labels;
}

IdxFiles find_idx(const std::filesystem::path& root, Split part) {
  IdxFiles files{find_one(root, images_name(part)), find_one(root, labels_name(part))};
  for (const auto& [path, name] : {std::pair{files.images, images_name(part)}, {files.labels, labels_name(part)}}) {
    if (path.empty()) throw DataError(cat(root.string(), ": holds neither ", name, " nor ", name, ".gz"));
  }
  return files;
}

bool has_image_set(const std::filesystem::path& root, Split part) { return !find_one(root, images_name(part)).empty(); }

ImageSet read_image_set(const std::filesystem::path& root, Split part) {
  const IdxFiles files = find_idx(root, part);
  ImageSet set{read_idx_images(files.images), read_idx_labels(files.labels)};
  if (set.images.count != set.labels.size()) {
    throw DataError(cat(files.images.string(), " holds ", set.images.count, " images, ", files.labels.filename().string(), " ",
                        set.labels.size(), " labels"));
  }
  return set;
}

}  // namespace dltonic::events
