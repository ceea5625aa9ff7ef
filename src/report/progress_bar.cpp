#include "report/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "dltonic/core/text.h"
#include "report/terminal.h"

namespace dltonic::report {
namespace {

constexpr double kDrawInterval_s = 0.1;
constexpr int kBarMost = 30, kBarLeast = 8;  ///< cells between the brackets

/// Characters on the screen: UTF-8's continuation bytes take no room.
bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }
int width_of(const std::string& text) { return static_cast<int>(std::count_if(text.begin(), text.end(), starts_character)); }
std::string cut_to(const std::string& text, int columns) {
  std::size_t end = 0;
  for (int taken = 0; end < text.size(); ++end) {
    if (starts_character(text[end]) && ++taken > columns) break;
  }
  return text.substr(0, end);
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count <= 0) return;  // a console that went away is no reason to stop work
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

std::string bar_line(const Task& task, int columns) {
  std::string head = task.what();
  if (task.total() > 0) head += "  " + task.percent();
  std::string tail = task.counts();
  if (task.speed().empty()) tail += " " + task.unit();  // else the speed names it, and room is short
  for (const auto& part : {task.speed(), task.left(), task.note()}) {
    if (!part.empty()) tail += "  " + part;
  }
  std::string bar = "  ";
  const int cells = std::min(kBarMost, columns - width_of(head) - width_of(tail) - 4);  // brackets and a space on each side
  if (task.total() > 0 && cells >= kBarLeast) {
    std::string filled(static_cast<std::size_t>(task.fraction() * cells), '=');
    if (static_cast<int>(filled.size()) < cells) filled += '>';
    filled.resize(static_cast<std::size_t>(cells), ' ');
    bar = " [" + filled + "] ";
  }
  return cut_to(head + bar + tail, columns);
}

ProgressBar::ProgressBar(int fd, std::string terminal, std::function<double()> clock)
    : fd_(fd), terminal_(std::move(terminal)), clock_(std::move(clock)) {
  log::set_console_owner(this);
}

ProgressBar::~ProgressBar() {
  log::set_console_owner(nullptr);
  const std::lock_guard lock(mutex_);
  clear();
}

void ProgressBar::begin(const std::string& what, std::uint64_t total, const std::string& unit) {
  const std::lock_guard lock(mutex_);
  task_ = Task(what, total, unit, clock_());
  active_ = true;
  draw();
}

void ProgressBar::advance(std::uint64_t done, const std::string& note) {
  const std::lock_guard lock(mutex_);
  const double now_s = clock_();
  task_.advance(done, note, now_s);
  if (now_s - last_draw_s_ >= kDrawInterval_s || done == task_.total()) draw();
}

void ProgressBar::end(const std::string& note) {
  std::string what;
  {
    const std::lock_guard lock(mutex_);
    clear();
    active_ = false;
    what = task_.what();
  }
  if (!note.empty()) log::info(cat(what, ": ", note));
}

void ProgressBar::hide() {
  const std::lock_guard lock(mutex_);
  clear();
  hidden_ = true;
}

void ProgressBar::show() {
  const std::lock_guard lock(mutex_);
  hidden_ = false;
  draw();
}

void ProgressBar::draw() {
  if (!active_ || hidden_) return;
  last_draw_s_ = clock_();
  drawn_ = true;
  // One column stays free: a full line would wrap, and could not be drawn over. One write, so that nothing gets between.
  write_all(fd_, "\r" + bar_line(task_, columns_of(terminal_) - 1) + "\x1b[K");
}

void ProgressBar::clear() {
  if (drawn_) write_all(fd_, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace dltonic::report
