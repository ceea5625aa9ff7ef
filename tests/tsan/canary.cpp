/// Shows that the thread sanitizer is awake: `canary race` has a data race, `canary barrier` has none but for one who does not
/// know of OpenMP's barriers.
#include <cstring>
#include <vector>

namespace {

constexpr int kLoops = 100;

int race() {
  int sum = 0;
#pragma omp parallel for
  for (int i = 0; i < kLoops; ++i) sum += i;
  return sum;
}

int barrier() {
  std::vector<int> first(kLoops), second(kLoops);
#pragma omp parallel
  {
#pragma omp for schedule(dynamic, 1)
    for (int i = 0; i < kLoops; ++i) first[static_cast<std::size_t>(i)] = i;
#pragma omp for schedule(dynamic, 1)
    for (int i = 0; i < kLoops; ++i) second[static_cast<std::size_t>(i)] = first[static_cast<std::size_t>(kLoops - 1 - i)];
  }
  return second[0];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const bool races = std::strcmp(argv[1], "race") == 0;
  return (races ? race() : barrier()) < 0 ? 1 : 0;
}
