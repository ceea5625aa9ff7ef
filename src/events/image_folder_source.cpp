#include "dltonic/core/error.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "dltonic/events/image_file.h"
#include "events/sources.h"

namespace dltonic::events {
namespace {

constexpr std::uint32_t kTestIndexBase = 1u << 31;

}  // namespace

ImageFolderSource::ImageFolderSource(const SourceOptions& options) : TreeSource(options) {
  FoundRecordings found = find_images(tree_);
  classes_ = std::move(found.classes);
  origin_ = cat(options.root, " (images, simulated)");
  std::uint32_t train = 0, test = kTestIndexBase;
  for (const FoundRecording& image : found.recordings) {
    const TreeFile& file = tree_.files()[image.file];
    units_.push_back({items_.size(), 1, file.bytes});
    items_.push_back({file.path, image.label, image.split});
    files_.push_back(image.file);
    indices_.push_back(image.split == Split::test ? test++ : train++);
  }
  image_width_ = options.simulator.image_width;
  image_height_ = options.simulator.image_height;
  scales_ = image_width_ > 0;
  if (!scales_) {
    std::vector<std::byte> buffer;
    const GreyImage first = with_context(items_[0].name, [&] { return decode_image(tree_.read(files_[0], buffer)); });
    image_width_ = first.width;
    image_height_ = first.height;
  }
  simulator_.emplace(options.simulator, image_width_, image_height_, width_, height_);
  hash_items(cat("images ", options.simulator.describe()));
}

ReadNotes ImageFolderSource::read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* sha256) const {
  const SourceItem& item = items_[unit];
  with_context(item.name, [&] {
    const auto bytes = tree_.read(files_[unit], scratch.bytes);
    if (sha256 != nullptr) *sha256 = sha256_hex(bytes);
    GreyImage image = decode_image(bytes);
    if (scales_) image = scaled(image, image_width_, image_height_);
    if (image.width != image_width_ || image.height != image_height_) {
      throw DataError(cat("an image of ", image.width, " x ", image.height, " pixels, ", items_[0].name, " has ", image_width_,
                          " x ", image_height_, "; set data.simulator.image_width and image_height to scale all to one size"));
    }
    simulator_->simulate(image.pixels, indices_[unit], scratch.whole.events);
  });
  scratch.whole.t_offset = 0;
  complete_recording(item, width_, height_, scratch.whole);
  take(unit, scratch.whole);
  return {};
}

}  // namespace dltonic::events
