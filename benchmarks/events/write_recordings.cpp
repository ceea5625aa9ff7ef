/// Writes simulated recordings as the files of N-MNIST: <out>/{Train,Test}/<label>/NNNNN.bin.
///
///   write_recordings IMAGES OUT TRAIN TEST
///
/// IMAGES holds IDX files (MNIST, Fashion-MNIST). TRAIN and TEST: how many recordings; images are used again where there are
/// fewer, then the file is a copy.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/atis.h"
#include "dltonic/events/source.h"

using namespace dltonic;
namespace fs = std::filesystem;

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "write_recordings IMAGES OUT TRAIN TEST\n";
    return 2;
  }
  try {
    events::SourceOptions options;
    options.root = argv[1];
    options.format = "idx";
    const auto source = events::make_source(options);
    const fs::path out = argv[2];
    for (const auto& [part, split, count] :
         {std::tuple{"Train", events::Split::train, std::atoi(argv[3])}, {"Test", events::Split::test, std::atoi(argv[4])}}) {
      std::vector<std::size_t> items;
      for (std::size_t i = 0; i < source->size(); ++i) {
        if (source->item(i).split == split) items.push_back(i);
      }
      if (items.empty() && count > 0) throw DataError(cat(argv[1], " has no images for ", part));
      for (std::size_t label = 0; label < source->classes().size(); ++label)
        fs::create_directories(out / part / source->classes()[label]);
#pragma omp parallel for schedule(dynamic, 64)
      for (int i = 0; i < count; ++i) {
        const std::size_t item = items[static_cast<std::size_t>(i) % items.size()];
        events::Recording recording;
        source->read(item, recording);
        const auto rows = events::encode_atis(recording.events);
        std::string name = std::to_string(i);
        name.insert(0, 5 - std::min<std::size_t>(5, name.size()), '0');
        std::ofstream file(out / part / source->classes()[recording.label] / (name + ".bin"), std::ios::binary);
        file.write(reinterpret_cast<const char*>(rows.data()), static_cast<std::streamsize>(rows.size()));
      }
    }
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
