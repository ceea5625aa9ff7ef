#include "dltonic/core/fault_point.h"

#ifdef DLTONIC_FAULT_POINTS

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"

namespace dltonic {
namespace {

struct Fault {
  std::string point;
  std::optional<std::int64_t> rank, step;  ///< none: any
  std::string action;
};

std::atomic<int> the_rank{0};
std::atomic<std::int64_t> the_step{-1};

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == at) parts.emplace_back();
    else parts.back() += c;
  }
  return parts;
}

std::vector<Fault> wanted() {
  std::vector<Fault> faults;
  const char* const text = std::getenv("DLTONIC_FAIL_AT");
  if (text == nullptr) return faults;
  for (const std::string& one : split(text, ';')) {
    if (one.empty()) continue;
    const auto words = split(one, ':');
    const auto number = [&](const std::string& word) -> std::optional<std::int64_t> {
      if (word == "*") return std::nullopt;
      try {
        return std::stoll(word);
      } catch (const std::exception&) {
        throw ConfigError(cat("DLTONIC_FAIL_AT: '", word, "' in '", one, "' is neither a number nor *"));
      }
    };
    if (words.size() != 4) throw ConfigError(cat("DLTONIC_FAIL_AT: '", one, "' is not <point>:<rank>:<step>:<action>"));
    faults.push_back({words[0], number(words[1]), number(words[2]), words[3]});
  }
  return faults;
}

void act(const Fault& fault, std::int64_t step) {
  const std::string what = cat("fault asked for at ", fault.point, ", step ", step, ": ", fault.action);
  const bool sleeps = fault.action.starts_with("sleep=");  // often one a sample: told where details are asked for
  sleeps ? log::debug(what) : log::warn(what);
  log::flush();
  if (fault.action == "kill") ::raise(SIGKILL);
  else if (fault.action == "stop") ::kill(::getpid(), SIGSTOP);
  else if (fault.action == "throw") throw Error(what, kExitFailure);
  else if (fault.action == "storage") throw StorageError(what);
  else if (fault.action == "nan") throw ConfigError(cat("DLTONIC_FAIL_AT: there are no numbers at ", fault.point));
  else if (sleeps) std::this_thread::sleep_for(std::chrono::duration<double>(std::stod(fault.action.substr(6))));
  else
    throw ConfigError(cat("DLTONIC_FAIL_AT: unknown action '", fault.action,
                          "'; there are kill, stop, throw, storage, sleep=<seconds>, nan"));
}

/// f(fault, step) for each that is wanted here.
template <class F>
void each_fault(std::string_view point, std::int64_t step, F f) {
  static const std::vector<Fault> faults = wanted();
  if (faults.empty()) return;
  if (step < 0) step = the_step;
  for (const Fault& fault : faults) {
    if (fault.point == point && fault.rank.value_or(the_rank) == the_rank && fault.step.value_or(step) == step) f(fault, step);
  }
}

}  // namespace

void fail_at(std::string_view point, std::int64_t step) {
  each_fault(point, step, [](const Fault& fault, std::int64_t at) { act(fault, at); });
}

bool nan_at(std::string_view point, std::int64_t step) {
  bool asked = false;
  each_fault(point, step, [&](const Fault& fault, std::int64_t at) {
    if (fault.action != "nan") return act(fault, at);
    log::warn(cat("fault asked for at ", fault.point, ", step ", at, ": nan"));
    asked = true;
  });
  return asked;
}

void set_fault_rank(int rank) { the_rank = rank; }
void set_fault_step(std::int64_t step) { the_step = step; }
bool has_fault_points() { return true; }

}  // namespace dltonic

#else

namespace dltonic {
void fail_at(std::string_view, std::int64_t) {}
bool nan_at(std::string_view, std::int64_t) { return false; }
void set_fault_rank(int) {}
void set_fault_step(std::int64_t) {}
bool has_fault_points() { return false; }
}  // namespace dltonic

#endif
