#include "register_slots.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>

namespace tsv_sim {
namespace {

using Bits = std::vector<uint64_t>;

bool has(const Bits& bits, size_t i) { return (bits[i / 64] >> (i % 64) & 1) != 0; }
void add(Bits* bits, size_t i) { (*bits)[i / 64] |= uint64_t(1) << (i % 64); }

struct Block {
  int first, end;
  Bits used, defined, live;  // read before written, written, live at the beginning
  std::vector<int> successors;
};

struct Interval {
  int first = -1, last = -1;
  bool wide = false;

  void include(int at) {
    first = first < 0 ? at : std::min(first, at);
    last = std::max(last, at);
  }
};

class SlotSharing {
 public:
  explicit SlotSharing(Kernel& kernel) : kernel_(kernel) {}

  void run() {
    place_constants();
    number_registers();
    find_blocks();
    for (Block& block : blocks_) summarise(block);
    solve();
    find_intervals();
    assign();
    rewrite();
  }

 private:
  void place_constants() {
    uint32_t end = 0;
    for (Constant& constant : kernel_.constants) {
      slots_[constant.slot] = end;
      constant.slot = end;
      end += constant.wide ? 256 : 128;
    }
    kernel_.constant_bytes = end;
  }

  void number_registers() {
    for (const Instruction& instruction : kernel_.code) {
      for (const Operand& operand : instruction.operands) {
        if (operand.kind == OperandKind::kPredicate || slots_.count(operand.slot)) continue;
        if (!registers_.emplace(operand.slot, intervals_.size()).second) continue;
        intervals_.emplace_back();
        intervals_.back().wide = operand.kind == OperandKind::kRegister64;
      }
    }
  }

  // -1 for what is no register that shares
  int register_of(const Operand& operand) const {
    if (operand.kind == OperandKind::kPredicate) return -1;
    const auto found = registers_.find(operand.slot);
    return found == registers_.end() ? -1 : int(found->second);
  }

  std::vector<int> targets(int at) const {
    const Instruction& instruction = kernel_.code[size_t(at)];
    if (instruction.flow == Flow::kBranch) return {instruction.target};
    if (instruction.flow != Flow::kIndexedBranch) return {};
    return kernel_.branch_targets[size_t(instruction.target)];
  }

  void find_blocks() {
    const int size = int(kernel_.code.size());
    std::set<int> leaders{0};
    for (int i = 0; i < size; ++i) {
      for (const int target : targets(i)) leaders.insert(target);
      if (kernel_.code[size_t(i)].flow != Flow::kNext && kernel_.code[size_t(i)].flow != Flow::kMayFault)
        leaders.insert(i + 1);
    }
    leaders.erase(size);
    std::map<int, int> number;
    for (const int leader : leaders) {
      number[leader] = int(blocks_.size());
      blocks_.push_back({leader, size, {}, {}, {}, {}});
      if (blocks_.size() > 1) blocks_[blocks_.size() - 2].end = leader;
    }
    for (Block& block : blocks_) {
      const Instruction& last = kernel_.code[size_t(block.end) - 1];
      for (const int target : targets(block.end - 1)) {
        if (target < size) block.successors.push_back(number[target]);
      }
      const bool leaves =
          last.flow == Flow::kBranch || last.flow == Flow::kIndexedBranch || last.flow == Flow::kExit;
      if ((!leaves || last.guard != kTruePredicate) && block.end < size)
        block.successors.push_back(number[block.end]);
    }
  }

  // What a guarded instruction writes may keep its value.
  void summarise(Block& block) {
    const Bits none((intervals_.size() + 63) / 64);
    block.used = block.defined = block.live = none;
    for (int i = block.first; i < block.end; ++i) {
      const Instruction& instruction = kernel_.code[size_t(i)];
      for (size_t k = instruction.destinations; k < instruction.operands.size(); ++k) {
        const int number = register_of(instruction.operands[k]);
        if (number >= 0 && !has(block.defined, size_t(number))) add(&block.used, size_t(number));
      }
      if (instruction.guard != kTruePredicate) continue;
      for (size_t k = 0; k < instruction.destinations; ++k) {
        const int number = register_of(instruction.operands[k]);
        if (number >= 0) add(&block.defined, size_t(number));
      }
    }
  }

  Bits live_at_end(const Block& block) const {
    Bits live((intervals_.size() + 63) / 64);
    for (const int successor : block.successors) {
      for (size_t i = 0; i < live.size(); ++i) live[i] |= blocks_[size_t(successor)].live[i];
    }
    return live;
  }

  void solve() {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
        Bits live = live_at_end(*block);
        for (size_t i = 0; i < live.size(); ++i) live[i] = (live[i] & ~block->defined[i]) | block->used[i];
        changed = changed || live != block->live;
        block->live = std::move(live);
      }
    }
  }

  void find_intervals() {
    for (const Block& block : blocks_) {
      const Bits end = live_at_end(block);
      for (size_t i = 0; i < intervals_.size(); ++i) {
        if (has(block.live, i)) intervals_[i].include(block.first);
        if (has(end, i)) intervals_[i].include(block.end - 1);
      }
      for (int at = block.first; at < block.end; ++at) {
        for (const Operand& operand : kernel_.code[size_t(at)].operands) {
          const int number = register_of(operand);
          if (number >= 0) intervals_[size_t(number)].include(at);
        }
      }
    }
  }

  // A slot is free again behind the last instruction of its interval: executors may write before they have
  // read all.
  void assign() {
    std::vector<size_t> order(intervals_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return intervals_[a].first < intervals_[b].first; });
    using Ending = std::pair<int, uint32_t>;  // the last instruction, the slot
    std::priority_queue<Ending, std::vector<Ending>, std::greater<>> active[2];
    uint32_t end = kernel_.constant_bytes;
    assigned_.resize(intervals_.size());
    for (const size_t i : order) {
      const Interval& interval = intervals_[i];
      auto& queue = active[interval.wide];
      if (!queue.empty() && queue.top().first < interval.first) {
        assigned_[i] = queue.top().second;
        queue.pop();
      } else {
        assigned_[i] = end;
        end += interval.wide ? 256 : 128;
      }
      queue.push({interval.last, assigned_[i]});
    }
    kernel_.register_bytes = end;
  }

  void rewrite() {
    for (Instruction& instruction : kernel_.code) {
      for (Operand& operand : instruction.operands) {
        const int number = register_of(operand);
        if (number >= 0)
          operand.slot = assigned_[size_t(number)];
        else if (operand.kind != OperandKind::kPredicate)
          operand.slot = slots_.at(operand.slot);
      }
    }
  }

  Kernel& kernel_;
  std::map<uint32_t, uint32_t> slots_;    // of constants: before, after
  std::map<uint32_t, size_t> registers_;  // numbers, by the slot before
  std::vector<Interval> intervals_;       // by number
  std::vector<uint32_t> assigned_;
  std::vector<Block> blocks_;
};

}  // namespace

void share_slots(Kernel& kernel) {
  if (!kernel.code.empty()) SlotSharing(kernel).run();
}

}  // namespace tsv_sim
