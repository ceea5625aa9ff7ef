/// Steps of a LibTorch model as work on one stream that never waits, so that they can be recorded in a graph:
/// - LibTorch's current stream is ours, and autograd runs in the calling thread, so that a whole backward is enqueued there.
/// - Parameters, gradients and moments are flat buffers; the layers' tensors are views of them. Autograd adds into the
///   gradients' views, so a piece of the buffer is complete, and can be reduced, as soon as its parameters are.
/// - The update is LibTorch's fused one, which reads rate and step number in GPU memory, and leaves everything as it was where
///   a flag in GPU memory says so. The flag is made by the kernel that LibTorch has for it in its mixed precision.
/// - LibTorch's temporary tensors come from a pool of the model's own: a graph writes to their addresses in every launch, so
///   nobody else may be given them.
///
/// bfloat16 is LibTorch's autocast: products of matrices and convolutions, forward and backward, and what flows between
/// them; parameters, their gradients, loss and update are float32.
#include "model/torch_gpu_model.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <c10/core/AutogradState.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "model/torch_cuda.h"
#include "model/torch_input.h"
#include "model/torch_loss.h"

namespace dltonic::model {
namespace {

using torch::Tensor;

constexpr int kReadAtOnce = 512;                       ///< samples of logits() at a time: bounds its activations
constexpr std::size_t kBucket = std::size_t{1} << 18;  ///< floats: gradients that are reduced at once, at least

/// The model's own memory in LibTorch's allocator, reached by its virtual functions: libc10_cuda.so is not linked.
class Pool {
 public:
  explicit Pool(c10::DeviceIndex gpu) : gpu_(gpu), id_{0, next_id()} { allocator().createOrIncrefPool(gpu_, id_); }
  ~Pool() {
    try {
      allocator().releasePool(gpu_, id_);
      allocator().emptyCache(id_);
    } catch (const c10::Error&) {  // an earlier kernel's, told to whoever waited for its work
    }
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void begin(cudaStream_t stream) {
    allocator().beginAllocateToPool(gpu_, id_, [stream](cudaStream_t other) { return other == stream; });
  }
  void end() {
    allocator().endAllocateToPool(gpu_, id_);
    allocator().releasePool(gpu_, id_);  // what begin() took
  }
  /// Of all models on this GPU.
  device::MemoryUse use() const {
    const auto stats = allocator().getDeviceStats(gpu_);
    const auto& bytes = stats.reserved_bytes[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
    return {static_cast<std::size_t>(bytes.current), static_cast<std::size_t>(bytes.peak)};
  }

 private:
  using Allocator = c10::cuda::CUDACachingAllocator::CUDAAllocator;
  static Allocator& allocator() { return static_cast<Allocator&>(*c10::getDeviceAllocator(c10::kCUDA)); }
  static c10::CaptureId_t next_id() {
    static std::atomic<c10::CaptureId_t> last = c10::CaptureId_t{1} << 40;  // LibTorch's own begin at 1
    return ++last;
  }
  c10::DeviceIndex gpu_;
  c10::MempoolId_t id_;
};

/// While it lives, what LibTorch does goes to `stream`, allocates from `pool`, and is enqueued by this thread.
class Turn {
 public:
  Turn(Pool& pool, c10::Device gpu, device::StreamHandle stream)
      // LibTorch's number of a stream that is not its own is the handle itself.
      : stream_(c10::Stream(c10::Stream::UNSAFE, gpu, static_cast<c10::StreamId>(reinterpret_cast<std::intptr_t>(stream)))),
        threads_(c10::AutogradState::get_tls_state().get_multithreading_enabled()),
        pool_(pool) {
    c10::AutogradState::get_tls_state().set_multithreading_enabled(false);
    pool_.begin(stream);
  }
  ~Turn() {
    pool_.end();
    c10::AutogradState::get_tls_state().set_multithreading_enabled(threads_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  c10::StreamGuard stream_;
  bool threads_;
  Pool& pool_;
};

/// LibTorch's autocast to bfloat16 while it lives. Casts are not kept: weights have changed by the next pass.
class Autocast {
 public:
  explicit Autocast(bool on) : on_(on) {
    if (!on_) return;
    at::autocast::set_autocast_enabled(at::kCUDA, true);
    at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
    at::autocast::set_autocast_cache_enabled(false);
  }
  ~Autocast() {
    if (on_) at::autocast::set_autocast_enabled(at::kCUDA, false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool on_;
};

/// LibTorch's errors carry a stack of calls on many lines; ours are one line.
template <class F>
void in_one_line(F work) {
  const auto first_line = [](const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    return text.substr(0, text.find('\n'));
  };
  try {
    work();
  } catch (const c10::OutOfMemoryError& error) {
    throw DeviceError(cat("the GPU has no room for this model's steps: ", first_line(error),
                          "; lower train.micro_batch_size, or set data.residency=stream, or train.device=cpu"));
  } catch (const c10::Error& error) {
    throw DeviceError(cat("LibTorch on the GPU: ", first_line(error)));
  }
}

class TorchGpuModel : public GpuModel {
 public:
  TorchGpuModel(const Recipe& recipe, const torch::nn::Sequential& layers, const std::vector<TensorView>& state,
                const GpuPlan& plan, device::StreamHandle stream)
      : recipe_(recipe), bfloat16_(plan.precision == logic::Precision::bfloat16) {
    parameters_ = parameters_of(state);
    const std::size_t size = parameters_.back().offset + parameters_.back().size;
    values_ = device::Buffer<float>(size);
    if (plan.gradients.empty()) own_gradients_ = device::Buffer<float>(size);
    gradients_ = plan.gradients.empty() ? std::span(own_gradients_.data(), size) : plan.gradients;
    if (parameters_.front().moment1 != nullptr) moment1_ = device::Buffer<float>(size);
    if (parameters_.front().moment2 != nullptr) moment2_ = device::Buffer<float>(size);
    make_buckets();
    in_one_line([&] {
      gpu_ = torch::from_blob(values_.data(), {1}, c10::TensorOptions(c10::kCUDA)).device();
      pool_ = std::make_unique<Pool>(gpu_.index());
      const Turn turn(*pool_, gpu_, stream);
      put_layers(layers);
      loss_.emplace(recipe_.loss, recipe_.classes, gpu_);
    });
    from_host(stream);
    warm_up(plan, stream);
  }
  void forward_backward(const data::DeviceBatch& batch, double inverse_batch, bool add, device::StepSums* sums,
                        device::StreamHandle stream, const Hooks& hooks) override {
    in_one_line([&] {
      const Turn turn(*pool_, gpu_, stream);
      if (!add) device::fill_zero(gradients_.data(), gradients_.size_bytes(), stream);
      found_.zero_();
      const auto labels = [&](const std::uint16_t* of) { return view(of, {batch.samples}).to(torch::kInt64); };
      const Tensor target = labels(batch.labels);
      const Tensor scores = scores_of(batch, 0, batch.samples);
      const Tensor losses = batch.second_labels == nullptr ? (*loss_)(scores, target)
                                                           : (*loss_)(scores, target, labels(batch.second_labels),
                                                                      view(batch.label_share, {batch.samples}));
      {
        const torch::NoGradGuard no_grad;
        const Tensor loss = losses.sum(torch::kFloat64);
        view(&sums->loss, {}).add_(loss);
        view(&sums->correct, {}).add_(scores.argmax(1).eq(target).sum());
        found_.copy_(loss.isfinite().logical_not_());
      }
      if (hooks.forward_done) hooks.forward_done();
      for (Bucket& bucket : buckets_) bucket.left = bucket.parameters;
      bucket_done_ = &hooks.bucket_done;
      nonfinite_ = view(&sums->nonfinite, {});
      (losses.sum() * inverse_batch).backward();
    });
  }

  std::span<float> gradients() const override { return gradients_; }

  void update(const device::StepClock* clock, device::StepSums* sums, bool /*reduced*/, device::StreamHandle stream) override {
    in_one_line([&] {
      const Turn turn(*pool_, gpu_, stream);
      const torch::NoGradGuard no_grad;
      const logic::OptimizerOptions& o = recipe_.optimizer;
      const std::vector<Tensor> values{whole(values_)}, gradients{flat(gradients_)};
      clip(gradients.front(), sums);
      const Tensor rate = view(&clock->learning_rate, {});
      const Tensor left_out = view(&sums->nonfinite, {}).gt(0).to(torch::kFloat32);
      if (o.kind == "sgd") {
        std::vector<Tensor> momentum;
        if (moment1_.size() > 0) momentum = {whole(moment1_)};
        at::_fused_sgd_(values, gradients, momentum, o.weight_decay, o.momentum, rate, /*dampening=*/0, /*nesterov=*/false,
                        /*maximize=*/false, /*is_first_step=*/false, /*grad_scale=*/{}, left_out);
        return;
      }
      const std::vector<Tensor> moment1{whole(moment1_)}, moment2{whole(moment2_)};
      const std::vector<Tensor> updates{view(&clock->updates, {}).to(torch::kFloat32).add_(1)};
      const auto fused = [&](auto adam) {
        adam(values, gradients, moment1, moment2, std::vector<Tensor>{}, updates, rate, o.beta1, o.beta2, o.weight_decay,
             o.epsilon, /*amsgrad=*/false, /*maximize=*/false, std::optional<Tensor>{}, std::optional<Tensor>{left_out});
      };
      if (o.kind == "adam") fused([](const auto&... x) { at::_fused_adam_(x...); });
      else fused([](const auto&... x) { at::_fused_adamw_(x...); });
    });
  }

  void begin(const device::StepClock* /*clock*/, device::StreamHandle /*stream*/) override {}

  void logits(const data::DeviceBatch& batch, Reading /*reading*/, float* out, device::StreamHandle stream) override {
    in_one_line([&] {
      const Turn turn(*pool_, gpu_, stream);
      const torch::NoGradGuard no_grad;
      for (int first = 0; first < batch.samples; first += kReadAtOnce) {
        const int count = std::min(kReadAtOnce, batch.samples - first);
        view(out + static_cast<std::ptrdiff_t>(first) * recipe_.classes, {count, recipe_.classes})
            .copy_(scores_of(batch, first, count));
      }
    });
  }
  std::size_t reading_bytes() const override { return 0; }  // warm_up() has taken it
  device::MemoryUse library_memory() const override { return pool_->use(); }

  void from_host(device::StreamHandle stream) override {
    for (const Parameter& p : parameters_) {
      device::copy(values_.data() + p.offset, p.value, p.size * sizeof(float), stream);
      if (p.moment1 != nullptr) device::copy(moment1_.data() + p.offset, p.moment1, p.size * sizeof(float), stream);
      if (p.moment2 != nullptr) device::copy(moment2_.data() + p.offset, p.moment2, p.size * sizeof(float), stream);
    }
    device::synchronize(stream);
  }
  void to_host(std::int64_t steps, device::StreamHandle stream, std::span<const TensorView> state) override {
    for (const Parameter& p : state.empty() ? parameters_ : parameters_of(state)) {
      device::copy(p.value, values_.data() + p.offset, p.size * sizeof(float), stream);
      if (p.moment1 != nullptr) device::copy(p.moment1, moment1_.data() + p.offset, p.size * sizeof(float), stream);
      if (p.moment2 != nullptr) device::copy(p.moment2, moment2_.data() + p.offset, p.size * sizeof(float), stream);
      if (p.updates != nullptr) *p.updates = steps;
    }
    device::synchronize(stream);
  }

  std::string describe() const override {
    return cat(recipe_.options.kind, " by LibTorch ", TORCH_VERSION, bfloat16_ ? ", bfloat16" : ", float32");
  }

 private:
  struct Parameter {
    float* value;  ///< on the host, as are moments and the number of updates; null: the optimiser has none
    float *moment1 = nullptr, *moment2 = nullptr;
    std::int64_t* updates = nullptr;
    std::size_t offset, size;  ///< in the flat buffers
    bool begins_layer = true;
  };
  static std::vector<Parameter> parameters_of(std::span<const TensorView> state) {
    std::vector<Parameter> parameters;
    std::size_t size = 0;
    for (const TensorView& view : state) {
      auto* data = static_cast<float*>(view.data);
      if (view.name.ends_with("_moment1")) {
        parameters.back().moment1 = data;
      } else if (view.name.ends_with("_moment2")) {
        parameters.back().moment2 = data;
      } else if (view.name.ends_with("_updates")) {
        parameters.back().updates = static_cast<std::int64_t*>(view.data);
      } else {
        parameters.push_back({.value = data, .offset = size, .size = view.elements()});
        size += view.elements();
        parameters.back().begins_layer = view.name.ends_with("/weight");
      }
    }
    return parameters;
  }
  /// A run of parameters whose gradients are reduced together.
  struct Bucket {
    std::size_t begin, end;
    int parameters;
    int left = 0;  ///< whose gradients are still to come in this backward
  };

  template <class T>
  Tensor view(T* data, at::IntArrayRef sizes) const {
    using Value = std::remove_const_t<T>;
    return at::for_blob(const_cast<Value*>(data), sizes)
        .options(c10::TensorOptions(gpu_).dtype(c10::CppTypeToScalarType<Value>::value))
        .target_device(gpu_)
        .make_tensor();
  }
  Tensor flat(std::span<float> values) const { return view(values.data(), {static_cast<std::int64_t>(values.size())}); }
  Tensor whole(const device::Buffer<float>& buffer) const { return flat({buffer.data(), buffer.size()}); }

  /// Whole layers, from the last, whose gradients are the first to be there, to the first.
  void make_buckets() {
    std::size_t end = gradients_.size();
    int count = 0;
    for (std::size_t i = parameters_.size(); i-- > 0;) {
      ++count;
      if (i > 0 && (end - parameters_[i].offset < kBucket || !parameters_[i].begins_layer)) continue;
      buckets_.push_back({parameters_[i].offset, end, count});
      end = parameters_[i].offset;
      count = 0;
    }
  }

  /// The layers once more, on the GPU, as views of the flat buffers.
  void put_layers(const torch::nn::Sequential& layers) {
    layers_ = torch::nn::Sequential(std::dynamic_pointer_cast<torch::nn::SequentialImpl>(layers->clone(gpu_)));
    const std::vector<Tensor> tensors = layers_->parameters();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& tensor = tensors[i];
      tensor.set_data(view(values_.data() + parameters_[i].offset, tensor.sizes()));
      tensor.mutable_grad() = view(gradients_.data() + parameters_[i].offset, tensor.sizes());
      struct Done : torch::autograd::PostAccumulateGradHook {
        std::function<void()> call;
        void operator()(const torch::autograd::Variable&) override { call(); }
      };
      auto done = std::make_unique<Done>();
      done->call = [this, i] { gradient_done(i); };
      torch::autograd::impl::set_post_acc_grad_hooks(tensor, std::move(done));
    }
    const auto on_gpu = c10::TensorOptions(gpu_);
    masks_ = bit_masks(gpu_);
    found_ = torch::zeros({}, on_gpu.dtype(torch::kFloat32));
    one_ = torch::ones({}, on_gpu.dtype(torch::kFloat32));
  }

  /// Autograd has enqueued all that goes into a parameter's gradient.
  void gradient_done(std::size_t parameter) {
    const std::size_t offset = parameters_[parameter].offset;
    Bucket& bucket = *std::find_if(buckets_.begin(), buckets_.end(), [&](const Bucket& b) { return b.begin <= offset; });
    if (--bucket.left > 0) return;
    const torch::NoGradGuard no_grad;
    const std::span<float> gradients = gradients_.subspan(bucket.begin, bucket.end - bucket.begin);
    at::_amp_foreach_non_finite_check_and_unscale_({flat(gradients)}, found_, one_);
    if (bucket.begin == 0) nonfinite_.add_(found_);  // all the others came before
    if (*bucket_done_) (*bucket_done_)(gradients);
  }

  /// As torch.nn.utils.clip_grad_value_ and clip_grad_norm_, without waiting. A norm that is not finite leaves the update out.
  void clip(const Tensor& gradients, device::StepSums* sums) const {
    const logic::OptimizerOptions& o = recipe_.optimizer;
    if (o.clip_value > 0) gradients.clamp_(-o.clip_value, o.clip_value);
    if (o.clip_norm <= 0) return;
    const Tensor norm = gradients.norm(2, torch::kFloat64);
    view(&sums->gradient_norm, {}).copy_(norm);
    view(&sums->nonfinite, {}).add_(norm.isfinite().logical_not_());
    gradients.mul_((o.clip_norm / (norm + 1e-6)).clamp_max_(1.0));
  }

  /// Class scores of `count` samples from `first`, a multiple of 8: rows of bits to rows of numbers, and the layers.
  Tensor scores_of(const data::DeviceBatch& batch, int first, int count) {
    const data::FrameShape& s = recipe_.shape;
    const Tensor bytes = view(reinterpret_cast<const std::uint8_t*>(batch.bits),
                              {static_cast<std::int64_t>(s.row_bits()), std::int64_t{batch.row_words()} * 8});
    const Tensor rows = read_rows(bytes.narrow(1, first / 8, (count + 7) / 8), masks_, s.depth);
    const auto type = bfloat16_ ? torch::kBFloat16 : torch::kFloat32;
    const Tensor x = torch::empty({count, s.channels, s.height, s.width}, c10::TensorOptions(gpu_).dtype(type));
    x.view({count, -1}).copy_(rows.narrow(1, 0, count).t());
    Tensor scores;
    {
      const Autocast autocast(bfloat16_);
      scores = layers_->forward(x);
    }
    return scores.to(torch::kFloat32);
  }

  /// Everything once, with an update that is left out: libraries are opened, plans made and memory taken now, when an error
  /// can still be told, and not while a step is being recorded.
  void warm_up(const GpuPlan& plan, device::StreamHandle stream) {
    const int most = std::max(plan.most_samples, kReadAtOnce);
    const auto padded = static_cast<std::size_t>(data::DeviceBatch::padded(most));
    const device::Buffer<std::uint64_t> bits(recipe_.shape.row_bits() * padded / 64);
    const device::Buffer<std::uint16_t> labels(padded);
    const device::Buffer<float> scores(static_cast<std::size_t>(kReadAtOnce * recipe_.classes));
    const device::Buffer<device::StepSums> sums(1);
    const device::Buffer<device::StepClock> clock(1);
    device::fill_zero(bits.data(), bits.bytes(), stream);
    device::fill_zero(labels.data(), labels.bytes(), stream);
    device::fill_zero(clock.data(), clock.bytes(), stream);
    const device::StepSums left_out{.nonfinite = 1};
    device::copy(sums.data(), &left_out, sizeof left_out, stream);
    for (const int samples : {plan.most_samples, plan.last_samples}) {
      if (samples > 0) forward_backward({bits.data(), labels.data(), samples}, 1, false, sums.data(), stream, {});
    }
    update(clock.data(), sums.data(), false, stream);
    logits({bits.data(), labels.data(), kReadAtOnce}, Reading::soft, scores.data(), stream);
    device::synchronize(stream);
  }

  Recipe recipe_;
  bool bfloat16_;
  std::vector<Parameter> parameters_;
  std::vector<Bucket> buckets_;
  c10::Device gpu_ = c10::kCUDA;
  device::Buffer<float> values_, own_gradients_, moment1_, moment2_;  ///< flat; a parameter is at its offset in each
  std::span<float> gradients_;                                        ///< likewise
  std::unique_ptr<Pool> pool_;                                        ///< outlives the tensors below
  torch::nn::Sequential layers_{nullptr};
  std::optional<TorchLoss> loss_;
  Tensor masks_;  ///< of the eight bits of a byte
  Tensor found_;  ///< 1: something in this pass was not finite
  Tensor one_;
  Tensor nonfinite_;                                                    ///< of the sums of the pass that is being enqueued
  const std::function<void(std::span<float>)>* bucket_done_ = nullptr;  ///< of the pass that is being enqueued
};

}  // namespace

std::unique_ptr<GpuModel> make_torch_gpu_model(const Recipe& recipe, const torch::nn::Sequential& layers,
                                               const std::vector<TensorView>& state, const GpuPlan& plan,
                                               device::StreamHandle stream) {
  if (const std::string& missing = open_torch_cuda(); !missing.empty())
    throw ConfigError(cat("train.device: a model of kind ", recipe.options.kind, " runs on GPUs by LibTorch. ", missing));
  return std::make_unique<TorchGpuModel>(recipe, layers, state, plan, stream);
}

}  // namespace dltonic::model
