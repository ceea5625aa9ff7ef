#include "dltonic/comm/world.h"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include "comm/world_impl.h"
#include "dltonic/comm/canonical.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"

namespace dltonic::comm {
namespace {
constexpr double kFinalizeLimitSeconds = 60;
constexpr unsigned kAbortPatienceSeconds = 5;
constexpr auto kLongestPause = std::chrono::microseconds(1000);

template <class T>
void sum_over_ranks(World& world, std::span<T> values) {
  const std::span<const T> mine(values);
  reduce_canonical(world, std::span<const std::span<const T>>(&mine, 1), world.size(), values);
}
}  // namespace

MPI_Comm mpi_comm(World& world) { return world.impl().comm; }

void check_mpi(int code, const char* operation) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw CommError(cat(operation, " failed: ", std::string_view(text, static_cast<std::size_t>(length))));
}

World::World(int& argc, char**& argv) : impl_(std::make_unique<Impl>()) {
  // OMPIO is known to hang in collective writes where ranks have unequal shares; ROMIO is not. The user's choice wins.
  ::setenv("OMPI_MCA_io", "^ompio", 0);
  Impl& w = *impl_;
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  w.thread_multiple = provided == MPI_THREAD_MULTIPLE;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &w.comm), "MPI_Comm_dup");
  MPI_Comm_set_errhandler(w.comm, MPI_ERRORS_RETURN);
  MPI_Comm_rank(w.comm, &w.rank);
  MPI_Comm_size(w.comm, &w.size);

  MPI_Comm local = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(w.comm, MPI_COMM_TYPE_SHARED, w.rank, MPI_INFO_NULL, &local), "MPI_Comm_split_type");
  MPI_Comm_rank(local, &w.local_rank);
  MPI_Comm_size(local, &w.local_size);
  w.host_root = w.rank;
  check_mpi(MPI_Bcast(&w.host_root, 1, MPI_INT, 0, local), "MPI_Bcast");
  MPI_Comm_free(&local);

  char name[MPI_MAX_PROCESSOR_NAME];
  int length = 0;
  MPI_Get_processor_name(name, &length);
  w.host.assign(name, static_cast<std::size_t>(length));

  log::set_rank(w.rank, w.size);
  set_fault_rank(w.rank);
  w.watchdog = std::make_unique<Watchdog>([&w](const std::string& line) { w.abort(line, kExitFailure); });
  if (!w.thread_multiple) {
    if (w.rank == 0)
      log::warn("this MPI gives no MPI_THREAD_MULTIPLE: checkpoints are saved by the main thread (checkpoint.mode: blocking)");
  }
}

World::World(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::unique_ptr<World> World::beside() {
  auto made = std::make_unique<Impl>();
  Impl& w = *made;
  w.first = impl_.get();
  w.rank = impl_->rank;
  w.size = impl_->size;
  w.local_rank = impl_->local_rank;
  w.local_size = impl_->local_size;
  w.host_root = impl_->host_root;
  w.thread_multiple = impl_->thread_multiple;
  w.host = impl_->host;
  w.watchdog = impl_->watchdog;
  const Operation operation(*impl_, "making a second communicator");
  check_mpi(MPI_Comm_dup(impl_->comm, &w.comm), "MPI_Comm_dup");
  MPI_Comm_set_errhandler(w.comm, MPI_ERRORS_RETURN);
  return std::unique_ptr<World>(new World(std::move(made)));
}

World::~World() {
  if (impl_->first != nullptr) {
    MPI_Comm_free(&impl_->comm);
    return;
  }
  // A rank that never comes here keeps the others in MPI_Finalize: the watchdog still watches.
  const std::uint64_t phase = impl_->watchdog->begin("MPI_Finalize", kFinalizeLimitSeconds);
  MPI_Comm_free(&impl_->comm);
  MPI_Finalize();
  if (impl_->collectives) impl_->collectives->remove();
  impl_->watchdog->end(phase);
}

int World::rank() const { return impl_->rank; }
int World::size() const { return impl_->size; }
int World::local_rank() const { return impl_->local_rank; }
int World::local_size() const { return impl_->local_size; }
const std::string& World::host() const { return impl_->host; }
bool World::thread_multiple() const { return impl_->thread_multiple; }

std::string World::library() const {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string line(text, static_cast<std::size_t>(length));
  return line.substr(0, line.find_first_of(",\n"));
}
void World::set_step(std::int64_t step) {
  impl_->watchdog->set_step(step);
  set_fault_step(step);
}

void World::barrier() {
  const Operation operation(*impl_, "a barrier");
  check_mpi(MPI_Barrier(impl_->comm), "MPI_Barrier");
}

void World::sum(std::span<float> values) { sum_over_ranks(*this, values); }
void World::sum(std::span<double> values) { sum_over_ranks(*this, values); }
void World::sum(std::span<std::int64_t> values) { sum_over_ranks(*this, values); }
double World::sum(double value) {
  sum_over_ranks(*this, std::span<double>(&value, 1));
  return value;
}
std::int64_t World::sum(std::int64_t value) {
  sum_over_ranks(*this, std::span<std::int64_t>(&value, 1));
  return value;
}

double World::max(double value) {
  const Operation operation(*impl_, "a maximum");
  std::vector<double> all(static_cast<std::size_t>(size()));
  check_mpi(MPI_Allgather(&value, 1, MPI_DOUBLE, all.data(), 1, MPI_DOUBLE, impl_->comm), "MPI_Allgather");
  double most = all[0];
  for (const double other : all) {
    if (std::isnan(other)) return other;  // MPI_MAX leaves it open whether a NaN is seen
    if (other > most) most = other;
  }
  return most;
}

World::Offset World::offset(std::uint64_t mine) {
  const Operation operation(*impl_, "a prefix sum");
  std::vector<std::uint64_t> all(static_cast<std::size_t>(size()));
  check_mpi(MPI_Allgather(&mine, 1, MPI_UINT64_T, all.data(), 1, MPI_UINT64_T, impl_->comm), "MPI_Allgather");
  Offset offset{0, 0};
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (r < static_cast<std::size_t>(rank())) offset.before += all[r];
    offset.total += all[r];
  }
  return offset;
}

void World::keep_collectives(const std::filesystem::path& folder) {
  impl_->collectives = std::make_unique<CollectiveLog>(folder / cat("collectives-rank", rank(), ".txt"), rank(), host());
}

Phase World::phase(const std::string& name, double limit_s) { return Phase(*impl_, name, limit_s); }

void World::abort(const std::string& message, int exit_code) {
  const std::int64_t step = impl_->watchdog->step();
  impl_->abort(step >= 0 ? cat(message, " (at step ", step, ")") : message, exit_code);
}

void World::end_if_alone(const std::exception& error) {
  if (size() == 1) return;
  const auto* ours = dynamic_cast<const Error*>(&error);
  if (ours == nullptr) abort(cat("unexpected: ", error.what()), kExitFailure);
  if (!ours->agreed()) abort(ours->what(), ours->exit_code());
}

void World::Impl::meet() {
  if (first == nullptr || size == 1) return;
  MPI_Request all_here = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(comm, &all_here), "MPI_Ibarrier");
  for (auto pause = std::chrono::microseconds(20);; pause = std::min(2 * pause, kLongestPause)) {
    int done = 0;
    check_mpi(MPI_Test(&all_here, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done) return;
    std::this_thread::sleep_for(pause);
  }
}

void World::Impl::abort(const std::string& message, int exit_code) {
  if (first != nullptr) first->abort(message, exit_code);
  if (ending.exchange(true)) {
    for (;;) ::pause();  // another thread of this rank already ends the job
  }
  if (collectives) collectives->freeze();
  // The way out must not depend on anything below: a log blocked by a full pipe, MPI_Abort in a broken network.
  ::signal(SIGALRM, SIG_DFL);
  ::alarm(2 * kAbortPatienceSeconds);
  try {
    std::thread([exit_code] {
      std::this_thread::sleep_for(std::chrono::seconds(kAbortPatienceSeconds));
      ::_exit(exit_code);
    }).detach();
  } catch (const std::exception&) {  // no thread to be had: the alarm remains
  }
  const std::string last =
      collectives && size > 1 ? cat("; what each rank did last: ", collectives->path().parent_path().string()) : std::string();
  log::error(size > 1 ? cat("[", host, "] ", message, last) : message);
  log::flush();
  {
    const std::lock_guard lock(hook_mutex);
    if (hook) hook();
  }
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Abort(MPI_COMM_WORLD, exit_code);
  ::_exit(exit_code);
}

AbortHook::AbortHook(World& world, std::function<void()> work) : world_(world.impl()) {
  const std::lock_guard lock(world_.hook_mutex);
  world_.hook = std::move(work);
}
AbortHook::~AbortHook() {
  const std::lock_guard lock(world_.hook_mutex);
  world_.hook = nullptr;
}

Phase::Phase(World::Impl& world, const std::string& name, double limit_s)
    : world_(world), number_(world.watchdog->begin(name, limit_s)) {}
Phase::~Phase() { world_.watchdog->end(number_); }
void Phase::alive() { world_.watchdog->alive(number_); }

Operation::Operation(World::Impl& world, const std::string& name) : world_(&world) {
  world.watchdog->enter(name);
  if (CollectiveLog* log = world.collective_log()) number_ = log->enter(name, world.watchdog->step());
  world.meet();
}
Operation::~Operation() {
  if (world_ == nullptr) return;
  if (CollectiveLog* log = world_->collective_log(); log != nullptr && number_ > 0) log->leave(number_);
  world_->watchdog->leave();
}

}  // namespace dltonic::comm
