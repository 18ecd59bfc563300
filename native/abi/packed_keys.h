// Keys packed once for many calls of tsv_attention_scores with precision 'fast': a header, which keys were
// dropped, and each head as bytes (Int8Head) or, where nothing multiplies bytes, as float32 rows.
#ifndef TOKENSIEVE_ABI_PACKED_KEYS_H
#define TOKENSIEVE_ABI_PACKED_KEYS_H
#include "abi/check.h"

namespace tsv {

enum class KeyFormat : int32_t { kRows = 0, kBytes = 1 };

// What a caller's memory holds. Only the header is trusted, and only after it is checked: whatever the rest
// says, nothing outside is read.
struct PackedKeys {
  KeyFormat format = KeyFormat::kRows;
  int64_t batch = 0, key_heads = 0, keys = 0, depth = 0;
  char* memory = nullptr;

  bool present() const { return memory != nullptr; }
  uint8_t* hidden(int64_t b) const;  // [keys], 2 for a dropped key
  char* head(int64_t b, int64_t key_head) const;
  size_t head_bytes() const;
  size_t bytes() const;
  // The keys [batch,key_heads,keys,depth] as float32: with kRows.
  View rows() const;
};

// Reads and checks what k's place holds instead of k.
PackedKeys read_packed_keys(Check& check, const tsv_tensor* tensor);

}  // namespace tsv
#endif
