// Memory for arrays as large as a head's, kept for the next one: of memory fresh from the system every page
// is faulted in and cleared, which takes a quarter as long as adapting does.
#pragma once

#include <pybind11/numpy.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace desire_edge::python {

namespace py = pybind11;

// Blocks of memory in use by nobody. Used with the GIL held.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  ~Pool() {
    for (const auto& [data, bytes] : spare_) std::free(data);
  }

  // A block, given back when its owner goes.
  std::shared_ptr<void> take(size_t bytes) {
    void* data = spare(bytes);
    if (data == nullptr) data = std::malloc(bytes);
    if (data == nullptr) throw std::bad_alloc();
    return {data, [pool = shared_from_this(), bytes](void* block) { pool->give(block, bytes); }};
  }

  // An array that is not initialised.
  template <class T>
  py::array_t<T> array(const std::vector<py::ssize_t>& shape) {
    size_t bytes = sizeof(T);
    for (const py::ssize_t size : shape) bytes *= static_cast<size_t>(size);
    if (bytes < kSmallest) return py::array_t<T>(shape);
    auto owner = std::make_unique<std::shared_ptr<void>>(take(bytes));
    auto* data = static_cast<T*>(owner->get());
    const py::capsule base(owner.get(),
                           [](void* taken) { delete static_cast<std::shared_ptr<void>*>(taken); });
    owner.release();
    return py::array_t<T>(shape, data, base);
  }

 private:
  static constexpr size_t kSmallest = 1 << 16, kMost = 8, kLargest = 1 << 24;

  void* spare(size_t bytes) {
    for (auto block = spare_.begin(); block != spare_.end(); ++block) {
      if (block->second != bytes) continue;
      void* data = block->first;
      spare_.erase(block);
      return data;
    }
    return nullptr;
  }

  void give(void* data, size_t bytes) {
    if (bytes > kLargest) {
      std::free(data);
      return;
    }
    if (spare_.size() == kMost) {  // the oldest goes: tasks of other sizes have come
      std::free(spare_.front().first);
      spare_.erase(spare_.begin());
    }
    spare_.emplace_back(data, bytes);
  }

  std::vector<std::pair<void*, size_t>> spare_;
};

}  // namespace desire_edge::python
