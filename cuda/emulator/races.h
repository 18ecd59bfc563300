// Who touched what: detects accesses that nothing orders, of blocks to device memory and of warps to shared
// memory.
#ifndef TOKENSIEVE_EMULATOR_RACES_H
#define TOKENSIEVE_EMULATOR_RACES_H
#include <stddef.h>
#include <stdint.h>

#include <atomic>
#include <memory>
#include <vector>

namespace tsv_sim {

enum class Touch : uint8_t { kRead, kWrite, kAtomic };

// The other side of a race.
struct Race {
  uint64_t offset = 0;         // of the first byte that both touch
  int64_t other = -1;          // block or warp; -1: several
  Touch touch = Touch::kRead;  // what the other one did
};

// Who touched which bytes of an allocation in the launch at hand. Blocks of a launch run in no order, so that
// any two that touch one byte race, unless both read or both are atomic. Kept by 4-byte words, and by bytes
// in pages of which a part of a word was touched. Several threads may record at once.
class GlobalHistory {
 public:
  explicit GlobalHistory(uint64_t size);
  ~GlobalHistory();
  GlobalHistory(const GlobalHistory&) = delete;
  GlobalHistory& operator=(const GlobalHistory&) = delete;

  // False, and `race` is told, if `block` races with another one.
  bool record(uint32_t launch, uint32_t block, Touch touch, uint64_t offset, uint64_t size, Race* race);

 private:
  struct Page;
  Page* page(size_t index);

  std::unique_ptr<std::atomic<Page*>[]> pages_;
  size_t count_;
};

// The same for the warps of a block and its shared memory, where barriers order accesses: each warp knows for
// every other one up to which of its clock's values it comes after it, and a clock ticks at barriers
// (FastTrack; Flanagan and Freund 2009). Of several warps that read a word the latest clock is kept for all:
// exact when all warps take part in barriers; with barriers of part of the block it can only report too much.
//
// Lanes of one warp, too, come in no order between two of their meetings (__syncwarp and whatever else is
// .sync): a lane that reads or overwrites what another lane has written since then races with it.
class SharedHistory {
 public:
  SharedHistory(uint32_t size, uint32_t warps);

  void begin_block();
  // What `arrived` did comes before what `waited` do next. Bits are warps.
  void barrier(uint32_t arrived, uint32_t waited);
  // Some lanes of a warp have met; it counts for all of them.
  void meet(uint32_t warp);
  void exit(uint32_t warp) { exited_ |= 1u << warp; }

  bool record(uint32_t warp, Touch touch, uint32_t offset, uint32_t size, Race* race);
  // Whether the warp has written any of these bytes since its lanes met.
  bool wrote_since_meeting(uint32_t warp, uint32_t offset, uint32_t size);
  // Of the cell around a byte: whether the warp has, and the lane that did, or kAnyLane where several wrote
  // one value.
  bool wrote_cell_since_meeting(uint32_t warp, uint32_t offset) const;
  uint8_t lane_that_wrote(uint32_t offset) const { return lanes_[offset / grain_]; }
  uint32_t cell_bytes() const { return grain_; }
  void set_lane(uint32_t offset, uint32_t size, uint8_t lane);
  static constexpr uint8_t kAnyLane = 32;

 private:
  uint32_t read(uint32_t warp, uint32_t first, uint32_t end);
  uint32_t write(uint32_t warp, uint32_t first, uint32_t end);
  uint32_t update(uint32_t warp, uint32_t first, uint32_t end);
  bool calm(uint32_t warp, uint32_t first, uint32_t end) const;
  bool after_writer(uint32_t warp, uint32_t cell) const;
  bool after_readers(uint32_t warp, uint32_t cell) const;
  void tell(uint32_t warp, Touch touch, uint32_t cell, Race* race) const;
  void put_all_behind();
  void keep_bytes_apart(uint32_t offset, uint32_t size);
  void update_floors();

  uint32_t warps_, exited_ = 0;
  uint32_t grain_ = 4;                                       // bytes to a cell
  std::vector<uint32_t> writers_, readers_, reader_clocks_;  // of each cell
  std::vector<uint8_t> lanes_;                               // that wrote each cell
  std::vector<std::vector<uint32_t>> clocks_;                // [warp][other]
  std::vector<uint32_t> floors_;                             // the least of clocks_[warp][other]
};

}  // namespace tsv_sim
#endif
