#include "dltonic/store/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"

namespace dltonic::store {

std::string place_name(Place place) { return place == Place::scratch ? "scratch" : "project"; }

struct Journal::State {
  explicit State(const std::filesystem::path& checkpoints) : file(checkpoints / kJournalFile) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      try {
        if (json.is_discarded()) continue;
        const Place place = json.at("place") == "scratch" ? Place::scratch : Place::project;
        apply(json.at("checkpoint"), place, json.at("verified"));
      } catch (const nlohmann::json::exception&) {
        continue;
      }
    }
  }

  void apply(const std::string& checkpoint, Place place, bool is_verified) {
    if (is_verified) {
      verified[checkpoint].insert(place);
    } else if (const auto it = verified.find(checkpoint); it != verified.end()) {
      it->second.erase(place);
      if (it->second.empty()) verified.erase(it);
    }
  }

  /// In the file before it counts. A line begins with a line end, so that one that a crash cut off spoils no other.
  void append(const std::string& checkpoint, Place place, const nlohmann::json& facts) {
    nlohmann::json line{{"time", utc_iso()}, {"checkpoint", checkpoint}, {"place", place_name(place)}};
    line.update(facts);
    const std::string text = "\n" + line.dump();
    make_directories(file.parent_path());
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const bool written =
        fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
    const int reason = errno;
    if (fd >= 0) ::close(fd);
    if (!written) throw StorageError(cat("cannot write ", file.string(), ": ", std::strerror(reason)));
  }

  std::filesystem::path file;
  mutable std::mutex mutex;
  std::map<std::string, std::set<Place>> verified;
};

Journal::Journal(const std::filesystem::path& checkpoints) : state_(std::make_unique<State>(checkpoints)) {}
Journal::~Journal() = default;

void Journal::record(const std::string& checkpoint, Place place, const std::string& state_checksum) {
  const std::lock_guard lock(state_->mutex);
  state_->append(checkpoint, place, {{"verified", true}, {"checksum", state_checksum}});
  state_->apply(checkpoint, place, true);
}

void Journal::forget(const std::string& checkpoint, Place place) {
  const std::lock_guard lock(state_->mutex);
  state_->apply(checkpoint, place, false);  // first: to know too little is the safe side
  state_->append(checkpoint, place, {{"verified", false}});
}

std::vector<Place> Journal::verified_places(const std::string& checkpoint) const {
  const std::lock_guard lock(state_->mutex);
  const auto it = state_->verified.find(checkpoint);
  if (it == state_->verified.end()) return {};
  return {it->second.begin(), it->second.end()};
}

bool Journal::verified(const std::string& checkpoint, Place place) const {
  const auto places = verified_places(checkpoint);
  return std::find(places.begin(), places.end(), place) != places.end();
}

bool Journal::may_remove(const std::string& checkpoint, Place place) const {
  const std::lock_guard lock(state_->mutex);
  for (const auto& [name, places] : state_->verified) {
    if (name != checkpoint || places.size() > places.count(place)) return true;
  }
  return false;
}

}  // namespace dltonic::store
