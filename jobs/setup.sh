#!/usr/bin/env bash
# Installs what building and running needs, and nothing that is there already: silent and fast then.
#
#   jobs/setup.sh [--tests] [--dev] [--gpu] [--quiet]
#     --tests   also what the tests need (h5py, TensorBoard's reader, Slurm, shellcheck, clang-format)
#     --dev     also what the commit hooks need (clang-tidy, pre-commit)
#     --gpu     also LibTorch's CUDA libraries (2 GB), for mlp and cnn on GPUs; by itself where nvidia-smi lists a GPU
#     --quiet   says only what goes wrong
#
# System packages come by apt-get (as root, or through sudo), LibTorch 2.11.0 from its Python wheel into a cache outside
# the checkout: ${DLTONIC_CACHE:-${XDG_CACHE_HOME:-~/.cache}/dltonic}. Where LIBTORCH_ROOT names a LibTorch, that one is
# used. Without root, MPI, parallel HDF5 and the rest may come from environment modules: set-up then asks CMake
# whether it finds them, and succeeds where it does.
set -euo pipefail

readonly torch_version=2.11.0
readonly cuda_runtime_version=13.0.96 cuda_cupti_version=13.0.85 # what that wheel's libtorch_cpu.so is linked to
# What its libtorch_cuda.so, which the program opens where a GPU is, is linked to besides, and what those open themselves.
readonly cuda_wheels=(nvidia-cublas==13.1.0.3 nvidia-cuda-nvrtc==13.0.88 nvidia-cudnn-cu13==9.19.0.56 nvidia-cufft==12.0.0.61
  nvidia-cufile==1.15.1.6 nvidia-curand==10.4.0.35 nvidia-cusparse==12.6.3.3 nvidia-cusparselt-cu13==0.8.0
  nvidia-nccl-cu13==2.28.9 nvidia-nvjitlink==13.0.88 nvidia-nvshmem-cu13==3.4.5)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${DLTONIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dltonic}

packages=(g++ cmake ninja-build ccache git unzip ca-certificates python3 python3-pip
  openmpi-bin openssh-client libopenmpi-dev libhdf5-openmpi-dev libyaml-cpp-dev libcli11-dev libspdlog-dev nlohmann-json3-dev
  libssl-dev libxxhash-dev zlib1g-dev liblz4-dev libzstd-dev libflatbuffers-dev flatbuffers-compiler libarchive-dev libzip-dev libprotobuf-dev protobuf-compiler libpng-dev libgif-dev libgtest-dev libgmock-dev libbenchmark-dev
  dataset-fashion-mnist)
test_packages=(clang libclang-rt-dev libomp-dev llvm python3-venv python3-h5py python3-selenium chromium chromium-driver shellcheck clang-format slurm-wlm slurm-wlm-basic-plugins munge iproute2 mmdebstrap)
dev_packages=(clang-tidy pre-commit)

tests=no gpu=no quiet=no scratch='' log=''
say() { [[ $quiet == yes ]] || printf 'set-up: %s\n' "$*" >&2; }
fail() {
  printf 'set-up: error: %s\n' "$*" >&2
  exit 1
}
cleanup() { [[ -z $scratch ]] || rm -rf "$scratch"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for option in "$@"; do
  case $option in
    --tests)
      tests=yes
      packages+=("${test_packages[@]}")
      ;;
    --dev) packages+=("${dev_packages[@]}") ;;
    --gpu) gpu=yes ;;
    --quiet) quiet=yes ;;
    -h | --help)
      sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) fail "unknown option '$option'; known: --tests, --dev, --gpu, --quiet" ;;
  esac
done

# A folder for downloads and logs, beside what it becomes, so that the last step is a rename.
make_scratch() {
  [[ -n $scratch ]] && return
  mkdir -p "$cache" || fail "cannot create $cache; set DLTONIC_CACHE to a folder that you may write"
  scratch=$(mktemp -d "$cache/.setup.XXXXXX") || fail "cannot write to $cache; set DLTONIC_CACHE to a folder that you may write"
  log=$scratch/log
}

# Runs a command with its output in the log; once more where it fails, since downloads do.
twice() { "$@" >"$log" 2>&1 </dev/null || { sleep 2 && "$@" >"$log" 2>&1 </dev/null; }; }
last_error() { { grep -iE '^(E:|error|fatal)' "$log" || tail -n 1 "$log"; } | head -n 1; }

# ---- system packages --------------------------------------------------------------------------------------------
as_root() { "${become_root[@]}" "$@"; }
apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    --no-install-recommends "$@"
}
find_root() {
  become_root=()
  [[ $(id -u) == 0 ]] && return 0
  command -v sudo >/dev/null || return 1
  become_root=(sudo -n)
  sudo -n true 2>/dev/null && return 0
  # A password can be asked for only where somebody sits.
  [[ -t 0 && -t 2 ]] || return 1
  become_root=(sudo)
  say "sudo is needed for apt-get install ${missing[*]}"
  sudo -v
}

# The same question the build will ask: answered once for each set of modules and variables, then remembered.
cmake_finds_all() {
  local key stamp
  key=$(printf '%s\n' "${PATH}" "${LOADEDMODULES:-}" "${CMAKE_PREFIX_PATH:-}" "${MPI_HOME:-}" "${HDF5_ROOT:-}" "${LIBTORCH_ROOT:-}" |
    cat - "$root/CMakeLists.txt" | cksum | cut -d ' ' -f 1)
  stamp=$cache/cmake-finds-all-$key
  [[ -e $stamp ]] && return 0
  command -v cmake >/dev/null || {
    cmake_fault='there is no cmake'
    return 1
  }
  make_scratch
  if cmake -G Ninja -S "$root" -B "$scratch/check" -DDLTONIC_DEPENDENCIES_ONLY=ON -DDLTONIC_BUILD_TESTS=OFF \
    -DDLTONIC_BUILD_BENCHMARKS=OFF >"$log" 2>&1; then
    say "no root to install ${missing[*]}, but CMake finds all that the build needs"
    touch "$stamp"
    return 0
  fi
  cmake_fault=$(awk '/^CMake Error/ { on = 1; next } on && /^(Call Stack|-- )/ { exit } on && NF { $1 = $1; printf "%s ", $0 }' "$log" | cut -c 1-200)
  return 1
}

missing=()
if command -v dpkg-query >/dev/null; then
  mapfile -t missing < <(
    # shellcheck disable=SC2016 # dpkg-query's own variables
    dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null |
      awk '$1 == "ii" { print $2 }' | sort -u | comm -13 - <(printf '%s\n' "${packages[@]}" | sort -u)
  )
else
  missing=("${packages[@]}")
fi
without_root=no
if ((${#missing[@]} > 0)); then
  if command -v apt-get >/dev/null && find_root; then
    make_scratch
    say "installing ${missing[*]}"
    twice apt update || say "apt-get update failed ($(last_error)); trying with the lists at hand"
    twice apt install "${missing[@]}" ||
      fail "apt-get could not install: $(last_error); install by hand: ${missing[*]}"
  else
    without_root=yes
  fi
fi

# ---- LibTorch ---------------------------------------------------------------------------------------------------
is_libtorch() { [[ -e $1/lib/libtorch_cpu.so && -e $1/lib/libc10.so && -e $1/include/torch/csrc/api/include/torch/torch.h ]]; }
is_complete() { is_libtorch "$1/torch" && [[ -e $1/nvidia/cu13/lib/libcudart.so.13 && -e $1/nvidia/cu13/lib/libcupti.so.13 ]]; }

# fetch_wheel <name> <version> <what to unpack>...: into $scratch/libtorch. The build of CPython 3.11 is asked for
# whatever python runs here: only its C++ libraries are used.
fetch_wheel() {
  local name=$1 version=$2 minor platforms=()
  shift 2
  for minor in {28..5}; do platforms+=(--platform "manylinux_2_${minor}_$(uname -m)"); done # glibc 2.x
  twice python3 -m pip download --disable-pip-version-check --no-deps --only-binary=:all: --dest "$scratch/wheels" \
    --implementation cp --python-version 311 --abi cp311 --abi none \
    "${platforms[@]}" \
    "$name==$version" ||
    fail "pip could not download $name $version: $(last_error); or set LIBTORCH_ROOT to a LibTorch $torch_version (the folder that holds include/ and lib/)"
  unzip -q -o "$scratch"/wheels/*.whl "$@" -d "$scratch/libtorch" >"$log" 2>&1 ||
    fail "unpacking $name $version failed: $(last_error); is $cache full?"
  rm -rf "$scratch/wheels"
}

if [[ -n ${LIBTORCH_ROOT:-} ]]; then
  is_libtorch "$LIBTORCH_ROOT" ||
    fail "LIBTORCH_ROOT=$LIBTORCH_ROOT holds no LibTorch (include/torch/…, lib/libtorch_cpu.so); unset it to have $torch_version downloaded"
elif ! is_complete "$cache/libtorch-$torch_version"; then
  command -v unzip >/dev/null || fail "unzip is missing, LibTorch cannot be unpacked; install it, or set LIBTORCH_ROOT"
  python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip, LibTorch cannot be downloaded; install it, or set LIBTORCH_ROOT"
  make_scratch
  exec {lock}>"$cache/.lock"
  flock "$lock" # two set-ups at once: the second waits and finds the work done
  if ! is_complete "$cache/libtorch-$torch_version"; then
    say "downloading LibTorch $torch_version (530 MB) into $cache"
    fetch_wheel torch "$torch_version" 'torch/include/*' 'torch/lib/*' 'torch/version.py'
    fetch_wheel nvidia-cuda-runtime "$cuda_runtime_version" 'nvidia/cu13/*'
    fetch_wheel nvidia-cuda-cupti "$cuda_cupti_version" 'nvidia/cu13/*'
    is_complete "$scratch/libtorch" || fail "the wheel of torch $torch_version does not hold what is expected of it; set LIBTORCH_ROOT to another LibTorch"
    rm -rf "$cache/libtorch-$torch_version" # what is there is incomplete
    mv "$scratch/libtorch" "$cache/libtorch-$torch_version"
  fi
  flock -u "$lock"
fi
# ---- LibTorch's CUDA libraries ------------------------------------------------------------------------------------
has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q '^GPU '; }
has_cuda_libraries() { [[ -e $cache/libtorch-$torch_version/nvidia/.complete ]]; }
if [[ -z ${LIBTORCH_ROOT:-} ]] && ! has_cuda_libraries && { [[ $gpu == yes ]] || has_gpu; }; then
  make_scratch
  exec {lock}>"$cache/.lock"
  flock "$lock"
  if ! has_cuda_libraries; then
    say "downloading LibTorch's CUDA libraries (2 GB) into $cache"
    for wheel in "${cuda_wheels[@]}"; do fetch_wheel "${wheel%==*}" "${wheel#*==}" 'nvidia/*/lib/*'; done
    cp -alf "$scratch/libtorch/nvidia" "$cache/libtorch-$torch_version/" # links: the download goes, the files stay
    touch "$cache/libtorch-$torch_version/nvidia/.complete"
  fi
  flock -u "$lock"
fi
# The wheel's own libgomp.so.1 would hide the compiler's: a program must have one OpenMP runtime, the compiler's.
[[ -n ${LIBTORCH_ROOT:-} ]] || rm -f "$cache/libtorch-$torch_version/torch/lib/libgomp.so.1"

# ---- python modules that only tests use -------------------------------------------------------------------------
# The system's python, so that its h5py is seen; what it lacks comes from pip.
if [[ $tests == yes ]] && [[ ! -e $cache/venv/.complete ]]; then
  make_scratch
  system_python=$(PATH=/usr/bin:$PATH command -v python3)
  say "installing TensorBoard's reader for the tests into $cache/venv"
  modules=(tensorboard)
  "$system_python" -c 'import h5py' 2>/dev/null || modules+=(h5py)
  if "$system_python" -m venv --clear --system-site-packages "$cache/venv" >"$log" 2>&1 &&
    twice "$cache/venv/bin/python" -m pip install --disable-pip-version-check "${modules[@]}"; then
    touch "$cache/venv/.complete"
  else
    say "TensorBoard's reader could not be installed ($(last_error)); the tests that need it are left out"
  fi
fi

# ---- without root: what could not be installed may be there in another way ----------------------------------------
if [[ $without_root == yes ]] && ! cmake_finds_all; then
  fail "cannot install packages without root, and CMake does not find all (${cmake_fault:-no reason given}); load environment modules for MPI, parallel HDF5 and CMake 3.25+, set MPI_HOME, HDF5_ROOT, LIBTORCH_ROOT or CMAKE_PREFIX_PATH, or have installed: ${missing[*]}"
fi
