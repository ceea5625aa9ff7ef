#include "app/load_event_frames.h"

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/data/cache.h"
#include "dltonic/store/staging.h"

namespace dltonic::app {

LoadedEvents load_event_frames(comm::World& world, const RunConfig& config, const LoadedData& data, const std::string& typed) {
  LoadedEvents loaded;
  if (!config.data.event_augmentation.any()) return loaded;
  data::PreparedFile prepared;
  world.agree("find the prepared events", [&] {
    prepared = data::find_prepared(config.data, config.dirs().project);
    if (!std::filesystem::exists(prepared.events)) {
      throw DataError(cat("the events that data.augmentation.events changes are not prepared (", prepared.events.string(),
                          " is missing): run  dltonic prepare ", typed));
    }
  });
  const auto staged = config.dirs().scratch / "data" / prepared.events.filename();
  loaded.lease = store::stage_file(world, prepared.events, staged).lease;
  world.agree("open the events file", [&] {
    loaded.cut = std::make_unique<data::EventFrames>(staged, prepared.events_settings, config.data, data.frames,
                                                     data.frames.samples_of(data.splits.train), config.train.seed);
  });
  return loaded;
}

}  // namespace dltonic::app
