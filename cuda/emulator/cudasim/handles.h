// Handles that clients hold: numbers, so that one that was destroyed, or that never was, is recognised.
#ifndef TOKENSIEVE_CUDASIM_HANDLES_H
#define TOKENSIEVE_CUDASIM_HANDLES_H
#include <stdint.h>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "types.h"

namespace cudasim {

// What a handle is of; part of its number, so that one kind is never taken for another.
enum class HandleKind : uint8_t { kContext = 1, kStream, kEvent, kModule, kFunction, kPool };

template <class T, HandleKind kKind>
class Handles {
 public:
  Handle add(std::shared_ptr<T> object) {
    const std::lock_guard<std::mutex> lock(mutex_);
    // Not an address on x86-64 or 64-bit Arm, and exact as a number of JavaScript, as real handles are
    const uint64_t number = (uint64_t(1) << 51) | (uint64_t(kKind) << 44) | (++given_ << 4);
    objects_.emplace(number, std::move(object));
    return pointer_of(number);
  }
  // Null for an unknown handle.
  std::shared_ptr<T> find(Handle handle) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = objects_.find(uint64_t(reinterpret_cast<uintptr_t>(handle)));
    return found != objects_.end() ? found->second : nullptr;
  }
  // Forgets a handle; null if it was unknown.
  std::shared_ptr<T> take(Handle handle) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = objects_.find(uint64_t(reinterpret_cast<uintptr_t>(handle)));
    if (found == objects_.end()) return nullptr;
    std::shared_ptr<T> object = std::move(found->second);
    objects_.erase(found);
    return object;
  }
  // Forgets all that `predicate` is true of.
  template <class Predicate>
  std::vector<std::shared_ptr<T>> take_if(Predicate predicate) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::shared_ptr<T>> taken;
    for (auto i = objects_.begin(); i != objects_.end();) {
      if (predicate(*i->second)) {
        taken.push_back(std::move(i->second));
        i = objects_.erase(i);
      } else {
        ++i;
      }
    }
    return taken;
  }
  std::vector<std::shared_ptr<T>> all() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::shared_ptr<T>> objects;
    for (const auto& entry : objects_) objects.push_back(entry.second);
    return objects;
  }
  uint64_t size() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return objects_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<T>> objects_;
  uint64_t given_ = 0;
};

}  // namespace cudasim
#endif
