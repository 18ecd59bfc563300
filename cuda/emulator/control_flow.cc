#include "control_flow.h"

#include <algorithm>

namespace tsv_sim {
namespace {

// The graph of instructions, not of basic blocks: kernels have a few thousand, and the algorithm is near
// linear. Node `exit` stands behind every end of the kernel.
class PostDominators {
 public:
  explicit PostDominators(const Kernel& kernel)
      : exit_(int(kernel.code.size())),
        order_(kernel.code.size() + 1, -1),
        immediate_(kernel.code.size() + 1, -1) {
    successors_.resize(kernel.code.size() + 1);
    predecessors_.resize(kernel.code.size() + 1);
    for (int i = 0; i < exit_; ++i) connect(kernel, i);
    number_backwards();
    solve();
  }

  // The exit where no path from the instruction reaches one.
  int immediate(int node) const { return immediate_[size_t(node)] < 0 ? exit_ : immediate_[size_t(node)]; }

 private:
  void edge(int from, int to) {
    successors_[size_t(from)].push_back(to);
    predecessors_[size_t(to)].push_back(from);
  }

  void connect(const Kernel& kernel, int i) {
    const Instruction& instruction = kernel.code[size_t(i)];
    const bool guarded = instruction.guard != kTruePredicate;
    if (instruction.flow == Flow::kBranch) edge(i, instruction.target);
    if (instruction.flow == Flow::kIndexedBranch) {
      for (const int32_t target : kernel.branch_targets[size_t(instruction.target)]) edge(i, target);
    }
    if (instruction.flow == Flow::kExit) edge(i, exit_);
    const bool leaves = instruction.flow == Flow::kBranch || instruction.flow == Flow::kIndexedBranch ||
                        instruction.flow == Flow::kExit;
    if (!leaves || guarded) edge(i, i + 1);  // behind the last instruction stands the exit
  }

  // Postorder of the reversed graph from the exit, with a stack of its own: kernels are long.
  void number_backwards() {
    std::vector<std::pair<int, size_t>> stack{{exit_, 0}};
    std::vector<bool> seen(successors_.size());
    seen[size_t(exit_)] = true;
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next < predecessors_[size_t(node)].size()) {
        const int predecessor = predecessors_[size_t(node)][next++];
        if (!seen[size_t(predecessor)]) {
          seen[size_t(predecessor)] = true;
          stack.push_back({predecessor, 0});
        }
      } else {
        order_[size_t(node)] = int(postorder_.size());
        postorder_.push_back(node);
        stack.pop_back();
      }
    }
  }

  // Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001), on the reversed graph.
  void solve() {
    immediate_[size_t(exit_)] = exit_;
    for (bool changed = true; changed;) {
      changed = false;
      for (auto node = postorder_.rbegin() + 1; node < postorder_.rend(); ++node) {
        int meet = -1;
        for (const int successor : successors_[size_t(*node)]) {
          if (immediate_[size_t(successor)] < 0) continue;
          meet = meet < 0 ? successor : intersect(meet, successor);
        }
        changed = changed || immediate_[size_t(*node)] != meet;
        immediate_[size_t(*node)] = meet;
      }
    }
  }

  int intersect(int a, int b) const {
    while (a != b) {
      while (order_[size_t(a)] < order_[size_t(b)]) a = immediate_[size_t(a)];
      while (order_[size_t(b)] < order_[size_t(a)]) b = immediate_[size_t(b)];
    }
    return a;
  }

  int exit_;
  std::vector<std::vector<int>> successors_, predecessors_;
  std::vector<int> order_, postorder_, immediate_;
};

}  // namespace

void find_reconvergence(Kernel& kernel) {
  const PostDominators post(kernel);
  const std::vector<bool> exits = leads_to_exit(kernel);
  for (size_t i = 0; i < kernel.code.size(); ++i) {
    Instruction& instruction = kernel.code[i];
    if (instruction.flow == Flow::kBranch || instruction.flow == Flow::kIndexedBranch) {
      // Lanes that only exit have nothing to wait for: a barrier may lie on the others' way to the same `ret`
      const int meet = post.immediate(int(i));
      instruction.reconvergence = exits[size_t(meet)] ? int(kernel.code.size()) : meet;
    }
  }
}

std::vector<bool> leads_to_exit(const Kernel& kernel) {
  std::vector<bool> leads(kernel.code.size() + 1);
  leads.back() = true;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = kernel.code.size(); i-- > 0;) {
      const Instruction& instruction = kernel.code[i];
      if (leads[i] || instruction.guard != kTruePredicate) continue;
      leads[i] = instruction.flow == Flow::kExit ||
                 (instruction.flow == Flow::kBranch && leads[size_t(instruction.target)]);
      changed = changed || leads[i];
    }
  }
  return leads;
}

}  // namespace tsv_sim
