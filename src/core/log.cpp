#include "dltonic/core/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <set>

#include "dltonic/core/error.h"

namespace dltonic::log {
namespace {

struct State {
  std::recursive_mutex mutex;
  int rank = 0;
  int world = 1;
  Level level = Level::info;
  ConsoleOwner* owner = nullptr;
  std::set<std::string> said;
  std::shared_ptr<spdlog::logger> console;
  std::shared_ptr<spdlog::logger> file;

  State() {
    console = std::make_shared<spdlog::logger>("console", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    console->set_level(spdlog::level::trace);
    console->set_pattern("%^%v%$");
  }
};

/// Never destroyed: threads may still log while statics are torn down.
State& state() {
  static State* const instance = new State;
  return *instance;
}

void write(Level level, spdlog::level::level_enum spdlog_level, const std::string& message) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (s.file) s.file->log(spdlog_level, "{}", message);
  const bool everyone = level >= Level::warn;
  if (level < s.level || (s.rank != 0 && !everyone)) return;
  const char* label = level == Level::warn ? "warning: " : level == Level::error ? "error: " : "";
  const std::string who = everyone && s.world > 1 ? "rank " + std::to_string(s.rank) + ": " : "";
  if (s.owner) s.owner->hide();
  s.console->log(spdlog_level, "{}{}{}", who, label, message);
  s.console->flush();
  if (s.owner) s.owner->show();
}

bool first_time(const std::string& message) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return s.said.insert(message).second;
}

}  // namespace

Level level_from(const std::string& word) {
  if (word == "debug") return Level::debug;
  if (word == "info") return Level::info;
  if (word == "warn") return Level::warn;
  if (word == "error") return Level::error;
  if (word == "off") return Level::off;
  throw ConfigError("log level '" + word + "' is none of debug, info, warn, error, off");
}

void set_level(Level level) {
  const std::lock_guard lock(state().mutex);
  state().level = level;
}

void set_rank(int rank, int world) {
  const std::lock_guard lock(state().mutex);
  state().rank = rank;
  state().world = world;
}

void add_file(const std::filesystem::path& path) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  try {
    s.file = std::make_shared<spdlog::logger>("file", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string()));
  } catch (const spdlog::spdlog_ex& error) {
    throw StorageError("cannot open log file " + path.string() + ": " + error.what());
  }
  s.file->set_level(spdlog::level::trace);
  s.file->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l rank " + std::to_string(s.rank) + ": %v");
  s.file->flush_on(spdlog::level::info);
}

void close_file() {
  const std::lock_guard lock(state().mutex);
  if (state().file) state().file->flush();
  state().file.reset();
}

void debug(const std::string& message) { write(Level::debug, spdlog::level::debug, message); }
void info(const std::string& message) { write(Level::info, spdlog::level::info, message); }
void warn(const std::string& message) { write(Level::warn, spdlog::level::warn, message); }
void error(const std::string& message) { write(Level::error, spdlog::level::err, message); }

void info_once(const std::string& message) {
  if (first_time(message)) info(message);
}

void warn_once(const std::string& message) {
  const std::lock_guard lock(state().mutex);
  if (state().rank == 0 && first_time(message)) warn(message);
}

void flush() {
  const std::lock_guard lock(state().mutex);
  state().console->flush();
  if (state().file) state().file->flush();
}

void set_console_owner(ConsoleOwner* owner) {
  const std::lock_guard lock(state().mutex);
  state().owner = owner;
}

}  // namespace dltonic::log
