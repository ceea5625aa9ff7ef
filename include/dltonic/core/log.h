/// The program's log. Console lines go to standard error (standard output belongs to results). Information comes from
/// rank 0 only, warnings and errors from every rank, each with its rank when there are several.
/// Thread-safe. Until `set_rank` is called the process counts as rank 0 of 1.
#pragma once

#include <filesystem>
#include <string>

namespace dltonic::log {

enum class Level { debug, info, warn, error, off };

/// "debug" ... "off"; throws ConfigError for another word.
Level level_from(const std::string& word);
void set_level(Level level);
void set_rank(int rank, int world);
/// Also writes every line of this rank (all levels from debug) to `path`, appending. Throws StorageError.
void add_file(const std::filesystem::path& path);
void close_file();

void debug(const std::string& message);
void info(const std::string& message);
void warn(const std::string& message);
void error(const std::string& message);
/// Says a thing once a job: by rank 0, and later calls with the same message are dropped.
void info_once(const std::string& message);
void warn_once(const std::string& message);
void flush();

/// Called before and after a console line, so that a progress bar can step aside. One at a time; null: none.
struct ConsoleOwner {
  virtual ~ConsoleOwner() = default;
  virtual void hide() = 0;
  virtual void show() = 0;
};
void set_console_owner(ConsoleOwner* owner);

}  // namespace dltonic::log
