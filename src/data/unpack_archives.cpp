#include "data/unpack_archives.h"

#include <chrono>
#include <thread>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/events/archive.h"
#include "dltonic/store/lock.h"

namespace dltonic::data {
namespace {

namespace fs = std::filesystem;

/// Waits while another process holds the lock.
std::unique_ptr<store::Lock> lock_when_free(const fs::path& file, comm::Phase& phase) {
  while (true) {
    try {
      return std::make_unique<store::Lock>(file, "unpacking");
    } catch (const ConfigError& held) {
      log::info_once(cat("waiting: ", held.what()));
    }
    if (stop::wished())
      throw StopError(cat(stop::command(), " was stopped by ", stop::reason(),
                          " while it waited for another job to unpack an archive; run it again"));
    std::this_thread::sleep_for(std::chrono::seconds(2));
    phase.alive();
  }
}

}  // namespace

events::SourceOptions unpack_archives(comm::World& world, const Options& options, const fs::path& project, Progress& progress,
                                      comm::Phase& phase) {
  events::SourceOptions source = options.source;
  source.unpacked = project / "data" / "unpacked";
  if (source.format == "idx") return source;
  world.agree("unpack archives", [&] {
    if (!world.is_root() || source.root.empty()) return;
    for (const fs::path& archive : events::archives_to_unpack(source.root)) {
      const fs::path folder = source.unpacked / events::unpacked_name(archive);
      if (fs::exists(folder)) continue;
      make_directories(source.unpacked);
      const auto lock = lock_when_free(folder.string() + ".lock", phase);
      if (fs::exists(folder)) continue;
      log::info(cat("unpacking ", archive.string(), " (", human_bytes(fs::file_size(archive)), ") into ", folder.string()));
      std::uint64_t written = 0;
      progress.begin("unpack", 0, "MB");
      events::unpack(archive, folder, [&](std::uint64_t bytes) {
        written += bytes;
        progress.advance(written / 1000000);
        phase.alive();
        if (stop::wished())
          throw StopError(cat(stop::command(), " was stopped by ", stop::reason(), " while it unpacked ", archive.string(),
                              ": nothing of it stays; run it again"));
      });
      progress.end();
    }
  });
  return source;
}

}  // namespace dltonic::data
